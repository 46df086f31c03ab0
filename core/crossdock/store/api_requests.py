"""What callers of the REST API have asked for under their idempotency keys."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from crossdock.store.bulk import InsertMany
from crossdock.store.plumbing import api_requests

__all__ = ["ApiRequest", "remember"]


class ApiRequest(NamedTuple):
    """A request: ``sha256`` of what was asked, ``subject`` is the id of what it made."""

    idempotency_key: str
    caller: str
    sha256: str
    subject: str
    created_at: datetime


_insert = InsertMany(api_requests, ApiRequest._fields, ignore=True)


def remember(connection: Connection, request: ApiRequest) -> ApiRequest | None:
    """Keep a request; returns the earlier one under its key, if there is one. The same key waits for its first use."""
    if _insert(connection, [request]):
        return None
    row = connection.execute(
        select(*(api_requests.c[name] for name in ApiRequest._fields)).where(
            api_requests.c.idempotency_key == request.idempotency_key,
            api_requests.c.caller == request.caller,
        )
    ).one()
    return ApiRequest(*row)
