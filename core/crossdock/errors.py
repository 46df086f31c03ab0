"""The errors of Crossdock, grouped by what must happen next.

    CrossdockError
    ├── RetryableError            try again later, nothing is wrong with the message
    │   ├── UnreachableError      no answer, and nothing happened: not sent, or only a question
    │   ├── ThrottledError        the partner asked us to wait until an instant
    │   └── UnknownOutcomeError   sent, and nobody knows whether it happened: probe, never repeat blindly
    ├── UnauthorisedError         ask a person for new credentials; other streams go on
    │   └── ForbiddenError        the credentials are good, a permission is missing
    ├── MisconfiguredError        stop this connection and tell the operator what to change
    ├── RecordRejectedError       this record goes to the dead letters, the rest goes on
    │   └── SoapFaultError        the partner's SOAP service refused it
    └── BugError                  ours: stop, report

Every error carries two texts: ``message`` is for the operator (what, where, what to do), ``detail`` is for
us. Neither may hold a secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = [
    "BugError",
    "CrossdockError",
    "ForbiddenError",
    "MisconfiguredError",
    "PromiseRefusedError",
    "RecordRejectedError",
    "Rejection",
    "RetryableError",
    "SoapFaultError",
    "ThrottledError",
    "UnauthorisedError",
    "UnknownOutcomeError",
    "UnreachableError",
]


class CrossdockError(Exception):
    """Root of all errors of Crossdock."""

    def __init__(self, message: str, *, detail: str = "") -> None:
        """Keep ``message`` for the operator and ``detail`` for the developer."""
        super().__init__(message)
        self.message = message
        self.detail = detail


class RetryableError(CrossdockError):
    """Try again later: the message is good, the world is not ready."""


class UnreachableError(RetryableError):
    """The partner did not answer; nothing was sent, or only a question that may be asked again."""


class ThrottledError(RetryableError):
    """The partner asked us to wait until ``until`` (aware UTC)."""

    def __init__(self, message: str, *, until: datetime, detail: str = "") -> None:
        """Keep the instant before which no further request may be sent."""
        super().__init__(message, detail=detail)
        self.until = until


class PromiseRefusedError(RetryableError):
    """The stock was taken by somebody else between the look and the promise: decide anew on what is there now."""


class UnknownOutcomeError(RetryableError):
    """The request left, the answer did not come: it may or may not have happened."""


class UnauthorisedError(CrossdockError):
    """The partner refused our credentials."""


class ForbiddenError(UnauthorisedError):
    """The partner knows us, but does not permit this."""


class MisconfiguredError(CrossdockError):
    """The configuration can't work; ``path`` says where, the message what to change."""

    def __init__(self, message: str, *, path: str = "", detail: str = "") -> None:
        """Keep the path inside the configuration, such as ``connections.shop.config.secret``."""
        super().__init__(message, detail=detail)
        self.path = path

    @property
    def located(self) -> str:
        """The message with the path before it, unless it says where by itself."""
        return self.message if self.path in self.message else f"{self.path}: {self.message}"


class BugError(CrossdockError):
    """A state that our own code must not reach."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """One reason why a record can't be accepted.

    Attributes:
        code: Stable, lower-case, dotted, such as ``mapping.missing`` or ``format.truncated``.
        message: What is wrong and what to do, for the operator.
        path: Where in the source: ``$.line_items[2].sku``, ``line 17, column 4``, ``segment 12 (W12)``.
        target: Where in the canonical document it would have gone, if known.
        value: The offending value, shortened.
    """

    code: str
    message: str
    path: str = ""
    target: str = ""
    value: str = ""


class RecordRejectedError(CrossdockError):
    """A record that can't be accepted, with every reason at once."""

    def __init__(self, rejections: tuple[Rejection, ...] | Rejection, *, detail: str = "") -> None:
        """Keep all ``rejections``; the message is that of the first and the number of others."""
        self.rejections = (rejections,) if isinstance(rejections, Rejection) else rejections
        first = self.rejections[0]
        where = f" at {first.path}" if first.path else ""
        others = f" (and {len(self.rejections) - 1} more)" if len(self.rejections) > 1 else ""
        super().__init__(f"{first.code}{where}: {first.message}{others}", detail=detail)


class SoapFaultError(RecordRejectedError):
    """A SOAP fault; ``code`` and ``reason`` are the partner's ``faultcode`` and ``faultstring`` (SOAP 1.2:
    Code, Reason)."""

    def __init__(self, code: str, reason: str, *, operation: str, detail: str = "") -> None:
        """Keep the partner's words; they are shown to the operator."""
        self.code = code
        self.reason = reason
        self.operation = operation
        super().__init__(
            Rejection("soap.fault", f"{operation} answered fault {code}: {reason}", value=code), detail=detail
        )
