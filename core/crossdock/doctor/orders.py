"""Checks of orders: units add up, goods leave once, and nothing is forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec
from sqlalchemy import Connection, text

from crossdock.doctor.model import Check, Row, Situation, sql

__all__ = ["ORDER_CHECKS"]


class _Line(msgspec.Struct):
    quantity: int


class _Parcel(msgspec.Struct):
    lines: tuple[_Line, ...] = ()


class _Shipment(msgspec.Struct):
    parcels: tuple[_Parcel, ...] = ()


_shipment = msgspec.json.Decoder(_Shipment)

_LEFT = """
    SELECT fulfilment_order_id, document FROM shipments WHERE shipped_at IS NOT NULL
"""
_SHIPPED = """
    SELECT one.id AS fulfilment_order, one.order_id, sum(line.shipped) AS shipped,
           EXISTS (SELECT 1 FROM work_items AS item WHERE item.order_id = one.order_id
                   AND item.cause IN ('over_shipped', 'called_off_but_done')) AS explained
    FROM fulfilment_orders AS one JOIN fulfilment_order_lines AS line ON line.fulfilment_order_id = one.id
    GROUP BY one.id, one.order_id ORDER BY one.id
"""


def _shipped_without_document(connection: Connection, _: Situation) -> Iterator[Row]:
    """More units in the documents than were booked are surplus, which is somebody's work."""
    said: Counter[str] = Counter()
    for fulfilment_order, document in connection.execute(text(_LEFT)):
        parcels = _shipment.decode(bytes(document)).parcels
        said[fulfilment_order] += sum(line.quantity for parcel in parcels for line in parcel.lines)
    for row in connection.execute(text(_SHIPPED)).mappings():
        documented = said[row["fulfilment_order"]]
        if row["shipped"] > documented or (row["shipped"] < documented and not row["explained"]):
            yield {
                "fulfilment_order": row["fulfilment_order"],
                "order_id": row["order_id"],
                "units_booked_as_shipped": row["shipped"],
                "units_in_shipments": documented,
            }


ORDER_CHECKS = (
    Check(
        "order_lines_add_up",
        "The units of every order line are those of its fulfilment orders, and no more than were ordered.",
        "Report this with the order's story (`crossdock order show ID`).",
        sql("""
        SELECT line.order_id, line.line_id, line.ordered, line.cancelled, line.allocated,
               coalesce(sums.allocated, 0) AS allocated_in_fulfilment_orders, line.shipped,
               coalesce(sums.shipped, 0) AS shipped_in_fulfilment_orders
        FROM order_lines AS line
        LEFT JOIN (SELECT one.order_id, each_line.order_line, sum(each_line.open) AS allocated,
                          sum(each_line.shipped) AS shipped
                   FROM fulfilment_orders AS one
                   JOIN fulfilment_order_lines AS each_line ON each_line.fulfilment_order_id = one.id
                   WHERE one.to_node IS NULL
                   GROUP BY one.order_id, each_line.order_line) AS sums
               ON sums.order_id = line.order_id AND sums.order_line = line.line_id
        WHERE line.allocated <> coalesce(sums.allocated, 0)
           OR coalesce(sums.shipped, 0) > line.shipped + line.over_shipped
           OR line.cancelled + line.allocated + line.shipped > line.ordered
        ORDER BY line.order_id, line.line_id
        """),
    ),
    Check(
        "shipped_equals_shipments",
        "The shipped units of every fulfilment order are those of its shipments, or somebody knows of the surplus.",
        "Compare the node's shipping advice (`crossdock order show ID`) with the fulfilment order.",
        _shipped_without_document,
    ),
    Check(
        "no_duplicate_shipments",
        "No advice of a node was taken for two shipments.",
        "Find out whether the goods left twice; correct the stock and tell the buyer.",
        sql("""
        SELECT fulfilment_order_id, external_id, count(*) AS shipments, min(id) AS first_id, max(id) AS last_id
        FROM shipments GROUP BY fulfilment_order_id, external_id HAVING count(*) > 1
        ORDER BY fulfilment_order_id
        """),
    ),
    Check(
        "every_order_has_a_next_step",
        "Every order is shipped, closed or cancelled, or waits for an instant, a node, a release, or a person.",
        "Have it routed again, or cancel it; then find out who closed its work item.",
        sql("""
        SELECT one.id, one.state, one.reason, one.updated_at
        FROM orders AS one
        WHERE one.state NOT IN ('shipped', 'closed', 'cancelled')
          AND one.route_at IS NULL
          AND (one.hold IS NULL OR one.hold = '')
          AND NOT EXISTS (SELECT 1 FROM work_items AS item WHERE item.order_id = one.id AND item.state = 'open')
          AND NOT EXISTS (SELECT 1 FROM messages AS news
                          JOIN processor_cursors AS reader
                            ON reader.topic = news.topic AND news.id > reader.position
                          WHERE news.topic = 'orders' AND news.key = one.id)
          AND (NOT EXISTS (SELECT 1 FROM fulfilment_orders AS asked
                           JOIN fulfilment_order_lines AS line ON line.fulfilment_order_id = asked.id
                           WHERE asked.order_id = one.id AND line.open > 0)
               OR EXISTS (SELECT 1 FROM order_lines AS line WHERE line.order_id = one.id
                          AND line.cancelled + line.allocated + line.shipped < line.ordered))
        ORDER BY one.id
        """),
    ),
    Check(
        "nodes_were_asked",
        "Every fulfilment order that a node is waited for has a command to it, or somebody's work item.",
        "Report this; the node knows nothing of it: cancel the fulfilment order, so that it is routed again.",
        sql("""
        SELECT one.id, one.order_id, one.node, one.connection, one.requested_at
        FROM fulfilment_orders AS one
        WHERE one.state = 'requested' AND one.requested_at > :recent
          AND NOT EXISTS (SELECT 1 FROM commands AS told WHERE told.connection = one.connection
                          AND told.idempotency_key = 'fulfilment.request:' || one.id)
          AND NOT EXISTS (SELECT 1 FROM work_items AS item
                          WHERE item.subject = 'fulfilment_order:' || one.id)
        ORDER BY one.id
        """),
    ),
    Check(
        "what_is_to_come_is_on_its_way",
        "What a fulfilment order waits for, to send it on, is open or under way in the one that brings it.",
        "Report this with the order's story (`crossdock order show ID`); cancelling the lines gives the units back.",
        sql("""
        SELECT last_leg.fulfilment_order_id, last_leg.sku, last_leg.awaits, last_leg.open, last_leg.to_come,
               leg.open + leg.shipped - leg.arrived AS on_its_way
        FROM fulfilment_order_lines AS last_leg
        LEFT JOIN fulfilment_order_lines AS leg ON leg.id = last_leg.awaits
        WHERE last_leg.to_come <> 0
          AND (leg.id IS NULL OR last_leg.to_come < 0 OR last_leg.to_come > last_leg.open
               OR last_leg.to_come > leg.open + leg.shipped - leg.arrived)
        ORDER BY last_leg.id
        """),
    ),
    Check(
        "decisions_can_be_explained",
        "The network and policies of every decision are kept.",
        "Start the hub with the configuration of that time once (`crossdock run` keeps it), or accept that "
        "these decisions show their result only.",
        sql("""
        SELECT made.network, count(*) AS decisions, min(made.id) AS first_decision
        FROM decisions AS made
        WHERE NOT EXISTS (SELECT 1 FROM network_versions AS kept WHERE kept.version = made.network)
        GROUP BY made.network ORDER BY made.network
        """),
    ),
)
