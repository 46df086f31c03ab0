"""The one function that handles messages, in every runtime: all delivery semantics are here and nowhere else.

    begin
      advance:  the runtime's own cursor, where it has one in the database
      claim:    message ids into the processor's inbox; what was there already is a duplicate
      handler:  domain rows, emitted messages, dead letters
    commit        … and only then does the caller acknowledge

A fault of the infrastructure is repeated for ever, with back-off: that is the back-pressure. A fault of the handler
bisects the batch at once, down to the message that causes it; that one goes to the dead letters, in a transaction that
also puts it into the inbox, and the others are handled in their order. So does a promise that the table refuses: each
half is decided anew on what is there now, and only the one message that is refused alone is repeated, where others may
have been faster. Only a cancellation leaves ``handle_batch`` early, and then whatever was not committed comes again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import structlog
from sqlalchemy import exc

from crossdock.errors import PromiseRefusedError, RecordRejectedError
from crossdock.store import log
from crossdock.streams import metrics
from crossdock.streams.faults import passes
from crossdock.streams.processor import DeadLetter, Message, Prepare, Processor, Transaction
from crossdock.streams.transaction import SqlTransaction, Transactions

__all__ = ["Advance", "Backoff", "SupersededError", "handle_batch"]

_MOST_REFUSALS = 7
"""How often one message is decided anew because others were faster with the stock."""

Advance = Callable[[Transaction, Message], None]
"""Moves the runtime's cursor past a message, inside the transaction.

Raises ``SupersededError`` if another worker has.
"""


class SupersededError(Exception):
    """Another worker has handled these messages; nothing is left to do with them."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before each repetition: doubling, up to a limit."""

    first_seconds: float = 0.05
    most_seconds: float = 10.0

    def seconds(self, attempt: int) -> float:
        """The wait after the failure of ``attempt``, counted from 1."""
        return min(self.first_seconds * 2.0 ** min(attempt - 1, 30), self.most_seconds)


class _HandlerFault(Exception):
    """Something was raised between claim and commit; its cause is what."""


async def handle_batch(
    transactions: Transactions,
    processor: Processor,
    messages: Sequence[Message],
    *,
    advance: Advance | None = None,
    backoff: Backoff | None = None,
) -> None:
    """Handle ``messages`` of one topic, in order, each once. When it returns, all are committed: acknowledge them.

    Args:
        transactions: Where.
        processor: Whose handler.
        messages: In the order of the topic; may hold duplicates.
        advance: The runtime's cursor, moved in the same transactions.
        backoff: Waits between repetitions, on the clock of ``transactions``.
    """
    if not messages:
        return
    batches = _Batches(transactions, processor, advance, backoff or Backoff())
    if processor.prepare is not None:
        await batches.prepare(processor.prepare, messages)
    await batches.handle(messages)


