"""The deliverer of a connection: takes its commands from the outbox, in order within each key, and has them done."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection as DatabaseConnection

from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.manifest import Idempotency
from crossdock.sdk.outcomes import Outcome, Rejected, Throttled, Unknown
from crossdock.store import commands, raw
from crossdock.store.commands import ClaimedCommand, CommandState, Result
from crossdock.store.ingest import external_ids
from crossdock.streams.edges import metrics
from crossdock.streams.edges.connections import CommandKind, Connection
from crossdock.streams.edges.health import Activity
from crossdock.streams.edges.intake import keep_body, pause
from crossdock.streams.edges.outcomes import Verdict, answer, outcome_message
from crossdock.streams.edges.polling import Surroundings, TurnLostError
from crossdock.streams.edges.sending import Backoffs, Prepared, judge, prepare, send, trouble
from crossdock.streams.processor import Transaction
from crossdock.streams.services import Service

__all__ = ["DeliverySettings", "delivery_service"]


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """How a connection's commands are carried out.

    Attributes:
        concurrency: Calls at the same time.
        claim: Commands taken from the outbox at once.
        limit_seconds: How long a call may take; then nobody knows whether it happened.
        lease_seconds: How long a worker that says nothing keeps what it has taken.
        idle_seconds: How often the outbox is looked at when nothing was heard.
        linger_seconds: How long to wait after a commit: one look at the outbox then serves a burst of them.
        backoffs: When to try again.
    """

    concurrency: int = 16
    claim: int = 64
    limit_seconds: float = 60.0
    lease_seconds: float = 300.0
    idle_seconds: float = 0.25
    linger_seconds: float = 0.02
    backoffs: Backoffs = field(default_factory=Backoffs)


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is sent together."""

    kind: CommandKind | None
    commands: tuple[ClaimedCommand, ...]
    claimed_at: datetime


def delivery_service(
    connection: Connection, around: Surroundings, settings: DeliverySettings | None = None
) -> Service:
    """Carries out the commands of ``connection``."""
    deliverer = _Deliverer(connection, around, settings or DeliverySettings())
    return Service(f"deliver {connection.name}", deliverer.run)


