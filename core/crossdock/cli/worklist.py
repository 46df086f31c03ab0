"""``crossdock work``: what a person has to decide."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crossdock.cli.output import AsJson, ConfigFile, console, grid, instant, opened, write_json
from crossdock.errors import RecordRejectedError, Rejection
from crossdock.sdk.clock import SystemClock

__all__ = ["work_app"]

work_app = typer.Typer(help="What a person has to decide.", no_args_is_help=True)


@work_app.command("list")
def list_items(
    config: ConfigFile = Path("crossdock.yaml"),
    order: Annotated[str | None, typer.Option(help="Only of this order (the hub's id).")] = None,
    done: Annotated[bool, typer.Option("--done", help="What is settled, instead of what is open.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="The most to list.")] = 50,
    json: AsJson = False,
) -> None:
    """List work items, the most urgent first."""
    from crossdock.store import worklist

    state = "done" if done else "open"
    with opened(config) as (_, database):
        items = database.read_now(lambda c: worklist.list_items(c, state=state, order_id=order, limit=limit))
    if json:
        write_json([each._asdict() for each in items])
        return
    rows = (
        (each.id, instant(each.due_at), each.owner, each.cause, each.order_id or each.subject, each.message,
         each.resolution or each.fix)
        for each in items
    )  # fmt: skip
    last = "resolution" if done else "proposed"
    console().print(grid("#id", "due", "owner", "cause", "about", "what happened", last, rows=rows))


@work_app.command()
def resolve(
    items: Annotated[list[int], typer.Argument(help="As `crossdock work list` shows them.")],
    resolution: Annotated[str, typer.Option("--resolution", "-r", help="What was decided.")],
    config: ConfigFile = Path("crossdock.yaml"),
) -> None:
    """Close work items with what was decided."""
    from crossdock.store import worklist

    with opened(config) as (_, database):
        closed = database.transact_now(lambda c: worklist.resolve(c, items, resolution, SystemClock().now()))
    for item in closed:
        typer.echo(f"work item {item} is done")
    missing = sorted(set(items) - set(closed))
    if missing:
        names = ", ".join(map(str, missing))
        raise RecordRejectedError(Rejection("work_item.missing", f"these are no open work items: {names}"))
