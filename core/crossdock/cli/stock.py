"""``crossdock stock``: what nodes have, and what may be promised."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossdock.cli.output import AsJson, ConfigFile, console, grid, instant, opened, write_json
from crossdock.errors import RecordRejectedError, Rejection

if TYPE_CHECKING:
    from crossdock.store.queries.stock import SkuStock

__all__ = ["stock_app"]

stock_app = typer.Typer(help="Stock and what may be promised.", no_args_is_help=True)


@stock_app.command()
def show(
    sku: Annotated[str, typer.Argument(help="The SKU.")],
    at: Annotated[
        str | None,
        typer.Option(help="An instant with its offset: the books as they were then, from the ledger."),
    ] = None,
    config: ConfigFile = Path("crossdock.yaml"),
    json: AsJson = False,
) -> None:
    """Show a SKU's units at every node, whom they are promised to, and what each channel may sell."""
    from crossdock.compiling import compile_hub
    from crossdock.geography import locate
    from crossdock.sdk.clock import SystemClock
    from crossdock.sellable import sellable_by_channel
    from crossdock.store.queries.stock import load_stock
    from crossdock.store.queries.stock_at import load_stock_at
    from crossdock.streams.processors.staleness import stale_nodes

    past = _instant(at)
    stale: Mapping[str, timedelta] = {}
    with opened(config) as (loaded, database):
        hub = compile_hub(loaded, {}, locate)
        if past is None:
            now = SystemClock().now()
            stock = database.read_now(lambda c: load_stock(c, sku, now))
            stale = database.read_now(lambda c: stale_nodes(hub, c, now))
        else:
            stock = database.read_now(lambda c: load_stock_at(c, sku, past))
    if not stock.known:
        raise RecordRejectedError(
            Rejection("sku.missing", f"no node has ever counted SKU {sku!r}, and no product has it")
        )
    sellable = sellable_by_channel(hub, stock, stale)
    if json:
        nodes = [each.node for each in stock.nodes if each.node in stale]
        write_json({"stock": stock, "available_to_promise": sellable, "stale_nodes": nodes})
    else:
        _print(stock, sellable, stale, past=past is not None)


@stock_app.command()
def fence(
    sku: Annotated[str, typer.Argument(help="The SKU.")],
    node: Annotated[str, typer.Argument(help="The node.")],
    channel: Annotated[str, typer.Argument(help="The channel it is kept for.")],
    quantity: Annotated[int, typer.Argument(help="Units to keep from now on; 0 gives all free.", min=0)],
    config: ConfigFile = Path("crossdock.yaml"),
    json: AsJson = False,
) -> None:
    """Keep units of a position for one channel; what it sells comes out of them."""
    from crossdock.compiling import compile_hub
    from crossdock.geography import locate
    from crossdock.sdk.clock import SystemClock
    from crossdock.streams.processors import fencing
    from crossdock.streams.transaction import Transactions

    with opened(config) as (loaded, database):
        hub = compile_hub(loaded, {}, locate)
        fences = Transactions(database, SystemClock()).transact_now(
            lambda tx: fencing.set_quantity(hub, tx, channel, sku, node, quantity)
        )
    if json:
        write_json({"ring_fences": fences})
    else:
        rows = ((each.channel, each.node, each.quantity) for each in fences)
        console().print(grid("fenced for", "node", "#units", rows=rows, title=f"SKU {sku}"))


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no instant; write 2026-11-23T10:00:00Z", param_hint="--at"
        ) from error
    if at.tzinfo is None:
        raise typer.BadParameter(
            f"{text!r} has no offset; write 2026-11-23T10:00:00Z, or +01:00 for Z", param_hint="--at"
        )
    return at.astimezone(UTC)


def _print(
    stock: SkuStock, sellable: Mapping[str, int], stale: Mapping[str, timedelta], *, past: bool
) -> None:
    units = ("on_hand", "reserved", "allocated", "quarantined", "available", "shortfall")
    rows = (
        (
            each.node,
            *(getattr(each, name) for name in units),
            instant(each.as_of),
            "stale" if each.node in stale else "",
        )
        for each in stock.nodes
    )
    columns = ("node", *(f"#{name.replace('_', ' ')}" for name in units), "counted", "feed")
    when = f" at {instant(stock.at)}, from the ledger" if past else ""
    out = console()
    out.print(grid(*columns, rows=rows, title=f"SKU {stock.sku}{when}"))
    _print_lots(stock)
    told = {each.channel: (each.quantity, each.published_at) for each in stock.published}
    channels = ((name, units, *told.get(name, (None, None))) for name, units in sellable.items())
    out.print(grid("channel", "#may sell", "#was told", "when", rows=channels))
    if stock.promised:
        held = (
            (each.kind, each.key, each.node, each.quantity, each.order_id, each.expires_at)
            for each in stock.promised
        )
        out.print(grid("promised", "to", "node", "#units", "order", "expires", rows=held))
    if stock.inbound:
        due = ((each.id, each.node, each.quantity, each.due) for each in stock.inbound)
        out.print(grid("inbound", "node", "#units", "due", rows=due))
    if stock.ring_fences:
        fenced = ((each.channel, each.node, each.quantity) for each in stock.ring_fences)
        out.print(grid("fenced for", "node", "#units", rows=fenced))


def _print_lots(stock: SkuStock) -> None:
    if stock.lots:
        rows = (
            (
                lot.lot,
                lot.node,
                f"{lot.expires_on}, over" if lot.expired else lot.expires_on,
                lot.on_hand,
                lot.quarantined,
                lot.allocated,
            )
            for lot in stock.lots
        )
        names = ("lot", "node", "expires on", "#on hand", "#quarantined", "#to be picked")
        console().print(grid(*names, rows=rows))
