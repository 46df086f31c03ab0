"""What became of a command: the typed answers of ``Executes.execute`` and ``Executes.probe``.

A time-out after sending is ``Unknown``, never "failed". The hub decides what follows from the kind alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

__all__ = [
    "AlreadyApplied",
    "Applied",
    "NotApplied",
    "Outcome",
    "PartlyApplied",
    "Rejected",
    "Response",
    "Throttled",
    "Unauthorised",
    "Unknown",
    "Unreachable",
]


@dataclass(frozen=True, slots=True)
class Response:
    """The partner's answer as received, kept and mapped by the hub (a label, a posted document's number)."""

    body: bytes
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Applied:
    """The effect happened now; ``ref`` is the partner's id of it."""

    ref: str
    response: Response | None = None


@dataclass(frozen=True, slots=True)
class AlreadyApplied:
    """The effect had happened before, under the same key; ``ref`` is the partner's id of it."""

    ref: str
    response: Response | None = None


@dataclass(frozen=True, slots=True)
class NotApplied:
    """Only from ``probe``: it certainly did not happen, so it may be sent again."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The partner refused it for a reason of content; repeating it changes nothing."""

    code: str
    message: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class PartlyApplied:
    """A batch of which some documents were refused; ``rejected`` is by index into ``Command.documents``.

    An index that is neither in ``rejected`` nor in ``retry`` was applied.
    """

    ref: str
    rejected: Mapping[int, Rejected]
    retry: frozenset[int] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Throttled:
    """Not done; ask again not before ``until`` (aware UTC)."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Unauthorised:
    """Not done; the credentials were refused."""

    message: str = ""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Not done; the partner could not be reached and nothing was sent.

    Attributes:
        until: The circuit breaker is open until then (aware UTC); ``None`` where it is closed.
    """

    message: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Sent, and nobody knows whether it happened; the hub probes."""

    why: str


Outcome = (
    Applied
    | AlreadyApplied
    | NotApplied
    | PartlyApplied
    | Rejected
    | Throttled
    | Unauthorised
    | Unreachable
    | Unknown
)
