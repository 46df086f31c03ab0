"""What became of a command: as a message for the core, and, where the partner answered, completed by the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.sdk.formats import format_named
from crossdock.sdk.formats.records import RecordFault
from crossdock.sdk.outcomes import Response
from crossdock.store import raw
from crossdock.store.commands import ClaimedCommand, CommandState, Result
from crossdock.store.raw import INLINE_BYTES, BodyStore, Raw, StoredBody
from crossdock.streams.edges.canonical import CanonicalDocument, canonical_documents, mapping_label
from crossdock.streams.edges.connections import CommandKind, Connection
from crossdock.streams.edges.intake import INLINE, RawPart, inline_message, raw_message
from crossdock.streams.edges.reading import read_part
from crossdock.streams.processor import DeadLetter, Message, Transaction
from crossdock.streams.topics import OUTCOMES

__all__ = ["ANSWER", "Verdict", "answer", "complete_outcome", "outcome_message"]

ANSWER = "answer:"
"""What the stream of raw records with partners' answers begins with; the command's name follows."""

_ORDER_KEY = "order_key"
_encode = msgspec.json.Encoder(decimal_format="string").encode


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a command: its next state, when to try again, and the partner's words."""

    command: ClaimedCommand
    state: CommandState
    not_before: datetime | None = None
    ref: str | None = None
    code: str | None = None
    message: str | None = None
    path: str | None = None
    response: Response | None = None

    @property
    def finished(self) -> bool:
        """Whether the core is told."""
        return self.state in (CommandState.APPLIED, CommandState.REJECTED, CommandState.PARKED)

    @property
    def result(self) -> Result:
        """As it is kept with the command."""
        said = {"ref": self.ref, "code": self.code, "message": self.message, "path": self.path}
        kept = {name: value for name, value in said.items() if value}
        return Result(self.command.id, self.state, kept, self.not_before)


def _envelope(verdict: Verdict) -> dict[str, msgspec.Raw]:
    command = verdict.command
    said = {
        "command": command.name,
        "connection": command.connection,
        "id": command.id,
        "idempotency_key": command.idempotency_key,
        "correlation_id": command.correlation_id,
        "refs": command.refs,
        "payload": msgspec.Raw(command.payload),
        "attempts": command.attempts,
        "state": verdict.state.value,
        "ref": verdict.ref,
        "code": verdict.code,
        "message": verdict.message,
        "path": verdict.path,
        "schema": None,
        "document": None,
    }
    return {name: msgspec.Raw(_encode(value)) for name, value in said.items()}


def _message(envelope: dict[str, msgspec.Raw], key: str, connection: str, correlation_id: str) -> Message:
    number, attempts = (bytes(envelope[name]).decode() for name in ("id", "attempts"))
    headers = {"schema": "outcome/1", "connection": connection, "correlation_id": correlation_id}
    # A command that a person took up again has another outcome than it had before.
    return Message(f"outcome:{number}/{attempts}", OUTCOMES, key, _encode(envelope), headers)


def outcome_message(verdict: Verdict) -> Message:
    """The message on ``outcomes`` of a finished command."""
    command = verdict.command
    return _message(_envelope(verdict), command.order_key, command.connection, command.correlation_id)


def answer(verdict: Verdict, body: bytes | StoredBody, received_at: datetime) -> tuple[raw.RawRow, Message]:
    """The partner's answer as a raw record, and the message by which ``normalise`` completes the outcome with it."""
    command = verdict.command
    assert verdict.response is not None
    row = raw.raw_row(
        command.connection,
        ANSWER + command.name,
        command.order_key,
        command.idempotency_key,
        body,
        received_at=received_at,
        media_type=verdict.response.media_type,
    )
    headers = {_ORDER_KEY: command.order_key, "correlation_id": command.correlation_id}
    return row, raw_message(row, RawPart(outcome=_envelope(verdict)), headers=headers)


def complete_outcome(
    tx: Transaction, connection: Connection, bodies: BodyStore, message: Message, found: Raw | None
) -> None:
    """Map a partner's answer and emit the outcome with it; an answer that can't be read is a dead letter.

    The command has been applied all the same: the core is told as soon as the mapping is mended and this replayed.
    """
    kind = connection.commands.get(message.headers["stream"].removeprefix(ANSWER))
    part = read_part(message)
    envelope = part.outcome
    assert envelope is not None
    data = message.body if INLINE in message.headers else _body(bodies, found)
    try:
        document = _canonical(kind, data, found.media_type if found else "")
    except RecordRejectedError as error:
        first = error.rejections[0]
        small = len(data) <= INLINE_BYTES
        tx.dead_letter(
            DeadLetter(
                stage="normalise",
                code=first.code,
                message="the partner has carried it out, but its answer can't be read: "
                + "\n".join(each.message for each in error.rejections),
                path=first.path,
                body=data,
                original=inline_message(message, part, data) if small else message,
                raw_id=message.headers["raw_id"],
                mapping=mapping_label(kind.result) if kind else None,
                connection=connection.name,
            )
        )
        return
    completed = {
        **envelope,
        "schema": msgspec.Raw(_encode(document.schema)),
        "document": msgspec.Raw(document.body),
    }
    tx.emit(
        _message(completed, message.headers[_ORDER_KEY], connection.name, message.headers["correlation_id"])
    )


def _body(bodies: BodyStore, found: Raw | None) -> bytes:
    if found is None:
        return b""
    return found.body if found.body is not None else b"".join(bodies.chunks(found.path or ""))


def _canonical(kind: CommandKind | None, data: bytes, media_type: str) -> CanonicalDocument:
    if kind is None or kind.result is None or kind.spec.emits is None:
        raise RecordRejectedError(
            Rejection("command.unknown", "the connector no longer says how this answer is to be read")
        )
    format_ = format_named("xml" if "xml" in media_type else "json")
    documents = []
    for frame in format_.frames([data]):
        for record in format_.parse(frame):
            if isinstance(record.value, RecordFault):
                raise RecordRejectedError((record.value.rejection, *record.value.others))
            documents += canonical_documents(kind.result, kind.spec.emits, dict(record.value))
    if len(documents) != 1:
        raise RecordRejectedError(
            Rejection("mapping.shape", f"the answer becomes {len(documents)} documents, one is expected")
        )
    return documents[0]
