"""Lines and bars as SVG, drawn with the colours of the page around them; a reader without eyes gets title and text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import ceil, floor, log10

from crossdock.reporting.elements import Element, element

__all__ = ["SERIES_AT_MOST", "Bar", "Line", "bars", "lines"]

SERIES_AT_MOST = 6
"""Lines that eyes still tell apart; the style sheet has as many colours and dashes."""

_WIDTH = 720


@dataclass(frozen=True, slots=True)
class Bar:
    """A value with its name; None is drawn as a gap."""

    name: str
    value: Decimal | None
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """Values by day; a day without a value breaks the line."""

    name: str
    values: dict[date, Decimal]


def bars(name: str, title: str, rows: Sequence[Bar], top: Decimal | None = None) -> Element:
    """Horizontal bars.

    Args:
        name: Makes ids unique on the page.
        title: Read aloud in place of the picture.
        rows: From above to below.
        top: Where the scale ends, if not at the largest value.
    """
    left, step = 200, 26
    end = float(top or max((row.value for row in rows if row.value is not None), default=Decimal(0)) or 1)
    width = _WIDTH - left - 90
    drawing = _drawing(name, title, len(rows) * step + 8)
    for index, row in enumerate(rows):
        y = index * step + 4
        drawing.append(_text(left - 8, y + 15, _cut(row.name, 30), "end"))
        if row.value is not None:
            size = {"x": str(left), "y": str(y), "height": str(step - 6), "rx": "2"}
            bar = element(
                "rect", size, {"class": "bar", "width": f"{max(1.0, float(row.value) / end * width):.1f}"}
            )
            bar.append(element("title", f"{row.name}: {row.text}"))
            drawing.append(bar)
            drawing.append(_text(left + 8 + float(row.value) / end * width, y + 15, row.text))
        else:
            drawing.append(_text(left + 8, y + 15, "no value", css="quiet"))
    return drawing


def lines(name: str, title: str, series: Sequence[Line], unit: str) -> Element:
    """One line for each of at most ``SERIES_AT_MOST`` series over the days."""
    left, right, above, height = 64, 16, 10, 220
    days = sorted({day for line in series for day in line.values})
    values = [float(value) for line in series for value in line.values.values()]
    low, high, step = _scale(values)
    first, span = days[0], max(1, (days[-1] - days[0]).days)

    def x(day: date) -> float:
        return left + (day - first).days / span * (_WIDTH - left - right)

    def y(value: float) -> float:
        return above + (high - value) / (high - low) * height

    drawing = _drawing(name, title, above + height + 28)
    ticks = round((high - low) / step)
    for number in range(ticks + 1):
        value = low + number * step
        at = f"{y(value):.1f}"
        drawing.append(
            element("line", {"class": "grid", "x1": str(left), "x2": str(_WIDTH - right), "y1": at, "y2": at})
        )
        drawing.append(_text(left - 8, y(value) + 4, f"{value:g} {unit}", "end", "quiet"))
    shown = sorted({days[round(part * (len(days) - 1) / 4)] for part in range(5)})
    for day in shown:
        anchor = "end" if day == days[-1] and day != first else "start" if day == first else "middle"
        drawing.append(_text(x(day), above + height + 20, day.isoformat(), anchor, "quiet"))
    for index, line in enumerate(series):
        drawing.append(
            _line(index, line, [(day, x(day), y(float(line.values[day]))) for day in sorted(line.values)])
        )
    return drawing


def _line(index: int, line: Line, points: list[tuple[date, float, float]]) -> Element:
    """The line, broken where a day has no value, with a dot for each day that a pointer can ask for its value."""
    path, before = "", None
    for day, x, y in points:
        path += f"{'L' if before is not None and (day - before).days == 1 else 'M'}{x:.1f} {y:.1f}"
        before = day
    drawn = element("g", {"class": f"series-{index}"}, element("path", {"class": "line", "d": path}))
    for day, x, y in points:
        dot = element("circle", {"class": "dot", "cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "3"})
        dot.append(element("title", f"{line.name}, {day.isoformat()}: {line.values[day]:.2f}"))
        drawn.append(dot)
    return drawn


def _scale(values: Sequence[float]) -> tuple[float, float, float]:
    """Low end, high end and step of an axis with round numbers."""
    low, high = min(values), max(values)
    if high - low < 1e-9:
        low, high = (low - 1, high) if low > 1 else (0.0, max(1.0, high))
    raw = (high - low) / 4
    power = 10.0 ** floor(log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    return floor(low / step) * step, ceil(high / step) * step, step


def _drawing(name: str, title: str, height: int) -> Element:
    box = f"0 0 {_WIDTH} {height}"
    named = {"role": "img", "aria-labelledby": f"{name}-title", "viewBox": box}
    return element("svg", named, element("title", {"id": f"{name}-title"}, title))


def _text(x: float, y: float, words: str, anchor: str = "start", css: str = "") -> Element:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}
    return element("text", place | ({"class": css} if css else {}), words)


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"
