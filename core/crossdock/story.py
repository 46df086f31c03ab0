"""One order's whole story in the order of time: received, mapped, decided, sent, answered, shipped, tracked."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec
from sqlalchemy import Connection

from crossdock.explaining import Explainer
from crossdock.store.decision_log import DecisionRow
from crossdock.store.metadata import decode_json
from crossdock.store.queries.detail import OrderDetail, back_orders_of, detail_of
from crossdock.store.queries.story import StoryCommand, StoryMessage, StoryRows, load_story
from crossdock.store.raw import Raw

__all__ = ["Entry", "EntryKind", "Story", "tell"]


class EntryKind(StrEnum):
    """What kind of thing happened."""

    RECEIVED = "received"
    DEAD_LETTER = "dead_letter"
    DECISION = "decision"
    FULFILMENT_ORDER = "fulfilment_order"
    COMMAND = "command"
    OUTCOME = "outcome"
    SHIPMENT = "shipment"
    TRACKING = "tracking"
    RETURN = "return"
    WORK_ITEM = "work_item"


_RANK = {kind: rank for rank, kind in enumerate(EntryKind)}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened.

    Attributes:
        subject: Id of what it happened to.
        title: What happened, in a sentence.
        detail: All that is known of it, as JSON: documents, bytes as received, candidates, answers.
    """

    at: datetime
    kind: EntryKind
    subject: str
    title: str
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Story:
    """An order as it stands, and how it came there."""

    order: OrderDetail
    entries: tuple[Entry, ...]


def tell(connection: Connection, order_id: str, explainer: Explainer) -> Story | None:
    """The story of an order; None where there is no such order."""
    rows = load_story(connection, order_id)
    if rows is None:
        return None
    entries = sorted(_entries(connection, rows, explainer), key=lambda each: (each.at, _RANK[each.kind]))
    return Story(
        detail_of(rows.order, rows.fulfilments, back_orders_of(connection, order_id)), tuple(entries)
    )


def _entries(connection: Connection, rows: StoryRows, explainer: Explainer) -> Iterator[Entry]:
    for message in rows.messages:
        if message.topic != "outcomes":
            yield _received(message, rows.raws.get(message.headers.get("raw_id", "")))
    if not any(message.topic == "orders" for message in rows.messages):
        yield _remembered(rows)
    for decision in rows.decisions:
        yield _decided(connection, decision, explainer)
    for command in rows.commands:
        yield from _commanded(command)
    yield from _fulfilled(rows)
    yield from _moved(rows)
    yield from _asked(rows)


def _received(message: StoryMessage, raw: Raw | None) -> Entry:
    schema = message.headers.get("schema", message.topic)
    source = message.headers.get("connection", "the hub")
    mapping = message.headers.get("mapping")
    title = f"{source} sent {schema}" + (f", mapped by {mapping}" if mapping else "")
    omitted = message.headers.get("omitted")
    title += f", which left out {omitted}" if omitted else ""
    if schema == "reroute/1":
        title = "the rest is to be routed again"
    detail: dict[str, object] = {
        "schema": schema,
        "connection": source,
        "mapping": mapping,
        "omitted": omitted,
        "message_id": message.id,
        "document": decode_json(message.body),
        "raw": _raw(raw),
    }
    return Entry(
        raw.received_at if raw else message.created_at, EntryKind.RECEIVED, message.key, title, detail
    )


def _remembered(rows: StoryRows) -> Entry:
    """The message has been pruned; the order still holds its document and may hold its raw record."""
    order = rows.order
    raw = rows.raws.get(order.raw_id or "")
    detail: dict[str, object] = {
        "schema": "order/1",
        "connection": order.connection,
        "mapping": None,
        "document": decode_json(order.document),
        "raw": _raw(raw),
    }
    at = raw.received_at if raw else order.created_at
    return Entry(at, EntryKind.RECEIVED, order.id, f"{order.connection} sent order/1", detail)


def _raw(raw: Raw | None) -> dict[str, object] | None:
    """Bytes as received: as text where they are UTF-8, else as base 64; large ones lie in a file."""
    if raw is None:
        return None
    shown: dict[str, object] = {
        "id": raw.id,
        "stream": raw.stream,
        "key": raw.key,
        "received_at": raw.received_at,
        "media_type": raw.media_type,
        "headers": dict(raw.headers),
        "sha256": raw.sha256,
        "size_bytes": raw.size_bytes,
        "file": raw.path,
    }
    if raw.body is not None:
        try:
            shown["text"] = raw.body.decode()
        except UnicodeDecodeError:
            shown["base64"] = base64.b64encode(raw.body).decode()
    return shown