class _Batches:
    """The steps of ``handle_batch``, which share its arguments."""

    def __init__(
        self, transactions: Transactions, processor: Processor, advance: Advance | None, backoff: Backoff
    ) -> None:
        self._transactions = transactions
        self._processor = processor
        self._advance = advance
        self._backoff = backoff
        self._log = structlog.get_logger(__name__).bind(processor=processor.name)

    async def prepare(self, prepare: Prepare, messages: Sequence[Message]) -> None:
        """Prepare a batch, or do without."""
        try:
            await prepare(messages)
        except Exception:  # noqa: BLE001 - the handler does it all by itself
            self._log.warning("batch not prepared", exc_info=True)

    async def handle(self, messages: Sequence[Message]) -> None:
        """Handle all, or, if the handler can't, each half."""
        try:
            await self._repeat(lambda: self._transact(messages), refusals=self._refusals(len(messages)))
        except SupersededError:
            self._log.info("batch superseded", first=messages[0].id, count=len(messages))
        except _HandlerFault as fault:
            if len(messages) == 1:
                await self._give_up(messages[0], fault.__cause__ or fault)
                return
            middle = len(messages) // 2
            await self.handle(messages[:middle])
            await self.handle(messages[middle:])

    async def _transact(self, messages: Sequence[Message]) -> None:
        started = perf_counter()
        fresh = await self._transactions.transact(lambda transaction: self._run(transaction, messages))
        name = self._processor.name
        metrics.BATCH_SECONDS.labels(name).observe(perf_counter() - started)
        metrics.HANDLED.labels(name).inc(fresh)
        metrics.DUPLICATES.labels(name).inc(len(messages) - fresh)

    def _run(self, transaction: SqlTransaction, messages: Sequence[Message]) -> int:
        fresh = self._claim(transaction, messages)
        if fresh:
            try:
                self._processor.handler(transaction, fresh)
                transaction.flush()
            except BaseException as error:
                raise _HandlerFault from error
        return len(fresh)

    def _claim(self, transaction: Transaction, messages: Sequence[Message]) -> list[Message]:
        """Move the cursor; returns the messages not handled before, the first of each id."""
        if self._advance is not None:
            self._advance(transaction, messages[-1])
        by_id: dict[str, Message] = {}
        for message in messages:
            by_id.setdefault(message.id, message)
        # Sorted, so that two workers with the same ids wait for each other instead of dead-locking.
        new = log.claim(transaction.connection, self._processor.name, sorted(by_id), transaction.now)
        return [message for message in by_id.values() if message.id in new]

    async def _give_up(self, message: Message, cause: BaseException) -> None:
        """Put the poison message into the dead letters, once."""
        letter = _dead_letter(self._processor.name, message, cause)

        def bury(transaction: Transaction) -> None:
            if self._claim(transaction, [message]):
                transaction.dead_letter(letter)

        async def attempt() -> None:
            await self._transactions.transact(bury)

        try:
            await self._repeat(attempt, whatever=True)
        except SupersededError:
            return
        metrics.DEAD_LETTERS.labels(self._processor.name).inc()
        # What is wrong with the data is said in words; a traceback is for faults of the program.
        fault = None if isinstance(cause, RecordRejectedError) else cause
        self._log.error(
            "message given up",
            message_id=message.id,
            key=message.key,
            code=letter.code,
            error=letter.message,
            exc_info=fault,
        )

    def _refusals(self, count: int) -> int:
        """How often a refused promise of ``count`` messages may be a race that is won the next time.

        SQLite has one writer: nobody comes between a look and the promise, the next would be refused as well.
        """
        alone = count == 1 and self._transactions.database.dialect != "sqlite"
        return _MOST_REFUSALS if alone else 0

    async def _repeat(
        self, attempt: Callable[[], Awaitable[None]], *, whatever: bool = False, refusals: int = 0
    ) -> None:
        """Repeat ``attempt`` until the infrastructure lets it through; with ``whatever``, until it succeeds."""
        failures = 0
        while True:
            try:
                return await attempt()
            except SupersededError:
                raise
            except Exception as error:  # noqa: BLE001 - nothing but a cancellation may leave
                cause = error.__cause__ if isinstance(error, _HandlerFault) and error.__cause__ else error
                if not whatever and not _repeatable(error, cause, failures < refusals):
                    raise error if isinstance(error, _HandlerFault) else _HandlerFault from cause
                failures += 1
                wait_seconds = self._backoff.seconds(failures)
                metrics.RETRIES.labels(self._processor.name).inc()
                self._log.warning(
                    "batch will be repeated", failures=failures, wait_seconds=wait_seconds, error=repr(cause)
                )
            await self._transactions.clock.sleep(wait_seconds)


def _repeatable(error: BaseException, cause: BaseException, refusal_passes: bool) -> bool:
    """In the handler only what passes; around it everything but a violated constraint found at the commit."""
    if isinstance(error, _HandlerFault):
        return refusal_passes if isinstance(cause, PromiseRefusedError) else passes(cause)
    return not isinstance(error, (exc.IntegrityError, exc.DataError))


def _dead_letter(stage: str, message: Message, cause: BaseException) -> DeadLetter:
    if isinstance(cause, RecordRejectedError):
        first = cause.rejections[0]
        code, path, text = first.code, first.path, cause.message
    else:
        code, path = "handler.failed", ""
        text = (
            f"{stage} failed on this message with {type(cause).__name__}: {cause}. "
            "This is a fault of the program or of its data: mend it, then replay."
        )
    return DeadLetter(
        stage=stage,
        code=code,
        message=text,
        path=path,
        body=message.body,
        original=message,
        raw_id=message.headers.get("raw_id"),
        connection=message.headers.get("connection"),
    )
