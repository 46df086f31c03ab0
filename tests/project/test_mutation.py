"""The mutation check: what it breaks, what it tries, what it writes, and that it tells good tests from bad ones."""

from __future__ import annotations

from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from textwrap import dedent

import pytest

from tools.mutation.campaign import Fate, Stage, Verdict, baseline, run
from tools.mutation.equivalents import Equivalent, Equivalents
from tools.mutation.mutants import Mutant, mutants, sample
from tools.mutation.page import Result, read, score, write

PATH = "core/crossdock/acme.py"
TEXT = dedent(
    '''
    """Words."""
    from typing import Sequence

    Names = Sequence[str]
    LIMITS = {"a": 1, **{"b": 2}}

    def sellable(on_hand: int, reserved: int, *, floor: int = 0) -> int | None:
        """Words."""
        if on_hand < reserved and not floor:
            raise ValueError(f"{on_hand} is less")
        return max(on_hand - reserved, floor)
    '''
)


def changes(text: str) -> set[tuple[str, str]]:
    return {(mutant.before, mutant.after) for mutant in mutants(PATH, text)}


def test_a_module_is_broken_in_every_way_once() -> None:
    assert changes(TEXT) == {
        ('LIMITS = {"a": 1, **{"b": 2}}', after)
        for after in (
            "LIMITS = None",
            'LIMITS = {**{"b": 2}}',
            'LIMITS = {"a": 1}',
            'LIMITS = {"a": 1, **{}}',
            """LIMITS = {'XXaXX': 1, **{"b": 2}}""",
            """LIMITS = {"a": 1, **{'XXbXX': 2}}""",
            'LIMITS = {"a": 2, **{"b": 2}}',
            'LIMITS = {"a": 1, **{"b": 3}}',
        )
    } | {
        (
            "def sellable(on_hand: int, reserved: int, *, floor: int = 0) -> int | None:",
            "def sellable(on_hand: int, reserved: int, *, floor: int = 1) -> int | None:",
        ),
        ("if on_hand < reserved and not floor:", "if on_hand <= reserved and not floor:"),
        ("if on_hand < reserved and not floor:", "if on_hand < reserved or not floor:"),
        ("if on_hand < reserved and not floor:", "if on_hand < reserved and (floor):"),
        ("if on_hand < reserved and not floor:", "if (not (on_hand < reserved and not floor)):"),
        ('raise ValueError(f"{on_hand} is less")', "pass"),
        ("return max(on_hand - reserved, floor)", "return None"),
        ("return max(on_hand - reserved, floor)", "return min(on_hand - reserved, floor)"),
        ("return max(on_hand - reserved, floor)", "return max(on_hand + reserved, floor)"),
    }


@pytest.mark.parametrize(
    ("line", "broken"),
    [
        ("x = sorted(y, key=f, reverse=True)", "x = sorted(y, reverse=True)"),
        ("x = f(key=1)", "x = f()"),
        ("x += 1", "x -= 1"),
        ("x = [a for a in b if a]", "x = [a for a in b if True]"),
        ("x = Decimal('1.5')", "x = Decimal('2.5')"),
        ("x = a is not None", "x = a is None"),
        ("x = any(y)", "x = all(y)"),
        ("x = a if b else c", "x = a if (not (b)) else c"),
    ],
)
def test_syntax_is_broken(line: str, broken: str) -> None:
    assert (line, broken) in changes(line)


def test_what_only_asserts_is_left_alone() -> None:
    assert changes("def f(x):\n    assert x > 1\n    g(*zip(x, y, strict=True))") == {
        ("g(*zip(x, y, strict=True))", "pass")
    }


def test_a_mutant_knows_the_lines_that_lead_to_it() -> None:
    found = mutants(PATH, TEXT)
    assert {mutant.lines for mutant in found if mutant.before.startswith("LIMITS")} == {range(0)}
    assert {mutant.lines for mutant in found if mutant.before.startswith("return")} == {range(12, 13)}
    assert {mutant.function for mutant in found} == {"", "sellable"}


def test_a_sample_follows_its_seed_and_the_size_of_the_modules() -> None:
    texts = {"core/crossdock/small.py": "X = 1\n", "core/crossdock/large.py": "X = 1\nY = 2\nZ = 3\n" * 30}
    chosen = sample(texts, 30, seed=1)
    assert chosen == sample(texts, 30, seed=1) != sample(texts, 30, seed=2)
    assert sum(mutant.path.endswith("small.py") for mutant in chosen) == 1
    assert len(chosen) == len(set(chosen)) == 31


