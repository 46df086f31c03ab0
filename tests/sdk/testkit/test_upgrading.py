"""A newer version is held to what the one before has left behind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crossdock.errors import MisconfiguredError
from crossdock.sdk.testkit.release import RELEASED, Release, released
from crossdock.sdk.testkit.upgrading import CURSOR
from tests.sdk.testkit.builders import run_rule, scaffolded

CODE, MANIFEST, CONFIG = "connector.py", "connector.yaml", "config.py"
RENAMED = (CODE, '"since"', '"from"')


def left_behind(folder: Path, stood: str) -> Release:
    """What a first version leaves behind."""
    plugin, partner = scaffolded(folder)
    told: dict[str, Any] = {}
    with pytest.raises(pytest.skip.Exception, match="never released"):
        run_rule(plugin, partner, folder, "upgrade_keeps_cursors", "orders", stood, told.__setitem__)
    return Release.of(plugin, json.loads(told[CURSOR]))


def judge(
    folder: Path, before: Release, rule: str, *bound: Any, edits: Sequence[tuple[str, str, str]] = ()
) -> None:
    plugin, partner = scaffolded(folder, *edits)
    Path(str(files(plugin.package)), RELEASED).write_text(before.document())
    assert released(plugin.package) == before
    run_rule(plugin, partner, folder, rule, *bound, rigs=bool(bound))


@pytest.mark.parametrize("stood", ["within", "end"])
def test_a_version_that_can_not_read_a_cursor_of_the_one_before_is_told(stood: str, tmp_path: Path) -> None:
    for name in ("first", "second", "third"):
        (tmp_path / name).mkdir()
    before = left_behind(tmp_path / "first", stood)
    assert list(before.cursors) == [f"orders, {stood}"]
    bound = ("orders", stood, lambda *_: None)
    judge(tmp_path / "second", before, "upgrade_keeps_cursors", *bound)
    with pytest.raises(MisconfiguredError, match="is no cursor of this connector"):
        judge(tmp_path / "third", before, "upgrade_keeps_cursors", *bound, edits=[RENAMED])


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (
            (CONFIG, "    backfill_days", "    account: str\n    backfill_days"),
            "config.account has to be given now",
        ),
        ((CONFIG, "backfill_days", "start_days"), "config.backfill_days is not known any more"),
        ((MANIFEST, "  shipment.confirm:", "  shipment.tell:"), "command shipment.confirm is gone"),
        (
            (MANIFEST, "emits: order", "emits: product"),
            "stream orders was 'poll order' and is 'poll product'",
        ),
    ],
)
def test_a_version_that_drops_or_demands_something_is_told(
    edit: tuple[str, str, str], told: str, tmp_path: Path
) -> None:
    plugin, _ = scaffolded(tmp_path)
    before = Release.of(plugin, {})
    judge(tmp_path, before, "upgrade_keeps_what_there_was")
    with pytest.raises(AssertionError, match=told):
        judge(tmp_path, before, "upgrade_keeps_what_there_was", edits=[edit])
    breaking = (
        MANIFEST,
        "budgets:",
        'breaking: {"0.2.0": {message: "as told", deadline: 2027-03-01}}\nbudgets:',
    )
    judge(tmp_path, before, "upgrade_keeps_what_there_was", edits=[edit, breaking])


def test_a_file_that_nobody_wrote_by_the_command_is_told(tmp_path: Path) -> None:
    plugin, _ = scaffolded(tmp_path)
    Path(str(files(plugin.package)), RELEASED).write_bytes(msgspec.json.encode({"connector": "acme"}))
    with pytest.raises(MisconfiguredError, match="--release"):
        released(plugin.package)
