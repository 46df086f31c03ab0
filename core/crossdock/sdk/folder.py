"""``Files`` in a folder of this machine; the file system's calls run in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from io import BufferedReader, BufferedWriter
from pathlib import Path
from random import Random
from typing import TypeVar

from crossdock.sdk.connector import FileRef, Receipt
from crossdock.sdk.errors import MisconfiguredError, RetryableError, UnreachableError
from crossdock.sdk.files import CHUNK_BYTES, FolderConfig, checked_name, numbered, relative_path, vanished
from crossdock.sdk.services import Clock
from crossdock.sdk.settling import Settling
from crossdock.sdk.temporaries import Temporaries

__all__ = ["FolderFiles"]

_T = TypeVar("_T")


class FolderFiles:
    """A connection's files under ``config.path``."""

    def __init__(self, config: FolderConfig, clock: Clock, random: Random) -> None:
        """Keep the root; it must exist when it is first used."""
        self._root = Path(config.path)
        self._clock = clock
        self._temporaries = Temporaries(random)
        self._settling = Settling(config.settle_seconds, config.done_marker)

    async def list_files(self, stream: str, folder: str, pattern: str) -> Sequence[FileRef]:
        """The settled files of ``folder`` that match ``pattern``, oldest first."""
        listing = await self._run(lambda: self._scan(stream, folder))
        return self._settling.settled(listing, folder, pattern, self._clock.now())

    async def read(self, file: FileRef) -> AsyncIterator[bytes]:
        """The bytes of a file.

        Raises:
            RetryableError: It changed while it was read, or since it was listed.
        """
        handle = await self._run(lambda: self._open(file))
        with handle:
            total = 0
            while chunk := await asyncio.to_thread(handle.read, CHUNK_BYTES):
                total += len(chunk)
                yield chunk
        if total != file.size_bytes:
            raise RetryableError(
                f"{file.path}: listed with {file.size_bytes} bytes, read {total}; it is still being written"
            )

    async def move(self, file: FileRef, folder: str) -> None:
        """Move without overwriting; a missing file is no error."""
        await self._run(lambda: self._move(file, folder))

    async def delete(self, file: FileRef) -> None:
        """Delete; a missing file is no error."""
        await self._run(lambda: self._path(file.path).unlink(missing_ok=True))

    async def put(
        self, folder: str, name: str, content: AsyncIterator[bytes], *, marker: str | None = None
    ) -> Receipt:
        """Write under a temporary name, make it durable, rename; then the marker."""
        path = relative_path(folder, checked_name(name))
        target = self._path(path)
        temporary = target.with_name(self._temporaries.new(name))
        await self._run(lambda: self._temporaries.clear(str(target.parent), name, os.listdir, os.unlink))
        digest, total = hashlib.sha256(), 0
        handle = await self._run(lambda: self._open_new(temporary))
        try:
            with handle:
                async for chunk in content:
                    digest.update(chunk)
                    total += len(chunk)
                    await self._run(partial(handle.write, chunk))
                await self._run(lambda: _flush(handle))
            replaced = await self._run(target.exists)
            await self._run(lambda: self._rename(temporary, target))
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        if marker is not None:
            marker_path = target.with_name(checked_name(marker.replace("{name}", name)))
            await self._run(marker_path.touch)
        return Receipt(path, total, digest.hexdigest(), replaced)

    async def stat(self, folder: str, name: str) -> FileRef | None:
        """The file as it lies there now, or ``None``."""
        path = self._path(relative_path(folder, name))
        return await self._run(lambda: self._ref("", path) if path.is_file() else None)

    async def _run(self, call: Callable[[], _T]) -> _T:
        """A blocking call in a thread; its errors in our words."""
        try:
            return await asyncio.to_thread(call)
        except FileNotFoundError as error:
            raise MisconfiguredError(
                f"{error.filename}: does not exist; create it or correct the path"
            ) from error
        except PermissionError as error:
            raise MisconfiguredError(
                f"{error.filename}: not permitted for user id {os.getuid()}; correct owner or mode"
            ) from error
        except OSError as error:
            raise UnreachableError(f"{error.filename or self._root}: {error.strerror}") from error

    def _path(self, relative: str) -> Path:
        return self._root / relative

    def _ref(self, stream: str, path: Path) -> FileRef:
        status = path.stat()
        return FileRef(
            stream,
            path.name,
            path.relative_to(self._root).as_posix(),
            status.st_size,
            datetime.fromtimestamp(status.st_mtime, UTC),
        )

    def _open(self, file: FileRef) -> BufferedReader:
        try:
            return self._path(file.path).open("rb")
        except FileNotFoundError as error:
            raise vanished(file) from error

    def _scan(self, stream: str, folder: str) -> list[FileRef]:
        found = []
        for path in self._path(relative_path(folder)).iterdir():
            # it may vanish between listing and asking
            with contextlib.suppress(FileNotFoundError):
                if path.is_file():
                    found.append(self._ref(stream, path))
        return found

    def _move(self, file: FileRef, folder: str) -> None:
        source, target_folder = self._path(file.path), self._path(relative_path(folder))
        target_folder.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            try:
                # a link, unlike a rename, refuses to overwrite
                os.link(source, target_folder / numbered(file.name, number))
            except FileExistsError:
                if source.samefile(target_folder / numbered(file.name, number)):
                    # an earlier move got this far and died
                    source.unlink(missing_ok=True)
                    return
                number += 1
            except FileNotFoundError:
                return
            else:
                source.unlink(missing_ok=True)
                return

    @staticmethod
    def _open_new(path: Path) -> BufferedWriter:
        return path.open("xb")

    @staticmethod
    def _rename(source: Path, target: Path) -> None:
        source.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _flush(handle: BufferedWriter) -> None:
    handle.flush()
    os.fsync(handle.fileno())
