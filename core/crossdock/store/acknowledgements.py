"""Which command a partner acknowledges: its control number is the command's number in the outbox."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select

from crossdock.store.plumbing import commands

__all__ = ["AcknowledgedCommand", "command_of"]

_CONTROL_NUMBERS = 1_000_000_000
"""X12 control numbers have nine digits and begin anew; of two commands the younger one is meant."""


class AcknowledgedCommand(NamedTuple):
    """A command and the fulfilment order it is about; empty for one about none, such as a 997 of ours."""

    id: int
    name: str
    fulfilment_order: str


def command_of(connection: Connection, partner: str, control_number: str) -> AcknowledgedCommand | None:
    """The newest command to ``partner`` that bears ``control_number``; None where there is none."""
    if not control_number.strip().isdigit():
        return None
    row = connection.execute(
        select(commands.c.id, commands.c.name, commands.c.refs)
        .where(commands.c.connection == partner, commands.c.id % _CONTROL_NUMBERS == int(control_number))
        .order_by(commands.c.id.desc())
        .limit(1)
    ).one_or_none()
    return (
        None if row is None else AcknowledgedCommand(row.id, row.name, row.refs.get("fulfilment_order", ""))
    )
