"""The Amazon connector proves itself against our own seller's account."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import httpx

from crossdock.sdk.testkit import CommandSample, Partner, Setting, conformance
from crossdock_connectors.amazon import CONNECTOR
from tests.connectors.amazon.conftest import CONFIG
from tests.connectors.amazon.seller import Node, Seller, Wire, instant, order

ORDER = "026-0000000-0000001"


class Marketplace(Partner):
    """A seller with one open order and one listing."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.seller = Seller(self.clock)
        self._wire = Wire(self.seller, self.seller.handle)
        self._open = order(1, "2026-01-01T00:00:00Z")
        self.seller.add(self._open)
        self._stock = dict(self.seller.listings)

    def config(self) -> dict[str, object]:
        return {**CONFIG, "orders_per_page": 2}

    def handle(self, request: httpx.Request) -> httpx.Response:
        return self._wire.handle(request)

    def add(self, stream: str, count: int) -> Sequence[str]:
        first = len(self.seller.orders) + 1
        made = [self._placed(number) for number in range(first, first + count)]
        self.seller.add(*made)
        return [one["orderId"] for one in made]

    def _placed(self, number: int) -> Node:
        made = order(number, instant(self.clock.now()))
        for item in made["orderItems"]:
            item["proceeds"] = {
                "breakdowns": [{"type": "ITEM", "subtotal": {"amount": "30.00", "currencyCode": "EUR"}}]
            }
        return made

    def command(self, name: str) -> CommandSample:
        if name == "stock.publish":
            level = {"channel": "amazon", "quantity": 7, "as_of": "2026-11-23T10:00:00Z"}
            return CommandSample({**level, "sku": "TENT-2P"}, refused={**level, "sku": "NONE"})
        shipment = {
            "external_id": "S-1", "fulfilment_order": "FO-1", "node": "dc-east", "shipped_at": "2026-11-23T09:30:00Z",
            "carrier": "FDXG", "service": "FedEx Ground",
            "parcels": [{"tracking_number": "7711", "lines": [{"line": "L101", "order_line": "101", "sku": "TENT-2P",
                                                               "quantity": 2}]}],
        }  # fmt: skip
        unknown = deepcopy(shipment)
        unknown["parcels"][0]["lines"][0]["order_line"] = "999"  # type: ignore[index]
        return CommandSample(shipment, refused=unknown, refs={"order": ORDER})

    def effects(self) -> int:
        changed = [sku for sku, quantity in self.seller.listings.items() if self._stock[sku] != quantity]
        return len(self._open["packages"]) + len(changed)


TestAmazon = conformance(CONNECTOR, Marketplace)
