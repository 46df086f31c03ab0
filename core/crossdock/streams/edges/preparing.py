"""Mapping ahead: JSON records of a batch are mapped by other processes before its transaction begins.

What is ready the transaction only has to write down. What is not, because a process is starting, has ended, or found
something unusual, is mapped in the transaction as if there were no other process: only the time differs.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import structlog

from crossdock.errors import UnreachableError
from crossdock.store import raw
from crossdock.store.raw import BodyStore, Raw
from crossdock.streams.edges.connections import Connections
from crossdock.streams.edges.intake import INLINE
from crossdock.streams.edges.mapping_process import HELLO, LENGTH_BYTES, Mapped, Work, fingerprint, frame
from crossdock.streams.edges.reading import Job, read_part
from crossdock.streams.processor import Message
from crossdock.streams.services import Service
from crossdock.streams.transaction import Transactions

__all__ = ["MappingProcess", "Preparation"]

_ANSWER_SECONDS = 10.0
"""A process that takes longer for a part of a batch hangs: it is ended, and started anew."""
_PLAIN = (str, int, bool, type(None))


class MappingProcess:
    """One further process and the pipe to it."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """Map with the packaged mappings and those in ``folders``."""
        self._command = [
            sys.executable,
            "-m",
            "crossdock.streams.edges.mapping_process",
            *(str(folder) for folder in folders),
        ]
        self._pipe: _Pipe | None = None

    @property
    def is_ready(self) -> bool:
        """Whether it answers."""
        return self._pipe is not None

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the process until ``stop`` is set.

        Raises:
            UnreachableError: It has ended by itself.
        """
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        ended = asyncio.ensure_future(process.wait())
        stopping = asyncio.ensure_future(stop.wait())
        try:
            self._pipe = await _Pipe.open(process)
            await asyncio.wait((ended, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._pipe = None
            stopping.cancel()
            if process.returncode is None:
                process.kill()
            await ended
        if not stop.is_set():
            raise UnreachableError(
                f"the mapping process ended with {process.returncode}: it is started again"
            )

    async def map(self, works: Sequence[Work]) -> Sequence[Mapped | None]:
        """What each record becomes; None for what the hub has to map itself."""
        pipe = self._pipe
        if pipe is None or not works:
            return [None] * len(works)
        try:
            return await asyncio.wait_for(pipe.ask(works), _ANSWER_SECONDS)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, msgspec.DecodeError) as error:
            structlog.get_logger(__name__).warning("the mapping process does not answer", error=repr(error))
            self._pipe = None
            pipe.break_off()
            return [None] * len(works)


class _Pipe:
    """Frames to a process and back."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
    ) -> None:
        self._process, self._source, self._target = process, source, target
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(list[Mapped | None])

    @classmethod
    async def open(cls, process: asyncio.subprocess.Process) -> _Pipe | None:
        """Wait until the process is ready; None if it ends before."""
        source, target = process.stdout, process.stdin
        if source is None or target is None or await source.readline() != HELLO:
            return None
        return cls(process, source, target)

    async def ask(self, works: Sequence[Work]) -> Sequence[Mapped | None]:
        self._target.write(frame(self._encoder.encode(works)))
        await self._target.drain()
        length = int.from_bytes(await self._source.readexactly(LENGTH_BYTES), "big")
        return self._decoder.decode(await self._source.readexactly(length))

    def break_off(self) -> None:
        """End the process: what it still says would be taken for the answer to something else."""
        if self._process.returncode is None:
            self._process.kill()


class Preparation:
    """What is ready of the batch that ``normalise`` handles next."""

    def __init__(
        self,
        connections: Connections,
        transactions: Transactions,
        bodies: BodyStore,
        folders: Sequence[Path],
    ) -> None:
        """Map records of ``connections`` ahead; ``folders`` hold the integrator's mappings."""
        self._connections = connections
        self._bodies = bodies
        self._transactions = transactions
        self.process = MappingProcess(folders)
        self._fingerprints: dict[str, str] = {}
        self._ready: dict[str, Mapped] = {}

    @property
    def service(self) -> Service:
        """What keeps the process."""
        return Service("mapping process", self.process.run)

    @property
    def ready(self) -> Mapping[str, Mapped]:
        """What was mapped ahead, by the id of its message on ``raw``."""
        return self._ready

    async def prepare(self, messages: Sequence[Message]) -> None:
        """Map ahead what can be of the batch that comes next."""
        self._ready = {}
        plain = [message for message in messages if INLINE not in message.headers]
        ids = list({message.headers["raw_id"] for message in plain})
        raws = await self._transactions.database.read(lambda connection: raw.load(connection, ids))
        works = {message.id: work for message in plain if (work := self._work(message, raws)) is not None}
        answers = await self.process.map(list(works.values()))
        self._ready = {
            name: answer for name, answer in zip(works, answers, strict=True) if answer is not None
        }

    def _work(self, message: Message, raws: Mapping[str, Raw]) -> Work | None:
        """The record that a message is about, if it is one that can be mapped elsewhere."""
        connection = self._connections.open.get(message.headers["connection"])
        stream = connection.streams.get(message.headers["stream"]) if connection else None
        found = raws.get(message.headers["raw_id"])
        if connection is None or stream is None or stream.mapping is None or stream.by_rows:
            return None
        part = read_part(message)
        if found is None or found.body is None or not stream.is_json or part.length is not None:
            return None
        hub = Job(message, connection, stream, part, found, self._bodies, found.received_at).hub()
        if not all(isinstance(value, _PLAIN) for value in hub.values()):
            return None
        name = stream.mapping.name
        if name not in self._fingerprints:
            self._fingerprints[name] = fingerprint(stream.mapping)
        return Work(connection.name, stream.spec.emits, name, self._fingerprints[name], hub, found.body)
