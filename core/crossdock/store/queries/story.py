"""Every row that belongs to one order: what was received, decided, sent, answered, shipped, and asked of people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, Table, select

from crossdock.store import raw
from crossdock.store.decision_log import DecisionRow, of_order
from crossdock.store.fulfilments import StoredFulfilment, load_fulfilments_of_orders
from crossdock.store.log import Logged
from crossdock.store.order_book import StoredOrder, load_orders
from crossdock.store.order_tables import tracking_events, work_items
from crossdock.store.plumbing import commands, dead_letters, messages
from crossdock.store.raw import Raw
from crossdock.store.return_tables import returns
from crossdock.store.shipments import StoredShipment, shipments_of_orders

__all__ = [
    "StoryCommand",
    "StoryLetter",
    "StoryMessage",
    "StoryReturn",
    "StoryRows",
    "StoryTracking",
    "StoryWork",
    "load_story",
]

_headers = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True)
class StoryMessage:
    """A message about the order; ``headers`` name its schema, its raw record and its mapping."""

    topic: str
    id: str
    key: str
    headers: Mapping[str, str]
    body: bytes
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StoryCommand:
    """Something a partner was to do. ``answer`` is the raw record of its answer, where one is kept."""

    id: int
    connection: str
    name: str
    order_key: str
    idempotency_key: str
    payload: bytes
    state: str
    attempts: int
    sent_at: datetime | None
    outcome: Mapping[str, Any] | None
    created_at: datetime
    updated_at: datetime
    answer: Raw | None = None


@dataclass(frozen=True, slots=True)
class StoryTracking:
    """Where a carrier says that a parcel is."""

    tracking_number: str
    status: str
    occurred_at: datetime
    message: str | None


@dataclass(frozen=True, slots=True)
class StoryReturn:
    """Goods that come back."""

    id: str
    external_id: str
    state: str
    document: bytes
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StoryWork:
    """What a person was asked."""

    id: int
    cause: str
    subject: str
    message: str
    owner: str
    fix: str
    state: str
    resolution: str | None
    due_at: datetime
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class StoryLetter:
    """A message about the order that could not be handled."""

    id: int
    stage: str
    code: str
    message: str
    path: str
    mapping: str | None
    state: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StoryRows:
    """The rows of one order; ``raws`` by id. What has been pruned is missing."""

    order: StoredOrder
    messages: tuple[StoryMessage, ...]
    raws: Mapping[str, Raw]
    decisions: tuple[DecisionRow, ...]
    fulfilments: tuple[StoredFulfilment, ...]
    commands: tuple[StoryCommand, ...]
    shipments: tuple[StoredShipment, ...]
    tracking: tuple[StoryTracking, ...]
    returns: tuple[StoryReturn, ...]
    work: tuple[StoryWork, ...]
    letters: tuple[StoryLetter, ...]


def load_story(connection: Connection, order_id: str) -> StoryRows | None:
    """Everything about an order; None where there is no such order. Some ten statements, however long the story is."""
    order = load_orders(connection, [order_id], lock=False).get(order_id)
    if order is None:
        return None
    fulfilments = load_fulfilments_of_orders(connection, [order_id]).get(order_id, [])
    shipped = shipments_of_orders(connection, [order_id]).get(order_id, [])
    numbers = sorted({p.tracking_number for each in shipped for p in each.parcels if p.tracking_number})
    keys = [order_id, *(each.id for each in fulfilments), *(each.id for each in shipped)]
    news = _messages(connection, [*keys, *numbers])
    sent = _commands(connection, keys)
    raw_ids = {message.headers["raw_id"] for message in news if message.headers.get("raw_id")}
    raw_ids |= {order.raw_id} if order.raw_id else set()
    letter_keys = [*keys, *numbers, f"{order.connection}/{order.external_id}"]
    return StoryRows(
        order=order,
        messages=news,
        raws=raw.load(connection, sorted(raw_ids)),
        decisions=tuple(of_order(connection, order_id)),
        fulfilments=tuple(fulfilments),
        commands=_answered(connection, sent),
        shipments=tuple(shipped),
        tracking=_tracking(connection, numbers),
        returns=_returns(connection, order_id),
        work=_work(connection, order_id),
        letters=_letters(connection, letter_keys),
    )


def _of(table: Table, kind: type) -> Select[Any]:
    """The columns of ``table`` that a dataclass has fields for, in their order."""
    return select(*(table.c[field.name] for field in fields(kind)))


def _messages(connection: Connection, keys: Sequence[str]) -> tuple[StoryMessage, ...]:
    rows = connection.execute(
        select(*(messages.c[name] for name in Logged._fields), messages.c.created_at)
        .where(messages.c.key.in_(keys), messages.c.topic.not_in(["raw", "events"]))
        .order_by(messages.c.id)
    )
    return tuple(
        StoryMessage(
            row.topic, row.message_id, row.key, _headers.decode(row.headers), row.body, row.created_at
        )
        for row in rows
    )


def _commands(connection: Connection, keys: Sequence[str]) -> list[StoryCommand]:
    names = [name for name in StoryCommand.__dataclass_fields__ if name != "answer"]
    rows = connection.execute(
        select(*(commands.c[name] for name in names))
        .where(commands.c.order_key.in_(keys))
        .order_by(commands.c.id)
    )
    return [StoryCommand(*row) for row in rows]


def _answered(connection: Connection, sent: Sequence[StoryCommand]) -> tuple[StoryCommand, ...]:
    """With the partners' answers: their raw records bear the command's name and idempotency key."""
    ids = {each.id: raw.raw_id(each.connection, f"answer:{each.name}", each.idempotency_key) for each in sent}
    answers = raw.load(connection, list(ids.values()))
    return tuple(replace(each, answer=answers.get(ids[each.id])) for each in sent)


def _tracking(connection: Connection, numbers: Sequence[str]) -> tuple[StoryTracking, ...]:
    rows = connection.execute(
        _of(tracking_events, StoryTracking)
        .where(tracking_events.c.tracking_number.in_(numbers))
        .order_by(tracking_events.c.occurred_at)
    )
    return tuple(StoryTracking(*row) for row in rows)


def _returns(connection: Connection, order_id: str) -> tuple[StoryReturn, ...]:
    rows = connection.execute(
        _of(returns, StoryReturn).where(returns.c.order_id == order_id).order_by(returns.c.created_at)
    )
    return tuple(StoryReturn(*row) for row in rows)


def _work(connection: Connection, order_id: str) -> tuple[StoryWork, ...]:
    rows = connection.execute(
        _of(work_items, StoryWork).where(work_items.c.order_id == order_id).order_by(work_items.c.id)
    )
    return tuple(StoryWork(*row) for row in rows)


def _letters(connection: Connection, keys: Sequence[str]) -> tuple[StoryLetter, ...]:
    rows = connection.execute(
        _of(dead_letters, StoryLetter)
        .where(dead_letters.c.original_key.in_(keys))
        .order_by(dead_letters.c.id)
    )
    return tuple(StoryLetter(*row) for row in rows)