class _Deliverer:
    def __init__(self, connection: Connection, around: Surroundings, settings: DeliverySettings) -> None:
        self._connection = connection
        self._around = around
        self._settings = settings
        self._transactions = around.transactions
        self._activity = Activity(connection.name, "deliver")
        self._owner = around.owner_of(connection.name)
        self._queue: deque[_Unit] = deque()
        self._refs: dict[int, dict[str, str]] = {}
        self._alone: set[int] = set()
        self._unknowns: dict[int, int] = {}
        self._resume_at: datetime | None = None
        self._unrecorded: list[tuple[Sequence[Verdict], asyncio.Future[None]]] = []
        self._recorder: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        batch = max((kind.spec.batch for kind in connection.commands.values()), default=1)
        self._claim_limit = max(settings.claim, 2 * batch)
        around.transactions.listen(lambda _: self._news.set())

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``: keep the queue filled and as many calls under way as allowed, then let these end."""
        # What an earlier life has left in hand is claimed anew: sent from both it would be sent twice.
        self._queue.clear()
        await self._transactions.write(lambda tx: commands.recover(tx.connection, self._owner, tx.now))
        under_way: set[asyncio.Task[None]] = set()
        try:
            while not stop.is_set():
                self._news.clear()
                under_way = {task for task in under_way if not _ended(task)}
                if len(self._queue) < self._settings.concurrency:
                    await self._claim()
                while self._queue and len(under_way) < self._settings.concurrency:
                    task = asyncio.create_task(self._carry_out(self._queue.popleft()))
                    task.add_done_callback(lambda _: self._news.set())
                    under_way.add(task)
                await pause(self._transactions.clock, self._settings.idle_seconds, stop, self._news)
                await self._transactions.clock.sleep(0 if under_way else self._settings.linger_seconds)
            await self._give_back([each for unit in self._queue for each in unit.commands])
            self._queue.clear()
            for ended in asyncio.as_completed(under_way):
                await ended
        finally:
            for task in under_way:
                task.cancel()
            recorders = [] if self._recorder is None else [self._recorder]
            await asyncio.gather(*under_way, *recorders, return_exceptions=True)

    async def _claim(self) -> None:
        """Take what is due, if anything is."""
        name, now = self._connection.name, self._transactions.clock.now()
        if self._resume_at is not None and now < self._resume_at:
            return

        def due(connection: DatabaseConnection) -> bool:
            at = commands.next_due(connection, name)
            return at is not None and at <= now

        if not await self._transactions.database.read(due):
            return
        claimed, refs = await self._transactions.write(self._take)
        self._refs.update(refs)
        self._queue.extend(self._units(claimed, now))

    def _take(self, tx: Transaction) -> tuple[list[ClaimedCommand], dict[int, dict[str, str]]]:
        name = self._connection.name
        claimed = commands.claim(
            tx.connection,
            name,
            self._owner,
            tx.now,
            lease_seconds=self._settings.lease_seconds,
            limit=self._claim_limit,
        )
        ids = {each.order_key for each in claimed} | {ref for each in claimed for ref in each.refs.values()}
        known = external_ids(tx.connection, name, sorted(ids)) if ids else {}
        refs = {}
        for each in claimed:
            refs[each.id] = {
                kind: external
                for canonical in (each.order_key, *each.refs.values())
                for kind, external in known.get(canonical, {}).items()
            }
        return claimed, refs

    def _units(self, claimed: Sequence[ClaimedCommand], now: datetime) -> list[_Unit]:
        """What is sent together: new commands of one name, up to the batch; anything else goes alone."""
        units: list[_Unit] = []
        together: dict[str, list[ClaimedCommand]] = {}
        for each in claimed:
            kind = self._connection.commands.get(each.name)
            if kind is None or kind.spec.batch == 1 or each.probe or each.id in self._alone:
                units.append(_Unit(kind, (each,), now))
            else:
                together.setdefault(each.name, []).append(each)
        for name, group in together.items():
            kind = self._connection.commands[name]
            size = kind.spec.batch
            units += [_Unit(kind, tuple(group[at : at + size]), now) for at in range(0, len(group), size)]
        return units

    async def _carry_out(self, unit: _Unit) -> None:
        """Send one unit and record what became of it."""
        now = self._transactions.clock.now()
        waited = (now - unit.claimed_at).total_seconds()
        paused = self._resume_at is not None and now < self._resume_at
        if paused or waited + 2 * self._settings.limit_seconds > self._settings.lease_seconds:
            await self._give_back(unit.commands)
            return
        verdicts: list[Verdict] = []
        prepared: list[Prepared] = []
        for each in unit.commands:
            refs = self._refs.pop(each.id, {})
            found = self._prepare(unit.kind, each, refs)
            if isinstance(found, Verdict):
                verdicts.append(found)
            else:
                prepared.append(found)
        if prepared and unit.kind is not None:
            outcome, open_question = await send(
                self._connection, unit.kind, prepared, self._settings.limit_seconds
            )
            await self._note(outcome, len(prepared))
            verdicts += self._judge(unit.kind, prepared, outcome, open_question=open_question)
        await self._record(verdicts)

    def _prepare(
        self, kind: CommandKind | None, command: ClaimedCommand, refs: dict[str, str]
    ) -> Prepared | Verdict:
        if kind is None:
            connector = self._connection.manifest.id
            said = f"connector {connector} can't do {command.name}, or it is switched off under commands:"
            return Verdict(command, CommandState.REJECTED, code="command.unknown", message=said)
        if command.probe and kind.spec.idempotency is Idempotency.NONE:
            said = "cut off while it was sent, and the partner can't be asked: look it up there"
            return Verdict(command, CommandState.PARKED, code="outcome.unknown", message=said)
        return prepare(self._connection, kind, command, refs)

    def _judge(
        self,
        kind: CommandKind,
        prepared: Sequence[Prepared],
        outcome: Outcome | MisconfiguredError,
        *,
        open_question: bool,
    ) -> list[Verdict]:
        now = self._transactions.clock.now()
        if isinstance(outcome, Rejected) and len(prepared) > 1:
            # Refused as a whole: one by one it shows whose fault it is.
            self._alone.update(each.command.id for each in prepared)
            return [Verdict(each.command, CommandState.PENDING, now) for each in prepared]
        unknowns = 0
        if isinstance(outcome, Unknown):
            for each in prepared:
                self._unknowns[each.command.id] = self._unknowns.get(each.command.id, 0) + 1
            unknowns = max(self._unknowns[each.command.id] for each in prepared)
        return judge(
            prepared,
            outcome,
            kind.spec.idempotency,
            now,
            open_question=open_question,
            unknowns=unknowns,
            backoffs=self._settings.backoffs,
        )

    async def _note(self, outcome: Outcome | MisconfiguredError, count: int) -> None:
        """Keep the connection's health; where it is the partner that is down, all its commands wait."""
        board = self._around.board
        now = self._transactions.clock.now()
        error = trouble(outcome)
        if error is None:
            self._resume_at = None
            if isinstance(outcome, Throttled):
                board.throttled(self._activity, outcome.until)
            else:
                await board.succeeded(self._activity, records=count)
        elif self._resume_at is None or self._resume_at <= now:
            self._resume_at = now + timedelta(seconds=await board.failed(self._activity, error))

    async def _record(self, verdicts: Sequence[Verdict]) -> None:
        """Commit what became of commands; what ends while others are being recorded is recorded together."""
        committed = asyncio.get_running_loop().create_future()
        self._unrecorded.append((verdicts, committed))
        if self._recorder is None or self._recorder.done():
            self._recorder = asyncio.create_task(self._record_all())
        await committed

    async def _record_all(self) -> None:
        await asyncio.sleep(0)  # what ends in the same moment goes together
        while self._unrecorded:
            together, self._unrecorded = self._unrecorded, []
            try:
                await self._write([verdict for verdicts, _ in together for verdict in verdicts])
            except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
                for _, committed in together:
                    if not committed.done():
                        committed.set_exception(error)
            else:
                for _, committed in together:
                    if not committed.done():
                        committed.set_result(None)

    async def _write(self, verdicts: Sequence[Verdict]) -> None:
        """Commit verdicts, together with what the core is told."""
        answers = []
        told = []
        now = self._transactions.clock.now()
        for verdict in verdicts:
            kind = self._connection.commands.get(verdict.command.name)
            if verdict.response is not None and kind is not None and kind.result is not None:
                body = await keep_body(self._around.bodies, verdict.response.body)
                answers.append(answer(verdict, body, now))
            elif verdict.finished:
                told.append(outcome_message(verdict))

        def write(tx: Transaction) -> None:
            results = [each.result for each in verdicts]
            if commands.record(tx.connection, results, self._owner, tx.now) < len(results):
                raise TurnLostError(f"{self._connection.name}: another worker has taken over some commands")
            raw.store(tx.connection, [row for row, _ in answers])
            tx.emit(*told, *(message for _, message in answers))

        await self._transactions.write(write)
        for verdict in verdicts:
            name = verdict.command.name
            metrics.COMMANDS.labels(self._connection.name, name, verdict.state.value).inc()
            if verdict.finished:
                self._alone.discard(verdict.command.id)
                self._unknowns.pop(verdict.command.id, None)

    async def _give_back(self, claimed: Sequence[ClaimedCommand]) -> None:
        """Leave commands that were taken and not sent for later."""
        if not claimed:
            return
        not_before = max(self._resume_at or self._transactions.clock.now(), self._transactions.clock.now())
        results = [
            Result(each.id, CommandState.UNKNOWN if each.probe else CommandState.PENDING, None, not_before)
            for each in claimed
        ]
        await self._transactions.write(
            lambda tx: commands.record(tx.connection, results, self._owner, tx.now)
        )


def _ended(task: asyncio.Task[None]) -> bool:
    """Whether ``task`` is over; raises what it failed with."""
    return task.done() and task.result() is None
