"""The tables of orders: lines, fulfilment orders, shipments, decisions, the worklist."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from crossdock.store.metadata import Exact, Instant, Json, RowId, metadata

__all__ = [
    "decisions",
    "fulfilment_order_lines",
    "fulfilment_orders",
    "network_versions",
    "order_lines",
    "orders",
    "parcels",
    "shipments",
    "tracking_events",
    "work_items",
]

_WAITING = text("route_at IS NOT NULL")
_READY = text("collect_by IS NOT NULL")
_RELEASE = text("release_at IS NOT NULL")
_UNSURE = text("evaluate_at IS NOT NULL")
_BETWEEN_NODES = text("to_node IS NOT NULL")
_HELD = text("hold_until IS NOT NULL")

orders = Table(
    "orders",
    metadata,
    # connection:external_id, so the same order has the same id wherever and whenever it is heard of.
    Column("id", Text, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("number", Text),
    Column("version", Text, nullable=False),
    Column("state", Text, nullable=False),
    # The names of the holds that have not ended, and when the first of them ends by itself.
    Column("hold", Text),
    Column("hold_until", Instant),
    Column("holds", Json, nullable=False, server_default=text("'[]'")),
    Column("reason", Text),
    Column("priority", Integer, nullable=False),
    Column("placed_at", Instant, nullable=False),
    Column("ship_by", Instant),
    Column("deliver_by", Instant),
    Column("document", LargeBinary, nullable=False),
    Column("raw_id", Text),
    Column("correlation_id", Text, nullable=False),
    Column("decisions", Integer, nullable=False),
    # When what is unallocated is to be routed again, and until when it is tried.
    Column("route_at", Instant),
    Column("route_until", Instant),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("ix_orders_route_at", "route_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
    Index("ix_orders_hold_until", "hold_until", sqlite_where=_HELD, postgresql_where=_HELD),
    Index("ix_orders_state", "state", "updated_at"),
    Index("ix_orders_external", "external_id"),
    Index("ix_orders_number", "number"),
    Index("ix_orders_created", "created_at", "id"),
    # Reports are asked for days of orders.
    Index("ix_orders_placed", "placed_at"),
)

order_lines = Table(
    "order_lines",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("line_id", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("sku", Text, nullable=False),
    Column("ordered", RowId, nullable=False),
    Column("cancelled", RowId, nullable=False),
    Column("allocated", RowId, nullable=False),
    Column("requested", RowId, nullable=False),
    Column("shipped", RowId, nullable=False),
    Column("short", RowId, nullable=False),
    Column("returned", RowId, nullable=False),
    Column("over_shipped", RowId, nullable=False),
    # Of a component of a kit: the channel's line, and units in one kit.
    Column("kit_line", Text),
    Column("per_kit", Integer, nullable=False, server_default=text("1")),
    CheckConstraint("cancelled + allocated + shipped <= ordered", name="adds_up"),
    CheckConstraint(
        "cancelled >= 0 AND allocated >= 0 AND requested >= 0 AND requested <= allocated AND shipped >= 0",
        name="not_negative",
    ),
)

fulfilment_orders = Table(
    "fulfilment_orders",
    metadata,
    Column("id", Text, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("node", Text, nullable=False),
    # The node that sends the goods on; empty where they go to the buyer.
    Column("to_node", Text),
    Column("connection", Text),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("service", Text, nullable=False),
    Column("carrier", Text),
    Column("ship_by", Instant),
    Column("deliver_by", Instant),
    Column("costs", Json, nullable=False),
    Column("decision_id", Text),
    Column("destination", Text),
    Column("tried_nodes", Json, nullable=False),
    # Ids of the node's messages that were applied: a repeated one changes nothing.
    Column("messages", Json, nullable=False),
    Column("requested_at", Instant),
    # When a pick-up that is ready is called off, unless the buyer collects it.
    Column("collect_by", Instant),
    # Of one that no node was asked for yet: when the node is asked, and when it is routed again.
    Column("release_at", Instant),
    Column("evaluate_at", Instant),
    # What the channel is told when the node agrees to cancel; NULL where it asked itself.
    Column("cancel_reason", Text),
    # The instant from which the node certainly knows of it (inventory.facts.Allocation.known_from).
    Column("known_from", Instant),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("order_id", "number"),
    Index("ix_fulfilment_orders_state", "state", "updated_at"),
    Index("ix_fulfilment_orders_node", "node", "state"),
    Index("ix_fulfilment_orders_collect_by", "collect_by", sqlite_where=_READY, postgresql_where=_READY),
    Index("ix_fulfilment_orders_release_at", "release_at", sqlite_where=_RELEASE, postgresql_where=_RELEASE),
    Index("ix_fulfilment_orders_evaluate_at", "evaluate_at", sqlite_where=_UNSURE, postgresql_where=_UNSURE),
    Index(
        "ix_fulfilment_orders_to_node",
        "to_node",
        "state",
        sqlite_where=_BETWEEN_NODES,
        postgresql_where=_BETWEEN_NODES,
    ),
)

_OPEN_UNITS = text("open > 0")

fulfilment_order_lines = Table(
    "fulfilment_order_lines",
    metadata,
    Column("id", Text, primary_key=True),
    Column("fulfilment_order_id", Text, nullable=False),
    Column("order_line", Text, nullable=False),
    Column("sku", Text, nullable=False),
    Column("quantity", RowId, nullable=False),
    Column("shipped", RowId, nullable=False),
    Column("rejected", RowId, nullable=False),
    Column("short", RowId, nullable=False),
    Column("cancelled", RowId, nullable=False),
    Column("to_cancel", RowId, nullable=False),
    # Units still allocated: what is not shipped, rejected, short or cancelled.
    Column("open", RowId, nullable=False),
    # The lot that the node is to pick; empty where any will do.
    Column("lot", Text),
    # The line of another fulfilment order that brings the units here, and those of the open ones that are to come: the
    # ``cover`` of the position counts them.
    Column("awaits", Text),
    Column("to_come", RowId, nullable=False, server_default=text("0")),
    # Of units sent to another node, those that are not under way any more.
    Column("arrived", RowId, nullable=False, server_default=text("0")),
    CheckConstraint("open >= 0 AND open = quantity - shipped - rejected - short - cancelled", name="open"),
    Index("ix_fulfilment_order_lines_of", "fulfilment_order_id"),
    Index("ix_fulfilment_order_lines_open", "sku", sqlite_where=_OPEN_UNITS, postgresql_where=_OPEN_UNITS),
)

shipments = Table(
    "shipments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("fulfilment_order_id", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("carrier", Text),
    Column("service", Text),
    Column("shipped_at", Instant),
    Column("cost", Exact),
    Column("cost_currency", Text),
    Column("label_ref", Text),
    Column("document", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("ix_shipments_order", "order_id"),
    Index("ix_shipments_fulfilment_order", "fulfilment_order_id"),
    Index("ix_shipments_state", "state", "updated_at"),
)

parcels = Table(
    "parcels",
    metadata,
    Column("shipment_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("tracking_number", Text),
    Column("carrier", Text),
    Column("status", Text),
    Column("status_at", Instant),
    Index("ix_parcels_tracking", "tracking_number"),
)

tracking_events = Table(
    "tracking_events",
    metadata,
    Column("tracking_number", Text, primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("message", Text),
    Column("document", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("why", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("network", Text, nullable=False),
    Column("snapshot", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("decided_at", Instant, nullable=False),
    UniqueConstraint("order_id", "number"),
)

network_versions = Table(
    "network_versions",
    metadata,
    # What a decision names: with it the decision can be explained as long as it is kept.
    Column("version", Text, primary_key=True),
    Column("document", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
)

work_items = Table(
    "work_items",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("cause", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("order_id", Text),
    Column("message", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("fix", Text, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("resolution", Text),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    # Who has taken it on; who closed it: a person, or the hub because what it waited for has happened.
    Column("assigned_to", Text),
    Column("settled_by", Text),
    CheckConstraint("state IN ('open', 'done')", name="state"),
    UniqueConstraint("cause", "subject"),
    Index("ix_work_items_state", "state", "due_at"),
    Index("ix_work_items_order", "order_id"),
    sqlite_autoincrement=True,
)
