"""What the hub does around a connector: makes its services, runs it, maps what comes and goes, and validates it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any, TypeVar

import httpx
import structlog
from pydantic import BaseModel

from crossdock.mapping.library import MappingLibrary
from crossdock.sdk.assembly import Assembly, assemble
from crossdock.sdk.budgets import MemoryBudgetStore
from crossdock.sdk.clock import ManualClock
from crossdock.sdk.connector import Cursor, Limits, Page, Polls
from crossdock.sdk.http import HttpSettings
from crossdock.sdk.manifest import Manifest
from crossdock.sdk.tokens import MemoryTokenStore
from crossdock_schemas.base import Canonical
from crossdock_schemas.registry import ENTITIES

__all__ = ["assembled", "canonical", "decode", "library", "outbound", "pages", "run"]

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


def outbound(mapping: str, document: Canonical) -> dict[str, Any]:
    """What a command's mapping makes of a canonical document, in its JSON form."""
    return library().get(mapping).map(decode(document.model_dump_json(exclude_none=True))).document


async def _pages(connector: Polls, stream: str, cursor: Cursor | None, limits: Limits) -> list[Page]:
    return [page async for page in connector.poll(stream, cursor, limits)]


def pages(
    connector: Polls, stream: str, cursor: Cursor | None = None, limits: Limits | None = None
) -> list[Page]:
    return run(_pages(connector, stream, cursor, limits or Limits()))


def assembled(
    manifest: Manifest,
    config: BaseModel,
    clock: ManualClock,
    *,
    connection: str = "",
    transport: httpx.AsyncBaseTransport | None = None,
    budgets: MemoryBudgetStore | None = None,
    settings: HttpSettings | None = None,
) -> Assembly:
    """The services of a connection; without a transport they have real sockets."""
    return assemble(
        manifest,
        config,
        connection=connection or manifest.id,
        clock=clock,
        random=Random(1),
        tokens=MemoryTokenStore(clock),
        budgets=budgets or MemoryBudgetStore(),
        log=structlog.get_logger(),
        transport=transport,
        settings=settings,
    )
