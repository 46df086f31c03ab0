"""What a mutation check has found, as a page and as data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypedDict

from tools.mutation.campaign import Fate, Verdict
from tools.mutation.equivalents import Equivalents
from tools.mutation.mutants import Mutant

__all__ = ["Result", "read", "score", "write"]

_INTRODUCTION = """\
# Mutation check

<!-- Made by `make mutation`; the numbers are in mutation.json. -->

A mutant is the code with one thing broken: a comparison turned, a statement left out, a constant changed. It is
*killed* when a test fails or computes far too long. Mutants that live are mistakes that no test would notice. Broken
are the packages that decide what customers are promised: `inventory`, `routing`, `orders`. Each mutant meets the tests
that run the broken line.
[Why with a tool of our own](decisions/0032-mutation-check.md).
"""
_LONGEST = 150


class Earlier(TypedDict):
    """What a sample came to that was tried before."""

    seed: str
    day: str
    tried: int
    killed: str
    note: str


@dataclass(frozen=True, slots=True)
class Result:
    """The verdicts on ``seed``'s sample of the mutants that ``there_are``; on all of them without a seed."""

    tests: Sequence[str]
    day: str
    seed: int | None
    there_are: int
    equivalents: Equivalents
    verdicts: dict[Mutant, Verdict] = field(default_factory=dict)
    tried_again: bool = False

    def add(self, verdict: Verdict) -> None:
        """Take a verdict, in place of an earlier one on the same mutant."""
        before = self.verdicts.get(verdict.mutant)
        tests = verdict.tests + (before.tests if before else 0)
        self.verdicts[verdict.mutant] = Verdict(verdict.mutant, verdict.fate, tests)

    def equivalent(self, verdict: Verdict) -> bool:
        """Whether the mutant lives because it behaves like the original."""
        return verdict.fate is Fate.SURVIVED and self.equivalents.of(verdict.mutant) is not None

    def survived(self, verdict: Verdict) -> bool:
        """Whether the mutant lives and should not."""
        return verdict.fate is Fate.SURVIVED and not self.equivalent(verdict)

    def in_order(self) -> list[Verdict]:
        """The verdicts in the order of the code."""
        return sorted(
            self.verdicts.values(), key=lambda each: (each.mutant.path, each.mutant.line, each.mutant.after)
        )

    def counts(self, package: str = "") -> dict[str, int]:
        """How many of ``package``, or of all, met which fate."""
        those = [each for each in self.verdicts.values() if package in ("", _package(each))]
        return {
            "mutants": len(those),
            "killed": sum(each.fate is not Fate.SURVIVED for each in those),
            "timed_out": sum(each.fate is Fate.TIMED_OUT for each in those),
            "equivalent": sum(map(self.equivalent, those)),
            "survived": sum(map(self.survived, those)),
        }

    def packages(self) -> list[str]:
        """The names of the packages that were broken."""
        return sorted(set(map(_package, self.verdicts.values())))


def score(counts: Mapping[str, int]) -> str:
    """The share of the mutants that were killed, of those that can be."""
    possible = counts["killed"] + counts["survived"]
    return f"{counts['killed'] / possible:.1%}" if possible else "-"


