"""Transactions on stock or orders that many want at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from crossdock.api.problems import ProblemError
from crossdock.api.services import ApiServices
from crossdock.errors import RecordRejectedError
from crossdock.streams.faults import passes
from crossdock.streams.transaction import SqlTransaction

__all__ = ["transact"]

T = TypeVar("T")

_ATTEMPTS = 8
_WRONG = frozenset({"twice", "unknown_node", "unknown_channel"})
"""Refused whatever the stock: the request has to be changed."""


async def transact(hub: ApiServices, work: Callable[[SqlTransaction], T]) -> T:
    """Run ``work``; when others were faster or in the way, again.

    Raises:
        ProblemError: 422, the request is wrong whatever the stock; 503, others were faster each time.
        RecordRejectedError: The stock does not allow it.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await hub.transactions.transact(work)
        except RecordRejectedError as error:
            first = error.rejections[0]
            if first.code.partition(".")[2] in _WRONG:
                raise ProblemError(422, first.code, first.message) from error
            raise
        except Exception as error:
            if not passes(error):
                raise
            if attempt == _ATTEMPTS:
                raise ProblemError(
                    503,
                    "busy",
                    "too many want the same stock or order at once: nothing was done, try again",
                    Retry_After="1",
                ) from error
        await hub.transactions.clock.sleep(0.01 * 2**attempt)
    raise AssertionError
