"""Ids that the hub gives, its own notes, and what channels are told of units that will not come."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from crossdock.store.commands import CommandRow
from crossdock.store.order_book import StoredOrder
from crossdock.streams.processor import Message
from crossdock.streams.processors.documents import (
    Part,
    encode,
)
from crossdock.streams.processors.exploding import gone_from_channel
from crossdock.streams.processors.hub import Hub
from crossdock.streams.topics import ORDERS

__all__ = [
    "RerouteDocument",
    "cancellation",
    "fulfilment_id",
    "purchase_order_number",
    "reference_id",
    "reroute",
    "untold_cancellation",
]

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter that people take for a digit."""


def reference_id(prefix: str, *parts: Any) -> str:
    """An id made from its cause: the same cause gives the same id, on every machine.

    65 bits of SHA-256 as 13 characters: short enough for the id fields of EDI (22) and labels, and among a
    hundred million of them the chance that two are the same is one in ten thousand.
    """
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    number = int.from_bytes(digest[:9], "big")
    return prefix + "".join(_ALPHABET[(number >> shift) & 31] for shift in range(0, 65, 5))


def fulfilment_id(order_id: str, number: int) -> str:
    """Of the ``number``-th fulfilment order of an order."""
    return reference_id("F", order_id, number)


def purchase_order_number(fulfilment_order_id: str) -> str:
    """Of what is ordered of a supplier by a fulfilment order."""
    return f"P{fulfilment_order_id.removeprefix('F')}"


def cancellation(
    hub: Hub, order: StoredOrder, units: Mapping[str, int], reason: str, now: datetime
) -> list[CommandRow]:
    """The command that tells a channel what will not be shipped, by order line; none where it can't be told."""
    units = gone_from_channel(order, units)
    if not units or not hub.does(order.connection, "order.cancel"):
        return []
    whole = all(line.quantities.cancelled == line.quantities.ordered for line in order.lines)
    lines = [{"external_id": line, "quantity": quantity} for line, quantity in units.items()]
    document = {
        "external_id": order.external_id,
        "version": order.version,
        "requested_at": now,
        "lines": [] if whole else lines,
        "reason": reason,
    }
    # Units that are cancelled stay so: their sum names what is told.
    cancelled = sum(line.quantities.cancelled for line in order.lines)
    return [
        CommandRow(
            connection=order.connection,
            name="order.cancel",
            order_key=order.id,
            idempotency_key=f"order.cancel:{order.id}:{cancelled}",
            payload=encode(document),
            refs={"order": order.external_id},
            correlation_id=order.correlation_id,
            created_at=now,
        )
    ]


def untold_cancellation(
    hub: Hub, order: StoredOrder, units: Mapping[str, int], reason: str
) -> list[tuple[str, str]]:
    """Subject and words of the work item about a cancellation that a partner can't be told by message, if it is one."""
    units = gone_from_channel(order, units)
    if not units or order.connection not in hub.manifests or hub.does(order.connection, "order.cancel"):
        return []
    cancelled = sum(line.quantities.cancelled for line in order.lines)
    lines = ", ".join(f"{quantity} of line {line}" for line, quantity in units.items())
    said = (
        f"{order.connection} takes no cancellations by message: cancel {lines} of order "
        f"{order.number or order.external_id} there ({reason})"
    )
    return [(f"cancellation:{order.id}:{cancelled}", said)]


class RerouteDocument(Part, frozen=True):
    """Not canonical: the hub's own note that an order has to be looked at again: units that no node has, or, where
    ``unreleased``, those that no node was asked for.
    """

    order: str
    exclude_nodes: tuple[str, ...] = ()
    why: str = ""
    unreleased: bool = False


class Orderly(Protocol):
    """What a message about an order takes from it."""

    @property
    def id(self) -> str: ...
    @property
    def connection(self) -> str: ...
    @property
    def correlation_id(self) -> str: ...


def reroute(
    order: Orderly,
    cause: str,
    why: str,
    exclude_nodes: Iterable[str] = (),
    *,
    unreleased: bool = False,
    key: str = "",
) -> Message:
    """The hub's note that an order has to be looked at again; the same ``cause`` is heard once."""
    return Message(
        id=f"reroute:{order.id}:{cause}",
        topic=ORDERS,
        key=key or order.id,
        body=encode(RerouteDocument(order.id, tuple(sorted(exclude_nodes)), why, unreleased)),
        headers={
            "schema": "reroute/1",
            "order": order.id,
            "connection": order.connection,
            "correlation_id": order.correlation_id,
        },
    )