def write(result: Result, folder: Path) -> None:
    """Write ``mutation.md`` and ``mutation.json``; what stood there of another seed goes to the earlier results."""
    earlier = _earlier(result, folder / "mutation.json")
    data = _data(result) | {"earlier": earlier}
    (folder / "mutation.md").write_text("\n".join(_page(result, earlier)) + "\n", encoding="utf-8")
    (folder / "mutation.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def _earlier(result: Result, file: Path) -> list[Earlier]:
    if not file.exists():
        return []
    last = json.loads(file.read_text(encoding="utf-8"))
    found: list[Earlier] = last["earlier"]
    if last["seed"] == result.seed:
        return found
    counts = last["all"]
    note = "what lived was tried again after the tests had grown" if last["tried_again"] else "fresh"
    this = Earlier(
        seed=str(last["seed"] or "all"),
        day=last["day"],
        tried=counts["mutants"],
        killed=score(counts),
        note=note,
    )
    return [*found, this]


def read(folder: Path, result: Result, there_are: Iterable[Mutant], *, again: bool) -> Result:
    """The last result as ``write`` left it, in place of ``result``; without mutants of code that is no more.

    Args:
        again: Whether what survived is to be tried again, with the tests of ``result``.
    """
    last = json.loads((folder / "mutation.json").read_text(encoding="utf-8"))
    known = {(each.path, each.function, each.before, each.after): each for each in there_are}
    found = replace(result, seed=last["seed"], tried_again=again or last["tried_again"])
    if not again:
        found = replace(found, tests=last["tests"], day=last["day"], there_are=last["there_are"])
    for entry in last["mutants"]:
        mutant = known.get((entry["path"], entry["function"], entry["before"], entry["after"]))
        if mutant:
            fate = Fate.SURVIVED if entry["fate"] == "equivalent" else Fate(entry["fate"])
            found.add(Verdict(mutant, fate, entry["tests"]))
    return found


def _package(verdict: Verdict) -> str:
    return Path(verdict.mutant.path).parts[2]


def _page(result: Result, earlier: Sequence[Earlier]) -> Iterator[str]:
    yield _INTRODUCTION
    which = (
        "all"
        if result.seed is None
        else f"a sample of seed {result.seed}, from each module by its statements"
    )
    yield f"Made on {result.day}. Of {result.there_are:,} mutants {len(result.verdicts):,} were tried: {which}.\n"
    if result.tried_again:
        yield "Those that lived at first were tried again after the tests had grown.\n"
    yield f"The tests: {', '.join(f'`{folder}`' for folder in result.tests)}.\n"
    yield "| package | tried | killed | of these by time | equivalent | survived | killed of those that can be |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for package in [*result.packages(), ""]:
        counts = result.counts(package)
        cells = " | ".join(f"{number:,}" for number in counts.values())
        yield f"| {package or 'all'} | {cells} | {score(counts)} |"
    if earlier:
        yield "\n## Earlier samples\n\n| seed | day | tried | killed of those that can be | |\n|---|---|---:|---:|---|"
        for each in earlier:
            yield f"| {each['seed']} | {each['day']} | {each['tried']} | {each['killed']} | {each['note']} |"
    yield "\n## Survivors\n"
    survivors = list(filter(result.survived, result.in_order()))
    yield from _listed(result, survivors) or ["None."]
    if equivalent := list(filter(result.equivalent, result.in_order())):
        yield "\n## Equivalents\n\nThey behave like the original; listed by hand in `tools/mutation/equivalent.toml`.\n"
        yield from _listed(result, equivalent)


def _listed(result: Result, verdicts: Sequence[Verdict]) -> list[str]:
    lines = []
    for each in verdicts:
        mutant, known = each.mutant, result.equivalents.of(each.mutant)
        where = f"`{mutant.path}:{mutant.line}`" + (f" in `{mutant.function}`" if mutant.function else "")
        lines += [f"- {where}: {known.reason}" if known else f"- {where}", "  ```diff"]
        lines += [f"  - {_clipped(mutant.before)}", f"  + {_clipped(mutant.after)}", "  ```"]
    return lines


def _clipped(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …"


def _data(result: Result) -> dict[str, object]:
    return {
        "day": result.day,
        "seed": result.seed,
        "tried_again": result.tried_again,
        "tests": list(result.tests),
        "there_are": result.there_are,
        "packages": {name: result.counts(name) for name in result.packages()},
        "all": result.counts(),
        "mutants": [
            {
                "path": each.mutant.path,
                "line": each.mutant.line,
                "function": each.mutant.function,
                "operator": each.mutant.edit.operator,
                "before": each.mutant.before,
                "after": each.mutant.after,
                "tests": each.tests,
                "fate": "equivalent" if result.equivalent(each) else each.fate.value,
            }
            for each in result.in_order()
        ],
    }
