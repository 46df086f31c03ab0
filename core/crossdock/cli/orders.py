"""``crossdock order``: orders and their whole stories."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from crossdock.cli.interventions import add_interventions, found_order
from crossdock.cli.output import AsJson, ConfigFile, console, grid, instant, opened, state_text, write_json
from crossdock.orders.life_cycles import OrderState

if TYPE_CHECKING:
    from crossdock.store.queries.orders import OrderSummary

__all__ = ["order_app"]

order_app = typer.Typer(help="Orders: their whole stories, holds, cancellations.", no_args_is_help=True)
add_interventions(order_app)


@order_app.command("list")
def list_orders(
    config: ConfigFile = Path("crossdock.yaml"),
    state: Annotated[OrderState | None, typer.Option(help="Only orders in this state.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only orders of this channel.")] = None,
    connection: Annotated[str | None, typer.Option(help="Only orders of this connection.")] = None,
    sku: Annotated[str | None, typer.Option(help="Only orders with a line of this SKU.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The most to list.")] = 50,
    json: AsJson = False,
) -> None:
    """List orders, the newest first."""
    from crossdock.store.queries import orders

    wanted = orders.OrderFilter(state.value if state else None, connection, channel, sku=sku)
    with opened(config) as (_, database):
        page = database.read_now(lambda c: orders.list_orders(c, wanted, limit=limit))
    if json:
        write_json(page.orders)
        return
    console().print(_table(page.orders))
    if page.next is not None:
        typer.echo(f"There are more; --limit {limit * 10} shows them.")


@order_app.command()
def show(
    reference: Annotated[str, typer.Argument(help="The hub's id, the channel's id, or the order number.")],
    config: ConfigFile = Path("crossdock.yaml"),
    full: Annotated[bool, typer.Option("--full", help="Show every document whole.")] = False,
    brief: Annotated[bool, typer.Option("--brief", help="Show what happened, and no document.")] = False,
    json: AsJson = False,
) -> None:
    """Tell an order's whole story: what was received, decided, sent, answered, shipped."""
    from crossdock.cli.telling import print_story
    from crossdock.explaining import Explainer
    from crossdock.geography import locate
    from crossdock.store.queries.orders import find_orders
    from crossdock.story import tell

    with opened(config) as (_, database):
        found = database.read_now(lambda c: find_orders(c, reference))
        order = found_order(reference, list(found))
        story = database.read_now(lambda c: tell(c, order, Explainer(locate)))
    assert story is not None  # it was found in the same breath
    if json:
        write_json(story)
    else:
        print_story(console(), story, lines=0 if brief else None if full else 3)


def _table(found: Sequence[OrderSummary]) -> Table:
    columns = (
        "order",
        "number",
        "channel",
        "state",
        "#ordered",
        "#shipped",
        "#cancelled",
        "placed",
        "reason",
    )
    rows = (
        (
            each.id,
            each.number,
            each.channel,
            state_text(each.state),
            each.units_ordered,
            each.units_shipped,
            each.units_cancelled,
            instant(each.placed_at),
            each.hold or each.reason,
        )
        for each in found
    )
    return grid(*columns, rows=rows)
