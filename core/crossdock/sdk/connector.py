"""The four roles of a connector and the values that pass between it and the hub.

A connector does I/O and says what happened. It never maps, stores state, deduplicates or retries by itself.
What it can do stands in its manifest; the hub asks the manifest, never ``isinstance``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol

from pydantic import BaseModel

from crossdock.sdk.errors import RecordRejectedError
from crossdock.sdk.outcomes import Outcome

if TYPE_CHECKING:
    from crossdock.sdk.services import Services

__all__ = [
    "Answers",
    "Check",
    "CheckReport",
    "Command",
    "Connector",
    "Cursor",
    "Disposal",
    "Drops",
    "Executes",
    "FileRef",
    "Limits",
    "Page",
    "Polls",
    "RawRecord",
    "RawRequest",
    "RawResponse",
    "Receipt",
    "Receives",
    "Refused",
    "SubscriptionChange",
    "Verdict",
    "Verified",
]

Cursor = Mapping[str, str | int | bool | None]
"""Where a poll stands; JSON, opaque to the hub, never a float."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One inbound unit exactly as the partner sent it.

    Attributes:
        stream: Name of the stream in the manifest.
        key: The partner's id of the thing; order is kept per key.
        dedupe: What makes this delivery unique within the stream (a delivery id, ``id@updated_at``, a hash).
        payload: The bytes as received.
        media_type: Such as ``application/json``.
        headers: Lower-case names; secrets removed.
        occurred_at: The partner's own instant of the change, if it says one.
    """

    stream: str
    key: str
    dedupe: str
    payload: bytes
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one poll may bring."""

    page_size: int = 100
    pages: int = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a poll. The hub stores records and cursor in one transaction, then asks for the next.

    ``watermark`` is the instant up to which nothing is missing any more.
    """

    records: tuple[RawRecord, ...]
    cursor: Cursor
    more: bool
    watermark: datetime | None = None


@dataclass(frozen=True, slots=True)
class RawRequest:
    """An HTTP request from a partner, untouched. Header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Verified:
    """The request is the partner's; ``topic`` is what it is about."""

    topic: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The request is not answered with 2xx; ``status`` and a reason that names no secret."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class RawResponse:
    """What a partner that called us gets back."""

    status: int
    body: bytes = b""
    media_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class SubscriptionChange:
    """What ``ensure_subscriptions`` found and did."""

    created: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file lying at a partner. ``size_bytes`` and ``modified_at`` are as the server says."""

    stream: str
    name: str
    path: str
    size_bytes: int
    modified_at: datetime | None = None


class Disposal(StrEnum):
    """What happens to a file once its bytes are safe with us."""

    ARCHIVE = "archive"
    DELETE = "delete"
    ERROR = "error"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A file that now stands whole at the partner under ``path``."""

    path: str
    size_bytes: int
    sha256: str
    replaced: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """Something the hub wants a partner to do.

    Attributes:
        name: As in the manifest, such as ``shipment.confirm``.
        key: The order key: commands of one key are carried out one after the other.
        documents: Mapped to the partner's dialect by the manifest's mapping; one, or up to ``batch`` of them.
        refs: The partner's own ids that the hub knows (cross-references), by kind, such as ``order``.
        number: Counts up over all commands of the hub and stays the same when a command is repeated: a
            control number for partners that want one (X12).
    """

    name: str
    key: str
    documents: tuple[Mapping[str, object], ...]
    refs: Mapping[str, str] = field(default_factory=dict)
    number: int = 0

    @property
    def document(self) -> Mapping[str, object]:
        """The only document of a command that is not a batch."""
        (document,) = self.documents
        return document


class Verdict(StrEnum):
    """How one capability stands."""

    OK = "ok"
    UNAUTHORISED = "unauthorised"
    FORBIDDEN = "forbidden"
    UNREACHABLE = "unreachable"
    MISCONFIGURED = "misconfigured"


@dataclass(frozen=True, slots=True)
class Check:
    """One capability and its verdict; ``message`` says what to do when it is not ok."""

    capability: str
    verdict: Verdict
    message: str = ""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All capabilities of a connection."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether every capability is ok."""
        return all(check.verdict is Verdict.OK for check in self.checks)


class Connector(Protocol):
    """One instance per configured connection; all state and all I/O come from ``services``."""

    Config: ClassVar[type[BaseModel]]

    def __init__(self, config: BaseModel, services: Services) -> None:
        """Keep the validated configuration and the services; no I/O here."""

    async def check(self) -> CheckReport:
        """Say for each capability whether it would work. Reads only."""
        ...


class Polls(Protocol):
    """Asks the partner for what is new."""

    def poll(self, stream: str, cursor: Cursor | None, limits: Limits) -> AsyncIterator[Page]:
        """Yield pages from ``cursor`` on; a page is repeated when its cursor was not stored."""
        ...


class Receives(Protocol):
    """Is called by the partner."""

    def verify(self, request: RawRequest) -> Verified | Refused:
        """Prove on the raw bytes, in constant time and without I/O, that the partner sent it."""
        ...

    def split(self, request: RawRequest) -> Sequence[RawRecord]:
        """Cut a verified request into its records."""
        ...

    async def ensure_subscriptions(self, base_url: str) -> SubscriptionChange:
        """Make the partner call ``base_url``; does nothing where all is in place."""
        ...


class Answers(Protocol):
    """Words the answer to the partner's call itself: streams whose manifest says ``answers: true`` (SOAP)."""

    def answer(self, request: RawRequest, problem: Refused | RecordRejectedError | None) -> RawResponse:
        """The answer once the records are stored (``None``), or why they are not. No I/O."""
        ...


class Drops(Protocol):
    """Exchanges files with the partner."""

    async def list_files(self, stream: str) -> Sequence[FileRef]:
        """Name the files that have settled: complete, and no longer written to."""
        ...

    def read(self, file: FileRef) -> AsyncIterator[bytes]:
        """Yield the bytes of ``file`` in order, bounded in memory."""
        ...

    async def dispose(self, file: FileRef, how: Disposal) -> None:
        """Move or delete a file whose bytes are stored. Doing it twice is no error."""
        ...

    async def put(self, name: str, content: AsyncIterator[bytes]) -> Receipt:
        """Write a file so that the partner never sees half of it."""
        ...


class Executes(Protocol):
    """Carries out commands."""

    async def execute(self, command: Command, key: str) -> Outcome:
        """Do it. ``key`` is the idempotency key: the same key twice is one effect."""
        ...

    async def probe(self, command: Command, key: str) -> Outcome:
        """Say whether it happened, after ``Unknown``. Reads only."""
        ...
