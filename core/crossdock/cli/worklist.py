"""``crossdock worklist``: what a person has to decide, and what is done about it."""

from __future__ import annotations

from collections.abc import Callable
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from crossdock.cli.output import AsJson, ConfigFile, console, grid, instant, opened, write_json
from crossdock.errors import CrossdockError
from crossdock.orders.worklist import Action, Cause, Role
from crossdock.sdk.clock import SystemClock

if TYPE_CHECKING:
    from datetime import datetime

    from crossdock.config.model import Config
    from crossdock.store.worklist import ItemRow, WorkFilter
    from crossdock.streams.processors.fixing import Deed, DeedResult
    from crossdock.streams.transaction import Transactions

__all__ = ["worklist_app"]

worklist_app = typer.Typer(help="What a person has to decide.", no_args_is_help=True)

_AT_ONCE = 10_000
_Ids = Annotated[list[int] | None, typer.Argument(help="As `crossdock worklist list` shows them.")]
_Cause = Annotated[Cause | None, typer.Option(help="Only of this cause.")]
_Owner = Annotated[Role | None, typer.Option(help="Only of this owner.")]
_AssignedTo = Annotated[str | None, typer.Option(help="Only what this person has taken on.")]
_Order = Annotated[str | None, typer.Option(help="Only of this order (the hub's id).")]
_Overdue = Annotated[bool, typer.Option("--overdue", help="Only what is past its time.")]
_Every = Annotated[bool, typer.Option("--all", help="All that the filters leave, instead of ids.")]
_By = Annotated[str, typer.Option(help="Who does it; left out, who is logged in.")]


