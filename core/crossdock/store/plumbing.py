"""The tables that carry messages, whatever they mean.

Raw records, log, inbox, cursors, dead letters, outbox, leases.
"""

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

from crossdock.store.metadata import Instant, Json, RowId, metadata

__all__ = [
    "activities",
    "api_requests",
    "api_tokens",
    "commands",
    "cross_references",
    "dead_letters",
    "file_ledger",
    "inbox",
    "leases",
    "messages",
    "poll_cursor_changes",
    "poll_cursors",
    "processor_cursors",
    "raw_records",
    "tokens",
]

raw_records = Table(
    "raw_records",
    metadata,
    # Derived from connection, stream and dedupe (crossdock.store.raw.raw_id): the key is the unique constraint.
    Column("id", Text, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("dedupe", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("occurred_at", Instant),
    Column("media_type", Text, nullable=False),
    Column("headers", Json, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size_bytes", RowId, nullable=False),
    Column("body", LargeBinary),
    Column("path", Text),
    CheckConstraint("(body IS NULL) <> (path IS NULL)", name="body_or_path"),
    Index(None, "received_at"),
    # To find the bodies that no record names any more.
    Index(
        None,
        "path",
        sqlite_where=text("path IS NOT NULL"),
        postgresql_where=text("path IS NOT NULL"),
    ),
)

messages = Table(
    "messages",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("topic", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("topic", "message_id"),
    Index("ix_messages_topic_id", "topic", "id"),
    # For the story of one order; without it showing one reads the whole log.
    Index(None, "key"),
    sqlite_autoincrement=True,
)

inbox = Table(
    "inbox",
    metadata,
    Column("processor", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("handled_at", Instant, nullable=False),
    Index(None, "handled_at"),
)

processor_cursors = Table(
    "processor_cursors",
    metadata,
    Column("processor", Text, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("position", RowId, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

poll_cursors = Table(
    "poll_cursors",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("cursor", Json),
    Column("watermark", Instant),
    Column("updated_at", Instant, nullable=False),
)

poll_cursor_changes = Table(
    "poll_cursor_changes",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("connection", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("before", Json),
    Column("after", Json),
    Column("changed_by", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    sqlite_autoincrement=True,
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("stage", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("raw_id", Text),
    Column("mapping", Text),
    Column("connection", Text),
    Column("original_topic", Text),
    Column("original_id", Text),
    Column("original_key", Text),
    Column("original_headers", Text),
    Column("original_body", LargeBinary),
    Column("state", Text, nullable=False),
    Column("replays", Integer, nullable=False, server_default=text("0")),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    CheckConstraint("state IN ('open', 'replayed', 'discarded')", name="state"),
    Index("ix_dead_letters_state_id", "state", "id"),
    Index(None, "original_key"),
    sqlite_autoincrement=True,
)

_UNFINISHED = text("state IN ('pending', 'sending', 'unknown')")

commands = Table(
    "commands",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("connection", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("order_key", Text, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("coalesce_key", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("refs", Json, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("sent_at", Instant),
    Column("lease_owner", Text),
    Column("lease_until", Instant),
    Column("outcome", Json),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("connection", "idempotency_key"),
    CheckConstraint(
        "state IN ('pending', 'sending', 'unknown', 'applied', 'rejected', 'parked')", name="state"
    ),
    Index(None, "order_key"),
    Index(
        "ix_commands_order",
        "connection",
        "order_key",
        "id",
        sqlite_where=_UNFINISHED,
        postgresql_where=_UNFINISHED,
    ),
    Index(
        "ix_commands_due",
        "connection",
        "not_before",
        "id",
        sqlite_where=_UNFINISHED,
        postgresql_where=_UNFINISHED,
    ),
    Index(
        "ix_commands_coalesce",
        "connection",
        "coalesce_key",
        "id",
        sqlite_where=text("state = 'pending' AND coalesce_key <> ''"),
        postgresql_where=text("state = 'pending' AND coalesce_key <> ''"),
    ),
    sqlite_autoincrement=True,
)

# How connections stand, as the process that runs them last wrote it down.
activities = Table(
    "activities",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("connector", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("error", Text),
    Column("last_success_at", Instant),
    Column("failing_since", Instant),
    Column("next_attempt_at", Instant),
    Column("updated_at", Instant, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("name", Text, primary_key=True),
    Column("hash", Text, nullable=False),
    Column("scopes", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    UniqueConstraint("hash"),
)

# What an API caller's Idempotency-Key has made: the same key gives the same answer.
api_requests = Table(
    "api_requests",
    metadata,
    Column("idempotency_key", Text, primary_key=True),
    Column("caller", Text, primary_key=True),
    Column("sha256", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index(None, "created_at"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", Instant, nullable=False),
)

cross_references = Table(
    "cross_references",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("canonical_id", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("ix_cross_references_canonical", "canonical_id", "kind", "connection"),
)

file_ledger = Table(
    "file_ledger",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("sha256", Text, primary_key=True),
    Column("size_bytes", RowId, nullable=False),
    Column("modified_at", Instant),
    Column("raw_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
    CheckConstraint("state IN ('stored', 'disposed')", name="state"),
)
