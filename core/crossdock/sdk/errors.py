"""The errors of Crossdock, as connectors raise and meet them: see ``crossdock.errors``."""

from __future__ import annotations

from crossdock.errors import (
    BugError,
    CrossdockError,
    ForbiddenError,
    MisconfiguredError,
    RecordRejectedError,
    Rejection,
    RetryableError,
    SoapFaultError,
    ThrottledError,
    UnauthorisedError,
    UnknownOutcomeError,
    UnreachableError,
)

__all__ = [
    "BugError",
    "CrossdockError",
    "ForbiddenError",
    "MisconfiguredError",
    "RecordRejectedError",
    "Rejection",
    "RetryableError",
    "SoapFaultError",
    "ThrottledError",
    "UnauthorisedError",
    "UnknownOutcomeError",
    "UnreachableError",
]
