"""What ``crossdock map`` shows to people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape

from crossdock.mapping import MappingFault
from crossdock.mapping.analysis import Change
from crossdock.mapping.faults import shorten

__all__ = ["show_cases", "show_differences", "show_faults", "show_paths"]


def show_faults(faults: list[MappingFault]) -> None:
    """Each fault with its place and mapping, on standard error."""
    console = Console(stderr=True)
    for fault in faults:
        place = f"{escape(fault.source_path)} -> [bold]{escape(fault.target_path)}[/]"
        mapping = f"{escape(fault.mapping)} v{fault.version}"
        console.print(f"[red]{escape(fault.code)}[/] {place} in {mapping}", soft_wrap=True)
        value = f" (value: {fault.value})" if fault.value else ""
        console.print(f"    {escape(fault.message + value)}", soft_wrap=True)
    if faults:
        console.print(f"[red]{len(faults)} fault{'s' if len(faults) > 1 else ''}[/]")


def show_cases(rows: list[dict[str, Any]], failed: int) -> None:
    """Each case: passed, failed with its problems, or missing."""
    console = Console()
    for row in rows:
        untested = row["case"] == "(no tests file)"
        mark = "[red]fail[/]" if row["problems"] else "[yellow]none[/]" if untested else "[green]pass[/]"
        console.print(f"{mark} {escape(row['mapping'])}: {escape(row['case'])}", soft_wrap=True)
        for problem in row["problems"]:
            console.print(f"       {escape(problem)}", soft_wrap=True)
    console.print(f"{len(rows) - failed} good, {failed} failed")


def show_paths(console: Console, title: str, paths: tuple[str, ...]) -> None:
    """A list of paths under a title."""
    if paths:
        console.print(f"\n[bold]{escape(title)}[/]")
        for path in paths:
            console.print(f"  {escape(path)}", soft_wrap=True)


def show_differences(differences: dict[str, list[Change]], total: int) -> None:
    """What changes, by document."""
    console = Console()
    for name, found in differences.items():
        console.print(f"[bold]{escape(name)}[/]", soft_wrap=True)
        for change in found:
            before, after = escape(shorten(change.old)), escape(shorten(change.new))
            console.print(f"  {escape(change.path)}: [red]{before}[/] -> [green]{after}[/]", soft_wrap=True)
    console.print(f"{len(differences)} of {total} documents change")
