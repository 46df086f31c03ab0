"""Rules of the code that no linter holds: sizes, names, lock files, links. See CONTRIBUTING.md."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SHIPPED = ("benchmarks", "connectors", "core", "mappings", "schemas", "tools")
RATCHET = tomllib.loads((ROOT / "tests/tidy_ratchet.toml").read_text())

MODULE_LINES, MODULE_LINES_HARD = 300, 500
FUNCTION_LINES, FUNCTION_LINES_HARD = 40, 60
VAGUE_NAMES = {"base_utils", "common", "helper", "helpers", "manager", "misc", "util", "utils"}


@cache
def tracked() -> tuple[Path, ...]:
    """Every file of the project: those git knows and those it would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(path for name in found.split("\0") if name and (path := ROOT / name).is_file())


def python_files(*folders: str) -> Iterator[tuple[str, str]]:
    """Name and text of each Python file under ``folders``; migrations are generated, and left out."""
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if "/migrations/versions/" in name:
            continue
        if path.suffix == ".py" and name.startswith(tuple(f"{folder}/" for folder in folders)):
            yield name, path.read_text()


def functions(name: str, text: str) -> Iterator[tuple[str, int]]:
    """Each function as ``file:Class.function`` with its lines, the docstring not counted."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, int]]:
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from walk(child, prefix)
                continue
            if not isinstance(child, ast.ClassDef):
                yield f"{name}:{prefix}{child.name}", own_lines(child)
            yield from walk(child, f"{prefix}{child.name}.")

    yield from walk(ast.parse(text), "")


def own_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from ``def`` to the end, without the docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def size_faults(sizes: dict[str, int], limit: int, hard: int, ratchet: dict[str, int]) -> list[str]:
    """What is wrong with ``sizes``, one sentence each: too large, or a ratchet entry to tighten."""
    faults = []
    for name, size in sorted(sizes.items()):
        allowed = ratchet.get(name, limit)
        if size > hard:
            faults.append(f"{name} has {size} lines, more than {hard}: split it")
        elif size > allowed:
            faults.append(f"{name} has {size} lines, more than {allowed}: split it")
        elif name in ratchet and size <= limit:
            faults.append(f"{name} is within {limit} lines now: take it out of tests/tidy_ratchet.toml")
        elif name in ratchet and size < allowed:
            faults.append(f"{name} has shrunk: write {size} in tests/tidy_ratchet.toml")
    faults += [
        f"{name} is gone: take it out of tests/tidy_ratchet.toml" for name in sorted(ratchet.keys() - sizes)
    ]
    return faults


def test_modules_are_small() -> None:
    shipped = {name: len(text.splitlines()) for name, text in python_files(*SHIPPED)}
    faults = size_faults(shipped, MODULE_LINES, MODULE_LINES_HARD, RATCHET["module_lines"])
    tests = {name: len(text.splitlines()) for name, text in python_files("tests")}
    faults += size_faults(tests, MODULE_LINES_HARD, MODULE_LINES_HARD, {})
    assert not faults, "\n".join(faults)


def test_functions_are_small() -> None:
    sizes = {key: size for name, text in python_files(*SHIPPED) for key, size in functions(name, text)}
    faults = size_faults(sizes, FUNCTION_LINES, FUNCTION_LINES_HARD, RATCHET["function_lines"])
    assert not faults, "\n".join(faults)


def test_a_size_fault_is_found_and_the_ratchet_only_tightens() -> None:
    ratchet = {"held": 45, "shrunk": 45, "small_now": 45, "gone": 45, "grown": 45}
    sizes = {"held": 45, "shrunk": 44, "small_now": 40, "grown": 46, "new": 41, "fine": 40, "huge": 61}
    faults = size_faults(sizes, 40, 60, ratchet)
    assert [fault.split()[0] for fault in faults] == ["grown", "huge", "new", "shrunk", "small_now", "gone"]


def test_a_docstring_does_not_count_as_code() -> None:
    text = 'class A:\n    def f(self):\n        """One.\n\n        Two.\n        """\n        return 1\n'
    assert dict(functions("a.py", text)) == {"a.py:A.f": 2}


def test_no_module_has_a_vague_name() -> None:
    parts = {name: set(Path(name).with_suffix("").parts) for name, _ in python_files(*SHIPPED, "tests")}
    assert not {name for name, found in parts.items() if found & VAGUE_NAMES}


def test_migrations_are_one_chain_in_the_order_of_their_files() -> None:
    folder = ROOT / "core/crossdock/store/migrations/versions"
    texts = {path.name: path.read_text() for path in sorted(folder.glob("r*.py"))}
    numbers = [re.search(r'^revision = "(\d+)"', text, re.MULTILINE) for text in texts.values()]
    before = [re.search(r'^down_revision = "?(\d+|None)', text, re.MULTILINE) for text in texts.values()]
    chain = [number[1] for number in numbers if number]
    assert chain == [name[1:5] for name in texts] == sorted(set(chain))
    assert [number[1] for number in before if number] == ["None", *chain[:-1]]


def test_lock_files_name_no_host() -> None:
    """Whoever installs chooses the index; a lock says what, by hash, not where from."""
    locks = [path for path in tracked() if path.name in {"requirements.lock", "package-lock.json"}]
    assert ROOT / "requirements.lock" in locks
    hosts = {
        "requirements.lock": r"^[^#\n]*://|--index-url|--find-links",
        "package-lock.json": r'"resolved"\s*:',
    }
    for path in locks:
        assert not re.search(hosts[path.name], path.read_text(), re.MULTILINE), (
            f"{path.relative_to(ROOT)} names a host: make it with `make lock`, "
            "or `npm install --omit-lockfile-registry-resolved`"
        )


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    locked = dict(
        re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    )
    for requirement in map(Requirement, declared):
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in requirements.lock: run `make lock`"
        assert requirement.specifier.contains(version, prereleases=True), (
            f"{requirement} is locked at {version}: run `make lock`"
        )


def test_no_path_of_somebodys_machine() -> None:
    pattern = re.compile(r"(?<![\w.])/(?:home|Users|root|work)/\w")
    texts = [
        path
        for path in tracked()
        if path.suffix in {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".csv", ""}
    ]
    assert not [
        str(path.relative_to(ROOT)) for path in texts if pattern.search(path.read_text(errors="replace"))
    ]


def markdown() -> list[Path]:
    """Every page of prose."""
    return [path for path in tracked() if path.suffix == ".md"]


def anchors(text: str) -> set[str]:
    """The fragments that a page's headings answer to, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", markdown(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_resolve(page: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, fragment = target.partition("#")
        linked = (page.parent / file) if file else page
        assert linked.exists(), f"{target} does not exist"
        assert not fragment or fragment in anchors(linked.read_text()), f"{target}: no such heading"


