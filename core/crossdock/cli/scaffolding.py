"""Writes the package of a new connector: a whole working one, for a partner called Acme, with the names replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from crossdock.errors import MisconfiguredError

__all__ = ["write_connector"]

_SUFFIX = ".template"
_ACME = re.compile(
    r"(?P<class>(?<=Test)Acme|Acme(?=Connector|Config|Partner))|(?P<dashed>(?<=crossdock-)acme|acme(?=\.example))"
    r"|(?P<constant>ACME)|(?P<title>Acme)|acme"
)
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def write_connector(name: str, folder: Path) -> list[Path]:
    """Write the package ``crossdock-NAME`` into ``folder``.

    Returns:
        The files, in the order of their names.

    Raises:
        MisconfiguredError: The name can't be a connector's, or the folder holds something.
    """
    if not _NAME.fullmatch(name):
        raise MisconfiguredError(
            f"{name!r} can't be the name of a connector: write lower-case letters, digits and single "
            "underscores, such as acme_wholesale"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise MisconfiguredError(f"{folder} is there already; name another with --folder, or empty it")
    written = []
    for path, text in _templates(files("crossdock.cli") / "scaffold", ""):
        target = folder / _named(path, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_named(text, name), encoding="utf-8")
        written.append(target)
    return sorted(written)


def _named(text: str, name: str) -> str:
    """The same of another partner."""
    dashed, camel = name.replace("_", "-"), "".join(part.capitalize() for part in name.split("_"))
    words = {
        "class": camel,
        "dashed": dashed,
        "constant": name.upper(),
        "title": name.replace("_", " ").title(),
    }
    return _ACME.sub(lambda match: words.get(match.lastgroup or "", name), text)


def _templates(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _templates(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            yield prefix + entry.name.removesuffix(_SUFFIX), entry.read_text(encoding="utf-8")