@worklist_app.command("list")
def list_items(
    config: ConfigFile = Path("crossdock.yaml"),
    cause: _Cause = None,
    owner: _Owner = None,
    assigned_to: _AssignedTo = None,
    order: _Order = None,
    overdue: _Overdue = False,
    done: Annotated[bool, typer.Option("--done", help="What is settled, instead of what is open.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="The most to list.")] = 50,
    json: AsJson = False,
) -> None:
    """List work items, the most urgent first."""
    from crossdock.store import worklist

    now = SystemClock().now()
    wanted = _filter(cause, owner, assigned_to, order, now if overdue else None, done=done)
    with opened(config) as (_, database):
        items = database.read_now(lambda c: worklist.list_items(c, wanted, limit=limit + 1))
    if json:
        write_json(
            [
                each._asdict() | {"overdue": each.overdue(now), "actions": each.actions}
                for each in items[:limit]
            ]
        )
        return
    last = "resolution" if done else "proposed"
    columns = ("#id", "due", "owner", "cause", "about", "what happened", last)
    console().print(grid(*columns, rows=[_row(each, now) for each in items[:limit]]))
    if len(items) > limit:
        typer.echo(f"There are more: --limit {limit * 2}")


def _row(item: ItemRow, now: datetime) -> tuple[object, ...]:
    due = Text(instant(item.due_at), style="bold red" if item.overdue(now) else "")
    if item.overdue(now):
        due.append(" overdue")
    owner = f"{item.owner}: {item.assigned_to}" if item.assigned_to else item.owner
    last = f"{item.resolution} ({item.settled_by})" if item.state == "done" else item.fix
    if item.state == "open" and item.actions:
        last += f" [{', '.join(item.actions)}]"
    return (item.id, due, owner, item.cause, item.order_id or item.subject, item.message, last)


@worklist_app.command()
def resolve(
    resolution: Annotated[str, typer.Option("--resolution", "-r", help="What was decided.")],
    items: _Ids = None,
    config: ConfigFile = Path("crossdock.yaml"),
    cause: _Cause = None,
    owner: _Owner = None,
    assigned_to: _AssignedTo = None,
    order: _Order = None,
    overdue: _Overdue = False,
    every: _Every = False,
    by: _By = "",
    json: AsJson = False,
) -> None:
    """Close work items with what was decided."""
    from crossdock.streams.processors import fixing

    wanted = _filter(cause, owner, assigned_to, order, SystemClock().now() if overdue else None)
    _each(
        config, items, wanted, lambda _: fixing.resolve(resolution, by or getuser()), every=every, json=json
    )


@worklist_app.command()
def assign(
    to: Annotated[str, typer.Option(help="Who has taken them on; empty: nobody.")],
    items: _Ids = None,
    config: ConfigFile = Path("crossdock.yaml"),
    cause: _Cause = None,
    owner: _Owner = None,
    assigned_to: _AssignedTo = None,
    order: _Order = None,
    overdue: _Overdue = False,
    every: _Every = False,
    json: AsJson = False,
) -> None:
    """Say who has taken work items on."""
    from crossdock.streams.processors import fixing

    wanted = _filter(cause, owner, assigned_to, order, SystemClock().now() if overdue else None)
    _each(config, items, wanted, lambda _: fixing.assign(to or None), every=every, json=json)


@worklist_app.command()
def apply(
    items: _Ids = None,
    action: Annotated[
        Action | None, typer.Option(help="What to do; left out, what each item proposes first.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; needed where something is cancelled.")] = "",
    config: ConfigFile = Path("crossdock.yaml"),
    cause: _Cause = None,
    owner: _Owner = None,
    assigned_to: _AssignedTo = None,
    order: _Order = None,
    overdue: _Overdue = False,
    every: _Every = False,
    by: _By = "",
    json: AsJson = False,
) -> None:
    """Do what the hub proposes about work items. Exit code 1 where one of them is not done."""
    from crossdock.compiling import compile_hub
    from crossdock.geography import locate
    from crossdock.opening import manifests_of
    from crossdock.sdk.registry import discover
    from crossdock.streams.processors import fixing

    def deed(loaded: Config) -> Deed:
        hub = compile_hub(loaded, manifests_of(loaded, discover()), locate)
        return fixing.apply(hub, action, reason, by or getuser())

    wanted = _filter(cause, owner, assigned_to, order, SystemClock().now() if overdue else None)
    _each(config, items, wanted, deed, every=every, json=json)


def _filter(
    cause: Cause | None,
    owner: Role | None,
    assigned_to: str | None,
    order: str | None,
    overdue_at: datetime | None,
    *,
    done: bool = False,
) -> WorkFilter:
    from crossdock.store.worklist import WorkFilter

    return WorkFilter(
        "done" if done else "open",
        cause,
        owner,
        assigned_to or None,
        assigned_to == "",
        order,
        overdue_at,
    )


def _each(
    config: Path,
    items: list[int] | None,
    wanted: WorkFilter,
    make: Callable[[Config], Deed],
    *,
    every: bool,
    json: bool,
) -> None:
    """Do something to each item in a transaction of its own, and say what became of each."""
    from crossdock.store import worklist
    from crossdock.streams.transaction import Transactions

    if bool(items) == every:
        raise typer.BadParameter("give the ids of items, or --all with filters")
    with opened(config) as (loaded, database):
        ids = items or database.read_now(lambda c: worklist.find_ids(c, wanted, _AT_ONCE))
        deed, transactions = make(loaded), Transactions(database, SystemClock())
        results = [_one(transactions, deed, item) for item in ids]
    if json:
        write_json([each._asdict() for each in results])
    else:
        for each in results:
            typer.echo(f"{each.id}: {'done' if each.done else 'not done'}: {each.said}", err=not each.done)
    if not all(each.done for each in results):
        raise typer.Exit(1)


def _one(transactions: Transactions, deed: Deed, item: int) -> DeedResult:
    from crossdock.streams.processors import fixing

    try:
        return transactions.transact_now(lambda tx: deed(tx, item))
    except CrossdockError as error:
        return fixing.failed(item, error.message)
