"""The timer that deletes what nobody needs any more."""

from __future__ import annotations

from crossdock.store.retention import Retention, prune
from crossdock.streams.processor import Timer, Transaction

__all__ = ["prune_timer"]


def prune_timer(retention: Retention, *, interval_seconds: float = 60.0) -> Timer:
    """Prune by ``retention`` at intervals; each run deletes so few rows that no webhook has to wait for it."""

    def run(transaction: Transaction) -> None:
        prune(transaction.connection, retention, transaction.now)

    return Timer("prune", interval_seconds, run)
