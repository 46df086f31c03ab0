"""``crossdock stock``: what nodes have, and what may be promised."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossdock.cli.output import AsJson, ConfigFile, console, grid, instant, opened, write_json
from crossdock.errors import RecordRejectedError, Rejection

if TYPE_CHECKING:
    from crossdock.store.queries.stock import SkuStock

__all__ = ["stock_app"]

stock_app = typer.Typer(help="Stock and what may be promised.", no_args_is_help=True)


@stock_app.callback()
def _stock() -> None:
    """Keeps ``show`` a sub-command."""


@stock_app.command()
def show(
    sku: Annotated[str, typer.Argument(help="The SKU.")],
    config: ConfigFile = Path("crossdock.yaml"),
    json: AsJson = False,
) -> None:
    """Show a SKU's units at every node, who holds them, and what each channel may sell."""
    from crossdock.compiling import compile_hub
    from crossdock.geography import locate
    from crossdock.sellable import sellable_by_channel
    from crossdock.store.queries.stock import load_stock

    with opened(config) as (loaded, database):
        stock = database.read_now(lambda c: load_stock(c, sku))
    if not stock.known:
        raise RecordRejectedError(
            Rejection("sku.missing", f"no node has ever counted SKU {sku!r}, and no product has it")
        )
    sellable = sellable_by_channel(compile_hub(loaded, {}, locate), stock)
    if json:
        write_json({"stock": stock, "available_to_promise": sellable})
    else:
        _print(stock, sellable)


def _print(stock: SkuStock, sellable: Mapping[str, int]) -> None:
    units = ("on_hand", "reserved", "allocated", "quarantined", "available", "shortfall")
    rows = (
        (each.node, *(getattr(each, name) for name in units), instant(each.as_of)) for each in stock.nodes
    )
    columns = ("node", *(f"#{name.replace('_', ' ')}" for name in units), "counted")
    out = console()
    out.print(grid(*columns, rows=rows, title=f"SKU {stock.sku}"))
    told = {each.channel: each for each in stock.published}
    channels = (
        (
            name,
            units,
            told[name].quantity if name in told else None,
            told[name].published_at if name in told else None,
        )
        for name, units in sellable.items()
    )
    out.print(grid("channel", "#may sell", "#was told", "when", rows=channels))
    if stock.reservations:
        held = ((each.key, each.node, each.quantity, each.expires_at) for each in stock.reservations)
        out.print(grid("reservation", "node", "#units", "expires", rows=held))
