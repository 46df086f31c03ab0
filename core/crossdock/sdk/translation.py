"""From an error of a service to the outcome of a command, so that ``execute`` holds only what is the
partner's own.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

from crossdock.sdk.errors import (
    CrossdockError,
    RecordRejectedError,
    RetryableError,
    SoapFaultError,
    ThrottledError,
    UnauthorisedError,
    UnknownOutcomeError,
)
from crossdock.sdk.outcomes import Outcome, Rejected, Throttled, Unauthorised, Unknown, Unreachable
from crossdock.sdk.retry import CircuitOpenError

__all__ = ["outcome_of", "outcomes"]

_Parameters = ParamSpec("_Parameters")


def outcome_of(error: CrossdockError) -> Outcome:
    """The outcome that ``error`` means.

    Raises:
        CrossdockError: ``error`` itself where it says nothing about the command (misconfigured, a bug).
    """
    match error:
        case ThrottledError():
            return Throttled(error.until)
        case UnknownOutcomeError():
            return Unknown(error.message)
        case CircuitOpenError():
            return Unreachable(error.message, error.until)
        case RetryableError():
            return Unreachable(error.message)
        case UnauthorisedError():
            return Unauthorised(error.message)
        case SoapFaultError():
            return Rejected(error.code, error.reason)
        case RecordRejectedError():
            first = error.rejections[0]
            return Rejected(first.code, error.message, first.path)
        case _:
            raise error


def outcomes(
    method: Callable[_Parameters, Coroutine[Any, Any, Outcome]],
) -> Callable[_Parameters, Coroutine[Any, Any, Outcome]]:
    """Decorates ``execute`` and ``probe``: what the services raise becomes an outcome."""

    @wraps(method)
    async def translated(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> Outcome:
        try:
            return await method(*args, **kwargs)
        except CrossdockError as error:
            return outcome_of(error)

    return translated
