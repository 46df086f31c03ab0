"""The tables of the inventory: products, positions, ledger, lots, feeds, reservations, ring-fences, published stock."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Integer, LargeBinary, Table, Text, text

from crossdock.store.metadata import Instant, Json, RowId, metadata

__all__ = [
    "back_orders",
    "capacity_used",
    "feed_stages",
    "feeds",
    "inbound",
    "kit_components",
    "ledger",
    "lot_movements",
    "lots",
    "marked_stock",
    "positions",
    "products",
    "published_stock",
    "reservations",
    "ring_fence_uses",
    "ring_fences",
]

products = Table(
    "products",
    metadata,
    Column("sku", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("weight_grams", RowId, nullable=False),
    Column("volume_cm3", RowId, nullable=False),
    Column("restrictions", Json, nullable=False),
    # Of a kit: pairs of SKU and units.
    Column("components", Json, nullable=False, server_default=text("'[]'")),
    # Pre-order: before that nothing of it is shipped.
    Column("available_from", Instant),
    Column("document", LargeBinary, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

kit_components = Table(
    "kit_components",
    metadata,
    # Which kits hold a component; how many is said by ``products``.
    Column("component", Text, primary_key=True),
    Column("kit", Text, primary_key=True),
    Index("ix_kit_components_kit", "kit"),
    sqlite_with_rowid=False,
)

positions = Table(
    "positions",
    metadata,
    Column("sku", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("on_hand", RowId, nullable=False),
    Column("reserved", RowId, nullable=False),
    Column("allocated", RowId, nullable=False),
    Column("quarantined", RowId, nullable=False),
    Column("as_of", Instant),
    Column("sequence", RowId),
    Column("feed_id", Text, nullable=False),
    Column("meaning", Text, nullable=False),
    # What may be promised beyond stock, by policy; and by how much reality has fallen below the promises.
    Column("cover", RowId, nullable=False, server_default=text("0")),
    Column("shortfall", RowId, nullable=False, server_default=text("0")),
    # What ring-fences keep of it, all channels together: their rows are read only where it is not zero.
    Column("fenced", RowId, nullable=False, server_default=text("0")),
    # Whether it has lots: their rows are read only then.
    Column("by_lot", Integer, nullable=False, server_default=text("0")),
    CheckConstraint(
        "reserved >= 0 AND allocated >= 0 AND quarantined >= 0 AND shortfall >= 0", name="not_negative"
    ),
    # Oversell is the one unforgivable fault. A statement that promises never raises ``shortfall``, only news
    # of the node does: a promise of what is not there fails here, whatever the code before it believed.
    CheckConstraint(
        "reserved + allocated <= shortfall + CASE WHEN on_hand - quarantined + cover > 0 "
        "THEN on_hand - quarantined + cover ELSE 0 END",
        name="never_oversold",
    ),
    # Not of the feed too: every feed would write this index as well.
    Index("ix_positions_node", "node"),
    sqlite_with_rowid=False,
)

_MOVED = text("kind <> 'counted'")
_NOT_NOTED = text("noted_on IS NULL")

ledger = Table(
    "ledger",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("sku", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("on_hand", RowId, nullable=False),
    Column("reserved", RowId, nullable=False),
    Column("allocated", RowId, nullable=False),
    Column("quarantined", RowId, nullable=False),
    Column("as_of", Instant, nullable=False),
    Column("source", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("sequence", RowId),
    Column("recorded_at", Instant, nullable=False),
    Index("ix_ledger_position", "sku", "node"),
    Index("ix_ledger_moved", "node", "as_of", sqlite_where=_MOVED, postgresql_where=_MOVED),
    Index("ix_ledger_news", "external_id", sqlite_where=_MOVED, postgresql_where=_MOVED),
    sqlite_autoincrement=True,
)

lots = Table(
    "lots",
    metadata,
    Column("sku", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("lot", Text, primary_key=True),
    # The last day of use, as 2026-11-23: the order of the text is that of the days.
    Column("expires_on", Text),
    # Of the position's units; what is allocated of a lot stands in the lines of fulfilment orders.
    Column("on_hand", RowId, nullable=False),
    Column("quarantined", RowId, nullable=False),
    # The day whose end was noted in the ledger, so that channels are told of what they can't sell any more.
    Column("noted_on", Text),
    Column("updated_at", Instant, nullable=False),
    CheckConstraint("quarantined >= 0", name="not_negative"),
    Index("ix_lots_expiry", "expires_on", sqlite_where=_NOT_NOTED, postgresql_where=_NOT_NOTED),
    sqlite_with_rowid=False,
)

lot_movements = Table(
    "lot_movements",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("sku", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("lot", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("on_hand", RowId, nullable=False),
    Column("quarantined", RowId, nullable=False),
    Column("as_of", Instant, nullable=False),
    Column("source", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Index("ix_lot_movements_position", "sku", "node"),
    sqlite_autoincrement=True,
)

feeds = Table(
    "feeds",
    metadata,
    Column("node", Text, primary_key=True),
    Column("feed_id", Text, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("as_of", Instant, nullable=False),
    Column("sequence", RowId),
    Column("mentioned", RowId, nullable=False),
    Column("parts", Integer, nullable=False),
    Column("last_part", Integer),
    Column("zero_omitted", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("drift_lines", RowId, nullable=False, server_default=text("0")),
    Column("updated_at", Instant, nullable=False),
    CheckConstraint("state IN ('open', 'closed', 'refused')", name="state"),
    Index("ix_feeds_as_of", "node", "as_of"),
)

_ACTIVE = text("state = 'active'")

reservations = Table(
    "reservations",
    metadata,
    Column("key", Text, primary_key=True),
    Column("sku", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("quantity", RowId, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("order_id", Text),
    Column("updated_at", Instant, nullable=False),
    Column("channel", Text, nullable=False, server_default=text("''")),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("state IN ('active', 'confirmed', 'released', 'expired')", name="state"),
    Index("ix_reservations_expiry", "expires_at", sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
    Index("ix_reservations_position", "sku", "node", sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
)

ring_fences = Table(
    "ring_fences",
    metadata,
    Column("sku", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    # What is left of it: what the channel is promised comes out of it.
    Column("quantity", RowId, nullable=False),
    Column("updated_at", Instant, nullable=False),
    CheckConstraint("quantity >= 0", name="quantity"),
    sqlite_with_rowid=False,
)

ring_fence_uses = Table(
    "ring_fence_uses",
    metadata,
    # A reservation, or a line of a fulfilment order: when it is called off, the units are fenced again.
    Column("promise", Text, primary_key=True),
    Column("sku", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("quantity", RowId, nullable=False),
    CheckConstraint("quantity >= 0", name="quantity"),
    sqlite_with_rowid=False,
)

inbound = Table(
    "inbound",
    metadata,
    # A line of a purchase order, ship notice or transfer.
    Column("id", Text, primary_key=True),
    Column("sku", Text, nullable=False),
    Column("node", Text, nullable=False),
    # Units still to arrive.
    Column("quantity", RowId, nullable=False),
    Column("due", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    CheckConstraint("quantity >= 0", name="quantity"),
    Index("ix_inbound_position", "sku", "node"),
)

back_orders = Table(
    "back_orders",
    metadata,
    # Of the reservation that holds the units.
    Column("key", Text, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("line_id", Text, nullable=False),
    Column("sku", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("quantity", RowId, nullable=False),
    # Of them, those that have not arrived: the ``cover`` of the position is their sum.
    Column("to_come", RowId, nullable=False),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("to_come >= 0 AND to_come <= quantity", name="to_come"),
    Index("ix_back_orders_order", "order_id"),
    Index("ix_back_orders_position", "sku", "node"),
)

published_stock = Table(
    "published_stock",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("sku", Text, primary_key=True),
    Column("quantity", RowId, nullable=False),
    Column("published_at", Instant, nullable=False),
)

marked_stock = Table(
    "marked_stock",
    metadata,
    # What channels may sell of it has changed, and no unit has moved.
    Column("sku", Text, primary_key=True),
    sqlite_with_rowid=False,
)

feed_stages = Table(
    "feed_stages",
    metadata,
    Column("node", Text, primary_key=True),
    # How many of the times that rules of safety stock name its feed has been stale for.
    Column("stage", Integer, nullable=False),
    sqlite_with_rowid=False,
)

capacity_used = Table(
    "capacity_used",
    metadata,
    Column("node", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("orders", Integer, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("units", RowId, nullable=False),
    CheckConstraint("orders >= 0 AND lines >= 0 AND units >= 0", name="not_negative"),
    Index("ix_capacity_used_day", "day"),
)
