"""The tests, in processes of their own, against a module that may be broken. Nothing is written into the project.

What is broken in a function is tried warm: one process imports the project and collects the tests; for each mutant it
forks, and the child puts the broken code into the live function. What a module runs when it is imported is tried cold:
a process that has the libraries, but nothing of the project, gets the broken module from memory by an import hook.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import multiprocessing
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TypedDict

import coverage
import pytest

__all__ = ["PASSED", "TIMED_OUT", "Recorded", "Trial", "context", "run_cold", "run_recorded", "serve_warm"]

PASSED = 0
"""The exit code of a trial whose tests all passed."""
TIMED_OUT = -signal.SIGPROF
"""The exit code of a trial in which a test took far more computing time than it should."""

_ROOTS = ("core", "connectors", "mappings", "schemas", ".")
# The libraries that the core and its tests import, and what pytest itself needs.
_LIBRARIES = (
    "pytest", "pytest_timeout", "_hypothesis_pytestplugin", "hypothesis.strategies", "hypothesis.stateful", "numpy",
    "highspy", "pydantic", "msgspec", "yaml", "cel", "coverage", "sqlalchemy", "alembic", "rich.progress", "typer",
)  # fmt: skip
_PLUGINS = ("pytest_timeout", "_hypothesis_pytestplugin")
_IMPORT_SECONDS = 60.0
_LEAST_SECONDS = 5.0
_SLOWER = 6.0
_HUNG_SECONDS = 1800


class Recorded(TypedDict):
    """How long each test computes, and, by file and line, which tests ran it; "" stands for the import."""

    seconds: dict[str, float]
    ran: dict[str, dict[str, list[str]]]


@dataclass(frozen=True, slots=True)
class Trial:
    """Tests against ``text`` in place of the module at ``path``.

    ``seconds`` names the tests, each with the computing time that it takes when nothing is broken.
    """

    path: str
    text: str
    seconds: Mapping[str, float] = field(repr=False)


def context() -> ForkServerContext:
    """Where processes are started: a server with the libraries, which has nothing of the project."""
    server = multiprocessing.get_context("forkserver")
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    server.set_forkserver_preload(list(_LIBRARIES))
    return server


def run_recorded(root: Path, folders: Sequence[str], record: Path) -> None:
    """Run the tests in ``folders`` with nothing broken, write down what they ran, and exit with pytest's code."""
    _enter(root)
    _exit(pytest.main([*_arguments(root, "--tb=short"), *folders], plugins=[_Recorder(root, record)]))


def run_cold(root: Path, trial: Trial) -> None:
    """Import everything anew, with the module broken, and exit with pytest's code."""
    _enter(root, silent=True)
    sys.meta_path.insert(0, _Hook(root, trial.path, trial.text))
    _limit(_IMPORT_SECONDS)
    files = {name.partition("::")[0] for name in trial.seconds}
    _exit(pytest.main([*_arguments(root, "--tb=no"), *sorted(files)], plugins=[_Cold(trial)]))


def serve_warm(root: Path, folders: Sequence[str], channel: Connection) -> None:
    """Answer each trial that comes through ``channel`` with its exit code, or None if it can't be tried warm."""
    _enter(root, silent=True)
    _exit(pytest.main([*_arguments(root, "--tb=no"), *folders], plugins=[_Warm(root, channel)]))


def _enter(root: Path, *, silent: bool = False) -> None:
    """Make this process one that works on the copy at ``root``, in a group of its own."""
    os.setpgid(0, 0)
    os.chdir(root)
    sys.path[:0] = roots = [str((root / name).resolve()) for name in _ROOTS]
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(root.parent / "bytecode")
    os.environ |= {
        "PYTHONPATH": os.pathsep.join(roots),
        "PYTHONPYCACHEPREFIX": sys.pycache_prefix,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(root.parent / "hypothesis"),
    }
    if silent:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)


def _exit(code: int) -> None:
    """End without the interpreter's clearing up: threads of a broken program may hold it up."""
    sys.stdout.flush()
    os._exit(int(code))


