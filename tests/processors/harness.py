"""A hub without edges: messages go in, rows and commands come out, everything else is real."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
import yaml
from sqlalchemy import Connection, Table, select

from crossdock.compiling import compile_hub
from crossdock.config.model import Config
from crossdock.routing import Position
from crossdock.sdk.clock import ManualClock
from crossdock.sdk.manifest import Manifest
from crossdock.store import log
from crossdock.store.engine import Database
from crossdock.store.fulfilments import load_fulfilments_of_orders
from crossdock.store.order_book import load_orders
from crossdock.store.plumbing import commands
from crossdock.streams.batch import handle_batch
from crossdock.streams.processor import Message, Processor, Transaction
from crossdock.streams.processors.declared import processors, timers
from crossdock.streams.processors.documents import encode
from crossdock.streams.processors.hub import Locate
from crossdock.streams.topics import FULFILMENT, ORDERS, OUTCOMES, PRODUCTS, RETURNS, STOCK, TRACKING
from crossdock.streams.transaction import Transactions, message_of
from crossdock_schemas.registry import ENTITIES

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)

_PLACES = {
    "60601": Position(41.88, -87.62),
    "10001": Position(40.75, -73.99),
    "94105": Position(37.79, -122.39),
}

CONFIG = """
hub: {name: test}
connections:
  shop: {connector: shop}
  wms: {connector: wms}
  erp: {connector: erp}
  carrier: {connector: carrier}
channels:
  web: {connection: shop, ship_within: 5d}
nodes:
  - id: CHI
    kind: warehouse
    address: {country: US, latitude: 41.88, longitude: -87.62}
    services: [ground]
    connection: wms
  - id: NYC
    kind: warehouse
    address: {country: US, latitude: 40.75, longitude: -73.99}
    services: [ground]
    connection: wms
  - id: SFO
    kind: store
    address: {country: US, latitude: 37.79, longitude: -122.39}
    services: [ground]
    connection: wms
services:
  - {id: ground, carrier: ups, rate_card: ups, transit_days: [1, 2, 3]}
rate_cards:
  - id: ups
    weight_breaks_grams: [1000, 10000]
    rates: [["5", "9"], ["7", "12"], ["11", "19"]]
    distance_bands_km: [500, 2000]
policies:
  - policy: standard
    version: 1
    objective: [late_days, shipments, {shipping_cost: 1}]
    unfillable: {stop_after: 1h, then: worklist}
postings:
  - {connection: erp, sales_order: true}
