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
from crossdock_connectors.shopify.connector import Shopify
from crossdock_schemas.base import Canonical
from crossdock_schemas.order import Order
from crossdock_schemas.registry import ENTITIES
from tests.connectors.shopify.shop import Shop

_T = TypeVar("_T")


def run(coroutine: Coroutine[Any, Any, _T]) -> _T:
    return asyncio.run(coroutine)


@cache
def library() -> MappingLibrary:
    return MappingLibrary.packaged()


def decode(payload: bytes | str) -> Any:
    return json.loads(payload, parse_float=Decimal)


def canonical(mapping: str, document: Any) -> Canonical:
    """Map as the hub does: decimals decoded exactly, then the canonical schema."""
    compiled = library().get(mapping)
    return ENTITIES[compiled.target].model_validate(compiled.map(document).document)


def order_of(mapping: str, document: Any) -> Order:
    made = canonical(mapping, document)
    assert isinstance(made, Order)
    return made


def outbound(mapping: str, document: Canonical) -> dict[str, Any]:
    """What a command's mapping makes of a canonical document, in its JSON form."""
    return library().get(mapping).map(decode(document.model_dump_json(exclude_none=True))).document


async def _pages(connector: Shopify, stream: str, cursor: Cursor | None, limits: Limits) -> list[Page]:
    return [page async for page in connector.poll(stream, cursor, limits)]


def pages(
    connector: Shopify, stream: str, cursor: Cursor | None = None, limits: Limits | None = None
) -> list[Page]:
    return run(_pages(connector, stream, cursor, limits or Limits()))


def operations(shop: Shop, name: str) -> list[dict[str, Any]]:
    """The variables of each request of an operation."""
    return [variables for operation, variables in shop.requests if operation == name]
