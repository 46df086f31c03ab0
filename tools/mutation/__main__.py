"""Break the pure core in many small ways and see whether the tests notice: ``python -m tools.mutation``.

It works on a copy of the project. ``docs/mutation.md`` and ``docs/mutation.json`` are written by a run over all
packages; with ``--only``, or after Ctrl-C, what was found is shown and nothing is written.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from tools.mutation.campaign import PURE, STORED, Verdict, baseline, run
from tools.mutation.equivalents import read_equivalents
from tools.mutation.mutants import Mutant, all_mutants, sample
from tools.mutation.page import Result, read, score, write

ROOT = Path(__file__).parents[2]
PACKAGES = ("inventory", "routing", "orders")


def main(
    size: Annotated[int, typer.Option("--mutants", help="How many, over all modules.")] = 400,
    seed: Annotated[int, typer.Option(help="Which ones.")] = 1,
    everything: Annotated[bool, typer.Option("--all", help="Every mutant there is; takes hours.")] = False,
    only: Annotated[str, typer.Option(help="Only files whose path contains this; nothing is written.")] = "",
    pure: Annotated[
        bool, typer.Option("--pure", help="Only the tests of the core alone; sooner, and stricter.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Only what survived the last time, with the tests as they are now."),
    ] = False,
    page: Annotated[
        bool, typer.Option("--page", help="Only tell the last result, by today's equivalents.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Trials at a time.")] = 2,
) -> None:
    """Run the mutation check."""
    console = Console()
    signal.signal(signal.SIGTERM, _interrupt)
    with _copy() as root:
        texts = {path: text for path, text in _sources(root).items() if only in path}
        there_are = all_mutants(texts)
        chosen = there_are if everything else sample(texts, size, seed)
        groups = (PURE,) if pure else (PURE, STORED)
        result = _nothing_yet(groups, None if everything else seed, len(there_are))
        if again or page:
            result = read(ROOT / "docs", result, there_are, again=again)
            chosen = [each.mutant for each in result.in_order() if again and result.survived(each)]
        try:
            _try(console, root, texts, chosen, workers, result, groups)
        except KeyboardInterrupt:
            console.print("Stopped; nothing is written.")
            only = only or "stopped"
    _tell(console, result)
    if not only:
        write(result, ROOT / "docs")
        for entry in result.equivalents.without(there_are):
            console.print(f"Take it out of equivalent.toml, its code has changed: {entry}", style="red")


def _nothing_yet(groups: Sequence[Sequence[str]], seed: int | None, there_are: int) -> Result:
    return Result(
        tests=[folder for folders in groups for folder in folders],
        day=datetime.now(UTC).date().isoformat(),  # noqa: TID251 - the page says when it was made
        seed=seed,
        there_are=there_are,
        equivalents=read_equivalents(),
    )


def _tell(console: Console, result: Result) -> None:
    counts = result.counts()
    told = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items())
    console.print(f"{told}: {score(counts)} killed of those that can be")


@contextmanager
def _copy() -> Iterator[Path]:
    """A copy of the project as it is now, in a folder of its own; gone in the end."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    with tempfile.TemporaryDirectory(prefix="mutation-", ignore_cleanup_errors=True) as folder:
        root = Path(folder).resolve() / "project"
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, root / name)
        yield root


def _sources(root: Path) -> dict[str, str]:
    """The text of each module of the core, by its path from the project's root."""
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for package in PACKAGES
        for path in sorted((root / "core/crossdock" / package).rglob("*.py"))
    }


def _try(
    console: Console,
    root: Path,
    texts: Mapping[str, str],
    chosen: Sequence[Mutant],
    workers: int,
    result: Result,
    groups: Sequence[Sequence[str]],
) -> None:
    """First the tests that are pure and fast; what they let live meets the others."""
    left = list(chosen)
    for folders in groups:
        if not left:
            return
        console.print(f"The tests of {', '.join(folders)}, with nothing broken:")
        stage = baseline(root, folders)
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
        with Progress(*columns, console=console) as progress:
            for verdict in progress.track(
                run(root, texts, left, stage, workers), len(left), description="mutants"
            ):
                result.add(verdict)
                if result.survived(verdict):
                    _show(progress.console, verdict)
        left = [verdict.mutant for verdict in result.verdicts.values() if result.survived(verdict)]


def _show(console: Console, verdict: Verdict) -> None:
    mutant = verdict.mutant
    console.print(
        f"{mutant.path}:{mutant.line} {mutant.function} ({verdict.tests} tests)",
        f"  - {mutant.before}",
        f"  + {mutant.after}",
        sep="\n",
        markup=False,
        highlight=False,
    )


def _interrupt(number: int, frame: object) -> None:
    """A polite request to end is treated like Ctrl-C."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    typer.run(main)