"""

_COMMANDS = {
    "shop": (
        "shipment.confirm",
        "order.cancel",
        "pick_up.ready",
        "stock.publish",
        "return.authorise",
        "return.refund",
        "return.close",
        "return.decline",
    ),
    "wms": ("fulfilment.request", "fulfilment.cancel", "return.expect"),
    "erp": (
        "sales_order.post",
        "invoice.post",
        "credit_note.post",
        "purchase_order.create",
        "purchase_order.change",
        "purchase_order.cancel",
    ),
    "carrier": ("label.buy",),
}


def _manifest(name: str, commands: Iterable[str]) -> Manifest:
    return Manifest.model_validate(
        {
            "id": name,
            "version": "1.0.0",
            "sdk": ">=1,<2",
            "status": "experimental",
            "commands": {each: {"idempotency": "native_key"} for each in commands},
        }
    )


class Harness:
    """Sends canonical documents to processors and looks at what they wrote."""

    def __init__(
        self, database: Database, changes: dict[str, Any] | None = None, locate: Locate | None = None
    ) -> None:
        self.clock = ManualClock(START)
        self.transactions = Transactions(database, self.clock)
        self.database = database
        config = Config.model_validate(yaml.safe_load(CONFIG) | (changes or {}))
        manifests = {
            name: _manifest(declared.connector, _COMMANDS[declared.connector])
            for name, declared in config.connections.items()
        }
        self.hub = compile_hub(
            config, manifests, locate or (lambda country, region, postal, city: _PLACES.get(postal))
        )
        self._processors = processors(self.hub)
        self._timers = {timer.name: timer for timer in timers(self.hub)}
        self._read: dict[str, int] = {}
        self._count = 0

    def send(self, schema: str, document: dict[str, Any], *, connection: str = "shop", key: str = "") -> None:
        """Validate as canonical, put it on its topic, and let everything that follows happen."""
        canonical = ENTITIES[schema].model_validate_json(encode(document))
        body = canonical.model_dump_json(exclude_defaults=True).encode()
        self.emit(
            self.message(schema, body, connection=connection, key=key or _key(schema, document, connection))
        )

    def message(self, schema: str, body: bytes, *, connection: str, key: str) -> Message:
        self._count += 1
        headers = {"schema": schema, "connection": connection, "raw_id": f"raw-{self._count}"}
        return Message(f"m{self._count}", _topic(schema), key, body, headers)

    def emit(self, *messages: Message) -> None:
        self.transactions.transact_now(lambda tx: tx.emit(*messages))
        self.settle()

    def settle(self) -> None:
        """Handle all messages, until none is left."""
        asyncio.run(self._drain())

    async def _drain(self) -> None:
        busy = True
        while busy:
            busy = False
            for processor in self._processors:
                after = self._read.get(processor.name, 0)
                rows = self.database.read_now(partial(_following, processor.topic, after))
                if rows:
                    busy = True
                    await handle_batch(self.transactions, processor, [message_of(row) for row in rows])
                    self._read[processor.name] = rows[-1].id

    def timer(self, name: str) -> Callable[[Transaction], None]:
        return self._timers[name].handler

    def processor(self, name: str) -> Processor:
        return next(each for each in self._processors if each.name == name)

    def topic(self, schema: str) -> str:
        return _topic(schema)

    @property
    def timers(self) -> list[str]:
        """The names of all timers."""
        return list(self._timers)

    def tick(self, timer: str) -> None:
        self.transactions.transact_now(self._timers[timer].handler)
        self.settle()

    def stock(self, node: str, units: dict[str, int], **changes: Any) -> None:
        """A full feed of physical stock, taken now."""
        self._count += 1
        feed = {
            "feed_id": f"feed-{self._count}",
            "node": node,
            "mode": "full",
            "meaning": "physical",
            "as_of": self.clock.now(),
            "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in units.items()],
        }
        self.send("stock_feed/1", feed | changes, connection="wms")

    def answer(self, fulfilment_order: str, kind: str, **more: Any) -> None:
        """A minute later, the node answers a fulfilment order."""
        self._count += 1
        self.clock.move(60)
        answer = {
            "external_id": f"answer-{self._count}",
            "fulfilment_order": fulfilment_order,
            "kind": kind,
            "occurred_at": self.clock.now(),
        }
        self.send("fulfilment_response/1", answer | more, connection="wms")

    def ship(
        self, fulfilment_order: str, units: dict[str, int], tracking: str | None = "1Z1", **more: Any
    ) -> None:
        """A minute later, the node ships one parcel of ``units`` by SKU."""
        self._count += 1
        self.clock.move(60)
        parcel = {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in units.items()]}
        advice = {
            "external_id": f"advice-{self._count}",
            "fulfilment_order": fulfilment_order,
            "shipped_at": self.clock.now(),
            "carrier": "ups",
            "parcels": [parcel | ({"tracking_number": tracking} if tracking else {})],
        }
        self.send("shipment/1", advice | more, connection="wms")

    def outcome(self, command: dict[str, Any], state: str = "applied", **more: Any) -> None:
        """What became of a command."""
        self._count += 1
        body = {
            "command": command["name"],
            "connection": command["connection"],
            "id": command["id"],
            "state": state,
            "refs": command["refs"],
        }
        self.database.transact_now(
            lambda connection: connection.exec_driver_sql(
                f"UPDATE commands SET state = '{state}' WHERE id = {command['id']}"
            )
        )
        message = Message(
            f"outcome:{command['id']}/{command['attempts']}",
            OUTCOMES,
            command["order_key"],
            encode(body | more),
            {"schema": "outcome/1"},
        )
        self.emit(message)

    def rows(self, table: Table, **equal: Any) -> list[dict[str, Any]]:
        """Rows of a table as dictionaries, in the order of their keys."""
        found = select(table).where(*(table.c[name] == value for name, value in equal.items()))
        found = found.order_by(*table.primary_key.columns)
        return self.database.read_now(
            lambda connection: [dict(row._mapping) for row in connection.execute(found)]
        )

    def commands(self, name: str) -> list[dict[str, Any]]:
        """Commands of a name, with their payload decoded and checked against the canonical model."""
        rows = self.rows(commands, name=name)
        for row in rows:
            row["document"] = msgspec.json.decode(row["payload"])
            schema = _PAYLOADS.get(name)
            if schema:
                ENTITIES[schema].model_validate_json(row["payload"])
        return rows

    def order(self, external_id: str = "1001") -> Any:
        name = f"shop:{external_id}"
        return self.database.read_now(lambda connection: load_orders(connection, [name], lock=False))[name]

    def fulfilments(self, external_id: str = "1001") -> Sequence[Any]:
        name = f"shop:{external_id}"
        found = self.database.read_now(lambda connection: load_fulfilments_of_orders(connection, [name]))
        return found.get(name, [])


_PAYLOADS = {
    "fulfilment.request": "fulfilment_order/1",
    "shipment.confirm": "shipment/1",
    "invoice.post": "invoice_posting/1",
    "credit_note.post": "invoice_posting/1",
    "sales_order.post": "invoice_posting/1",
    "order.cancel": "cancellation/1",
    "purchase_order.create": "purchase_order/1",
    "purchase_order.change": "purchase_order/1",
    "purchase_order.cancel": "purchase_order/1",
    "pick_up.ready": "fulfilment_response/1",
    "stock.publish": "stock_level/1",
    "label.buy": "label_request/1",
    "return.authorise": "return_request/1",
    "return.decline": "return_request/1",
    "return.expect": "return_request/1",
    "return.close": "return_request/1",
    "return.refund": "refund/1",
}

_TOPICS = {
    "order": ORDERS,
    "cancellation": ORDERS,
    "stock_feed": STOCK,
    "stock_movement": STOCK,
    "fulfilment_response": FULFILMENT,
    "shipment": FULFILMENT,
    "acknowledgement": FULFILMENT,
    "tracking_event": TRACKING,
    "return_request": RETURNS,
    "return_receipt": RETURNS,
    "refund": RETURNS,
    "product": PRODUCTS,
}


def _following(topic: str, position: int, connection: Connection) -> list[log.Logged]:
    return log.read_after(connection, topic, position, 500)


def _topic(schema: str) -> str:
    return _TOPICS[schema.partition("/")[0]]


def _key(schema: str, document: dict[str, Any], connection: str) -> str:
    entity = schema.partition("/")[0]
    if entity in ("order", "cancellation"):
        return f"{connection}:{document['external_id']}"
    if entity in ("shipment", "fulfilment_response"):
        return str(document["fulfilment_order"])
    return str(document.get("node") or document.get("tracking_number") or document.get("external_id"))
