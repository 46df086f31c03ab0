"""Makes the rigs of one test: each on a partner, a clock and a folder of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from crossdock.sdk.clock import ManualClock
from crossdock.sdk.registry import ConnectorPlugin
from crossdock.sdk.testkit.partner import Partner, Setting
from crossdock.sdk.testkit.rig import Rig, library_of
from crossdock.sdk.testkit.wire import Wire

__all__ = ["START", "Rigs"]

_T = TypeVar("_T")

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
"""When every scenario begins."""


@dataclass
class Rigs:
    """Makes the rigs of one test, each in a folder of its own."""

    plugin: ConnectorPlugin
    partner: type[Partner]
    folder: Path
    count: int = 0

    def run(
        self,
        scenario: Callable[[Rig], Awaitable[_T]],
        change: Callable[[dict[str, object]], None] | None = None,
    ) -> _T:
        """Run ``scenario`` on a fresh rig whose configuration ``change`` has seen; no secret may be told by it."""
        self.count += 1
        folder = self.folder / str(self.count)
        folder.mkdir()
        clock = ManualClock(START)
        partner = self.partner(Setting(clock, folder))
        try:
            return asyncio.run(self._scenario(scenario, partner, clock, change))
        finally:
            partner.close()

    async def _scenario(
        self,
        scenario: Callable[[Rig], Awaitable[_T]],
        partner: Partner,
        clock: ManualClock,
        change: Callable[[dict[str, object]], None] | None,
    ) -> _T:
        given = partner.config()
        if change is not None:
            change(given)
        config = self.plugin.config.model_validate(given)
        wire = Wire(partner.transport())
        rig = Rig(self.plugin, partner, clock, wire, config, library_of(self.plugin.package))
        try:
            result = await scenario(rig)
            rig.assert_no_secret_is_told()
            return result
        finally:
            await rig.close()
