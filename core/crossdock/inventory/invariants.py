"""What must hold at every moment; ``crossdock doctor`` proves it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from crossdock.inventory.availability import oversold_units
from crossdock.inventory.position import Balance, Movement, Position, fold
from crossdock.inventory.promises import Reservation, ReservationState

__all__ = ["Breach", "Invariant", "breaches", "ledger_breach", "reservation_breach"]


class Invariant(StrEnum):
    """Which rule was broken."""

    NEGATIVE_BUCKET = "negative_bucket"
    OVERSOLD = "oversold"
    LEDGER_DIFFERS = "ledger_differs"
    RESERVATIONS_DIFFER = "reservations_differ"


class Breach(NamedTuple):
    """A rule that does not hold for a position; the message says by how much."""

    invariant: Invariant
    sku: str
    node: str
    message: str


def breaches(position: Position, *, cover: int = 0, open_shortfall: int = 0) -> list[Breach]:
    """Check one position.

    Args:
        position: What the books say.
        cover: Units promised out of supply that has not arrived, and the back-order cap.
        open_shortfall: Units by which reality fell below the promises and which are being re-routed or stand
            on the worklist. A promise may never cause one, only news of the node can.
    """
    found = [
        Breach(Invariant.NEGATIVE_BUCKET, position.sku, position.node, f"{name} is {units}")
        for name, units in zip(Balance._fields[1:], position.balance[1:], strict=True)
        if units < 0
    ]
    oversold = oversold_units(position, cover)
    if oversold > open_shortfall:
        found.append(
            Breach(
                Invariant.OVERSOLD,
                position.sku,
                position.node,
                f"{position.reserved} reserved and {position.allocated} allocated of {position.on_hand} "
                f"on hand, {position.quarantined} of them in quarantine: {oversold} too many, "
                f"{open_shortfall} of those are known shortfalls",
            )
        )
    return found


def ledger_breach(position: Position, movements: Iterable[Movement]) -> Breach | None:
    """Compare a position with the sum of all its movements."""
    total = fold(movements)
    if total == position.balance:
        return None
    return Breach(
        Invariant.LEDGER_DIFFERS,
        position.sku,
        position.node,
        f"the ledger comes to {total}, the balance says {position.balance}",
    )


def reservation_breach(
    position: Position, reservations: Iterable[Reservation], now: datetime
) -> Breach | None:
    """Compare the reserved bucket with the reservations, lapsed ones included until they are booked."""
    held = lapsed = 0
    for reservation in reservations:
        if reservation.state is ReservationState.ACTIVE:
            held += reservation.quantity
            lapsed += reservation.quantity if reservation.lapsed(now) else 0
    if held == position.reserved:
        return None
    return Breach(
        Invariant.RESERVATIONS_DIFFER,
        position.sku,
        position.node,
        f"active reservations hold {held} units ({lapsed} of them lapsed), "
        f"the balance says {position.reserved} are reserved",
    )
