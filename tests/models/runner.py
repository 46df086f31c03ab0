"""Runs a page of ``docs/models`` through the real store and processors: its YAML blocks, in their order.

``docs/models/README.md`` says what may stand in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml
from sqlalchemy import update

from crossdock.compiling import network_document
from crossdock.geography import locate
from crossdock.inventory.inbound import Inbound
from crossdock.orders.holds import Blocks, Hold
from crossdock.store import decision_log
from crossdock.store.engine import Database
from crossdock.store.fulfilments import StoredFulfilment, load_fulfilments_of_orders
from crossdock.store.order_book import StoredOrder, load_orders
from crossdock.store.order_tables import work_items
from crossdock.store.plumbing import commands, dead_letters
from crossdock.store.stock_tables import positions, published_stock
from crossdock.streams.processor import Transaction
from crossdock.streams.processors.back_ordering import set_supply
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.interventions import cancel_order, hold_order, lift_hold
from crossdock_schemas.purchasing import PurchaseOrder, PurchaseOrderStatus
from tests.doctor.builders import catch_up, findings
from tests.models.return_steps import ReturnSteps
from tests.processors.harness import START, Harness

MODELS = Path(__file__).parents[2] / "docs/models"
CITIES = {
    "Chicago": ("IL", "60601"),
    "New York": ("NY", "10001"),
    "San Francisco": ("CA", "94105"),
    "Atlanta": ("GA", "30303"),
    "Denver": ("CO", "80202"),
}
_RANGE = re.compile(r"(.*?)(\d+)\.\.(\d+)$")


class Block(NamedTuple):
    """One YAML block of a page; ``line`` is that of its first line."""

    line: int
    content: Mapping[str, Any]


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for found in re.finditer(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(text.count("\n", 0, found.start(1)) + 1, yaml.safe_load(found[1]))


def run(page: Path, database: Database) -> None:
    """Run a page; a difference is an ``AssertionError`` that names the block."""
    model: Model | None = None
    for block in blocks(page):
        where = f"{page.name}:{block.line}"
        assert set(block.content) <= {"given", "when", "then"}, f"{where}: given, when, then"
        if model is None:
            model = Model(database, block.content.get("given", {}).get("config", {}))
        model.given(block.content.get("given", {}))
        for step in block.content.get("when", ()):
            model.do(where, step)
        model.check(where, block.content.get("then", {}))
    assert model is not None, f"{page.name} has no yaml block"
    model.close(page.name)


class Model(ReturnSteps):
    """A hub of ``docs/models/crossdock.yaml``, its partners played by the page."""

    def __init__(self, database: Database, changes: Mapping[str, Any]) -> None:
        config = yaml.safe_load((MODELS / "crossdock.yaml").read_text())
        self.hub = Harness(database, config | dict(changes), locate)
        network = self.hub.hub
        database.transact_now(
            lambda connection: decision_log.keep_network(
                connection, network.network.version, network_document(network.config), START
            )
        )
        self._channels: dict[str, str] = {}
        self._told = 0

    def given(self, given: Mapping[str, Any]) -> None:
        for sku, product in given.get("products", {}).items():
            self.hub.send("product/1", {"sku": sku, "version": "1"} | product, connection="shop")
        for node, units in given.get("stock", {}).items():
            self._feed(node, units)

    def do(self, where: str, step: dict[str, Any]) -> None:
        verb, *_ = step
        subject, details = step[verb], {name: value for name, value in step.items() if name != verb}
        handler = getattr(self, f"_do_{verb}", None)
        assert handler is not None, f"{where}: nobody knows how to {verb!r}"
        before = len(self.hub.rows(dead_letters))
        handler(subject, **details)
        letters = self.hub.rows(dead_letters)[before:]
        assert not letters, f"{where}: {verb} {subject} became a dead letter: {letters[0]['message']}"

    def _do_order(self, name: str, channel: str = "shop", lines: Any = None, **more: Any) -> None:
        self._channels[name] = channel
        version = self.hub.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        document: dict[str, Any] = {
            "external_id": name,
            "version": version,
            "placed_at": START,
            "currency": "USD",
            "lines": _lines(lines),
            "destinations": _destinations(more),
        }
        rest = {
            key: value for key, value in more.items() if key not in ("ship_to", "pick_up", "ship_to_store")
        }
        self.hub.clock.move(1)
        self.hub.send("order/1", document | rest, connection=channel)

    def _do_wait(self, how_long: str) -> None:
        self.hub.clock.move(_seconds(how_long))
        for _ in range(2):
            for timer in self.hub.timers:
                self.hub.tick(timer)

    def _do_count(self, node: str, units: Mapping[str, int]) -> None:
        self.hub.clock.move(60)
        self._feed(node, units)

    def _do_due(self, node: str, units: Mapping[str, int], after: str) -> None:
        """The node is due to receive units; they can be promised."""
        at = self.hub.clock.now() + timedelta(seconds=_seconds(after))
        for sku, quantity in units.items():
            row = Inbound(f"PO-{node}-{sku}", sku, node, quantity, at)
            self.hub.transactions.transact_now(partial(_set_supply, self.hub.hub, row))

    def _do_receive(self, node: str, units: Mapping[str, int], of: str | None = None) -> None:
        """The node has received units, and says so, and perhaps of which fulfilment order."""
        self.hub.clock.move(60)
        lines = [{"sku": sku, "quantity": quantity, "reason": "received"} for sku, quantity in units.items()]
        at = self.hub.clock.now()
        moved: dict[str, Any] = {
            "external_id": f"receipt-{node}-{at:%d%H%M%S}",
            "node": node,
            "occurred_at": at,
            "lines": lines,
        }
        if of:
            moved["references"] = [{"kind": "fulfilment_order", "value": self._fulfilment(of).id}]
        self.hub.send("stock_movement/1", moved, connection="wms")
        self.hub.tick("retry_waiting")

    def _do_accept(self, name: str) -> None:
        self._answer(name, "accepted")

    def _do_pack(self, name: str, units: Any = None) -> None:
        self._answer(name, "packed", units)

    def _do_reject(self, name: str, reason: str | None = None, units: Any = None) -> None:
        self._answer(name, "rejected", units, reason)

    def _do_short(self, name: str, units: Any = None) -> None:
        self._answer(name, "short", units)

    def _do_agree(self, name: str, units: Any = None) -> None:
        self._answer(name, "cancelled", units)

    def _do_refuse(self, name: str, reason: str | None = None) -> None:
        self._answer(name, "cancel_refused", None, reason)

    def _do_ship(self, name: str, units: Any = None, final: bool = True, parcels: Any = None) -> None:
        stored = self._fulfilment(name)
        everything: dict[str, int] = {}
        for line in stored.fulfilment.lines:
            everything[line.sku] = everything.get(line.sku, 0) + line.open
        boxes = parcels or [units or {sku: left for sku, left in everything.items() if left}]
        self.hub.clock.move(60)
        advice = {
            "external_id": f"advice-{name}-{self.hub.clock.now():%d%H%M%S}",
            "fulfilment_order": stored.id,
            "shipped_at": self.hub.clock.now(),
            "final": final,
            "parcels": [
                {
                    "tracking_number": f"1Z-{stored.id}-{self.hub.clock.now():%d%H%M%S}-{number}",
                    "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in box.items()],
                }
                for number, box in enumerate(boxes, start=1)
            ],
        }
        self.hub.send("shipment/1", advice, connection=stored.connection or "wms")

    def _do_collect(self, name: str, units: Any = None, final: bool = False) -> None:
        """The buyer takes goods at the counter: they leave without a parcel number."""
        stored = self._fulfilment(name)
        taken = units or {line.sku: line.open for line in stored.fulfilment.lines}
        self.hub.ship(stored.id, taken, None, final=final)

    def _do_cancel(self, name: str, lines: Mapping[str, int] | None = None, by: str = "people") -> None:
        order = self._order(name)
        document = msgspec.json.decode(order.document)
        units = {
            line["external_id"]: (lines or {})[line["sku"]]
            for line in document["lines"]
            if line["sku"] in (lines or {})
        }
        if by == "channel":
            wish = {
                "external_id": name,
                "version": "9",
                "requested_at": self.hub.clock.now(),
                "reason": "buyer",
            }
            wish["lines"] = [{"external_id": line, "quantity": number} for line, number in units.items()]
            self.hub.send("cancellation/1", wish, connection=self._channels[name])
            return
        cause = self.hub.clock.now().isoformat()
        self.hub.transactions.transact_now(
            lambda tx: cancel_order(self.hub.hub, tx, order.id, units, "buyer", cause)
        )
        self.hub.settle()

    def _do_hold(
        self, name: str, named: str, owner: str, hours: int | None = None, blocks: str = "release"
    ) -> None:
        def work(tx: Any) -> None:
            until = tx.now + timedelta(hours=hours) if hours else None
            placed = Hold(named, owner, tx.now, blocks=Blocks(blocks), expires_at=until)
            hold_order(self.hub.hub, tx, self._order(name).id, placed)

        self.hub.transactions.transact_now(work)
        self.hub.settle()

    def _do_lift(self, name: str, named: str) -> None:
        self.hub.transactions.transact_now(
            lambda tx: lift_hold(self.hub.hub, tx, self._order(name).id, named, "people")
        )
        self.hub.settle()

    def check(self, where: str, then: Mapping[str, Any]) -> None:
        """Compare what the page names with what is; only what is named."""
        found: dict[str, Any] = {}
        for name, wanted in then.get("orders", {}).items():
            found.setdefault("orders", {})[name] = _like(wanted, self._shown_order(name))
        for name, wanted in then.get("fulfilment_orders", {}).items():
            found.setdefault("fulfilment_orders", {})[name] = _like(wanted, self._shown_fulfilment(name))
        for name, wanted in then.get("returns", {}).items():
            found.setdefault("returns", {})[name] = _like(wanted, self._shown_return(name))
        for name, wanted in then.get("purchase_orders", {}).items():
            found.setdefault("purchase_orders", {})[name] = _like(wanted, self._shown_purchase_order(name))
        for node, wanted in then.get("stock", {}).items():
            have = {row["sku"]: row for row in self.hub.rows(positions, node=node)}
            shown = {
                sku: {kind: have[sku][kind] for kind in kinds} if sku in have else None
                for sku, kinds in wanted.items()
            }
            found.setdefault("stock", {})[node] = shown
        rows = [row for row in self.hub.rows(commands) if row["name"] != "stock.publish"]
        if "told" in then:
            wanted = [*then["told"], *[""] * len(rows)]
            found["told"] = [
                self._words(row, units=said.count(" ") > 1)
                for row, said in zip(rows[self._told :], wanted, strict=False)
            ]
        if then:
            self._told = len(rows)
        if "work" in then:
            found["work"] = [row["cause"] for row in self.hub.rows(work_items, state="open")]
        for channel, wanted in then.get("published", {}).items():
            said = {row["sku"]: row["quantity"] for row in self.hub.rows(published_stock, channel=channel)}
            found.setdefault("published", {})[channel] = {sku: said.get(sku) for sku in wanted}
        known = {
            "published",
            "orders",
            "fulfilment_orders",
            "purchase_orders",
            "returns",
            "stock",
            "told",
            "work",
        }
        unknown = set(then) - known
        assert not unknown, f"{where}: then can't look at {', '.join(unknown)}"
        differing = [
            f"{key}:\n  page says {then[key]!r}\n  hub has   {found.get(key)!r}"
            for key in then
            if found.get(key) != then[key]
        ]
        assert not differing, f"{where}: " + "\n".join(differing)

    def close(self, page: str) -> None:
        """Every invariant that ``crossdock doctor`` knows holds; partners did what they were told."""
        self.hub.database.transact_now(
            lambda connection: connection.execute(update(commands).values(state="applied"))
        )
        self.hub.database.transact_now(lambda connection: catch_up(connection, self.hub))
        broken = [finding for finding in findings(self.hub).values() if finding.rows]
        assert not broken, f"{page}: {broken}"

    def _feed(self, node: str, units: Mapping[str, int]) -> None:
        self.hub.stock(node, _expanded(units), mode="full")

    def _answer(self, name: str, kind: str, units: Any = None, reason: str | None = None) -> None:
        more: dict[str, Any] = {"reason": reason} if reason else {}
        if units:
            more["lines"] = [{"sku": sku, "quantity": number} for sku, number in units.items()]
        self.hub.answer(self._fulfilment(name).id, kind, **more)

    def _order(self, name: str) -> StoredOrder:
        order_id = f"{self._channels[name]}:{name}"
        return self.hub.database.read_now(lambda db: load_orders(db, [order_id], lock=False))[order_id]

    def _fulfilments(self, name: str) -> list[StoredFulfilment]:
        order_id = f"{self._channels[name]}:{name}"
        return self.hub.database.read_now(lambda db: load_fulfilments_of_orders(db, [order_id])).get(
            order_id, []
        )

    def _fulfilment(self, name: str) -> StoredFulfilment:
        order, _, number = name.rpartition("/")
        found = self._fulfilments(order)
        assert 0 < int(number) <= len(found), (
            f"there is no {name}; order {order} has {len(found)} fulfilment orders"
        )
        return found[int(number) - 1]

    def _shown_order(self, name: str) -> dict[str, Any]:
        order = self._order(name)
        shown: dict[str, Any] = {"state": order.state.value, "hold": order.hold, "reason": order.reason}
        shown["fulfilment_orders"] = len(self._fulfilments(name))
        shown["nodes"] = sorted({each.fulfilment.node for each in self._fulfilments(name)})
        for kind in ("ordered", "cancelled", "allocated", "shipped", "returned", "unallocated"):
            shown[kind] = {
                line.sku: units for line in order.lines if (units := getattr(line.quantities, kind))
            }
        return shown

    def _shown_fulfilment(self, name: str) -> dict[str, Any]:
        stored = self._fulfilment(name)
        lines = stored.fulfilment.lines
        shown: dict[str, Any] = {
            "node": stored.fulfilment.node,
            "to_node": stored.fulfilment.to_node or None,
            "state": stored.fulfilment.state.value,
            "service": stored.service,
            "ship_by": stored.ship_by.date() if stored.ship_by else None,
            "lines": {line.sku: line.quantity for line in lines},
        }
        for kind in ("open", "shipped", "short", "rejected", "cancelled", "to_cancel", "to_come"):
            shown[kind] = {line.sku: units for line in lines if (units := getattr(line, kind))}
        for row in self.hub.rows(commands, name="fulfilment.request", order_key=stored.id):
            document = msgspec.json.decode(row["payload"])
            shown["ship_to"] = (document.get("ship_to") or {}).get("city")
            shown["delivery"] = document.get("delivery", "ship")
        return shown

    def _shown_purchase_order(self, name: str) -> dict[str, Any]:
        """The newest that the ERP was told of it; once it was ordered, by a document that the schema allows."""
        stored = self._fulfilment(name)
        told = [
            PurchaseOrder.model_validate_json(row["payload"])
            for row in self.hub.rows(commands)
            if row["name"].startswith("purchase_order.")
        ]
        told = [each for each in told if each.fulfilment_order == stored.id]
        assert [each.status for each in told].count(PurchaseOrderStatus.ORDERED) == 1
        newest = told[-1]
        costs = {line.sku: line.unit_cost for line in newest.lines}
        return {
            "status": newest.status,
            "node": newest.node,
            "ship_to": newest.ship_to and newest.ship_to.city,
            "lines": {line.sku: line.quantity for line in newest.lines if line.quantity},
            "costs": {sku: f"{cost.amount} {cost.currency}" for sku, cost in costs.items() if cost},
        }

    def _words(self, row: dict[str, Any], *, units: bool) -> str:
        """Who was told what; where the page says it, of how many units by SKU."""
        words = f"{row['connection']} {row['name']}"
        if not units:
            return words
        document = msgspec.json.decode(row["payload"])
        lines = document.get("lines") or [
            line for parcel in document.get("parcels", ()) for line in parcel["lines"]
        ]
        skus = {line["external_id"]: line["sku"] for line in self._channel_lines(row["order_key"])}
        counts: dict[str, int] = {}
        for line in lines:
            sku = line.get("sku") or skus[line["external_id"]]
            counts[sku] = counts.get(sku, 0) + line["quantity"]
        return " ".join(
            [words, *(f"{sku}={count}" for sku, count in counts.items())] if counts else [words, "all"]
        )

    def _channel_lines(self, order_id: str) -> list[dict[str, Any]]:
        found = self.hub.database.read_now(lambda db: load_orders(db, [order_id], lock=False))
        return list(msgspec.json.decode(found[order_id].document)["lines"]) if order_id in found else []


def _set_supply(hub: Hub, row: Inbound, tx: Transaction) -> None:
    set_supply(hub, tx, row)


def _like(wanted: Any, shown: dict[str, Any]) -> Any:
    """What ``wanted`` names of ``shown``; a word is the state."""
    if isinstance(wanted, str):
        return shown["state"]
    return {name: shown.get(name) for name in wanted}


def _lines(lines: Any) -> list[dict[str, Any]]:
    if isinstance(lines, Mapping):
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in lines.items()]
    price = {"amount": "10.00", "currency": "USD"}
    single = [line | {"sku": sku} for line in lines for sku in _expanded({line["sku"]: 1})]
    return [{"external_id": str(n), "unit_price": price} | line for n, line in enumerate(single, start=1)]


def _expanded(units: Mapping[str, int]) -> dict[str, int]:
    """``SKU-001..150`` are 150 SKUs."""
    found: dict[str, int] = {}
    for name, quantity in units.items():
        span = _RANGE.match(name)
        if span is None:
            found[name] = quantity
            continue
        digits = len(span[2])
        for number in range(int(span[2]), int(span[3]) + 1):
            found[f"{span[1]}{number:0{digits}}"] = quantity
    return found


def _seconds(text: str) -> int:
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[text[-1]]


def _destinations(more: Mapping[str, Any]) -> list[dict[str, Any]]:
    for kind in ("pick_up", "ship_to_store"):
        if kind in more:
            return [{"id": "1", "kind": kind, "location": more[kind]}]
    cities = more.get("ship_to", "Chicago")
    names = [cities] if isinstance(cities, str) else cities
    return [{"id": name if len(names) > 1 else "1", "address": _address(name)} for name in names]


def _address(city: str) -> dict[str, Any]:
    region, postal_code = CITIES[city]
    lines = ["12 Main Street"]
    return {
        "name": "Ada Lovelace",
        "lines": lines,
        "city": city,
        "region": region,
        "postal_code": postal_code,
        "country": "US",
    }