def _decided(connection: Connection, row: DecisionRow, explainer: Explainer) -> Entry:
    explained = explainer.explain(connection, row)
    nodes = " and ".join(dict.fromkeys(a.node for a in explained.decision.assignments)) or "no node"
    title = f"decision {row.number} ({row.why}): {nodes}"
    title += f" by policy {row.policy}" if row.policy else ", no policy applies"
    detail: dict[str, object] = msgspec.to_builtins(explained.shown(), builtin_types=(datetime,))
    return Entry(row.decided_at, EntryKind.DECISION, row.id, title, detail)


def _commanded(command: StoryCommand) -> Iterator[Entry]:
    detail: dict[str, object] = {
        "command": command.id,
        "connection": command.connection,
        "name": command.name,
        "idempotency_key": command.idempotency_key,
        "state": command.state,
        "attempts": command.attempts,
        "sent_at": command.sent_at,
        "document": decode_json(command.payload),
    }
    subject = command.order_key
    yield Entry(
        command.created_at, EntryKind.COMMAND, subject, f"{command.name} for {command.connection}", detail
    )
    if command.state in ("applied", "rejected", "parked"):
        times = f" at attempt {command.attempts}" if command.attempts > 1 else ""
        said = command.outcome or {}
        reason = ": ".join(str(said[name]) for name in ("code", "message") if said.get(name))
        title = f"{command.name} {command.state} by {command.connection}{times}" + (
            f": {reason}" if reason else ""
        )
        answered: dict[str, object] = {
            "command": command.id,
            "state": command.state,
            "outcome": command.outcome,
            "answer": _raw(command.answer),
        }
        yield Entry(command.updated_at, EntryKind.OUTCOME, subject, title, answered)


def _fulfilled(rows: StoryRows) -> Iterator[Entry]:
    for stored in rows.fulfilments:
        fulfilment = stored.fulfilment
        what = ", ".join(f"{line.quantity} x {line.sku}" for line in fulfilment.lines)
        detail: dict[str, object] = {
            "id": stored.id,
            "number": stored.number,
            "node": fulfilment.node,
            "to_node": fulfilment.to_node or None,
            "connection": stored.connection,
            "state": fulfilment.state.value,
            "service": stored.service,
            "ship_by": stored.ship_by,
            "deliver_by": stored.deliver_by,
            "release_at": stored.release_at,
            "costs": dict(stored.costs),
            "decision": stored.decision_id,
            "lines": [msgspec.to_builtins(line) for line in fulfilment.lines],
        }
        to = f" to {fulfilment.to_node}" if fulfilment.to_node else ""
        title = f"fulfilment order {stored.id} at {fulfilment.node}{to}: {what} ({fulfilment.state})"
        yield Entry(stored.created_at, EntryKind.FULFILMENT_ORDER, stored.id, title, detail)


def _moved(rows: StoryRows) -> Iterator[Entry]:
    for shipment in rows.shipments:
        numbers = ", ".join(p.tracking_number for p in shipment.parcels if p.tracking_number)
        detail: dict[str, object] = {
            "id": shipment.id,
            "fulfilment_order": shipment.fulfilment_order_id,
            "node": shipment.node,
            "state": shipment.state.value,
            "carrier": shipment.carrier,
            "service": shipment.service,
            "shipped_at": shipment.shipped_at,
            "cost": shipment.cost,
            "cost_currency": shipment.cost_currency,
            "label": shipment.label_ref,
            "parcels": msgspec.to_builtins(shipment.parcels, builtin_types=(datetime,)),
        }
        title = f"shipment {shipment.id} from {shipment.node} ({shipment.state})" + (
            f", tracking {numbers}" if numbers else ""
        )
        yield Entry(shipment.created_at, EntryKind.SHIPMENT, shipment.id, title, detail)
    for event in rows.tracking:
        title = f"{event.tracking_number}: {event.status}" + (f", {event.message}" if event.message else "")
        shown = msgspec.to_builtins(event, builtin_types=(datetime,))
        yield Entry(event.occurred_at, EntryKind.TRACKING, event.tracking_number, title, shown)
    for back in rows.returns:
        returned: dict[str, object] = {
            "id": back.id,
            "state": back.state,
            "document": decode_json(back.document),
        }
        yield Entry(
            back.created_at, EntryKind.RETURN, back.id, f"return {back.external_id} ({back.state})", returned
        )


def _asked(rows: StoryRows) -> Iterator[Entry]:
    for item in rows.work:
        done = f", done: {item.resolution}" if item.state == "done" else ""
        shown = msgspec.to_builtins(item, builtin_types=(datetime,))
        title = f"for {item.owner}: {item.message}{done}"
        yield Entry(item.created_at, EntryKind.WORK_ITEM, item.subject, title, shown)
    for letter in rows.letters:
        shown = msgspec.to_builtins(letter, builtin_types=(datetime,))
        title = f"dead letter {letter.id} ({letter.state}) at {letter.stage}: {letter.message}"
        yield Entry(letter.created_at, EntryKind.DEAD_LETTER, str(letter.id), title, shown)
