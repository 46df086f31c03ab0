"""Commands that were parked or rejected, and that a person takes up again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, update

from crossdock.store.commands import CommandState
from crossdock.store.plumbing import commands

__all__ = ["StoppedCommand", "reopen"]


class StoppedCommand(NamedTuple):
    """A command that was parked or rejected, as a person takes it up again."""

    id: int
    connection: str
    name: str
    order_key: str
    refs: Mapping[str, str]
    correlation_id: str
    attempts: int


def reopen(connection: Connection, command: int, state: CommandState, now: datetime) -> StoppedCommand | None:
    """Take up a parked or rejected command: ``pending`` sends it again, ``unknown`` probes, ``applied`` believes a
    person. It counts as an attempt, so that what becomes of it now is told apart from what became of it before.

    Returns:
        None where the command is neither parked nor rejected, or was pruned.
    """
    stopped = commands.c.state.in_([CommandState.PARKED.value, CommandState.REJECTED.value])
    row = connection.execute(
        update(commands)
        .where(commands.c.id == command, stopped)
        .values(state=state, attempts=commands.c.attempts + 1, not_before=now, updated_at=now)
        .returning(*(commands.c[name] for name in StoppedCommand._fields))
    ).one_or_none()
    return None if row is None else StoppedCommand(*row)
