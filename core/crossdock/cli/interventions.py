"""``crossdock order hold``, ``release``, ``cancel``, ``amend``: what people do to an order."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from crossdock.cli.output import AsJson, ConfigFile, opened, write_json
from crossdock.errors import RecordRejectedError, Rejection
from crossdock.orders.holds import Blocks, Hold
from crossdock.sdk.clock import SystemClock

if TYPE_CHECKING:
    from crossdock.orders.effects import LineUnits
    from crossdock.streams.processors.hub import Hub
    from crossdock.streams.transaction import SqlTransaction

__all__ = ["add_interventions", "found_order"]

Reference = Annotated[str, typer.Argument(help="The hub's id, the channel's id, or the order number.")]
Name = Annotated[str, typer.Argument(help="What holds it, such as fraud_review.")]
T = TypeVar("T")


def hold(
    reference: Reference,
    name: Name,
    config: ConfigFile = Path("crossdock.yaml"),
    owner: Annotated[str | None, typer.Option(help="Who decides; by default you.")] = None,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why, in words.")] = "",
    hours: Annotated[float | None, typer.Option(min=0.0, help="End it by itself after so long.")] = None,
    blocks: Annotated[
        Blocks, typer.Option(help="release: it keeps its stock; routing: nothing is decided either.")
    ] = Blocks.RELEASE,
) -> None:
    """Put an order under a hold. What nodes have been asked for already goes on: cancel that."""
    from crossdock.streams.processors.interventions import hold_order

    def work(hub: Hub, tx: SqlTransaction, order: str) -> str:
        until = None if hours is None else tx.now + timedelta(hours=hours)
        hold_order(hub, tx, order, Hold(name, owner or getpass.getuser(), tx.now, reason, blocks, until))
        return order

    order = _intervene(config, reference, work)
    typer.echo(f"{order} is under hold {name}")


def release(reference: Reference, name: Name, config: ConfigFile = Path("crossdock.yaml")) -> None:
    """Lift a hold; with the last one the order goes on."""
    from crossdock.streams.processors.interventions import lift_hold

    def work(hub: Hub, tx: SqlTransaction, order: str) -> str:
        lift_hold(hub, tx, order, name, getpass.getuser())
        return order

    order = _intervene(config, reference, work)
    typer.echo(f"{order} is not under hold {name} any more")


def cancel(
    reference: Reference,
    config: ConfigFile = Path("crossdock.yaml"),
    line: Annotated[
        list[str] | None, typer.Option(help="LINE=UNITS, several times; by default all that has not left.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", "-r", help="For the channel.")] = "",
    json: AsJson = False,
) -> None:
    """Cancel an order or units of its lines. Nodes that were asked to ship are asked to cancel, and may refuse."""
    from crossdock.streams.processors.interventions import CancelledLines, cancel_order

    wanted = dict(_units(each) for each in line or ())

    def work(hub: Hub, tx: SqlTransaction, order: str) -> CancelledLines:
        cause = f"cli:{getpass.getuser()}:{tx.now.isoformat()}"
        return cancel_order(hub, tx, order, wanted, reason, cause)

    done = _intervene(config, reference, work)
    if json:
        write_json(done)
        return
    asked = "asked of its node, which may refuse"
    _tell(("cancelled", done.cancelled), (asked, done.asked), ("too late", done.too_late))


def amend(
    reference: Reference,
    config: ConfigFile = Path("crossdock.yaml"),
    line: Annotated[
        list[str] | None, typer.Option(help="LINE=UNITS wanted in all, several times; 0 takes the line out.")
    ] = None,
    add: Annotated[list[str] | None, typer.Option(help="SKU=UNITS to add, several times.")] = None,
    reason: Annotated[
        str, typer.Option("--reason", "-r", help="Of what is cancelled, for the channel.")
    ] = "",
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would happen.")] = False,
    json: AsJson = False,
) -> None:
    """Change the quantities of an order, add and take out lines. Addresses: `POST /v1/orders/{id}:amend`."""
    from crossdock.streams.processors.amending import AmendedOrder, Amendment, NotDoneError, amend_order

    added = [
        {"external_id": f"added-{sku}", "sku": sku, "quantity": units}
        for sku, units in map(_units, add or ())
    ]
    wanted = Amendment(dict(_units(each, least=0) for each in line or ()), added, reason=reason)

    def work(hub: Hub, tx: SqlTransaction, order: str) -> AmendedOrder:
        cause = f"cli:{getpass.getuser()}:{tx.now.isoformat()}"
        return amend_order(hub, tx, order, wanted, cause, preview=preview)

    try:
        found = _intervene(config, reference, work)
    except NotDoneError as undone:
        found = undone.found
    if found.impossible:
        raise RecordRejectedError(Rejection("orders.impossible", "; ".join(found.impossible)))
    if json:
        write_json(found)
        return
    placed = [(f"from node {new.node}", new.lines) for new in found.placed]
    asked = "asked of its node, which may refuse"
    _tell(("cancelled", found.cancelled), (asked, found.asked), *placed, ("not placed yet", found.unplaced))
    for each in found.by_hand:
        typer.echo(f"tell the channel by hand: {each}")


def _tell(*found: tuple[str, Iterable[LineUnits]]) -> None:
    for what, units in found:
        for each in units:
            typer.echo(f"line {each.order_line}: {each.quantity} {what}")


def add_interventions(app: typer.Typer) -> None:
    """Put the commands under ``crossdock order``."""
    for command in (hold, release, cancel, amend):
        app.command()(command)


def found_order(reference: str, found: list[str]) -> str:
    """The one order that ``reference`` may mean.

    Raises:
        RecordRejectedError: There is none, or several.
    """
    if len(found) > 1:
        said = f"{reference!r} may be {', '.join(found)}: name one of them"
        raise RecordRejectedError(Rejection("order.ambiguous", said))
    if not found:
        said = f"no order has {reference!r} as id, external id or number"
        raise RecordRejectedError(Rejection("order.missing", said))
    return found[0]


def _intervene(config: Path, reference: str, work: Callable[[Hub, SqlTransaction, str], T]) -> T:
    """Do ``work`` to the order that ``reference`` names; a hub that runs goes on from there."""
    from crossdock.compiling import compile_hub
    from crossdock.geography import locate
    from crossdock.opening import manifests_of
    from crossdock.sdk.registry import discover
    from crossdock.store.queries.orders import find_orders
    from crossdock.streams.transaction import Transactions

    with opened(config) as (loaded, database):
        hub = compile_hub(loaded, manifests_of(loaded, discover([])), locate)

        def both(tx: SqlTransaction) -> T:
            return work(hub, tx, found_order(reference, list(find_orders(tx.connection, reference))))

        return Transactions(database, SystemClock()).transact_now(both)


def _units(text: str, least: int = 1) -> tuple[str, int]:
    line, found, units = text.rpartition("=")
    if not (found and line and units.isdigit() and int(units) >= least):
        raise typer.BadParameter(f"{text!r}: write what, = and how many, such as 1=2")
    return line, int(units)
