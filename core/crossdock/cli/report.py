"""``crossdock report``: the five KPIs as a table, as JSON, as a page with charts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from crossdock.cli.output import AsJson, ConfigFile, console, grid, instant, opened, write_json
from crossdock.sdk.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crossdock.store.queries.kpi_report import KpiReport, Kpis

__all__ = ["report_app"]

report_app = typer.Typer()

_Choice = TypeVar("_Choice", bound=StrEnum)


@report_app.command()
def report(
    config: ConfigFile = Path("crossdock.yaml"),
    since: Annotated[
        str,
        typer.Option(
            help="From this day or instant on; without an offset it is UTC. Default: 30 days before."
        ),
    ] = "",
    until: Annotated[str, typer.Option(help="To before this day or instant. Default: now.")] = "",
    by: Annotated[str, typer.Option(help="Any of node,channel,policy,day.")] = "",
    json: AsJson = False,
    html: Annotated[Path | None, typer.Option(help="Write a page with charts to this file.")] = None,
) -> None:
    """The five KPIs, over the whole and by node, channel, policy version, day (docs/kpis.md)."""
    from crossdock.store.queries.kpi_report import Dimension
    from crossdock.store.queries.kpis import load_kpis

    now = SystemClock().now()
    ends = _instant("--until", until) if until else now
    begins = _instant("--since", since) if since else ends - timedelta(days=30)
    if begins >= ends:
        raise typer.BadParameter(f"{instant(begins)} is not before {instant(ends)}", param_hint="--since")
    wanted = _choices("--by", by, Dimension)
    with opened(config) as (loaded, database):
        currency = loaded.hub.currency
        found = database.read_now(lambda c: load_kpis(c, begins, ends, currency=currency, by=wanted))
    if html is not None:
        from crossdock.reporting.page import kpi_page

        html.write_bytes(kpi_page(found, loaded.hub.name, now))
        typer.echo(f"written: {html}", err=True)
    if json:
        write_json(found)
    elif html is None:
        _print(found)


def _print(found: KpiReport) -> None:
    from crossdock.reporting.measures import MEASURES

    title = f"KPIs of the orders placed from {instant(found.since)} to before {instant(found.until)}"
    rows = [
        [*(value or "none" for value in group.key.values()), *_cells(group.kpis, found)]
        for group in found.groups
    ]
    rows.append([*(["all"] * bool(found.by)), *[""] * (len(found.by) - 1), *_cells(found.total, found)])
    columns = [f"#{measure.title}" for measure in MEASURES]
    console().print(grid(*found.by, *columns, rows=rows, title=title))


def _cells(kpis: Kpis, found: KpiReport) -> Iterator[str]:
    from crossdock.reporting.measures import MEASURES

    for measure in MEASURES:
        value, basis = measure.text(kpis, found.currency), measure.basis(kpis)
        yield f"{value}\n{basis}" if value else basis


def _choices(option: str, names: str, kind: type[_Choice]) -> tuple[_Choice, ...]:
    try:
        return tuple(kind(name.strip()) for name in names.split(",") if name.strip())
    except ValueError as error:
        raise typer.BadParameter(f"{error}; there are {', '.join(kind)}", param_hint=option) from error


def _instant(option: str, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no day or instant: write 2026-11-23 or 2026-11-23T10:00:00Z", param_hint=option
        ) from error
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
