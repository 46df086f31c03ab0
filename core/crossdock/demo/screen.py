"""The live picture of a demo: what is ordered, decided, done by partners, and left to people."""

from __future__ import annotations

from collections import deque
from time import monotonic

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.layout import Layout
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from crossdock.demo.observer import DecisionSeen
from crossdock.demo.session import Report, Session
from crossdock.demo.words import decision_words, order_words
from crossdock.reporting.measures import MEASURES
from crossdock.store.queries.totals import Totals, load_totals

__all__ = ["Screen", "summary"]

_LOOK_SECONDS = 0.5
_STATES = (
    "received",
    "partly_routed",
    "routed",
    "on_hold",
    "partly_shipped",
    "shipped",
    "closed",
    "cancelled",
)
_STYLES = {"shipped": "green", "closed": "green", "cancelled": "dim", "on_hold": "yellow"}


class Screen:
    """Draws a session; asks the database twice a second, however often it is drawn."""

    def __init__(self, session: Session) -> None:
        """Nothing is seen yet."""
        self._session = session
        self._looked = 0.0
        self._totals: Totals | None = None
        self._seen: set[str] = set()
        self._latest: DecisionSeen | None = None
        self.decisions: deque[DecisionSeen] = deque(maxlen=100)

    def look(self) -> list[DecisionSeen]:
        """Ask the database; returns the decisions that are new."""
        self._looked = monotonic()
        if not self._session.conductor.begun:
            return []
        at = self._latest.at if self._latest else None
        found = [each for each in self._session.observer.decisions_since(at) if each.id not in self._seen]
        self._seen.update(each.id for each in found)
        self.decisions.extend(found)
        if found:
            self._latest = found[-1]
        self._totals = self._session.observer.read(load_totals)
        return found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it as it is now."""
        if monotonic() - self._looked >= _LOOK_SECONDS:
            self.look()
        height = options.height or console.height
        yield self._layout(height)

    def _layout(self, height: int) -> Layout:
        layout = Layout(size=height)
        side = 12
        layout.split_column(
            Layout(self._header(), size=3),
            Layout(name="middle", size=side),
            Layout(self._decisions(height - side - 5), name="decisions"),
        )
        layout["middle"].split_row(
            Layout(self._orders(), size=26), Layout(self._partners(side - 2), name="partners")
        )
        return layout

    def _header(self) -> RenderableType:
        session = self._session
        total = session.settings.orders
        over = self._over()
        grid = Table.grid(expand=True, padding=(0, 1))
        grid.add_column(no_wrap=True, ratio=1)
        grid.add_column(justify="right", no_wrap=True)
        rate = over / session.seconds if session.seconds else 0
        grid.add_row(
            Text(session.conductor.phase, style="bold", overflow="ellipsis"),
            Text(f"{over} of {total} done, {rate:.1f}/s, {session.seconds:.0f} s"),
        )
        return Panel(
            Group(grid), title="[bold]Crossdock demo[/]: Meridian Outfitters, 60 places", border_style="cyan"
        )

    def _over(self) -> int:
        orders = self._totals.orders if self._totals else {}
        return sum(orders.get(state, 0) for state in ("shipped", "closed", "cancelled"))

    def _orders(self) -> RenderableType:
        grid = Table.grid(expand=True)
        grid.add_column(no_wrap=True)
        grid.add_column(justify="right")
        totals = self._totals
        if totals is None:
            return Panel(grid, title="orders")
        states = [state for state in _STATES if totals.orders.get(state)]
        for state in states[:5]:
            grid.add_row(
                Text(state.replace("_", " "), style=_STYLES.get(state, "")), str(totals.orders[state])
            )
        for _ in range(5 - len(states)):
            grid.add_row("", "")
        grid.add_row(Text("units allocated", style="cyan"), str(totals.stock.get("allocated", 0)))
        grid.add_row(Text("units shipped", style="cyan"), str(totals.units.get("shipped", 0)))
        grid.add_row(Text("worklist", style="yellow"), str(sum(totals.work_items.values())))
        grid.add_row(Text("dead letters", style="red"), str(sum(totals.dead_letters.values())))
        bar = ProgressBar(total=self._session.settings.orders, completed=self._over())
        return Panel(Group(grid, bar), title="orders")

    def _partners(self, rows: int) -> RenderableType:
        grid = Table.grid(expand=True, padding=(0, 1))
        grid.add_column(no_wrap=True, style="bold")
        grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        for event in list(self._session.partners.journal.latest)[-rows:]:
            grid.add_row(event.partner, Text(event.text, style="yellow" if event.trouble else ""))
        return Panel(grid, title="partners")

    def _decisions(self, rows: int) -> RenderableType:
        grid = Table.grid(expand=True, padding=(0, 1))
        grid.add_column(no_wrap=True, style="bold")
        grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        for seen in list(self.decisions)[-max(1, rows) :]:
            grid.add_row(order_words(seen.order), decision_words(seen))
        return Panel(grid, title="decisions")


def summary(report: Report) -> RenderableType:
    """What came of it, for people."""
    table = Table.grid(padding=(0, 2))
    totals, kpis = report.totals, report.kpis
    words = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in totals.orders.items())
    table.add_row("orders", f"{words}; {sum(totals.work_items.values())} on the worklist")
    table.add_row("units", f"{totals.units['shipped']} shipped, {totals.units['cancelled']} cancelled")
    table.add_row("time", f"{report.seconds:.0f} seconds")
    table.add_row(
        "trouble by partners", ", ".join(f"{count} {name}" for name, count in report.troubles.items())
    )
    for measure in MEASURES:
        table.add_row(measure.title.lower(), f"{measure.text(kpis, 'USD') or '-'} {measure.meaning}")
    for comparison in report.comparisons:
        mark = "[green]✔[/]" if comparison.agrees else "[red]✖[/]"
        table.add_row(mark, f"{comparison.name} ({comparison.compared})")
        for difference in comparison.differences:
            table.add_row("", Text(difference, style="red"))
    sick = [finding for finding in report.findings if not finding.healthy]
    mark = "[red]✖[/]" if sick else "[green]✔[/]"
    table.add_row(mark, f"doctor: {len(report.findings) - len(sick)} of {len(report.findings)} checks hold")
    for finding in sick:
        table.add_row("", Text(f"{finding.sentence} ({finding.count} found)", style="red"))
    return Panel(table, title="what came of it", border_style="green" if report.good else "red", expand=False)
