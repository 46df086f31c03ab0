"""Webhooks, whatever web framework hands them over: verified on the raw bytes, answered 2xx once they are stored."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from crossdock.sdk.connector import RawRecord, RawRequest, Refused
from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.sdk.manifest import Role
from crossdock.store.raw import BodyStore
from crossdock.streams.edges import metrics
from crossdock.streams.edges.arriving import Arrivals
from crossdock.streams.edges.connections import Connection, Connections
from crossdock.streams.edges.gathering import Gathering
from crossdock.streams.edges.health import StatusBoard
from crossdock.streams.edges.intake import (
    Arrival,
    BackPressure,
    Bells,
    RawPart,
    arrival,
    inline_message,
    keep_body,
    letter,
    raw_message,
    take_in,
)
from crossdock.streams.processor import Transaction
from crossdock.streams.topics import RAW
from crossdock.streams.transaction import Transactions

__all__ = ["Receiver", "WebhookAnswer"]

_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What the partner that called gets back; ``retry_after_seconds`` where it should come again."""

    status: int
    body: bytes = b""
    media_type: str = _TEXT
    retry_after_seconds: int | None = None


class Receiver:
    """Takes calls of partners in."""

    def __init__(
        self,
        connections: Connections,
        transactions: Transactions,
        bodies: BodyStore,
        board: StatusBoard,
        bells: Bells,
        pressure: BackPressure,
        *,
        max_body_bytes: int,
        arrivals: Arrivals | None = None,
    ) -> None:
        """Receive for the streams of ``connections``; a larger body is answered 413.

        ``arrivals`` is where calls are kept before they are answered; by default the store.
        """
        self._connections = connections
        self._transactions = transactions
        self._bodies = bodies
        self._arrivals = arrivals or Gathering(transactions, board)
        self._bells = bells
        self._pressure = pressure
        self.max_body_bytes = max_body_bytes
        self._log = structlog.get_logger(__name__)

    async def receive(self, connection_name: str, request: RawRequest) -> WebhookAnswer:
        """Take in one call. The answer is 2xx only when its records are committed; the same delivery twice is no error.

        The bytes of a call that can't be proven to be the partner's are not kept.
        """
        connection = self._connections.open.get(connection_name)
        if connection is None or not connection.of_role(Role.RECEIVE):
            return self._unknown(connection_name, connection)
        if len(request.body) > self.max_body_bytes:
            size = f"{len(request.body)} bytes; at most {self.max_body_bytes} are taken (web.max_body_bytes)"
            return self._refuse(connection, request, Refused(413, f"the body has {size}"))
        if self._pressure.is_full(RAW):
            metrics.WEBHOOKS_REFUSED.labels(connection_name, "503").inc()
            return WebhookAnswer(503, b"busy; send it again\n", retry_after_seconds=10)
        try:
            verdict = connection.receives.verify(request)
            if isinstance(verdict, Refused):
                return self._refuse(connection, request, verdict)
            records = connection.receives.split(request)
            unread = _unread(connection, records)
        except RecordRejectedError as error:
            return await self._reject(connection, request, error)
        if unread is not None:
            return self._refuse(connection, request, unread)
        await self._keep(connection, request, records)
        return self._answer(connection, request, None) or WebhookAnswer(200)

    def refused_unread(self, connection_name: str, most_bytes: int) -> None:
        """Count and log a call whose body is larger than ``most_bytes``: nobody has read it, and nothing is kept."""
        known = connection_name if connection_name in self._connections.open else "unknown"
        metrics.WEBHOOKS_REFUSED.labels(known, "413").inc()
        self._log.warning(
            "webhook refused",
            connection=connection_name,
            status=413,
            reason=f"larger than web.max_body_bytes ({most_bytes}); have the partner send less, or raise it",
        )

    async def _keep(self, connection: Connection, request: RawRequest, records: Sequence[RawRecord]) -> None:
        arrivals: list[Arrival] = []
        for record in records:
            body = await keep_body(self._bodies, record.payload)
            bell = connection.streams[record.stream].spec.wakes is not None
            arrivals.append(arrival(connection.name, record, body, request.received_at, quiet=bell))
        await self._arrivals.keep(arrivals)
        for record in records:
            wakes = connection.streams[record.stream].spec.wakes
            if wakes is not None:
                self._bells.ring(connection.name, wakes)

    async def _reject(
        self, connection: Connection, request: RawRequest, error: RecordRejectedError
    ) -> WebhookAnswer:
        """A call that is the partner's, but can't be read: its bytes are kept, as a dead letter."""
        stream = connection.of_role(Role.RECEIVE)[0].name
        digest = hashlib.sha256(request.body).hexdigest()
        kept = await keep_body(self._bodies, request.body)
        record = RawRecord(
            stream, digest, f"unreadable:{digest}", request.body, request.headers.get("content-type", "")
        )
        taken = arrival(connection.name, record, kept, request.received_at, quiet=True)
        original = inline_message(raw_message(taken.row), RawPart(), request.body)

        def store(tx: Transaction) -> None:
            if take_in(tx, [taken]):
                tx.dead_letter(
                    letter("receive", error, connection.name, request.body, original, taken.row.id)
                )

        await self._transactions.write(store)
        metrics.WEBHOOKS_REFUSED.labels(connection.name, "400").inc()
        said = WebhookAnswer(400, f"{error.message}\n".encode())
        return self._answer(connection, request, error) or said

    def _refuse(self, connection: Connection, request: RawRequest, refused: Refused) -> WebhookAnswer:
        metrics.WEBHOOKS_REFUSED.labels(connection.name, str(refused.status)).inc()
        self._log.warning(
            "webhook refused",
            connection=connection.name,
            path=request.path,
            status=refused.status,
            reason=refused.reason,
            size_bytes=len(request.body),
        )
        said = WebhookAnswer(refused.status, f"{refused.reason}\n".encode())
        return self._answer(connection, request, refused) or said

    def _answer(
        self, connection: Connection, request: RawRequest, problem: Refused | RecordRejectedError | None
    ) -> WebhookAnswer | None:
        """What the connector says itself (SOAP)."""
        if connection.answers is None:
            return None
        worded = connection.answers.answer(request, problem)
        return WebhookAnswer(worded.status, worded.body, worded.media_type)

    def _unknown(self, name: str, connection: Connection | None) -> WebhookAnswer:
        """A connection that is broken for now is worth another attempt; one that is not there is not."""
        if connection is None and any(each.name == name for each in self._connections.broken):
            metrics.WEBHOOKS_REFUSED.labels(name, "503").inc()
            return WebhookAnswer(503, b"the connection is not open; send it again\n", retry_after_seconds=60)
        metrics.WEBHOOKS_REFUSED.labels(name if connection else "unknown", "404").inc()
        return WebhookAnswer(404, b"no connection of this name receives calls here\n")


def _unread(connection: Connection, records: Sequence[RawRecord]) -> Refused | None:
    """Why records are not taken: their stream is not there, or switched off."""
    for record in records:
        stream = connection.streams.get(record.stream)
        if stream is None:
            known = ", ".join(each.name for each in connection.of_role(Role.RECEIVE))
            rejection = Rejection(
                "receive.unknown_stream",
                f"the connector gave a record of stream {record.stream!r}; its manifest has: {known}",
            )
            raise RecordRejectedError(rejection)
        if not stream.config.enabled:
            return Refused(404, f"stream {record.stream} is switched off here; delete its subscription")
    return None
