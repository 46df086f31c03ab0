"""What the source of a connector must not use: everything that the services give it, or that makes runs differ."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

__all__ = ["forbidden_uses"]

_MODULES = frozenset(
    {"aiohttp", "paramiko", "random", "requests", "secrets", "socket", "subprocess", "threading", "urllib.request",
     "urllib3", "zeep"}
)  # fmt: skip
_CALLS = frozenset(
    {"asyncio.sleep", "date.today", "datetime.now", "datetime.today", "datetime.utcnow", "datetime.date.today",
     "datetime.datetime.now", "datetime.datetime.today", "datetime.datetime.utcnow", "os.urandom", "time.monotonic",
     "time.sleep", "time.time", "time.time_ns", "uuid.uuid1", "uuid.uuid4", "uuid1", "uuid4",
     "httpx.AsyncClient", "httpx.Client", "httpx.delete", "httpx.get", "httpx.patch", "httpx.post", "httpx.put",
     "httpx.request", "httpx.stream"}
)  # fmt: skip


def forbidden_uses(package: str) -> list[str]:
    """Each use with its file and line, and what to use in its place."""
    return [use for path, text in _sources(files(package), "") for use in _uses(path, ast.parse(text, path))]


def _sources(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.is_dir() and not entry.name.startswith((".", "__")) and entry.name != "tests":
            yield from _sources(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".py"):
            yield prefix + entry.name, entry.read_text(encoding="utf-8")


def _uses(path: str, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                modules = [each.name for each in names]
            case ast.ImportFrom(module=str(module)):
                modules = [module]
            case ast.Call(func=function) if ast.unparse(function) in _CALLS:
                yield f"{path}:{node.lineno}: {ast.unparse(function)}: take services.clock, services.http, or a key"
                continue
            case _:
                continue
        for module in modules:
            if module in _MODULES or module.partition(".")[0] in _MODULES:
                yield f"{path}:{node.lineno}: import {module}: use the services; derive ids from their causes"