def test_the_page_counts_and_lists(tmp_path: Path) -> None:
    path = "core/crossdock/orders/acme.py"
    killed, timed_out, equivalent, survived = mutants(path, TEXT)[:4]
    result = Result(["tests/orders"], "2026-11-23", 1, 99, Equivalents([known(equivalent)]))
    for mutant in (killed, timed_out, equivalent, survived):
        result.add(Verdict(mutant, Fate.SURVIVED, 3))
    result.add(Verdict(killed, Fate.KILLED, 2))
    result.add(Verdict(timed_out, Fate.TIMED_OUT, 2))
    write(result, tmp_path)
    page = (tmp_path / "mutation.md").read_text()
    assert "| orders | 4 | 2 | 1 | 1 | 1 | 66.7% |" in page
    survivors, equivalents = page.split("## Survivors")[1].split("## Equivalents")
    assert f"+ {survived.after}" in survivors
    assert "It does nothing." in equivalents
    assert score(result.counts("inventory")) == "-"

    now = Result(["tests/orders"], "2026-11-24", 2, 100, result.equivalents)
    again = read(tmp_path, now, mutants(path, TEXT)[1:], again=True)
    assert (again.seed, again.counts()["mutants"]) == (1, 3), "what is not in the code any more is left out"
    assert (again.day, again.tried_again) == ("2026-11-24", True)
    assert list(filter(again.survived, again.in_order())) == list(filter(result.survived, result.in_order()))
    assert list(filter(again.equivalent, again.in_order()))

    listed = replace(now, equivalents=Equivalents([known(survived)]), verdicts={})
    told = read(tmp_path, listed, mutants(path, TEXT), again=False)
    assert (told.day, told.there_are, told.tried_again) == ("2026-11-23", 99, False)
    assert [each.mutant for each in told.in_order() if told.survived(each)] == [equivalent]


def test_the_result_of_another_seed_is_kept_among_the_earlier(tmp_path: Path) -> None:
    found = mutants("core/crossdock/orders/acme.py", TEXT)[:2]
    for seed, fate in ((1, Fate.SURVIVED), (1, Fate.KILLED), (2, Fate.KILLED), (3, Fate.KILLED)):
        result = Result(
            ["tests/orders"], f"2026-11-2{seed}", seed, 99, Equivalents([]), tried_again=seed == 2
        )
        result.add(Verdict(found[0], Fate.KILLED, 1))
        result.add(Verdict(found[1], fate, 1))
        write(result, tmp_path)
    page = (tmp_path / "mutation.md").read_text()
    assert page.count("| 1 | 2026-11-21 | 2 | 100.0% | fresh |") == 1
    assert "| 2 | 2026-11-22 | 2 | 100.0% | what lived was tried again after" in page
    assert "| 3 | " not in page


def test_what_is_listed_but_gone_is_told() -> None:
    first, second = mutants(PATH, TEXT)[:2]
    listed = Equivalents([known(first), known(second)])
    assert listed.without([first]) == [known(second)]
    whole_line = Equivalent(first.path, first.function, first.before, "It does nothing.")
    assert Equivalents([whole_line]).of(second) == whole_line


@pytest.mark.slow
def test_a_good_test_kills_and_a_bad_one_does_not(tmp_path: Path) -> None:
    """On a small project of its own, in a process of its own: each has one fork server, and other tests use ours."""
    process = get_context("spawn").Process(target=try_small_project, args=(tmp_path / "project",))
    process.start()
    process.join()
    assert process.exitcode == 0, "see the traceback above"


def try_small_project(root: Path) -> None:
    text = "def left(on_hand: int, reserved: int) -> int:\n    return max(on_hand - reserved, 0)\n"
    untested = "def more(units: int) -> int:\n    return units\n"
    test = "from crossdock.left import left\n\ndef test_it():\n    assert"
    files = {
        "pyproject.toml": '[tool.pytest.ini_options]\naddopts = ["--import-mode=importlib"]\n',
        "core/crossdock/__init__.py": "",
        "core/crossdock/left.py": text,
        "core/crossdock/more.py": untested,
        "tests/good/test_good.py": f"{test} (left(5, 2), left(2, 5)) == (3, 0)\n",
        "tests/bad/test_bad.py": f"{test} left(5, 0) is not None\n",
    }
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    path = "core/crossdock/left.py"
    bad, good = baseline(root, ["tests/bad"]), baseline(root, ["tests/good"])
    first = list(run(root, {path: text}, mutants(path, text), bad, 2))
    survivors = [verdict.mutant for verdict in first if verdict.fate is Fate.SURVIVED]
    assert sorted(mutant.after for mutant in survivors) == [
        "return max(on_hand + reserved, 0)",
        "return max(on_hand - reserved, 1)",
        "return min(on_hand - reserved, 0)",
    ]
    (alone,) = run(root, {path: untested}, mutants("core/crossdock/more.py", untested), good, 2)
    assert (alone.fate, alone.tests) == (Fate.SURVIVED, 0), "nobody runs it"
    second = run(root, {path: text}, survivors, good, 2)
    assert {verdict.fate for verdict in second} == {Fate.KILLED}
    assert (root / path).read_text() == text


def known(mutant: Mutant) -> Equivalent:
    return Equivalent(mutant.path, mutant.function, mutant.before, "It does nothing.", mutant.after)


def test_only_the_tests_that_run_the_line_are_tried() -> None:
    stage = Stage((), {"a": 0.1, "b": 4.0, "c": 2.0}, {PATH: {12: frozenset({"b"}), 8: frozenset({"a"})}})
    on_import, *_, in_function = mutants(PATH, TEXT)
    assert stage.against(in_function) == {"b": 4.0}
    assert stage.against(on_import) == {"a": 0.1, "c": 2.0}, "what takes five seconds"
    mirrored = Stage((), {"tests/acme.py/x": 9.0, "a": 0.1}, {})
    assert mirrored.against(on_import) == {"tests/acme.py/x": 9.0}
