"""An order out, a warehouse that ships it, the advice back: over a folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

from crossdock.sdk.outcomes import AlreadyApplied, Applied
from tests.connectors.sftp_wms.builders import fulfilment_order
from tests.connectors.sftp_wms.conftest import Connect


def test_an_order_is_put_once(hub: Connect, root: Path) -> None:
    async def run() -> None:
        wms = hub()
        command = wms.command("fulfilment.request", fulfilment_order())
        first = await wms.connector.execute(command, "fulfilment.request:F1")
        assert isinstance(first, Applied)
        wms.clock.move(3600)
        again = await wms.connector.execute(command, "fulfilment.request:F1")
        assert again == AlreadyApplied(first.ref)
        (file,) = (root / "to_wms").glob("*.x12")
        print(file.read_text())

    asyncio.run(run())
