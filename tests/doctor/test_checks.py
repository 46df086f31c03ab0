"""A healthy database passes; whatever is broken by SQL is found by the check that is there for it."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from crossdock.doctor import CHECKS
from tests.doctor.builders import findings
from tests.processors.harness import Harness
from tests.schemas.builders import a_line, an_order

SHIPPED = "(SELECT id FROM shipments)"
CORRUPTIONS = {
    "ledger_equals_balances": "UPDATE ledger SET on_hand = on_hand + 1 WHERE sku = 'SKU-2'",
    "never_oversold": "UPDATE positions SET on_hand = 0 WHERE sku = 'SKU-1'",
    "lots_equal_their_ledger": "INSERT INTO lot_movements VALUES (1, 'SKU-1', 'CHI', 'L', 'received', 1, 0, "
    "'2026-11-23T00:00:00.000000Z', 'wms', 'M', '2026-11-23T00:00:00.000000Z')",
    "lots_of_known_positions": "INSERT INTO lots VALUES ('SKU-1', 'CHI', 'L', NULL, 0, 0, NULL, "
    "'2026-11-23T00:00:00.000000Z')",
    "cover_equals_back_orders": "UPDATE positions SET cover = cover + 1 WHERE sku = 'SKU-1'",
    "reserved_equals_reservations": "INSERT INTO reservations VALUES "
    "('cart-1', 'SKU-2', 'NYC', 1, '2026-11-24T00:00:00.000000Z', 'active', NULL, '2026-11-23T00:00:00.000000Z', '')",
    "allocated_equals_open_lines": "UPDATE fulfilment_order_lines SET open = open - 1, shipped = shipped + 1 "
    "WHERE open > 0",
    "returns_booked_once": "INSERT INTO return_receipts VALUES "
    "('wms', 'CHI', 'RR-1', 1, 'wms:RR-1', NULL, 'SKU-1', 1, 'new', 'restock', '2026-11-23T00:00:00.000000Z')",
    "order_lines_add_up": "UPDATE order_lines SET allocated = allocated - 1, requested = 0 WHERE allocated > 1",
    "shipped_equals_shipments": "UPDATE shipments SET shipped_at = NULL",
    "no_duplicate_shipments": "INSERT INTO shipments (id, fulfilment_order_id, order_id, node, external_id, state, "
    "document, created_at, updated_at) SELECT 'S-again', fulfilment_order_id, order_id, node, external_id, state, "
    "document, created_at, updated_at FROM shipments",
    "every_order_has_a_next_step": "UPDATE orders SET route_at = NULL",
    "nodes_were_asked": "DELETE FROM commands WHERE name = 'fulfilment.request'",
    "what_is_to_come_is_on_its_way": "UPDATE fulfilment_order_lines SET to_come = 1 WHERE open > 0",
    "decisions_can_be_explained": "DELETE FROM network_versions",
    "shipments_are_confirmed": "DELETE FROM commands WHERE name = 'shipment.confirm'",
    "shipments_are_invoiced": "DELETE FROM commands WHERE name = 'invoice.post'",
    "supplies_are_bought": "DELETE FROM commands WHERE name = 'purchase_order.create'",
    "refusals_are_somebodys_work": "DELETE FROM work_items",
    "sending_has_a_lease": "UPDATE commands SET state = 'sending' WHERE name = 'invoice.post'",
    "labels_are_bought_once": "INSERT INTO cross_references (connection, kind, external_id, canonical_id, created_at) "
    "SELECT 'carrier', 'shipment', label.name, shipments.id, created_at "
    "FROM shipments, (SELECT 'L1' AS name UNION ALL SELECT 'L2') AS label",
    "outbox_moves": "UPDATE commands SET not_before = '2026-11-20T00:00:00.000000Z'",
    "messages_are_read": "DELETE FROM processor_cursors WHERE topic = 'fulfilment'",
}


def corrupt(hub: Harness, statement: str) -> None:
    """Break a database behind the back of its own constraints."""
    with hub.database.engine.connect() as connection:
        if hub.database.dialect == "sqlite":
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        else:
            for constraint, table in [
                ("ck_positions_never_oversold", "positions"),
                ("ck_order_lines_not_negative", "order_lines"),
            ]:
                connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}"))
        connection.execute(text(statement))
        connection.commit()


def test_every_check_has_a_corruption() -> None:
    assert set(CORRUPTIONS) == {check.name for check in CHECKS}


def test_a_healthy_database_passes(hub: Harness) -> None:
    assert {name: finding.rows for name, finding in findings(hub).items() if not finding.healthy} == {}


@pytest.mark.parametrize("name", sorted(CORRUPTIONS))
def test_what_is_broken_is_found(hub: Harness, name: str) -> None:
    corrupt(hub, CORRUPTIONS[name])
    finding = findings(hub)[name]
    assert finding.count >= 1
    assert finding.rows
    assert finding.sentence
    assert finding.advice


def test_only_the_first_rows_are_shown(hub: Harness) -> None:
    corrupt(
        hub,
        "INSERT INTO positions (sku, node, on_hand, reserved, allocated, quarantined, feed_id, meaning) "
        "SELECT 'X' || lines.order_id || orders.id, 'CHI', 1, 0, 0, 0, '', 'physical' "
        "FROM order_lines AS lines, orders",
    )
    finding = findings(hub)["ledger_equals_balances"]
    assert finding.count > len(finding.rows) == 5


@pytest.mark.parametrize("name", ["shipments_are_confirmed", "shipments_are_invoiced"])
def test_whole_kits_that_left_are_told_of(hub: Harness, name: str) -> None:
    """Of a node's shipment of components only, the channel and the ERP hear when they make a kit whole."""
    parts = [{"sku": "POT", "quantity": 1}, {"sku": "MUG", "quantity": 2}]
    hub.send("product/1", {"sku": "SET", "version": "1", "components": parts}, connection="shop")
    hub.stock("NYC", {"POT": 5, "MUG": 9})
    hub.send("order/1", an_order(external_id="K", lines=(a_line("1", "SET", 2),)))
    (asked,) = hub.fulfilments("K")
    hub.ship(asked.id, {"POT": 1}, "1ZK1", final=False)
    assert not findings(hub)[name].rows
    hub.ship(asked.id, {"POT": 1, "MUG": 3}, "1ZK2", final=False)
    assert not findings(hub)[name].rows
    command = {"shipments_are_confirmed": "shipment.confirm", "shipments_are_invoiced": "invoice.post"}[name]
    corrupt(hub, f"DELETE FROM commands WHERE name = '{command}' AND order_key = 'shop:K'")
    (row,) = findings(hub)[name].rows
    assert (row["order_id"], row["line"], row["kits_left"], row["kits_told"]) == ("shop:K", "1", 1, 0)
