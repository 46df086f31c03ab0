"""Orders that business customers send themselves: canonical documents, taken in once."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from functools import partial
from typing import Annotated
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import ValidationError

from crossdock.api.problems import ProblemError, parts_of, responses
from crossdock.api.services import Caller, Scope, Services, allowed
from crossdock.config.model import ChannelKind
from crossdock.sdk.connector import RawRecord
from crossdock.sdk.manifest import Entity
from crossdock.store.api_requests import ApiRequest, remember
from crossdock.store.metadata import decode_json
from crossdock.streams.edges.entities import DESTINATIONS, message_id
from crossdock.streams.edges.intake import Arrival, arrival, keep_body, take_in
from crossdock.streams.processor import Message
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.order_versions import order_id
from crossdock.streams.topics import ORDERS
from crossdock.streams.transaction import SqlTransaction
from crossdock_schemas.order import Order

__all__ = ["router"]

router = APIRouter(prefix="/v1", responses=responses(400, 401, 403, 413, 422))

_encode = msgspec.json.Encoder(decimal_format="string").encode
_SCHEMA = "order/1"
_STREAM = "api_orders"

EXAMPLE = {
    "external_id": "PO-4711",
    "version": "2026-11-23T10:00:00Z",
    "placed_at": "2026-11-23T10:00:00Z",
    "currency": "USD",
    "purchase_order": "PO-4711",
    "destinations": [
        {
            "id": "1",
            "address": {
                "company": "Analytical Engines Inc.",
                "lines": ["12 Analytical Way"],
                "city": "Chicago",
                "region": "IL",
                "postal_code": "60601",
                "country": "US",
            },
        }
    ],
    "lines": [
        {
            "external_id": "1",
            "sku": "SKU-1",
            "quantity": 2,
            "unit_price": {"amount": "10.00", "currency": "USD"},
        }
    ],
}
"""Shown in the OpenAPI document."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An order that is stored and will be routed; ``GET /v1/orders/{id}`` shows it as soon as it is."""

    id: str
    external_id: str
    version: str


@router.post(
    "/orders",
    tags=["orders"],
    status_code=201,
    responses={
        200: {"description": "It was taken in before, under the same key.", "model": Accepted},
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/canonical.Order"},
                    "example": EXAMPLE,
                }
            },
        }
    },
)
async def enter_order(
    request: Request,
    response: Response,
    hub: Services,
    who: Annotated[Caller, Depends(allowed(Scope.WRITE))],
    channel: Annotated[str, Query(description="A channel of kind `b2b`.", min_length=1, max_length=64)],
    idempotency_key: Annotated[
        str,
        Header(
            min_length=1,
            max_length=255,
            pattern=r"^[\x21-\x7e]+$",
            description="A new one for each order; the same one for each attempt to send it.",
        ),
    ],
) -> Accepted:
    """Send an order. What is answered with 2xx is on the disk; the same key again changes nothing."""
    body = await request.body()
    connection = _connection(hub.hub, channel)
    order = _order(body)
    accepted = Accepted(order_id(connection, order.external_id), order.external_id, order.version)
    now = hub.transactions.clock.now()
    record = RawRecord(
        _STREAM,
        f"{connection}/{order.external_id}",
        f"{who.name}\n{idempotency_key}",
        body,
        "application/json",
    )
    raw = arrival(connection, record, await keep_body(hub.bodies, body), now, quiet=True)
    message = await asyncio.to_thread(_message, connection, order, raw.row.id)
    digest = hashlib.sha256(channel.encode() + b"\n" + body).hexdigest()
    asked = ApiRequest(idempotency_key, who.name, digest, accepted.id, now)
    earlier = await hub.transactions.write(partial(_take_in, asked, raw, message))
    if earlier is not None and earlier.sha256 != digest:
        raise _reused(earlier)
    response.status_code = 201 if earlier is None else 200
    response.headers["Location"] = f"/v1/orders/{quote(accepted.id, safe=':/')}"
    return accepted


def _reused(earlier: ApiRequest) -> ProblemError:
    return ProblemError(
        422,
        "idempotency_key.reused",
        f"Idempotency-Key {earlier.idempotency_key} was used for another request, which made {earlier.subject}: "
        "take a new key for a new order",
    )


def _take_in(asked: ApiRequest, raw: Arrival, message: Message, tx: SqlTransaction) -> ApiRequest | None:
    """Store the bytes and the order, unless the key has been used; returns the request that used it."""
    earlier = remember(tx.connection, asked)
    if earlier is None:
        take_in(tx, [raw])
        tx.emit(message)
    return earlier


def _message(connection: str, order: Order, raw_id: str) -> Message:
    body = order.__pydantic_serializer__.to_json(order, exclude_defaults=True)
    identity = message_id(Entity.ORDER, DESTINATIONS[Entity.ORDER], connection, order, body)
    headers = {"schema": _SCHEMA, "connection": connection, "raw_id": raw_id, "correlation_id": raw_id}
    return Message(identity, ORDERS, order_id(connection, order.external_id), body, headers)


def _connection(hub: Hub, channel: str) -> str:
    for connection, known in hub.channels.items():
        if known.id == channel and known.config.kind is ChannelKind.B2B:
            return connection
    names = ", ".join(sorted(c.id for c in hub.channels.values() if c.config.kind is ChannelKind.B2B))
    raise ProblemError(
        422, "channel.unknown", f"there is no channel {channel!r} of kind b2b; there are: {names or 'none'}"
    )


def _order(body: bytes) -> Order:
    """The order, with numbers digit by digit as they were written: other decoders would make floats of them."""
    try:
        document = _encode(decode_json(body))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProblemError(400, "malformed", f"the body is no JSON: {error}") from error
    try:
        return Order.model_validate_json(document)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        parts = parts_of({**fault, "loc": ("body", *fault["loc"])} for fault in faults)
        count = "one thing" if len(parts) == 1 else f"{len(parts)} things"
        raise ProblemError(422, "invalid", f"{count} in the order can't be taken", parts) from error