def test_names_in_the_docs_exist() -> None:
    """A dotted name in backticks is a module, something in one, or an entry point group; never a file."""
    pattern = re.compile(r"`(crossdock(?:_\w+)?(?:\.(?!yaml)\w+)+)`")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    missing = {
        f"{page.name}: {name}"
        for page in markdown()
        for name in pattern.findall(page.read_text())
        if name not in project["entry-points"] and not name_exists(name)
    }
    assert not missing


def name_exists(dotted: str) -> bool:
    """Whether ``dotted`` names a module, or occurs in the text of the module it starts with."""
    module, _, rest = dotted.rpartition(".")
    for name, attribute in ((dotted, ""), (module, rest)):
        try:
            spec = find_spec(name)
        except ModuleNotFoundError:
            continue
        if spec is not None and spec.has_location and spec.origin is not None:
            return not attribute or bool(re.search(rf"\b{attribute}\b", Path(spec.origin).read_text()))
    return False


def test_decisions_are_numbered_listed_and_short() -> None:
    folder = ROOT / "docs/decisions"
    pages = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    assert [path.name[:4] for path in pages] == [f"{number:04d}" for number in range(1, len(pages) + 1)]
    index = (folder / "README.md").read_text()
    for page in pages:
        text = page.read_text()
        assert f"]({page.name})" in index, f"{page.name} is not in docs/decisions/README.md"
        assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == ["Context", "Decision", "Cost"], page.name
        assert len(text.splitlines()) <= 30, f"{page.name} is longer than 30 lines"
