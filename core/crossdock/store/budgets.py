"""Budgets of partners in the database: all workers together send no more than a partner permits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from crossdock.sdk.budgets import BudgetState
from crossdock.store.engine import Database
from crossdock.store.leases import SqlTokenStore

__all__ = ["SqlBudgetStore"]

_decoder = msgspec.json.Decoder(BudgetState)


class SqlBudgetStore:
    """A ``BudgetStore`` (``crossdock.sdk.budgets``): states by compare-and-set, beside the tokens."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        """Use ``database``; ``now`` is the present instant, aware UTC."""
        self._states = SqlTokenStore(database, now)

    async def load(self, key: str) -> tuple[BudgetState, int] | None:
        """The state and its version."""
        found = await self._states.load(_name(key))
        return None if found is None else (_decoder.decode(found[0]), found[1])

    async def save(self, key: str, state: BudgetState, expected_version: int) -> bool:
        """Store if the version is still ``expected_version`` (0: none stored yet)."""
        return await self._states.save(_name(key), msgspec.json.encode(state), expected_version)


def _name(key: str) -> str:
    return f"budget:{key}"
