"""A newer version of a connector: what runs with the one before goes on with it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from crossdock.sdk.connector import Cursor
from crossdock.sdk.registry import ConnectorPlugin
from crossdock.sdk.testkit.release import Release, incompatible, released
from crossdock.sdk.testkit.rig import Rig, keys, later
from crossdock.sdk.testkit.rigs import Rigs
from crossdock.sdk.testkit.rules import Rules

__all__ = ["CURSOR", "CursorRules", "UpgradeRules"]

CURSOR = "conformance.cursor"
"""Property of a test's report: where streams stand in this version, as JSON."""
_NEVER = "never released: keep what `crossdock connector prove --release` writes as released.json beside the manifest"


class UpgradeRules(Rules):
    """For each connector, against its last release."""

    def test_upgrade_keeps_what_there_was(self) -> None:
        """Streams, commands and keys of the configuration stay, or ``breaking`` in the manifest tells what to do."""
        before = _before(self.plugin)
        found = list(incompatible(before, Release.of(self.plugin, {})))
        newest = max(map(_numbers, self.plugin.manifest.breaking), default=())
        assert not found or newest > _numbers(before.version), (
            f"{before.version} had more: {'; '.join(sorted(found))}. Keep it, or tell in `breaking` what to do"
        )


class CursorRules(Rules):
    """For each stream of role poll, against the last release."""

    @pytest.mark.parametrize("stood", ["within", "end"])
    def test_upgrade_keeps_cursors(
        self, rigs: Rigs, polled: str, stood: str, record_property: Callable[[str, object], None]
    ) -> None:
        """From a cursor that the last release has left, after the first page or the last, a poll brings what is new."""
        name = f"{polled}, {stood}"

        async def left_behind(rig: Rig) -> Cursor:
            _fill(rig, polled)
            return (await rig.drain(polled, pages=1 if stood == "within" else None))[-1].cursor

        record_property(CURSOR, json.dumps({name: dict(rigs.run(left_behind))}))
        before = _before(self.plugin)
        cursor = before.cursors.get(name)
        if cursor is None:
            pytest.skip(f"{before.version} left no cursor of {name}")

        async def goes_on(rig: Rig) -> None:
            _fill(rig, polled)
            later(rig.clock, hours=1)
            news = set(rig.partner.add(polled, 2))
            later(rig.clock, hours=1)
            pages = await rig.drain(polled, cursor)
            missing = news - keys(pages + await rig.drain(polled, pages[-1].cursor))
            assert not missing, (
                f"{polled}: from {dict(cursor)}, as {before.version} left it, {missing} are missing"
            )

        rigs.run(goes_on)


def _fill(rig: Rig, stream: str) -> None:
    rig.partner.add(stream, 2 * rig.partner.page_size + 1)


def _before(plugin: ConnectorPlugin) -> Release:
    before = released(plugin.package)
    if before is None:
        pytest.skip(_NEVER)
    return before


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("-")[0].partition("+")[0].split("."))
