"""Many trials, a few at a time."""

from __future__ import annotations

import json
import os
import signal
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tools.mutation.mutants import Mutant
from tools.mutation.trial import (
    PASSED,
    TIMED_OUT,
    Recorded,
    Trial,
    context,
    run_cold,
    run_recorded,
    serve_warm,
)

__all__ = ["PURE", "STORED", "Fate", "Stage", "Verdict", "baseline", "run"]

PURE = ("tests/inventory", "tests/routing", "tests/orders")
"""Tests of the core alone."""
STORED = ("tests/processors", "tests/models", "tests/scenarios")
"""Tests of the core through the processors, on SQLite."""

# How long to look for who notices what any test may notice.
_ON_IMPORT_SECONDS = 5.0


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A mutant's fate, and how many tests could have noticed."""

    mutant: Mutant
    fate: Fate
    tests: int


@dataclass(frozen=True, slots=True)
class Stage:
    """Tests that pass when nothing is broken: how long each takes, and who runs which line of which file."""

    folders: Sequence[str]
    seconds: Mapping[str, float]
    ran: Mapping[str, Mapping[int, frozenset[str]]]

    def against(self, mutant: Mutant) -> dict[str, float]:
        """The tests that may notice: those that run its lines; if the import runs them, cheap ones of its package."""
        if not self.on_import(mutant):
            return {name: self.seconds[name] for name in self._who_ran(mutant)}
        folder = f"tests/{Path(mutant.path).parts[2]}/"
        mirrored = {name: each for name, each in self.seconds.items() if name.startswith(folder)}
        return _cheapest(mirrored or self.seconds, _ON_IMPORT_SECONDS)

    def on_import(self, mutant: Mutant) -> bool:
        """Whether what is broken runs when the project is imported."""
        return not mutant.lines or "" in self._who_ran(mutant)

    def _who_ran(self, mutant: Mutant) -> frozenset[str]:
        lines = self.ran.get(mutant.path, {})
        return frozenset[str]().union(*(lines.get(line, frozenset()) for line in mutant.lines))


def _cheapest(seconds: Mapping[str, float], most: float) -> dict[str, float]:
    """As many tests as compute in ``most`` seconds together, and one at least."""
    names = sorted(seconds, key=seconds.__getitem__)
    sums = accumulate(seconds[name] for name in names)
    return {
        name: seconds[name]
        for name, so_far in zip(names, sums, strict=True)
        if so_far < most or name == names[0]
    }


def baseline(root: Path, folders: Sequence[str]) -> Stage:
    """Run the tests in ``folders`` with nothing broken.

    Raises:
        RuntimeError: If one of them fails.
    """
    record = root.parent / "baseline.json"
    process = context().Process(target=run_recorded, args=(root, folders, record))
    process.start()
    try:
        process.join()
    finally:
        _end(process)
    if process.exitcode != PASSED:
        raise RuntimeError(
            f"Tests in {', '.join(folders)} fail with nothing broken. See above, and mend them first."
        )
    recorded: Recorded = json.loads(record.read_text())
    ran = {
        path: {int(line): frozenset(names) for line, names in lines.items()}
        for path, lines in recorded["ran"].items()
    }
    return Stage(folders, recorded["seconds"], ran)


def run(
    root: Path, texts: Mapping[str, str], mutants: Sequence[Mutant], stage: Stage, workers: int
) -> Iterator[Verdict]:
    """Try every mutant against the tests of ``stage``, in the copy of the project at ``root``."""
    waiting: deque[Mutant] = deque()
    for mutant in mutants:
        if stage.against(mutant):
            waiting.append(mutant)
        else:
            yield Verdict(mutant, Fate.SURVIVED, 0)
    crew = [_Worker(root, stage) for _ in range(min(workers, len(waiting)))]
    try:
        while waiting or any(worker.mutant for worker in crew):
            for worker in crew:
                if worker.mutant is None and waiting:
                    mutant = waiting.popleft()
                    worker.start(mutant, mutant.broken(texts[mutant.path]))
            busy = [worker.sign for worker in crew if worker.mutant]
            ready = connection.wait(busy)
            for worker in crew:
                if worker.mutant and worker.sign in ready and (verdict := worker.finish()):
                    yield verdict
    finally:
        for worker in crew:
            worker.end()


class _Worker:
    """Tries one mutant at a time: warm if it can, else cold."""

    def __init__(self, root: Path, stage: Stage) -> None:
        self._root, self._stage = root, stage
        self._warm: tuple[ForkServerProcess, Connection] | None = None
        self._cold: ForkServerProcess | None = None
        self._trial = Trial("", "", {})
        self.mutant: Mutant | None = None

    @property
    def sign(self) -> Connection | int:
        """What becomes ready when the trial has ended."""
        return self._cold.sentinel if self._cold else self._server()[1]

    def start(self, mutant: Mutant, text: str) -> None:
        """Begin to try ``mutant``."""
        self.mutant = mutant
        self._trial = Trial(mutant.path, text, self._stage.against(mutant))
        if self._stage.on_import(mutant):
            self._start_cold()
        else:
            self._server()[1].send(self._trial)

    def finish(self) -> Verdict | None:
        """The verdict; None, and the trial begins anew, if it turned out that it has to be cold."""
        if self.mutant is None:
            return None
        code: int | None
        if self._cold:
            self._cold.join()
            code = self._cold.exitcode
            _end(self._cold)
            self._cold = None
        elif (code := self._server()[1].recv()) is None:
            self._start_cold()
            return None
        verdict = Verdict(self.mutant, _fate(code), len(self._trial.seconds))
        self.mutant = None
        return verdict

    def end(self) -> None:
        """End every process."""
        for process in [self._cold, *(self._warm or ())[:1]]:
            if process:
                _end(process)

    def _start_cold(self) -> None:
        self._cold = context().Process(target=run_cold, args=(self._root, self._trial))
        self._cold.start()

    def _server(self) -> tuple[ForkServerProcess, Connection]:
        if self._warm is None:
            here, there = context().Pipe()
            process = context().Process(target=serve_warm, args=(self._root, self._stage.folders, there))
            process.start()
            there.close()
            self._warm = process, here
        return self._warm


def _fate(code: int | None) -> Fate:
    if code == PASSED:
        return Fate.SURVIVED
    return Fate.TIMED_OUT if code == TIMED_OUT else Fate.KILLED


def _end(process: ForkServerProcess) -> None:
    """End a process and every other that it has started."""
    try:
        os.killpg(process.pid or 0, signal.SIGKILL)
    except ProcessLookupError:
        return
