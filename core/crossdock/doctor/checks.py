"""Every check, and how they are run."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, text

from crossdock.doctor.model import Check, Finding, Situation
from crossdock.doctor.orders import ORDER_CHECKS
from crossdock.doctor.outbox import OUTBOX_CHECKS
from crossdock.doctor.stock import STOCK_CHECKS

__all__ = ["CHECKS", "examine"]

CHECKS: tuple[Check, ...] = (*STOCK_CHECKS, *ORDER_CHECKS, *OUTBOX_CHECKS)

_SHOWN = 5


def examine(
    connection: Connection, situation: Situation, checks: Iterable[Check] = CHECKS
) -> tuple[Finding, ...]:
    """Run ``checks`` on one snapshot, so that a running hub is no trouble; ``connection`` has done nothing before."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    return tuple(_run(connection, situation, check) for check in checks)


def _run(connection: Connection, situation: Situation, check: Check) -> Finding:
    shown: list[dict[str, object]] = []
    count = 0
    for row in check.find(connection, situation):
        count += 1
        if count <= _SHOWN:
            shown.append(dict(row))
    return Finding(check.name, check.sentence, check.advice, count, tuple(shown))
