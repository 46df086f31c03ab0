"""The schema of release 0.1."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from crossdock.store import metadata as types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:  # noqa: PLR0915
    """Make the tables."""
    op.create_table(
        "activities",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("last_success_at", types.Instant(), nullable=True),
        sa.Column("failing_since", types.Instant(), nullable=True),
        sa.Column("next_attempt_at", types.Instant(), nullable=True),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "kind", "stream", name=op.f("pk_activities")),
    )
    op.create_table(
        "api_requests",
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("idempotency_key", "caller", name=op.f("pk_api_requests")),
    )
    op.create_index(op.f("ix_api_requests_created_at"), "api_requests", ["created_at"], unique=False)
    op.create_table(
        "api_tokens",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("scopes", types.Json(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("revoked_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_tokens_hash")),
    )
    op.create_table(
        "capacity_used",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("units", types.RowId, nullable=False),
        sa.CheckConstraint(
            "orders >= 0 AND lines >= 0 AND units >= 0", name=op.f("ck_capacity_used_not_negative")
        ),
        sa.PrimaryKeyConstraint("node", "day", name=op.f("pk_capacity_used")),
    )
    op.create_table(
        "commands",
        sa.Column("id", types.RowId, autoincrement=True, nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("order_key", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("coalesce_key", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("refs", types.Json(), nullable=False),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", types.Instant(), nullable=False),
        sa.Column("sent_at", types.Instant(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", types.Instant(), nullable=True),
        sa.Column("outcome", types.Json(), nullable=True),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'sending', 'unknown', 'applied', 'rejected', 'parked')",
            name=op.f("ck_commands_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commands")),
        sa.UniqueConstraint(
            "connection", "idempotency_key", name=op.f("uq_commands_connection_idempotency_key")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_commands_coalesce",
        "commands",
        ["connection", "coalesce_key", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'pending' AND coalesce_key <> ''"),
        postgresql_where=sa.text("state = 'pending' AND coalesce_key <> ''"),
    )
    op.create_index(
        "ix_commands_due",
        "commands",
        ["connection", "not_before", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('pending', 'sending', 'unknown')"),
        postgresql_where=sa.text("state IN ('pending', 'sending', 'unknown')"),
    )
    op.create_index(
        "ix_commands_order",
        "commands",
        ["connection", "order_key", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('pending', 'sending', 'unknown')"),
        postgresql_where=sa.text("state IN ('pending', 'sending', 'unknown')"),
    )
    op.create_index(op.f("ix_commands_order_key"), "commands", ["order_key"], unique=False)
    op.create_table(
        "cross_references",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("canonical_id", sa.Text(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "kind", "external_id", name=op.f("pk_cross_references")),
    )
    op.create_index(
        "ix_cross_references_canonical",
        "cross_references",
        ["canonical_id", "kind", "connection"],
        unique=False,
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", types.RowId, autoincrement=True, nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("raw_id", sa.Text(), nullable=True),
        sa.Column("mapping", sa.Text(), nullable=True),
        sa.Column("connection", sa.Text(), nullable=True),
        sa.Column("original_topic", sa.Text(), nullable=True),
        sa.Column("original_id", sa.Text(), nullable=True),
        sa.Column("original_key", sa.Text(), nullable=True),
        sa.Column("original_headers", sa.Text(), nullable=True),
        sa.Column("original_body", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("replays", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'replayed', 'discarded')", name=op.f("ck_dead_letters_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letters")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_dead_letters_original_key"), "dead_letters", ["original_key"], unique=False)
    op.create_index("ix_dead_letters_state_id", "dead_letters", ["state", "id"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("decided_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sa.UniqueConstraint("order_id", "number", name=op.f("uq_decisions_order_id_number")),
    )
    op.create_table(
        "feeds",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("feed_id", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("as_of", types.Instant(), nullable=False),
        sa.Column("sequence", types.RowId, nullable=True),
        sa.Column("mentioned", types.RowId, nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("last_part", sa.Integer(), nullable=True),
        sa.Column("zero_omitted", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("drift_lines", types.RowId, server_default=sa.text("0"), nullable=False),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'closed', 'refused')", name=op.f("ck_feeds_state")),
        sa.PrimaryKeyConstraint("node", "feed_id", name=op.f("pk_feeds")),
    )
    op.create_index("ix_feeds_as_of", "feeds", ["node", "as_of"], unique=False)
    op.create_table(
        "file_ledger",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", types.RowId, nullable=False),
        sa.Column("modified_at", types.Instant(), nullable=True),
        sa.Column("raw_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.CheckConstraint("state IN ('stored', 'disposed')", name=op.f("ck_file_ledger_state")),
        sa.PrimaryKeyConstraint("connection", "stream", "name", "sha256", name=op.f("pk_file_ledger")),
    )
    op.create_table(
        "fulfilment_order_lines",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("fulfilment_order_id", sa.Text(), nullable=False),
        sa.Column("order_line", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", types.RowId, nullable=False),
        sa.Column("shipped", types.RowId, nullable=False),
        sa.Column("rejected", types.RowId, nullable=False),
        sa.Column("short", types.RowId, nullable=False),
        sa.Column("cancelled", types.RowId, nullable=False),
        sa.Column("to_cancel", types.RowId, nullable=False),
        sa.Column("open", types.RowId, nullable=False),
        sa.CheckConstraint(
            "open >= 0 AND open = quantity - shipped - rejected - short - cancelled",
            name=op.f("ck_fulfilment_order_lines_open"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fulfilment_order_lines")),
    )
    op.create_index(
        "ix_fulfilment_order_lines_of", "fulfilment_order_lines", ["fulfilment_order_id"], unique=False
    )
    op.create_index(
        "ix_fulfilment_order_lines_open",
        "fulfilment_order_lines",
        ["sku"],
        unique=False,
        sqlite_where=sa.text("open > 0"),
        postgresql_where=sa.text("open > 0"),
    )
    op.create_table(
        "fulfilment_orders",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("ship_by", types.Instant(), nullable=True),
        sa.Column("deliver_by", types.Instant(), nullable=True),
        sa.Column("costs", types.Json(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=True),
        sa.Column("destination", sa.Text(), nullable=True),
        sa.Column("tried_nodes", types.Json(), nullable=False),
        sa.Column("messages", types.Json(), nullable=False),
        sa.Column("requested_at", types.Instant(), nullable=True),
        sa.Column("known_from", types.Instant(), nullable=True),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fulfilment_orders")),
        sa.UniqueConstraint("order_id", "number", name=op.f("uq_fulfilment_orders_order_id_number")),
    )
    op.create_index("ix_fulfilment_orders_node", "fulfilment_orders", ["node", "state"], unique=False)
    op.create_index("ix_fulfilment_orders_state", "fulfilment_orders", ["state", "updated_at"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("processor", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("handled_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("processor", "message_id", name=op.f("pk_inbox")),
    )
    op.create_index(op.f("ix_inbox_handled_at"), "inbox", ["handled_at"], unique=False)
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "ledger",
        sa.Column("id", types.RowId, autoincrement=True, nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("on_hand", types.RowId, nullable=False),
        sa.Column("reserved", types.RowId, nullable=False),
        sa.Column("allocated", types.RowId, nullable=False),
        sa.Column("quarantined", types.RowId, nullable=False),
        sa.Column("as_of", types.Instant(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("sequence", types.RowId, nullable=True),
        sa.Column("recorded_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_ledger_moved",
        "ledger",
        ["node", "as_of"],
        unique=False,
        sqlite_where=sa.text("kind <> 'counted'"),
        postgresql_where=sa.text("kind <> 'counted'"),
    )
    op.create_index(
        "ix_ledger_news",
        "ledger",
        ["external_id"],
        unique=False,
        sqlite_where=sa.text("kind <> 'counted'"),
        postgresql_where=sa.text("kind <> 'counted'"),
    )
    op.create_index("ix_ledger_position", "ledger", ["sku", "node"], unique=False)
    op.create_table(
        "messages",
        sa.Column("id", types.RowId, autoincrement=True, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("topic", "message_id", name=op.f("uq_messages_topic_message_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_messages_key"), "messages", ["key"], unique=False)
    op.create_index("ix_messages_topic_id", "messages", ["topic", "id"], unique=False)
    op.create_table(
        "network_versions",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_network_versions")),
    )
    op.create_table(
        "order_lines",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("ordered", types.RowId, nullable=False),
        sa.Column("cancelled", types.RowId, nullable=False),
        sa.Column("allocated", types.RowId, nullable=False),
        sa.Column("requested", types.RowId, nullable=False),
        sa.Column("shipped", types.RowId, nullable=False),
        sa.Column("short", types.RowId, nullable=False),
        sa.Column("returned", types.RowId, nullable=False),
        sa.Column("over_shipped", types.RowId, nullable=False),
        sa.CheckConstraint("cancelled + allocated + shipped <= ordered", name=op.f("ck_order_lines_adds_up")),
        sa.CheckConstraint(
            "cancelled >= 0 AND allocated >= 0 AND requested >= 0 AND requested <= allocated AND shipped >= 0",
            name=op.f("ck_order_lines_not_negative"),
        ),
        sa.PrimaryKeyConstraint("order_id", "line_id", name=op.f("pk_order_lines")),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("hold", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("placed_at", types.Instant(), nullable=False),
        sa.Column("deliver_by", types.Instant(), nullable=True),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("raw_id", sa.Text(), nullable=True),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sa.Column("decisions", sa.Integer(), nullable=False),
        sa.Column("route_at", types.Instant(), nullable=True),
        sa.Column("route_until", types.Instant(), nullable=True),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
    )
    op.create_index("ix_orders_created", "orders", ["created_at", "id"], unique=False)
    op.create_index("ix_orders_external", "orders", ["external_id"], unique=False)
    op.create_index("ix_orders_number", "orders", ["number"], unique=False)
    op.create_index(
        "ix_orders_route_at",
        "orders",
        ["route_at"],
        unique=False,
        sqlite_where=sa.text("route_at IS NOT NULL"),
        postgresql_where=sa.text("route_at IS NOT NULL"),
    )
    op.create_index("ix_orders_state", "orders", ["state", "updated_at"], unique=False)
    op.create_table(
        "parcels",
        sa.Column("shipment_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("tracking_number", sa.Text(), nullable=True),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("status_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("shipment_id", "number", name=op.f("pk_parcels")),
    )
    op.create_index("ix_parcels_tracking", "parcels", ["tracking_number"], unique=False)
    op.create_table(
        "poll_cursor_changes",
        sa.Column("id", types.RowId, autoincrement=True, nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("before", types.Json(), nullable=True),
        sa.Column("after", types.Json(), nullable=True),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_poll_cursor_changes")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "poll_cursors",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("cursor", types.Json(), nullable=True),
        sa.Column("watermark", types.Instant(), nullable=True),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "stream", name=op.f("pk_poll_cursors")),
    )
    op.create_table(
        "positions",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("on_hand", types.RowId, nullable=False),
        sa.Column("reserved", types.RowId, nullable=False),
        sa.Column("allocated", types.RowId, nullable=False),
        sa.Column("quarantined", types.RowId, nullable=False),
        sa.Column("as_of", types.Instant(), nullable=True),
        sa.Column("sequence", types.RowId, nullable=True),
        sa.Column("feed_id", sa.Text(), nullable=False),
        sa.Column("meaning", sa.Text(), nullable=False),
        sa.Column("cover", types.RowId, server_default=sa.text("0"), nullable=False),
        sa.Column("shortfall", types.RowId, server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "reserved + allocated <= shortfall"
            " + CASE WHEN on_hand - quarantined + cover > 0 THEN on_hand - quarantined + cover ELSE 0 END",
            name=op.f("ck_positions_never_oversold"),
        ),
        sa.CheckConstraint(
            "reserved >= 0 AND allocated >= 0 AND quarantined >= 0 AND shortfall >= 0",
            name=op.f("ck_positions_not_negative"),
        ),
        sa.PrimaryKeyConstraint("sku", "node", name=op.f("pk_positions")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_positions_node", "positions", ["node"], unique=False)
    op.create_table(
        "processor_cursors",
        sa.Column("processor", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("position", types.RowId, nullable=False),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("processor", name=op.f("pk_processor_cursors")),
    )
    op.create_table(
        "products",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("weight_grams", types.RowId, nullable=False),
        sa.Column("volume_cm3", types.RowId, nullable=False),
        sa.Column("restrictions", types.Json(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("sku", name=op.f("pk_products")),
    )
    op.create_table(
        "published_stock",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", types.RowId, nullable=False),
        sa.Column("published_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "sku", name=op.f("pk_published_stock")),
    )
    op.create_table(
        "raw_records",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("dedupe", sa.Text(), nullable=False),
        sa.Column("received_at", types.Instant(), nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("headers", types.Json(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", types.RowId, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("path", sa.Text(), nullable=True),
        sa.CheckConstraint("(body IS NULL) <> (path IS NULL)", name=op.f("ck_raw_records_body_or_path")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_raw_records")),
    )
    op.create_index(
        op.f("ix_raw_records_path"),
        "raw_records",
        ["path"],
        unique=False,
        sqlite_where=sa.text("path IS NOT NULL"),
        postgresql_where=sa.text("path IS NOT NULL"),
    )
    op.create_index(op.f("ix_raw_records_received_at"), "raw_records", ["received_at"], unique=False)
    op.create_table(
        "reservations",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("quantity", types.RowId, nullable=False),
        sa.Column("expires_at", types.Instant(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.CheckConstraint(
            "state IN ('active', 'confirmed', 'released', 'expired')", name=op.f("ck_reservations_state")
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_reservations_quantity")),
        sa.PrimaryKeyConstraint("key", "sku", name=op.f("pk_reservations")),
    )
    op.create_index(
        "ix_reservations_expiry",
        "reservations",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index(
        "ix_reservations_position",
        "reservations",
        ["sku", "node"],
        unique=False,
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "return_lines",
        sa.Column("return_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("order_line", sa.Text(), nullable=True),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("requested", types.RowId, nullable=False),
        sa.Column("received", types.RowId, nullable=False),
        sa.Column("condition", sa.Text(), nullable=True),
        sa.Column("disposition", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("return_id", "number", name=op.f("pk_return_lines")),
    )
    op.create_table(
        "returns",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returns")),
    )
    op.create_index("ix_returns_order", "returns", ["order_id"], unique=False)
    op.create_table(
        "shipments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("fulfilment_order_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("shipped_at", types.Instant(), nullable=True),
        sa.Column("cost", types.Exact(), nullable=True),
        sa.Column("cost_currency", sa.Text(), nullable=True),
        sa.Column("label_ref", sa.Text(), nullable=True),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipments")),
    )
    op.create_index("ix_shipments_fulfilment_order", "shipments", ["fulfilment_order_id"], unique=False)
    op.create_index("ix_shipments_order", "shipments", ["order_id"], unique=False)
    op.create_index("ix_shipments_state", "shipments", ["state", "updated_at"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tokens")),
    )
    op.create_table(
        "tracking_events",
        sa.Column("tracking_number", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tracking_number", "external_id", name=op.f("pk_tracking_events")),
    )
    op.create_table(
        "work_items",
        sa.Column("id", types.RowId, autoincrement=True, nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("fix", sa.Text(), nullable=False),
        sa.Column("due_at", types.Instant(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'done')", name=op.f("ck_work_items_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_items")),
        sa.UniqueConstraint("cause", "subject", name=op.f("uq_work_items_cause_subject")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_work_items_order", "work_items", ["order_id"], unique=False)
    op.create_index("ix_work_items_state", "work_items", ["state", "due_at"], unique=False)
