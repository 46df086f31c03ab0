"""The page of KPIs: complete, harmless, and drawn as meant by a real browser."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree, html

from crossdock.reporting.charts import Bar, Line, bars, lines
from crossdock.reporting.page import kpi_page
from crossdock.store.queries.kpi_report import Dimension, Group, KpiReport, Kpis, Mean, Median, Ratio
from tests.servers.chromium import browse

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
NASTY = '<script>alert("DC")</script>'


def kpis(share: int, counts: bool = True) -> Kpis:
    return Kpis(
        Ratio.of(share, 100),
        Mean(Decimal("90"), 10, Decimal("9.00")),
        Median(10, Decimal("26.50")),
        Ratio.of(98, 100) if counts else None,
        Ratio.of(3, 10 * share),
    )


def a_report(by: tuple[Dimension, ...], names: tuple[str | None, ...], days: int = 5) -> KpiReport:
    groups = []
    for number in range(days if Dimension.DAY in by else len(by)):
        day = (SINCE + timedelta(days=number)).date().isoformat()
        for place, name in enumerate(names, start=1):
            key = {each.value: day if each is Dimension.DAY else name for each in by}
            groups.append(Group(key, kpis(80 + place + number, counts=Dimension.CHANNEL not in by)))
    return KpiReport(SINCE, SINCE + timedelta(days=30), by, "USD", kpis(90), tuple(groups))


def found(tree: Any, path: str) -> Any:
    return tree.xpath(path)


def page(report: KpiReport) -> bytes:
    return kpi_page(report, NASTY, SINCE)


@pytest.mark.parametrize(
    ("by", "charts"),
    [((), 0), ((Dimension.NODE,), 5), ((Dimension.DAY,), 5), ((Dimension.DAY, Dimension.CHANNEL), 4)],
)
def test_each_kpi_that_has_a_value_is_drawn_and_every_number_stands_in_the_table(
    by: tuple[Dimension, ...], charts: int
) -> None:
    report = a_report(by, ("DC-1", NASTY, None)) if by != (Dimension.DAY,) else a_report(by, ("",))
    document = html.fromstring(page(report))
    pictures = found(document, "//svg[@role='img']")
    assert len(pictures) == charts
    for picture in pictures:
        assert found(picture, f"./title[@id='{picture.get('aria-labelledby')}']")[0].text
    rows = found(document, "//tbody/tr")
    assert len(rows) == len(report.groups) * bool(by)
    assert found(document, "string(//tfoot)").count("90.00 %") == 1
    assert len(found(document, "//thead//th")) == max(1, len(by)) + 5
    for row in rows if by else []:
        empty = found(row, "count(td[normalize-space() = ''])")
        assert empty == (1 if Dimension.CHANNEL in by else 0)


def test_a_page_takes_nothing_from_anywhere_and_runs_nothing() -> None:
    text = page(a_report((Dimension.NODE,), (NASTY,))).decode()
    assert "<script" not in text
    assert not re.search(r"https?:|url\(|@import|src=|href=", text)


def test_what_is_not_drawn_is_said() -> None:
    nodes = tuple(f"N{number:02}" for number in range(45))
    assert page(a_report((Dimension.NODE,), nodes)).decode().count("5 more are not drawn") == 5
    both = page(a_report((Dimension.DAY, Dimension.NODE), nodes[:8])).decode()
    assert both.count("2 more are not drawn") == 5
    # those with the most orders are drawn
    assert [each.text_content().strip() for each in found(html.fromstring(both), "(//ul)[1]/li")] == list(
        nodes[2:8]
    )


def test_a_line_breaks_where_a_day_has_no_value_and_a_bar_is_as_long_as_its_value() -> None:
    day = SINCE.date()
    values = {day + timedelta(days=number): Decimal(number) for number in (0, 1, 3)}
    drawn = lines("x", "X", [Line("all", values)], "h")
    (path,) = found(drawn, "//path/@d")
    assert [part[0] for part in re.findall(r"[ML][^ML]+", path)] == ["M", "L", "M"]
    assert len(found(drawn, "//circle")) == 3
    drawing = bars("x", "X", [Bar("a", Decimal(50), "50"), Bar("b", Decimal(100), "100"), Bar("c", None, "")])
    short, long = (float(width) for width in found(drawing, "//rect/@width"))
    assert long == pytest.approx(2 * short, abs=0.2)
    assert b"no value" in etree.tostring(drawing)


@pytest.mark.parametrize("value", [0, 1, 100])
def test_an_axis_has_a_length_even_where_all_values_are_the_same(value: int) -> None:
    day = SINCE.date()
    drawn = lines(
        "x", "X", [Line("all", {day: Decimal(value), day + timedelta(days=1): Decimal(value)})], "%"
    )
    labels = [float(each.text.split()[0]) for each in found(drawn, "//text") if each.text.endswith("%")]
    assert labels == sorted(set(labels))
    assert labels[0] <= value <= labels[-1] <= max(1, value)


@pytest.mark.server("chromium")
def test_a_browser_draws_it(tmp_path: Path) -> None:
    file = tmp_path / "kpis.html"
    file.write_bytes(page(a_report((Dimension.DAY, Dimension.NODE), ("DC-1", "DC-2", None))))
    dom = html.fromstring(browse(file, tmp_path))
    assert len(found(dom, "//svg[@role='img']//path[@class='line']")) == 5 * 3
    assert found(dom, "string(//h1)") == f"KPIs of {NASTY}, 2026-11-01 to 2026-12-01"
    picture = tmp_path / "kpis.png"
    browse(file, tmp_path, f"--screenshot={picture}", "--window-size=900,1800")
    # A page that is not drawn is of one colour, and packs into a few kilobytes.
    assert picture.stat().st_size > 40_000
