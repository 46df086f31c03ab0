"""A database with everything in it that checks look at: shipped, held, waiting and refused orders."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from crossdock.compiling import network_document
from crossdock.doctor import Finding, Reporting, Situation, examine
from crossdock.store import decision_log, log
from crossdock.store.engine import Database
from crossdock.store.plumbing import messages
from crossdock.streams.processors.declared import processors
from tests.processors.harness import START, Harness
from tests.schemas.builders import a_line, an_order


def build(database: Database, changes: dict[str, Any] | None = None) -> Harness:
    hub = Harness(database, changes)
    database.transact_now(
        lambda connection: decision_log.keep_network(
            connection, hub.hub.network.version, network_document(hub.hub.config), START
        )
    )
    hub.stock("CHI", {"SKU-1": 5})
    hub.stock("NYC", {"SKU-2": 3, "SKU-9": 0})
    hub.send("order/1", an_order(number="#1001"))
    ship(hub, "1001")
    hub.send("order/1", an_order(external_id="1002", lines=(a_line("1", "SKU-1", 2),)))
    hub.send("order/1", an_order(external_id="1003", status="pending"))
    hub.send("order/1", an_order(external_id="1004", lines=(a_line("1", "SKU-9", 1),)))
    (confirm,) = hub.commands("shipment.confirm")
    hub.outcome(confirm, "rejected", code="gone", message="the order is archived")
    database.transact_now(lambda connection: catch_up(connection, hub))
    return hub


def ship(hub: Harness, external_id: str) -> None:
    (stored,) = hub.fulfilments(external_id)
    lines = [{"line": line.id, "sku": line.sku, "quantity": line.open} for line in stored.fulfilment.lines]
    advice = {
        "external_id": f"ASN-{external_id}",
        "fulfilment_order": stored.id,
        "shipped_at": hub.clock.now(),
        "parcels": [{"tracking_number": f"1Z{external_id}", "lines": lines}],
    }
    hub.send("shipment/1", advice, connection="wms")


def catch_up(connection: Connection, hub: Harness) -> None:
    """The harness reads without cursors; a runtime would have left these."""
    last = connection.execute(select(func.max(messages.c.id))).scalar_one()
    for processor in processors(hub.hub):
        log.create_cursor(connection, processor.name, processor.topic, hub.clock.now())
        log.move_cursor(connection, processor.name, last, hub.clock.now())


def situation(hub: Harness) -> Situation:
    return Situation(hub.clock.now(), Reporting.of(hub.hub.config, hub.hub.manifests))


def findings(hub: Harness) -> dict[str, Finding]:
    asked = situation(hub)
    found = hub.database.read_now(lambda connection: examine(connection, asked))
    return {finding.name: finding for finding in found}
