"""``check`` in a few lines: try one read for each capability, and turn what it raises into a verdict."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from crossdock.sdk.connector import Check, CheckReport, Verdict
from crossdock.sdk.errors import (
    CrossdockError,
    ForbiddenError,
    MisconfiguredError,
    RecordRejectedError,
    RetryableError,
    UnauthorisedError,
)

__all__ = ["check_each", "verdict_of"]


def verdict_of(error: CrossdockError) -> Verdict:
    """How a capability stands that raised ``error``; ``error`` itself is raised again where it is a bug."""
    match error:
        case ForbiddenError():
            return Verdict.FORBIDDEN
        case UnauthorisedError():
            return Verdict.UNAUTHORISED
        case RetryableError():
            return Verdict.UNREACHABLE
        case MisconfiguredError() | RecordRejectedError():
            return Verdict.MISCONFIGURED
        case _:
            raise error


async def check_each(probes: Mapping[str, Callable[[], Awaitable[object]]]) -> CheckReport:
    """Run each probe, all of them whatever happens; a probe reads something small and raises where it can't.

    Args:
        probes: By capability, usually the names of streams and commands.
    """
    checks = []
    for capability, probe in probes.items():
        try:
            await probe()
        except CrossdockError as error:
            checks.append(Check(capability, verdict_of(error), error.message))
        else:
            checks.append(Check(capability, Verdict.OK))
    return CheckReport(tuple(checks))
