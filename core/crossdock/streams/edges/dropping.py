"""Drop streams: files are stored, inspected, cut into parts, and only then disposed of at the partner."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from msgspec.structs import replace

from crossdock.sdk.connector import Disposal, FileRef
from crossdock.sdk.errors import RecordRejectedError, RetryableError
from crossdock.sdk.formats.records import FileVerdict, Frame
from crossdock.store import ingest, leases, raw
from crossdock.store.raw import INLINE_BYTES, Raw, RawRow, StoredBody
from crossdock.streams.edges import metrics
from crossdock.streams.edges.blocking import BlockingChunks
from crossdock.streams.edges.connections import Connection, Stream
from crossdock.streams.edges.emptiness import note_emptiness
from crossdock.streams.edges.health import Activity
from crossdock.streams.edges.intake import MEDIA_TYPES, RawPart, inline_message, letter, pause, raw_message
from crossdock.streams.edges.polling import LEASE_SECONDS, Surroundings, TurnLostError
from crossdock.streams.edges.rows import LINES_PER_DOCUMENT
from crossdock.streams.processor import DeadLetter, Message, Transaction
from crossdock.streams.services import Service
from crossdock.streams.topics import RAW

__all__ = ["drop_service"]


def drop_service(connection: Connection, stream: Stream, around: Surroundings) -> Service:
    """Fetches the files of ``stream``, in one worker at a time."""
    return Service(f"drop {connection.name}/{stream.name}", _Dropper(connection, stream, around).run)


@dataclass(frozen=True, slots=True)
class _Stored:
    """A file whose bytes are safe, and what was found in it."""

    file: FileRef
    row: RawRow
    verdict: FileVerdict
    messages: tuple[Message, ...]
    letters: tuple[DeadLetter, ...]


def _disposal(stream: Stream, verdict: FileVerdict) -> Disposal:
    if stream.config.read_files == "keep" or verdict.ok:
        return Disposal(stream.config.read_files)
    return Disposal.ERROR


class _Dropper:
    def __init__(self, connection: Connection, stream: Stream, around: Surroundings) -> None:
        self._connection = connection
        self._stream = stream
        self._around = around
        self._transactions = around.transactions
        self._activity = Activity(connection.name, "drop", stream.name)
        self._lease = f"drop:{connection.name}/{stream.name}"

    async def run(self, stop: asyncio.Event) -> None:
        clock = self._transactions.clock
        try:
            while not stop.is_set():
                wait_seconds = self._stream.interval_seconds
                try:
                    if await self._transactions.write(self._take_turn):
                        await self._sweep(stop)
                except TurnLostError:
                    continue
                except Exception as error:  # noqa: BLE001 - the board says when to look again, and tells people
                    wait_seconds = await self._around.board.failed(self._activity, error)
                await pause(clock, wait_seconds, stop)
        finally:
            owner, lease = self._around.owner, self._lease
            await self._transactions.write(lambda tx: leases.release(tx.connection, lease, owner))

    def _take_turn(self, tx: Transaction) -> bool:
        return leases.take(tx.connection, self._lease, self._around.owner, tx.now, LEASE_SECONDS)

    async def _sweep(self, stop: asyncio.Event) -> None:
        """Take in each file that has settled; one that can't be read now does not keep the others waiting."""
        changing: Exception | None = await self._dispose_of_stored()
        files = await self._connection.drops.list_files(self._stream.name)
        taken = 0
        for file in files:
            if stop.is_set():
                return
            await self._around.pressure.room(RAW)
            if await self._is_known(file):
                continue
            try:
                taken += await self._take_in(file)
            except TurnLostError:
                raise
            except Exception as error:  # noqa: BLE001 - raised when the other files have been looked at
                changing = error
        if changing is not None:
            raise changing
        await self._around.board.succeeded(self._activity, records=taken)

    async def _dispose_of_stored(self) -> RetryableError | None:
        """Finish what a crash cut off: files whose bytes are safe, which may be moved or not, or only in part.

        Returns why one can't be disposed of now; the others do not wait for it.
        """
        name, stream = self._connection.name, self._stream.name
        left = await self._transactions.database.read(lambda c: ingest.undisposed_files(c, name, stream))
        if not left:
            return None
        known = await self._transactions.database.read(lambda c: raw.load(c, [row.raw_id for row in left]))
        failed: RetryableError | None = None
        for row in left:
            try:
                if (stored := known.get(row.raw_id)) is not None:
                    chunks = self._chunks(stored)
                    verdict = await asyncio.to_thread(self._stream.format.inspect, chunks)
                    path = stored.headers["path"]
                    file = FileRef(stream, row.name, path, row.size_bytes, row.modified_at)
                    await self._connection.drops.dispose(file, _disposal(self._stream, verdict))
            except RetryableError as error:
                failed = error
            else:
                await self._mark(row.name, row.sha256, row.modified_at)
        return failed

    async def _is_known(self, file: FileRef) -> bool:
        """Whether it was read and disposed of before, and the partner keeps it there all the same."""
        name, stream = self._connection.name, self._stream.name
        return await self._transactions.database.read(
            lambda c: ingest.file_known(c, name, stream, file.name, file.size_bytes, file.modified_at)
        )

    async def _take_in(self, file: FileRef) -> int:
        """Store a file once, however often it is found; then dispose of it. Returns whether it was new."""
        received_at = self._transactions.clock.now()
        body = await self._fetch(file)
        row = self._raw_row(file, body, received_at)
        stored = await asyncio.to_thread(self._inspect, file, row)
        is_new = await self._transactions.write(lambda tx: self._store(tx, stored))
        await self._connection.drops.dispose(file, _disposal(self._stream, stored.verdict))
        await self._mark(file.name, row.sha256, file.modified_at)
        return int(is_new)

    async def _mark(self, file_name: str, sha256: str, at: datetime | None) -> None:
        name, stream = self._connection.name, self._stream.name
        await self._transactions.write(
            lambda tx: ingest.mark_disposed(tx.connection, name, stream, file_name, sha256, at, tx.now)
        )

    async def _fetch(self, file: FileRef) -> bytes | StoredBody:
        """The bytes: in memory where they are few, else in the body store."""
        chunks = self._connection.drops.read(file)
        first: list[bytes] = []
        size = 0
        async for chunk in chunks:
            first.append(chunk)
            size += len(chunk)
            if size > INLINE_BYTES:
                rest = BlockingChunks(chunks, asyncio.get_running_loop())
                try:
                    return await asyncio.to_thread(self._around.bodies.put, chain(first, rest))
                finally:
                    rest.stop()
        return b"".join(first)

    def _raw_row(self, file: FileRef, body: bytes | StoredBody, received_at: datetime) -> RawRow:
        sha256 = hashlib.sha256(body).hexdigest() if isinstance(body, bytes) else body.sha256
        headers = {"file_name": file.name, "path": file.path}
        if file.modified_at is not None:
            headers["modified_at"] = file.modified_at.isoformat()
        return raw.raw_row(
            self._connection.name,
            self._stream.name,
            file.name,
            f"{file.name}@{sha256}",
            body,
            received_at=received_at,
            occurred_at=file.modified_at,
            media_type=MEDIA_TYPES.get(self._stream.format.name, "application/octet-stream"),
            headers=headers,
        )

    def _chunks(self, row: RawRow | Raw) -> Iterable[bytes]:
        return [row.body or b""] if row.path is None else self._around.bodies.chunks(row.path)

    def _inspect(self, file: FileRef, row: RawRow) -> _Stored:
        """Read the file once, whole, and cut it; runs in a thread, and gives the same whenever it is run."""
        verdict = self._stream.format.inspect(self._chunks(row))
        whole = RawPart(
            parts=max(1, -(-verdict.records // LINES_PER_DOCUMENT)) if self._stream.by_rows else 1,
            file_name=file.name,
            file_modified_at=file.modified_at,
        )
        if not verdict.ok:
            return _Stored(file, row, verdict, (), (self._refused(row, verdict, whole),))
        if not verdict.records:
            return _Stored(file, row, verdict, (), ())
        if not self._stream.cut:
            single = RawPart(file_name=file.name, file_modified_at=file.modified_at)
            return _Stored(file, row, verdict, (raw_message(row, single),), ())
        messages, letters = self._cut(row, whole)
        return _Stored(file, row, verdict, tuple(messages), tuple(letters))

    def _refused(self, row: RawRow, verdict: FileVerdict, whole: RawPart) -> DeadLetter:
        """Nothing of the file is applied: the dead letter names the file and says why."""
        message = raw_message(row, whole)
        if row.body is not None:
            message = inline_message(message, whole, row.body)
        name = f"{self._connection.name}/{self._stream.name} {row.key}"
        error = RecordRejectedError(verdict.rejections)
        data = row.body if row.body is not None else next(iter(self._chunks(row)), b"")[:INLINE_BYTES]
        found = letter("drop", error, self._connection.name, data, message, row.id)
        faults = "\n".join(f"{each.path}: {each.message} [{each.code}]" for each in verdict.rejections)
        kept = self._stream.config.read_files == "keep"
        lies = "stays where it is" if kept else "was moved to the partner's error folder"
        said = (
            f"{name}: nothing of the file was applied; it {lies}.\n{faults}\n"
            "Ask the partner for a whole file under any name, or replay this to apply what there is."
        )
        return DeadLetter(
            "drop", found.code, said, found.path, data, message, row.id, None, self._connection.name
        )

    def _cut(self, row: RawRow, whole: RawPart) -> tuple[list[Message], list[DeadLetter]]:
        """One message for each frame; a record that can't be framed is given up here."""
        frames: list[Frame] = []
        letters: list[DeadLetter] = []
        for frame in self._stream.format.frames(self._chunks(row)):
            if frame.fault is None:
                frames.append(Frame(frame.start, frame.end, b""))
            else:
                letters.append(self._unframed(row, frame, whole))
        messages: list[Message] = []
        part = 1
        for index, frame in enumerate(frames):
            rows = frame.end.number - frame.start.number
            parts = max(1, -(-rows // LINES_PER_DOCUMENT)) if self._stream.by_rows else 1
            cut = self._part(frame, whole, part, parts, last=index == len(frames) - 1)
            messages.append(raw_message(row, cut, suffix=f":{index + 1}"))
            part += parts
        return messages, letters

    def _part(self, frame: Frame, whole: RawPart, part: int, parts: int, *, last: bool) -> RawPart:
        start = frame.start
        return RawPart(
            offset=start.offset,
            length=frame.length,
            line=start.line,
            number=start.number,
            context=start.context,
            part=part,
            parts=parts,
            last=last,
            file_name=whole.file_name,
            file_modified_at=whole.file_modified_at,
        )

    def _unframed(self, row: RawRow, frame: Frame, whole: RawPart) -> DeadLetter:
        assert frame.fault is not None
        part = self._part(frame, whole, 1, 1, last=False)
        message = inline_message(raw_message(row, part), part, frame.data, suffix=f"#{frame.start.number}")
        found = letter(
            "drop", RecordRejectedError(frame.fault), self._connection.name, frame.data, message, row.id
        )
        said = f"{row.connection}/{row.stream} {row.key}, {frame.fault.path}: {found.message}"
        return replace(found, message=said)

    def _store(self, tx: Transaction, stored: _Stored) -> bool:
        if not self._take_turn(tx):
            raise TurnLostError(self._lease)
        row = stored.row
        raw.store(tx.connection, [row])
        entry = ingest.FileRow(
            row.connection,
            row.stream,
            row.key,
            row.sha256,
            row.size_bytes,
            stored.file.modified_at,
            row.id,
            "stored",
            tx.now,
        )
        if not ingest.record_file(tx.connection, entry):
            return False
        tx.emit(*stored.messages)
        tx.dead_letter(*stored.letters)
        if stored.verdict.ok:
            note_emptiness(tx, self._stream, row.key, stored.verdict.records, self._around.board.due)
        metrics.RECORDS_IN.labels(row.connection, row.stream).inc(stored.verdict.records)
        return True
