"""Orders, X12 files and configurations."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from crossdock_connectors.sftp_wms.config import SftpWmsConfig
from crossdock_schemas.base import Address
from crossdock_schemas.fulfilment import FulfilmentLine, FulfilmentOrder
from crossdock_schemas.order import Gift

ENVELOPE = {"sender": "ACME", "receiver": "WAREHOUSE", "usage": "P"}
STREAMS = {
    "stock_csv": "*.csv",
    "stock_fixed": "*.fix",
    "stock_846": "846*",
    "advice_945": "945*",
    "advice_csv": "ship*.csv",
    "response_csv": "resp*.csv",
    "return_csv": "ret*.csv",
    "movement_947": "947*",
    "receipt_944": "944*",
    "ack_997": "997*",
}
FOLDERS = ("stock", "from_wms", "to_wms", "to_wms/taken", "acks")
ORDER = "F0123456789ABC"


def config(files: object, **changes: Any) -> SftpWmsConfig:
    """A warehouse with all streams, under a root that has ``FOLDERS``."""
    values: dict[str, Any] = {
        "files": files,
        "inbound": {
            name: {"folder": "stock" if name.startswith("stock") else "from_wms", "pattern": pattern}
            for name, pattern in STREAMS.items()
        },
        "orders": {"folder": "to_wms", "taken_folder": "to_wms/taken"},
        "x12": {
            "envelope": ENVELOPE,
            "acknowledgements": {"folder": "acks", "name": "{command}_{reference}_{key}.x12"},
        },
    }
    return SftpWmsConfig.model_validate(values | changes)


def fulfilment_order(**changes: Any) -> FulfilmentOrder:
    """Two lines to a person in Iowa."""
    given = FulfilmentOrder(
        id=ORDER,
        order="O1",
        order_number="#1001",
        channel="shop",
        node="DC-EAST",
        created_at=datetime(2026, 11, 23, 9, tzinfo=UTC),
        ship_by=datetime(2026, 11, 24, 22, tzinfo=UTC),
        deliver_by=datetime(2026, 11, 27, 4, 59, tzinfo=UTC),
        ship_to=Address(
            name="Zoë Doe",
            company="Doe & Sons",
            lines=("1 Main St", "Apt 2"),
            city="Ames",
            region="IA",
            postal_code="50010",
            country="US",
            phone="+1 515 555 0100",
        ),
        carrier="UPSN",
        service="ups_ground",
        gift=Gift(message="Happy *birthday*~\nZoë"),
        lines=(
            FulfilmentLine(
                id=f"{ORDER}-1", sku="01234", quantity=2, name="Mug", gtin="4006381333931", order_line="L1"
            ),
            FulfilmentLine(id=f"{ORDER}-2", sku="1e5", quantity=1, name="Cup, blue", order_line="L2"),
        ),
    )
    return given.model_copy(update=changes)


def interchange(
    group: str, sets: Iterable[tuple[str, list[str]]], control: int = 1, separator: str = "\n"
) -> bytes:
    """An X12 interchange of the warehouse's, with right counts."""
    segments = [
        f"ISA*00*{'':10}*00*{'':10}*ZZ*{'WAREHOUSE':15}*ZZ*{'ACME':15}*261123*1000*U*00401*{control:09}*0*P*>",
        f"GS*{group}*WAREHOUSE*ACME*20261123*1000*{control}*X*004010",
    ]
    count = 0
    for count, (name, body) in enumerate(sets, 1):
        segments += [f"ST*{name}*{count:04}", *body, f"SE*{len(body) + 2}*{count:04}"]
    segments += [f"GE*{count}*{control}", f"IEA*1*{control:09}"]
    return "".join(f"{segment}~{separator}" for segment in segments).encode()
