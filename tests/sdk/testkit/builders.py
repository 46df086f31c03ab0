"""Connectors of the scaffold, good ones and broken ones, and single rules of the kit run on them."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from crossdock.cli.scaffolding import write_connector
from crossdock.sdk.registry import ConnectorPlugin
from crossdock.sdk.testkit import Partner, conformance
from crossdock.sdk.testkit.rigs import Rigs

_numbers = count()


def scaffolded(folder: Path, *edits: tuple[str, str, str]) -> tuple[ConnectorPlugin, type[Partner]]:
    """A connector of the scaffold whose files were edited (file, old, new), and its partner; each has its own name."""
    name = f"acme{next(_numbers)}"
    root = folder / name
    write_connector(name, root)
    for file, old, new in edits:
        path = next(root.rglob(file))
        text = path.read_text()
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new))
    sys.path.insert(0, str(root / "src"))
    try:
        module = importlib.import_module(f"crossdock_{name}")
        spec = importlib.util.spec_from_file_location(f"{name}_partner", root / "tests/partner.py")
        assert spec is not None
        assert spec.loader is not None
        partner = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(partner)
    finally:
        sys.path.remove(str(root / "src"))
    return module.CONNECTOR, getattr(partner, f"{name.capitalize()}Partner")


def run_rule(
    plugin: ConnectorPlugin, partner: type[Partner], folder: Path, rule: str, *bound: Any, rigs: bool = True
) -> None:
    """Run one rule for what it is bound to: a stream or command, and a fault or the like."""
    place = folder / "rule"
    place.mkdir(exist_ok=True)
    group: Any = conformance(plugin, partner)()
    first: Sequence[Any] = (Rigs(plugin, partner, place),) if rigs else ()
    getattr(group, f"test_{rule}")(*first, *bound)