def _arguments(root: Path, *own: str) -> Iterator[str]:
    yield from ("-q", "--no-header", "--assert=plain", "--exitfirst", "--hypothesis-seed=0", *own)
    yield from (f"--timeout={_HUNG_SECONDS}", f"--basetemp={root.parent}/{os.getpid()}", "-pno:cacheprovider")
    yield from (f"-p{plugin}" for plugin in _PLUGINS)


def _limit(seconds: float) -> None:
    """End this process after ``seconds`` of computing; waiting for the machine's other work isn't counted."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _limit_test(usual_seconds: float) -> None:
    _limit(_LEAST_SECONDS + _SLOWER * usual_seconds)


class _Hook(MetaPathFinder, Loader):
    """Finds a text in place of a module."""

    def __init__(self, root: Path, path: str, text: str) -> None:
        parts = Path(path).with_suffix("").parts[1:]
        self._name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        self._file, self._text = root / path, text

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        inner = [str(self._file.parent)] if self._file.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(
            fullname, self._file, loader=self, submodule_search_locations=inner
        )

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._text, str(self._file), "exec", dont_inherit=True), module.__dict__)


class _Cold:
    """Keeps the chosen tests, the cheapest first, and limits each."""

    def __init__(self, trial: Trial) -> None:
        self._seconds = trial.seconds

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        chosen = [item for item in items if item.nodeid in self._seconds]
        items[:] = sorted(chosen, key=lambda item: self._seconds[item.nodeid])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        _limit_test(self._seconds[item.nodeid])
        return (yield)


class _Warm:
    """Has the tests collected, and runs some of them in a fork for each trial."""

    def __init__(self, root: Path, channel: Connection) -> None:
        self._root, self._channel = root, channel

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        functions: dict[str, list[FunctionType]] = defaultdict(list)
        for found in gc.get_objects():
            if isinstance(found, FunctionType):
                functions[found.__code__.co_filename].append(found)
        gc.freeze()
        while trial := self._channel.recv():
            file = self._root / trial.path
            changed = _changed(file, trial.text)
            live = [each for each in functions[str(file)] if each.__code__ in changed]
            self._channel.send(self._try(session, trial, live, changed) if live else None)
        return True

    def _try(
        self,
        session: pytest.Session,
        trial: Trial,
        live: Sequence[FunctionType],
        changed: Mapping[CodeType, CodeType],
    ) -> int:
        if child := os.fork():
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for function in live:
            function.__code__ = changed[function.__code__]
        chosen = [item for item in session.items if item.nodeid in trial.seconds]
        chosen.sort(key=lambda item: trial.seconds[item.nodeid])
        for item, following in zip(chosen, [*chosen[1:], None], strict=True):
            _limit_test(trial.seconds[item.nodeid])
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.testsfailed:
                break
        os._exit(bool(session.testsfailed))


def _changed(file: Path, text: str) -> dict[CodeType, CodeType]:
    """The codes of functions that differ between a file and ``text``; none, if there are more or fewer of them."""
    before = list(_codes(compile(file.read_text(encoding="utf-8"), str(file), "exec", dont_inherit=True)))
    after = list(_codes(compile(text, str(file), "exec", dont_inherit=True)))
    if len(before) != len(after):
        return {}
    return {old: new for old, new in zip(before[1:], after[1:], strict=True) if old != new}


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


class _Recorder:
    """Writes down which test ran which lines of the core, and how long each computed."""

    def __init__(self, root: Path, record: Path) -> None:
        self._root, self._record = root, record
        self._seconds: dict[str, float] = {}
        self._coverage = coverage.Coverage(
            data_file=None, config_file=False, include=[f"{root}/core/crossdock/*"], messages=False
        )
        self._coverage.start()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if not _needs_a_server(item)]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._coverage.switch_context(item.nodeid)
        before = time.process_time()
        result = yield
        self._seconds[item.nodeid] = time.process_time() - before
        return result

    def pytest_unconfigure(self) -> None:
        self._coverage.stop()
        found = self._coverage.get_data()
        ran = {
            str(Path(file).relative_to(self._root)): {
                str(line): names for line, names in found.contexts_by_lineno(file).items()
            }
            for file in found.measured_files()
        }
        self._record.write_text(json.dumps(Recorded(seconds=self._seconds, ran=ran)))


def _needs_a_server(item: pytest.Item) -> bool:
    return item.get_closest_marker("server") is not None or "[postgresql" in item.nodeid
