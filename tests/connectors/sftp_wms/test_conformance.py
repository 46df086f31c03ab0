"""The warehouse connector proves itself against a folder that a warehouse reads and fills, and over OpenSSH's sshd."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from crossdock.sdk.testkit import CommandSample, Partner, Setting, StreamSettings, conformance
from crossdock.sdk.testkit.commanding import CommandRules
from crossdock.sdk.testkit.dropping import DropRules
from crossdock_connectors.sftp_wms import CONNECTOR
from crossdock_schemas.fulfilment import FulfilmentLine
from tests.connectors.sftp_wms.builders import (
    ENVELOPE,
    FOLDERS,
    ORDER,
    STREAMS,
    fulfilment_order,
    interchange,
)
from tests.servers.sshd import Sshd

FIXTURES = Path(__file__).parent / "fixtures"
FIXED = {"records": [{"columns": [{"name": "sku", "width": 10}, {"name": "quantity", "width": 6}]}]}
CONTENT: dict[str, bytes] = {
    "stock_csv": b"sku,quantity\n01234,5\n1e5,0\n",
    "stock_fixed": b"01234     000005\n1e5       000000\n",
    "advice_csv": b"order,shipment,shipped_at,parcel,tracking_number,sku,quantity\n"
    b"F1,S1,2026-11-23T15:00:00Z,1,1Z1,A,1\n",
    "response_csv": b"order,status,occurred_at,sku,quantity,reason\n"
    b"F1,short,2026-11-23T15:00:00Z,A,1,not found\n",
    "return_csv": b"receipt,received_at,return_request,sku,quantity,condition\n"
    b"RR1,2026-11-23T15:00:00Z,R-1,A,1,new\n",
    "stock_846": (FIXTURES / "846.x12").read_bytes(),
    "advice_945": (FIXTURES / "945_cartons.x12").read_bytes(),
    "movement_947": (FIXTURES / "947.x12").read_bytes(),
    "receipt_944": (FIXTURES / "944.x12").read_bytes(),
    "ack_997": interchange("FA", [("997", ["AK1*OW*17", "AK9*A*1*1*1"])]),
}


class Warehouse(Partner):
    """Folders; what was put is counted by the files that lie in them."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        for folder in FOLDERS:
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        self._added = 0

    def config(self) -> dict[str, object]:
        inbound = {
            name: {"folder": "stock" if name.startswith("stock") else "from_wms", "pattern": pattern}
            for name, pattern in STREAMS.items()
        }
        return {
            "files": {"kind": "folder", "path": str(self.folder), "settle_seconds": 0},
            "inbound": inbound,
            "orders": {"folder": "to_wms", "taken_folder": "to_wms/taken"},
            "x12": {"envelope": ENVELOPE, "acknowledgements": {"folder": "acks", "repeatable": True}},
        }

    def stream(self, name: str) -> StreamSettings:
        defaults = {"node": "DC-EAST"}
        return StreamSettings(FIXED if name == "stock_fixed" else {}, defaults)

    def add(self, stream: str, count: int) -> Sequence[str]:
        names = []
        for _ in range(count):
            self._added += 1
            names.append(STREAMS[stream].replace("*", str(self._added), 1))
            place = "stock" if stream.startswith("stock") else "from_wms"
            (self.folder / place / names[-1]).write_bytes(CONTENT[stream])
        return names

    def command(self, name: str) -> CommandSample:
        match name:
            case "acknowledgement.send":
                body = {
                    "set": "997",
                    "AK1": {"01": "OW", "02": "17"},
                    "AK9": {"01": "A", "02": 1, "03": 1, "04": 1},
                }
                return CommandSample(body)
            case "fulfilment.cancel":
                cancel = {"id": ORDER, "node": "DC-EAST", "reason": "customer"}
                return CommandSample({**cancel, "requested_at": "2026-11-23T09:00:00Z", "order": "O1"})
            case _:
                wrong = FulfilmentLine(id=f"{ORDER}-1", sku="MUG*RED", quantity=1, order_line="L1")
                refused = fulfilment_order(lines=(wrong,)).model_dump_json(exclude_none=True)
                return CommandSample(
                    json.loads(fulfilment_order().model_dump_json(exclude_none=True)),
                    refused=json.loads(refused),
                )

    def effects(self) -> int:
        put = [path for folder in ("to_wms", "acks") for path in (self.folder / folder).iterdir()]
        return sum(path.is_file() for path in put)


class WarehouseOverSftp(Warehouse):
    """The same folders, behind a real server."""

    server: ClassVar[Sshd]

    def config(self) -> dict[str, object]:
        files = self.server.config(root=str(self.folder)).model_dump()
        return {**super().config(), "files": files}


@pytest.fixture(scope="session")
def _served(sshd: Sshd) -> None:
    WarehouseOverSftp.server = sshd


class _OverSftp(DropRules, CommandRules):
    """What a server may change. What differs between streams the folder proves: a server knows no difference."""

    plugin = replace(
        CONNECTOR,
        manifest=CONNECTOR.manifest.model_copy(
            update={"streams": {"advice_945": CONNECTOR.manifest.stream("advice_945")}}
        ),
    )
    partner = WarehouseOverSftp


TestWarehouse = conformance(CONNECTOR, Warehouse)
TestWarehouseOverSftp = pytest.mark.usefixtures("_served")(_OverSftp)
