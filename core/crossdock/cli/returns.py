"""``crossdock return``: what buyers want to send back, and what came."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crossdock.cli.output import AsJson, ConfigFile, console, grid, opened, state_text, write_json
from crossdock.errors import RecordRejectedError, Rejection
from crossdock.orders.life_cycles import ReturnState
from crossdock.sdk.clock import SystemClock

__all__ = ["return_app"]

return_app = typer.Typer(help="What buyers want to send back, and what came.", no_args_is_help=True)


@return_app.command("list")
def list_returns(
    config: ConfigFile = Path("crossdock.yaml"),
    state: Annotated[ReturnState | None, typer.Option(help="Only in this state.")] = None,
    node: Annotated[str | None, typer.Option(help="Only what this node takes.")] = None,
    order: Annotated[str | None, typer.Option(help="Only of this order (the hub's id).")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The most to list.")] = 50,
    json: AsJson = False,
) -> None:
    """List returns, the newest first."""
    from crossdock.store.queries import returns

    with opened(config) as (_, database):
        found = database.read_now(
            lambda c: returns.list_returns(c, state=state, node=node, order_id=order, limit=limit + 1)
        )
    if json:
        write_json([each._asdict() for each in found[:limit]])
        return
    rows = (
        (each.id, state_text(each.state), each.order_id, each.node, each.units_requested, each.units_received,
         each.refunded_at, each.created_at)
        for each in found[:limit]
    )  # fmt: skip
    columns = ("id", "state", "order", "node", "#asked for", "#received", "refunded", "since")
    console().print(grid(*columns, rows=rows))
    if len(found) > limit:
        typer.echo(f"There are more: --limit {limit * 2}")


@return_app.command()
def show(
    name: Annotated[str, typer.Argument(help="As `crossdock return list` shows it.")],
    config: ConfigFile = Path("crossdock.yaml"),
    json: AsJson = False,
) -> None:
    """Show a return with everything that came of it."""
    from crossdock.store.queries import returns

    with opened(config) as (_, database):
        found = database.read_now(lambda c: returns.load_detail(c, name))
    if found is None:
        said = f"there is no return {name!r}: `crossdock return list`"
        raise RecordRejectedError(Rejection("return.missing", said))
    if json:
        write_json(found)
        return
    out = console()
    where = f"node {found.node}" if found.node else "no node takes it"
    out.print(f"Return {found.id}: {found.state}, order {found.order_id or 'unknown'}, {where}", markup=False)
    if found.awaits:
        out.print(f"the receipt names request {found.awaits}, which has not come", markup=False)
    asked = ((line.sku, line.order_line, line.requested, line.received) for line in found.lines)
    out.print(grid("SKU", "order line", "#asked for", "#received", rows=asked))
    came = (
        (line.received_at, line.node, f"{line.external_id} line {line.number}", line.sku, line.quantity,
         line.condition, line.disposition)
        for line in found.received
    )  # fmt: skip
    out.print(grid("received", "node", "receipt", "SKU", "#units", "condition", "disposition", rows=came))


@return_app.command()
def close(
    name: Annotated[str, typer.Argument(help="As `crossdock return list` shows it.")],
    config: ConfigFile = Path("crossdock.yaml"),
) -> None:
    """Expect nothing more of a return: it is closed once what has come is graded and refunded."""
    from crossdock.compiling import compile_hub
    from crossdock.geography import locate
    from crossdock.opening import manifests_of
    from crossdock.sdk.registry import discover
    from crossdock.streams.processors.return_standing import close_return
    from crossdock.streams.transaction import Transactions

    with opened(config) as (loaded, database):
        hub = compile_hub(loaded, manifests_of(loaded, discover([])), locate)
        kept = Transactions(database, SystemClock()).transact_now(lambda tx: close_return(hub, tx, name))
    typer.echo(f"{kept.id} is {kept.state}")
