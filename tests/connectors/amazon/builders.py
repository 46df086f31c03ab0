"""Shorthands: run a coroutine, map a document and validate what comes out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

from crossdock.mapping.library import MappingLibrary
from crossdock.sdk.connector import Cursor, Limits, Page
from crossdock_connectors.amazon.connector import Amazon
from crossdock_schemas.base import Canonical
from crossdock_schemas.order import Order
from tests.connectors.amazon.seller import FIXTURES

_T = TypeVar("_T")


def run(coroutine: Coroutine[Any, Any, _T]) -> _T:
    return asyncio.run(coroutine)


@cache
def library() -> MappingLibrary:
    return MappingLibrary.packaged()


def decode(payload: bytes | str) -> Any:
    return json.loads(payload, parse_float=Decimal)


def fixture() -> Any:
    return decode((FIXTURES / "order.json").read_text())


def orders_of(*orders: Any) -> list[Order]:
    """What the hub makes of orders as they came."""
    documents = library().get("amazon/order").map({"orders": list(orders), "_hub": {}}).documents
    return [Order.model_validate(document) for document in documents]


def order_of(order: Any) -> Order:
    (made,) = orders_of(order)
    return made


def outbound(mapping: str, document: Canonical) -> dict[str, Any]:
    """What a command's mapping makes of a canonical document, in its JSON form."""
    return library().get(mapping).map(decode(document.model_dump_json(exclude_none=True))).document


async def _pages(connector: Amazon, cursor: Cursor | None, limits: Limits) -> list[Page]:
    return [page async for page in connector.poll("orders", cursor, limits)]


def pages(connector: Amazon, cursor: Cursor | None = None, limits: Limits | None = None) -> list[Page]:
    return run(_pages(connector, cursor, limits or Limits()))
