"""``crossdock status``: how the hub and its connections stand, how much of everything there is, and what waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossdock.cli.output import AsJson, ConfigFile, console, grid, instant, opened, state_text, write_json
from crossdock.sdk.clock import SystemClock

if TYPE_CHECKING:
    from crossdock.store.queries.kpi_report import KpiReport
    from crossdock.store.queries.totals import Totals
    from crossdock.streams.edges.status import HubStatus

__all__ = ["status_app"]

status_app = typer.Typer()


@status_app.command()
def status(
    config: ConfigFile = Path("crossdock.yaml"),
    days: Annotated[int, typer.Option(min=1, help="KPIs of the orders placed in so many days.")] = 30,
    json: AsJson = False,
) -> None:
    """How the connections stand, how much of everything there is, what waits, and the five KPIs."""
    from crossdock.cli.cluster import load_cluster, print_cluster
    from crossdock.orders.runs import next_run
    from crossdock.store.queries.kpis import load_kpis
    from crossdock.store.queries.totals import load_totals
    from crossdock.store.waiting import waiting_by_channel
    from crossdock.store.worklist import count_open
    from crossdock.streams.edges.status import hub_status

    now = SystemClock().now()
    with opened(config) as (loaded, database):
        hub = database.read_now(lambda c: hub_status(c, now))
        totals = database.read_now(load_totals)
        work = database.read_now(lambda c: count_open(c, now))
        since, currency = now - timedelta(days=days), loaded.hub.currency
        kpis = database.read_now(lambda c: load_kpis(c, since, now, currency=currency))
        waiting = database.read_now(waiting_by_channel)
        cluster = load_cluster(loaded, database, now)
    runs = [
        {"channel": name, "next_run": next_run(channel.runs.schedule, now), "orders": waiting.get(name, 0)}
        for name, channel in loaded.channels.items()
        if channel.runs
    ]
    if json:
        shown = {"hub": hub, "cluster": cluster, "totals": totals, "kpis": kpis.total}
        write_json({**shown, "work_items": work, "runs": runs})
    else:
        _print_hub(hub)
        print_cluster(cluster)
        if runs:
            rows = [tuple(run.values()) for run in runs]
            console().print(grid("channel", "next run", "#orders waiting", rows=rows))
        _print(totals, kpis, days, sum(count.overdue for count in work))


def _print_hub(hub: HubStatus) -> None:
    out = console()
    seen = f"; it was last seen running at {instant(hub.seen_until)}" if hub.seen_until else ""
    out.print(
        "the hub is running" if hub.running else f"the hub is not running{seen}: crossdock run", markup=False
    )
    rows = [
        (
            connection.name,
            f"{each.kind} {each.stream}".rstrip(),
            state_text(each.state),
            each.last_success_at,
            each.next_attempt_at if each.error else None,
            each.error,
        )
        for connection in hub.connections
        for each in connection.activities
    ]
    if rows:
        out.print(grid("connection", "does", "state", "last success", "next attempt", "trouble", rows=rows))


def _print(totals: Totals, kpis: KpiReport, days: int, overdue: int) -> None:
    from crossdock.reporting.measures import MEASURES

    out = console()
    for name, counts in (
        ("orders", totals.orders),
        ("fulfilment orders", totals.fulfilment_orders),
        ("shipments", totals.shipments),
    ):
        out.print(grid(name, "#count", rows=_states(counts)))
    out.print(grid("units", "#in orders", rows=totals.units.items()))
    if totals.commands:
        rows = ((each.connection, each.name, state_text(each.state), each.count) for each in totals.commands)
        out.print(grid("commands to", "name", "state", "#count", rows=rows))
    waiting = [(each.processor, each.messages, each.since) for each in totals.waiting if each.messages]
    if waiting:
        out.print(grid("processor", "#messages waiting", "since", rows=waiting))
    for name, counts, hint in (
        ("dead letters", totals.dead_letters, "crossdock dead-letter list"),
        ("work items", totals.work_items, "crossdock worklist list"),
    ):
        out.print(f"{sum(counts.values())} {name} are open" + (f": {hint}" if counts else ""))
    if overdue:
        out.print(f"[bold red]{overdue} of them overdue[/]: crossdock worklist list --overdue")
    values = [
        (each.title.lower(), each.text(kpis.total, kpis.currency), each.basis(kpis.total))
        for each in MEASURES
    ]
    out.print(grid(f"KPI, last {days} days", "#value", "of", rows=values))


def _states(counts: Mapping[str, int]) -> list[tuple[object, int]]:
    return [(state_text(state), count) for state, count in counts.items()]
