"""One call of a connector for a command or a batch of them, and what follows from its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

import structlog

from crossdock.mapping.faults import MappingError
from crossdock.sdk.connector import Command
from crossdock.sdk.errors import (
    CrossdockError,
    MisconfiguredError,
    RecordRejectedError,
    ThrottledError,
    UnauthorisedError,
    UnreachableError,
)
from crossdock.sdk.manifest import Idempotency
from crossdock.sdk.outcomes import (
    AlreadyApplied,
    Applied,
    NotApplied,
    Outcome,
    PartlyApplied,
    Rejected,
    Throttled,
    Unauthorised,
    Unknown,
    Unreachable,
)
from crossdock.sdk.retry import CircuitOpenError
from crossdock.store.commands import ClaimedCommand, CommandState
from crossdock.store.metadata import decode_json
from crossdock.streams.edges.canonical import mapping_label
from crossdock.streams.edges.connections import CommandKind, Connection
from crossdock.streams.edges.outcomes import Verdict

__all__ = ["Backoffs", "Prepared", "judge", "prepare", "send", "trouble"]

Documents = tuple[Mapping[str, object], ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A command in the partner's words; ``refs`` hold the partner's own ids as far as known."""

    command: ClaimedCommand
    documents: Documents
    refs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Backoffs:
    """When to try again: of one command, by how often it was tried; ``give_up`` is how often nobody may know."""

    first_seconds: float = 1.0
    most_seconds: float = 300.0
    give_up: int = 10

    def until(self, now: datetime, attempts: int) -> datetime:
        """The instant of the next attempt."""
        seconds = min(self.most_seconds, self.first_seconds * 2.0 ** min(max(attempts - 1, 0), 20))
        return now + timedelta(seconds=seconds)


def prepare(
    connection: Connection, kind: CommandKind, command: ClaimedCommand, refs: Mapping[str, str]
) -> Prepared | Verdict:
    """Map a command's canonical document; one that can't be mapped is rejected here."""
    known = {**command.refs, **refs}
    document = decode_json(command.payload)
    if command.attempts > 1:
        # What the partner had before is no longer sure (it may never have been told): set without comparing.
        document = {name: value for name, value in document.items() if name != "previous"}
    if kind.mapping is None:
        return Prepared(command, (document,), known)
    hub = {
        **kind.config.defaults,
        "connection": connection.name,
        "command": command.name,
        "key": command.idempotency_key,
        "number": command.id,
        "refs": known,
    }
    try:
        documents = kind.mapping.map({**document, "_hub": hub}).documents
    except MappingError as error:
        first = error.faults[0]
        said = f"{mapping_label(kind.mapping)} can't say this in the words of {connection.name}:\n{error}"
        return Verdict(command, CommandState.REJECTED, code=first.code, message=said, path=first.source_path)
    if kind.spec.batch > 1 and len(documents) != 1:
        said = (
            f"{mapping_label(kind.mapping)} makes {len(documents)} documents of one: a batch needs one each"
        )
        return Verdict(command, CommandState.REJECTED, code="mapping.shape", message=said, path="$")
    return Prepared(command, tuple(documents), known)


async def send(
    connection: Connection, kind: CommandKind, unit: Sequence[Prepared], limit_seconds: float
) -> tuple[Outcome | MisconfiguredError, bool]:
    """Carry out a command or a batch. A single one that nobody knows about is probed first, where that is the way.

    Returns:
        The outcome, and whether an earlier attempt may still have happened.
    """
    first = unit[0]
    command = Command(
        name=kind.name,
        key=first.command.order_key,
        documents=tuple(document for prepared in unit for document in prepared.documents),
        refs=first.refs,
        number=first.command.id,
    )
    key = _key(unit)
    open_question = first.command.probe
    if first.command.probe and kind.spec.idempotency is Idempotency.PROBE:
        outcome = await _call(connection, command, key, limit_seconds, probe=True)
        if not isinstance(outcome, NotApplied):
            return outcome, True
        open_question = False
    return await _call(connection, command, key, limit_seconds, probe=False), open_question


def _key(unit: Sequence[Prepared]) -> str:
    """A batch is named by its first and last command, which are in it only once."""
    first, last = unit[0].command, unit[-1].command
    if len(unit) == 1:
        return first.idempotency_key
    return f"{first.idempotency_key}+{len(unit)}+{last.idempotency_key}"


