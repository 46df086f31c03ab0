"""Writes an order's story, and decisions, to a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from crossdock.cli.output import grid, instant, pretty_json, state_text
from crossdock.orders.life_cycles import FulfilmentState
from crossdock.story import Entry, EntryKind, Story

__all__ = ["decision_table", "print_story"]

_MARKS = {
    EntryKind.RECEIVED: ("◀", "cyan"),
    EntryKind.DEAD_LETTER: ("✖", "red"),
    EntryKind.DECISION: ("◆", "magenta"),
    EntryKind.FULFILMENT_ORDER: ("■", "blue"),
    EntryKind.COMMAND: ("▶", "yellow"),
    EntryKind.OUTCOME: ("✔", "green"),
    EntryKind.SHIPMENT: ("▣", "green"),
    EntryKind.TRACKING: ("➤", "green"),
    EntryKind.RETURN: ("◁", "cyan"),
    EntryKind.WORK_ITEM: ("!", "red"),
}
_INDENT = 4


def print_story(to: Console, story: Story, *, lines: int | None) -> None:
    """Print a story; of each document the first ``lines`` lines (None: all, 0: none)."""
    to.print(_head(story))
    units = ("ordered", "allocated", "requested", "shipped", "short", "cancelled", "returned")
    rows = (
        (line.line, line.sku, *(getattr(line, name) or "" for name in units)) for line in story.order.lines
    )
    to.print(grid("line", "SKU", *(f"#{name}" for name in units), rows=rows))
    if story.order.back_orders:
        waits = (
            (each.line, each.sku, each.quantity, each.node, each.ship_by or "not known")
            for each in story.order.back_orders
        )
        to.print(grid("line", "SKU", "#waits for", "at", "ships by", rows=waits))
    for stored in story.order.fulfilment_orders:
        to_come = sum(line.to_come for line in stored.lines)
        if to_come:
            to.print(
                f"{stored.node} is asked to ship {stored.id} when it has {to_come} units that come to it"
            )
        elif stored.state == FulfilmentState.SCHEDULED:
            to.print(f"{stored.node} is asked to ship {stored.id} at {instant(stored.release_at)}")
    day = ""
    for entry in story.entries:
        today = entry.at.strftime("%A, %-d %B %Y")
        if today != day:
            day = today
            to.print(Text(f"\n{day} (UTC)", style="bold"))
        to.print(_title(entry))
        if lines != 0:
            for part in _details(entry, lines):
                to.print(Padding(part, (0, 0, 0, _INDENT + 10)))


def decision_table(detail: Mapping[str, Any]) -> RenderableType:
    """Every candidate of a decision with its reason or its cost, then alternatives and what would have changed it."""
    if detail["not_explained"]:
        return Text(detail["not_explained"], style="yellow")
    rows = []
    for each in detail["candidates"]:
        offer = each["offer"]
        mark = (
            Text("chosen", style="green")
            if each["chosen"]
            else Text("out" if offer is None else "", style="dim")
        )
        costs = (
            ", ".join(f"{term} {value}" for term, value in offer["costs"].items())
            if offer
            else each["detail"]
        )
        dates = (_way(offer), offer["ship_date"], offer["delivery_date"]) if offer else ("", "", "")
        rows.append((each["node"], mark, *dates, costs))
    order = {"chosen": 0, "": 1, "out": 2}
    rows.sort(key=lambda row: order[row[1].plain])
    shown = grid("node", "", "service", "ships", "arrives", "costs, or why not", rows=rows)
    unfilled = [f"not placed: {u['quantity']} x {u['sku']}: {u['reason']}" for u in detail["unfilled"]]
    words = [*unfilled, *([detail["flip"]] if detail["flip"] else [])]
    return Group(shown, *(Text(each, style="italic") for each in words))


def _way(offer: Mapping[str, Any]) -> str:
    return f"{offer['service']} to {offer['to_node']}" if offer["to_node"] else str(offer["service"])


def _head(story: Story) -> Panel:
    order = story.order
    facts = Table.grid(padding=(0, 2))
    facts.add_row("channel", f"{order.channel} (connection {order.connection})")
    facts.add_row("placed", instant(order.placed_at))
    if order.deliver_by:
        facts.add_row("deliver by", instant(order.deliver_by))
    for name, value in (("held by", order.hold), ("reason", order.reason)):
        if value:
            facts.add_row(name, Text(value))
    title = Text.assemble(
        ("Order ", "bold"), (order.id, "bold"), f"  {order.number or ''}  ", state_text(order.state)
    )
    return Panel(facts, title=title, title_align="left", expand=False)


def _title(entry: Entry) -> Table:
    mark, style = _MARKS[entry.kind]
    if entry.kind is EntryKind.OUTCOME and entry.detail["state"] != "applied":
        mark, style = "✖", "red"
    line = Table.grid(padding=(0, 1))
    line.add_column(width=12, no_wrap=True)
    line.add_column(width=1)
    line.add_column(overflow="fold")
    line.add_row(
        Text(entry.at.strftime("%H:%M:%S.%f")[:12], style="dim"), Text(mark, style=style), Text(entry.title)
    )
    return line


def _details(entry: Entry, lines: int | None) -> Iterator[RenderableType]:
    detail: Mapping[str, Any] = entry.detail
    match entry.kind:
        case EntryKind.RECEIVED:
            yield from _raw(detail["raw"], lines)
            if lines is None or detail["raw"] is None:
                yield _document(detail["document"], lines)
        case EntryKind.DECISION:
            yield decision_table(detail)
        case EntryKind.COMMAND:
            yield _document(detail["document"], lines)
        case EntryKind.OUTCOME:
            yield from _raw(detail["answer"], lines)
        case EntryKind.WORK_ITEM:
            yield Text(f"proposed: {detail['fix']}", style="dim")
        case EntryKind.DEAD_LETTER:
            yield Text(f"{detail['code']} at {detail['path'] or '$'}", style="dim")
        case _:
            return


def _raw(raw: Mapping[str, Any] | None, lines: int | None) -> Iterator[RenderableType]:
    if raw is None:
        return
    where = f", in {raw['file']}" if raw["file"] else ""
    yield Text(
        f"{raw['size_bytes']} bytes of {raw['media_type']}{where}, SHA-256 {raw['sha256'][:12]}…", style="dim"
    )
    for name, value in raw["headers"].items() if lines is None else ():
        yield Text(f"{name}: {value}", style="dim")
    text = raw.get("text")
    if text is None:
        return
    try:
        yield _document(msgspec.json.decode(text), lines)
    except msgspec.DecodeError:
        yield Text(text, style="bright_black") if lines is None else _Cut(text, lines)


def _document(document: object, lines: int | None) -> RenderableType:
    """Whole, it is indented; cut short, it is written compactly, so that the little that is shown says most."""
    if lines is None:
        return Syntax(
            pretty_json(document), "json", theme="ansi_dark", background_color="default", word_wrap=True
        )
    return _Cut(msgspec.json.encode(document).decode(), lines)


class _Cut:
    """The first lines of a text, as wide as the terminal is."""

    def __init__(self, text: str, lines: int) -> None:
        self._text = text
        self._lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        wrapped = [
            line[at : at + width]
            for line in self._text.splitlines()
            for at in range(0, max(1, len(line)), width)
        ]
        for line in wrapped[: self._lines]:
            yield Text(line, style="bright_black")
        left = sum(map(len, wrapped[self._lines :]))
        if left:
            yield Text(f"… {left} more characters (--full)", style="dim italic")
