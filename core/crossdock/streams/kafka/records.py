"""Messages as records of Kafka: the key and the body as they are, the id and the headers in headers.

A body too large for a broker stays in the message log, and the record says so (a claim check). A record that
somebody else has put on a topic has no id: its place becomes its id, so that it is handled once all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from crossdock.store.log import Logged
from crossdock.streams.processor import Message
from crossdock.streams.transaction import message_of

__all__ = ["CLAIM_CHECK_BYTES", "MESSAGE_ID", "Record", "encode", "is_claim_check", "message_of_record"]

MESSAGE_ID = "message_id"
"""Header: the id by which a duplicate is recognised."""
_CLAIM_CHECK = "claim_check"
CLAIM_CHECK_BYTES = 512 * 1024
"""A larger body stays in the log: brokers take records of up to 1 MiB."""

Headers = Sequence[tuple[str, bytes]]


class Record(Protocol):
    """What is needed of a record that was read."""

    @property
    def topic(self) -> str: ...  # noqa: D102
    @property
    def partition(self) -> int: ...  # noqa: D102
    @property
    def offset(self) -> int: ...  # noqa: D102
    @property
    def key(self) -> bytes | None: ...  # noqa: D102
    @property
    def value(self) -> bytes | None: ...  # noqa: D102
    @property
    def headers(self) -> object: ...  # noqa: D102


def encode(row: Logged) -> tuple[bytes, bytes, Headers]:
    """Key, value and headers of the record of a message."""
    message = message_of(row)
    headers = [(MESSAGE_ID, message.id.encode())]
    headers += [(name, value.encode()) for name, value in message.headers.items()]
    body = message.body
    if len(body) > CLAIM_CHECK_BYTES:
        headers.append((_CLAIM_CHECK, b"1"))
        body = b""
    return message.key.encode(), body, headers


def message_of_record(record: Record, topic: str) -> Message:
    """The message of ``record``; ``topic`` is its name as processors know it."""
    headers = _headers(record.headers)
    place = f"kafka:{record.topic}:{record.partition}:{record.offset}"
    message_id = headers.pop(MESSAGE_ID, None) or place
    key = (record.key or b"").decode(errors="replace")
    return Message(message_id, topic, key, record.value or b"", headers)


def is_claim_check(message: Message) -> bool:
    """Whether the body of ``message`` is still in the log."""
    return _CLAIM_CHECK in message.headers


def _headers(headers: object) -> dict[str, str]:
    """By name; Faust gives a list of pairs or a mapping."""
    pairs = headers.items() if isinstance(headers, dict) else headers or ()
    return {name: (value or b"").decode(errors="replace") for name, value in pairs}  # type: ignore[attr-defined]