async def _call(
    connection: Connection, command: Command, key: str, limit_seconds: float, *, probe: bool
) -> Outcome | MisconfiguredError:
    """Call the connector; what it raises is an outcome too."""
    call = connection.executes.probe if probe else connection.executes.execute
    try:
        async with asyncio.timeout(limit_seconds):
            return await call(command, key)
    except TimeoutError:
        return Unknown(f"no answer within {limit_seconds:g} seconds")
    except CrossdockError as error:
        return _outcome_of(error)
    except Exception as error:
        log = structlog.get_logger(__name__)
        log.exception("connector failed", connection=connection.name, command=command.name, key=key)
        return Unknown(f"the connector failed: {type(error).__name__}: {error}")


def _outcome_of(error: CrossdockError) -> Outcome | MisconfiguredError:
    match error:
        case ThrottledError():
            return Throttled(error.until)
        case CircuitOpenError():
            return Unreachable(error.message, error.until)
        case UnreachableError():
            return Unreachable(error.message)
        case UnauthorisedError():
            return Unauthorised(error.message)
        case MisconfiguredError():
            return error
        case RecordRejectedError():
            first = error.rejections[0]
            return Rejected(first.code, "\n".join(each.message for each in error.rejections), first.path)
        case _:
            # Sent, or something of ours went wrong on the way: nobody knows.
            return Unknown(error.message)


def trouble(outcome: Outcome | MisconfiguredError) -> CrossdockError | None:
    """What is wrong with the connection itself, by the outcome of a call."""
    match outcome:
        case Unreachable(message, until) if until is not None:
            return CircuitOpenError(message, until=until)
        case Unreachable(message):
            return UnreachableError(message or "the partner could not be reached")
        case Unauthorised(message):
            return UnauthorisedError(message or "the partner refused our credentials")
        case MisconfiguredError():
            return outcome
        case _:
            return None


def judge(
    unit: Sequence[Prepared],
    outcome: Outcome | MisconfiguredError,
    idempotency: Idempotency,
    now: datetime,
    *,
    open_question: bool,
    unknowns: int,
    backoffs: Backoffs,
) -> list[Verdict]:
    """What becomes of each command of ``unit``.

    Args:
        unit: What was sent together.
        outcome: What the connector said.
        idempotency: What makes a repetition harmless.
        now: Aware UTC.
        open_question: An earlier attempt may have happened, and this outcome does not tell.
        unknowns: How often nobody knew, this time included.
        backoffs: When to try again.
    """
    commands = [prepared.command for prepared in unit]
    waiting = CommandState.UNKNOWN if open_question else CommandState.PENDING

    def later(command: ClaimedCommand, said: str) -> Verdict:
        return Verdict(command, waiting, backoffs.until(now, command.attempts), message=said)

    match outcome:
        case Applied() | AlreadyApplied():
            return [
                Verdict(each, CommandState.APPLIED, ref=outcome.ref, response=outcome.response)
                for each in commands
            ]
        case Rejected():
            return [_rejected(each, outcome) for each in commands]
        case PartlyApplied():
            return [_partly(each, index, outcome, backoffs, now) for index, each in enumerate(commands)]
        case Throttled():
            return [Verdict(each, waiting, outcome.until, message="throttled") for each in commands]
        case Unreachable() | Unauthorised() | MisconfiguredError():
            said = outcome.message or type(outcome).__name__.lower()
            return [later(each, said) for each in commands]
        case NotApplied():
            return [later(each, "not done") for each in commands]
        case Unknown():
            return [_unknown(each, outcome, idempotency, unknowns, backoffs, now) for each in commands]
        case _:
            assert_never(outcome)


def _rejected(command: ClaimedCommand, why: Rejected) -> Verdict:
    return Verdict(command, CommandState.REJECTED, code=why.code, message=why.message, path=why.path or None)


def _partly(
    command: ClaimedCommand, index: int, outcome: PartlyApplied, backoffs: Backoffs, now: datetime
) -> Verdict:
    if index in outcome.rejected:
        return _rejected(command, outcome.rejected[index])
    if index in outcome.retry:
        until = backoffs.until(now, command.attempts)
        return Verdict(command, CommandState.PENDING, until, message="to be sent again")
    return Verdict(command, CommandState.APPLIED, ref=outcome.ref)


def _unknown(
    command: ClaimedCommand,
    outcome: Unknown,
    idempotency: Idempotency,
    unknowns: int,
    backoffs: Backoffs,
    now: datetime,
) -> Verdict:
    if idempotency is Idempotency.NONE or unknowns >= backoffs.give_up:
        said = f"{outcome.why}; whether it happened could not be found out: look it up at the partner"
        return Verdict(command, CommandState.PARKED, code="outcome.unknown", message=said)
    return Verdict(command, CommandState.UNKNOWN, backoffs.until(now, unknowns), message=outcome.why)
