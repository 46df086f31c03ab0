"""A return request as the processors read it, and what can be told from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from crossdock.orders.kits import Kit, unfold
from crossdock.orders.returning import Asked
from crossdock.store.returns import StoredReturn
from crossdock.streams.processors.documents import Part, read
from crossdock_schemas.returns import ReturnStatus

__all__ = ["EXCHANGE", "ReturnLineDocument", "ReturnRequestDocument", "asked_for", "request_of"]

EXCHANGE = "exchange"
"""The resolution for which other goods go out, and no money back."""


class ReturnLineDocument(Part, frozen=True):
    """``ReturnLine``."""

    sku: str
    quantity: int
    order_line: str | None = None
    exchange_for: str | None = None


class ReturnRequestDocument(Part, frozen=True):
    """``ReturnRequest``; ``ship_from`` is decoded where it is there."""

    external_id: str
    order: str
    lines: tuple[ReturnLineDocument, ...]
    ship_from: msgspec.Raw = msgspec.Raw()
    resolution: str | None = None
    node: str | None = None
    requested_at: datetime | None = None
    updated_at: datetime | None = None
    status: ReturnStatus = ReturnStatus.REQUESTED
    reason: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether goods are expected."""
        return self.status in (ReturnStatus.REQUESTED, ReturnStatus.APPROVED)

    @property
    def called_off(self) -> bool:
        """Whether nothing is to come."""
        return self.status in (ReturnStatus.DECLINED, ReturnStatus.CANCELLED)

    @property
    def rank(self) -> tuple[bool, datetime | None, int]:
        """Which of two documents of one request is the newer one; what ends it counts more at the same instant."""
        changed = self.updated_at or self.requested_at
        return changed is not None, changed, list(ReturnStatus).index(self.status)


class _Kind(Part, frozen=True):
    """What only a request has."""

    requested_at: datetime | None = None


def request_of(kept: StoredReturn) -> ReturnRequestDocument | None:
    """What the buyer asked for; None of a blind return, whose document is what came."""
    if read(kept.document, _Kind).requested_at is None:
        return None
    return read(kept.document, ReturnRequestDocument)


def asked_for(request: ReturnRequestDocument | None, kits: Sequence[Kit] = ()) -> list[Asked]:
    """The lines of a request, with the components of ``kits`` in place of them."""
    lines = request.lines if request is not None else ()
    return [Asked(*part) for line in lines for part in unfold(kits, line.order_line, line.sku, line.quantity)]
