"""Measure everything and write it down: ``python -m benchmarks``. With names it only measures those.

A benchmark is a module of this folder with a function ``measure()`` that returns a list of measurements, or
of dictionaries with their fields. Each sets ours beside something else in the same run, because only the
ratio survives a change of machine.
"""

from __future__ import annotations

import json
import os
import pkgutil
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.measurement import Measurement

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = HERE.parent / "docs/benchmarks.md"
MEASUREMENTS = TypeAdapter(list[Measurement])
_MEASURED = "Measured on "


def benchmarks() -> dict[str, Callable[[], object]]:
    """Every benchmark by the name of its module."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(HERE)]) if module.name != "__main__")
    modules = {name: import_module(f"benchmarks.{name}") for name in names}
    return {name: module.measure for name, module in modules.items() if hasattr(module, "measure")}


def run(chosen: dict[str, Callable[[], object]], console: Console) -> list[Measurement]:
    """Run one benchmark after the other, showing which; a result of the wrong shape is an error."""
    results: list[Measurement] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        for name, measure in chosen.items():
            task = progress.add_task(name, total=1)
            results += MEASUREMENTS.validate_python(measure())
            progress.update(task, completed=1)
    return results


def page(results: Sequence[Measurement], machine: Sequence[str], day: str) -> str:
    """The text of ``docs/benchmarks.md``."""
    return "\n".join(_page(results, machine, day))


def circumstances(text: str) -> tuple[list[str], str]:
    """The machine and the day that a page names."""
    day, _, rest = text.partition(_MEASURED)[2].partition(" with `make bench`:\n\n")
    return [line.removeprefix("- ") for line in rest.partition("\n\n")[0].splitlines()], day


def machine_facts() -> list[str]:
    """What the numbers depend on."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"{processor()}, {os.cpu_count()} cores, {memory_gib:.0f} GiB",
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()} {_origin()}",
        ", ".join(f"{name} {version(name)}" for name in ("crossdock", "pydantic", "sqlalchemy", "highspy")),
    ]


def _origin() -> str:
    """Whose build of Python it is: one without optimisations is up to twice as slow."""
    return "of the system" if sys.base_prefix in {"/usr", "/usr/local"} else "not of the system"


def processor() -> str:
    """The processor's name, where the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown processor")


def _page(results: Sequence[Measurement], machine: Sequence[str], day: str) -> Iterator[str]:
    yield from (
        "# Benchmarks",
        "",
        "<!-- Made by `make bench`; the numbers are in benchmarks/results.json. -->",
        "",
    )
    yield "Both sides of a row were measured in one run on one machine. The ratio is ours ÷ other: of a time,"
    yield "below 1 is better; of a rate, above 1 is. A *floor* does the same I/O with no logic."
    yield from ("", f"{_MEASURED}{day} with `make bench`:", "", *(f"- {fact}" for fact in machine), "")
    yield from ("| what | unit | ours | other | the other is | ratio |", "|---|---|---:|---:|---|---:|")
    yield from ("| " + " | ".join(cells(row)) + " |" for row in results)
    yield ""


def cells(row: Measurement) -> tuple[str, str, str, str, str, str]:
    """A measurement as six texts."""
    return (row.name, row.unit, figure(row.ours), figure(row.other), row.other_name, f"{row.ratio:.2f}")


def figure(value: float) -> str:
    """Three significant digits, and no exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Only these; then nothing is written.")] = None,
) -> None:
    """Measure, print, and, when everything was measured, write results.json and docs/benchmarks.md."""
    console = Console()
    known = benchmarks()
    if unknown := set(names or ()) - known.keys():
        raise typer.BadParameter(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    results = run({name: known[name] for name in names or known}, console)
    shown = Table("what", "unit", "ours", "other", "the other is", "ratio")
    for row in results:
        shown.add_row(*cells(row))
    console.print(shown)
    if not names:
        flat = [row.model_dump() for row in results]
        RESULTS.write_text(json.dumps(flat, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        PAGE.write_text(
            page(results, machine_facts(), datetime.now(UTC).date().isoformat()), encoding="utf-8"
        )
        console.print(f"written: {RESULTS.name}, {PAGE.name}")


if __name__ == "__main__":
    typer.run(main)
