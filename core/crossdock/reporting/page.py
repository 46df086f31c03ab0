"""The KPIs as one HTML file: tiles, a chart for each KPI, the table of all numbers; no script, no network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

from lxml import html

from crossdock.reporting.charts import SERIES_AT_MOST, Bar, Line, bars, lines
from crossdock.reporting.elements import Element, element
from crossdock.reporting.measures import MEASURES, Measure, label
from crossdock.reporting.style import STYLE
from crossdock.store.queries.kpi_report import Dimension, Group, KpiReport

__all__ = ["kpi_page"]

_BARS_AT_MOST = 40


def kpi_page(report: KpiReport, hub: str, made_at: datetime) -> bytes:
    """The file, in UTF-8.

    Args:
        report: What it shows.
        hub: Name of the hub.
        made_at: When it was made (aware UTC).
    """
    span = f"{_day(report.since)} to {_day(report.until)}"
    title = f"KPIs of {hub}, {span}"
    by = ", ".join(report.by)
    page = element(
        "html",
        {"lang": "en"},
        element(
            "head",
            element("meta", {"charset": "utf-8"}),
            element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
            element("meta", {"name": "color-scheme", "content": "light dark"}),
            element("title", title),
            element("style", STYLE),
        ),
        element(
            "body",
            element(
                "main",
                element("h1", title),
                element(
                    "p",
                    {"class": "quiet"},
                    f"Orders placed from {_instant(report.since)} to before {_instant(report.until)}"
                    f"{f', by {by}' if by else ''}. Made at {_instant(made_at)}.",
                ),
                _tiles(report),
                *_charts(report),
                _table(report),
            ),
        ),
    )
    return bytes(html.tostring(page, doctype="<!DOCTYPE html>", encoding="utf-8", pretty_print=True))


def _tiles(report: KpiReport) -> Element:
    tiles = element("dl", {"class": "tiles"})
    for measure in MEASURES:
        tiles.append(
            element(
                "div",
                element("dt", measure.title),
                element("dd", {"class": "value"}, measure.text(report.total, report.currency) or "no value"),
                element("dd", {"class": "quiet"}, f"{measure.basis(report.total)}; {measure.meaning}"),
            )
        )
    return tiles


def _charts(report: KpiReport) -> Iterator[Element]:
    for measure in MEASURES:
        if any(measure.value(group.kpis) is not None for group in report.groups):
            heading = f"{measure.title}, {measure.unit(report.currency)}"
            drawn = _over_days if Dimension.DAY in report.by else _by_group
            yield element("section", element("h2", heading), *drawn(report, measure))


def _by_group(report: KpiReport, measure: Measure) -> Iterator[Element]:
    shown = report.groups[:_BARS_AT_MOST]
    rows = [
        Bar(label(each), measure.value(each.kpis), measure.text(each.kpis, report.currency)) for each in shown
    ]
    top = Decimal(100) if measure.name.endswith("_accuracy") else None
    yield bars(measure.name, f"{measure.title} by {', '.join(report.by)}", rows, top)
    yield from _left_out(len(report.groups) - len(shown))


def _over_days(report: KpiReport, measure: Measure) -> Iterator[Element]:
    """A line for each group that differs in more than the day; those with the most orders are drawn."""
    found: dict[str, list[Group]] = {}
    for group in report.groups:
        rest = {name: value for name, value in group.key.items() if name != Dimension.DAY}
        if measure.value(group.kpis) is not None:
            found.setdefault(label(Group(rest, group.kpis)) or "all", []).append(group)
    ranked = sorted(found, key=lambda name: (-sum(g.kpis.exception_rate.whole for g in found[name]), name))
    drawn = sorted(ranked[:SERIES_AT_MOST])
    series = [Line(name, dict(_values(found[name], measure))) for name in drawn]
    yield lines(
        measure.name, f"{measure.title} by {', '.join(report.by)}", series, measure.unit(report.currency)
    )
    if len(found) > 1:
        items = (
            element("li", {"class": f"series-{index}"}, _key(), name) for index, name in enumerate(drawn)
        )
        yield element("ul", {"class": "legend"}, *items)
    yield from _left_out(len(found) - len(drawn))


def _values(groups: Sequence[Group], measure: Measure) -> Iterator[tuple[date, Decimal]]:
    for group in groups:
        value, day = measure.value(group.kpis), group.key[Dimension.DAY]
        if value is not None and day is not None:
            yield date.fromisoformat(day), value


def _key() -> Element:
    """A piece of the line, for the legend."""
    stroke = element("path", {"class": "line", "d": "M0 5H30"})
    return element("svg", {"width": "30", "height": "10", "aria-hidden": "true"}, stroke)


def _left_out(count: int) -> Iterator[Element]:
    if count > 0:
        yield element("p", {"class": "quiet"}, f"{count} more are not drawn; the table has them all.")


def _table(report: KpiReport) -> Element:
    head = [element("th", {"scope": "col"}, name) for name in report.by]
    head += [element("th", {"scope": "col", "class": "number"}, measure.title) for measure in MEASURES]
    body = element("tbody")
    for group in report.groups:
        first = [element("th", {"scope": "row"}, value or "none") for value in group.key.values()]
        body.append(element("tr", *first, *_cells(report, group)))
    whole = Group({}, report.total)
    foot = element(
        "tr",
        element("th", {"scope": "row", "colspan": str(max(1, len(report.by)))}, "all"),
        *_cells(report, whole),
    )
    if not report.by:
        head.insert(0, element("th", {"scope": "col"}, "orders"))
    caption = element("caption", "All numbers, and what each was computed from")
    return element(
        "div",
        {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": "All numbers"},
        element("table", caption, element("thead", element("tr", *head)), body, element("tfoot", foot)),
    )


def _cells(report: KpiReport, group: Group) -> Iterator[Element]:
    for measure in MEASURES:
        basis = element("span", {"class": "quiet"}, measure.basis(group.kpis))
        yield element(
            "td", {"class": "number"}, measure.text(group.kpis, report.currency), element("br"), basis
        )


def _day(at: datetime) -> str:
    return at.date().isoformat()


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
