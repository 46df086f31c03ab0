"""Orders that callers want tried: which channel they are of, and what is wrong with them."""

from __future__ import annotations

from datetime import datetime

from pydantic import ValidationError

from crossdock.api.problems import ProblemError, ProblemPart, parts_of
from crossdock.streams.processors.hub import Hub
from crossdock.trying.deciding import connection_of
from crossdock.trying.order import OrderToTry, canonical_order
from crossdock_schemas.order import Order

__all__ = ["connection_for", "order_for", "wrong"]


def connection_for(hub: Hub, tried: OrderToTry) -> str:
    """The connection whose channel the order is of.

    Raises:
        ProblemError: 422, it names none, or one that is not there.
    """
    connection = connection_of(hub, tried.channel)
    if connection is None:
        names = ", ".join(sorted(channel.id for channel in hub.channels.values())) or "none"
        raise wrong("channel.unknown", f"name a channel; there are: {names}", "#/order/channel")
    return connection


def order_for(tried: OrderToTry, hub: Hub, now: datetime) -> Order:
    """The canonical order.

    Raises:
        ProblemError: 422, it is none; with the place of each fault.
    """
    try:
        return canonical_order(tried, now, hub.network.currency)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        where = ("body", "order", *(("document",) if tried.document is not None else ()))
        parts = parts_of({**fault, "loc": (*where, *fault["loc"])} for fault in faults)
        raise ProblemError(422, "invalid", "the order can't be taken", parts) from error


def wrong(code: str, detail: str, pointer: str) -> ProblemError:
    """422: one part of the body is wrong."""
    return ProblemError(422, code, detail, [ProblemPart(pointer=pointer, where="body", detail=detail)])
