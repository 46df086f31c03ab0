"""What pages of ``docs/models`` can do with returns, and look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crossdock.store.return_tables import return_lines, returns
from tests.processors.harness import Harness

__all__ = ["ReturnSteps"]


class ReturnSteps:
    """Part of ``Model``."""

    hub: Harness
    _channels: dict[str, str]

    def _do_return(
        self,
        name: str,
        of: str,
        units: Mapping[str, int],
        channel: str = "shop",
        instead: str | None = None,
        status: str = "requested",
    ) -> None:
        """The buyer asks to send units back; ``instead`` of them wants another SKU."""
        self.hub.clock.move(60)
        exchange = {"exchange_for": instead} if instead else {}
        document = {
            "external_id": name,
            "order": of,
            "requested_at": self.hub.clock.now(),
            "status": status,
            "resolution": "exchange" if instead else "refund",
            "lines": [{"sku": sku, "quantity": count} | exchange for sku, count in units.items()],
        }
        self.hub.send("return_request/1", document, connection=channel)

    def _do_return_receipt(
        self,
        name: str,
        node: str,
        units: Mapping[str, int],
        condition: str = "unknown",
        of: str | None = None,
        order: str | None = None,
    ) -> None:
        """A node has received goods back, of a return or an order or from nowhere."""
        self.hub.clock.move(60)
        lines = [{"sku": sku, "quantity": count, "condition": condition} for sku, count in units.items()]
        named = {"return_request": of, "order": order}
        document = {"external_id": name, "node": node, "received_at": self.hub.clock.now(), "lines": lines}
        connection = self.hub.hub.nodes[node].connection or "wms"
        known = {key: value for key, value in named.items() if value}
        self.hub.send("return_receipt/1", document | known, connection=connection)

    def _do_pay(self, name: str) -> None:
        """The channel carries out the refunds that the hub has asked for."""
        for command in self.hub.commands("return.refund"):
            if command["state"] == "pending" and command["refs"]["return"].partition(":")[2] == name:
                self.hub.outcome(command)

    def _do_refund(self, name: str, of: str, order: str, units: int, channel: str = "shop") -> None:
        """The channel reports that it has refunded units of the order's first line, because of a return."""
        self.hub.clock.move(60)
        document = {
            "external_id": name,
            "order": order,
            "refunded_at": self.hub.clock.now(),
            "lines": [{"order_line": "1", "quantity": units, "restock": "return"}],
            "references": [{"kind": "return", "value": of}],
        }
        self.hub.send("refund/1", document, connection=channel)

    def _shown_return(self, name: str) -> dict[str, Any]:
        (kept,) = [row for row in self.hub.rows(returns) if name in (row["id"], row["external_id"])]
        lines = self.hub.rows(return_lines, return_id=kept["id"])
        shown: dict[str, Any] = {key: kept[key] for key in ("state", "node", "order_id")}
        for kind in ("requested", "received"):
            shown[kind] = {line["sku"]: line[kind] for line in lines if line[kind]}
        return shown
