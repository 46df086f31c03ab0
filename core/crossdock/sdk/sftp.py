"""``Files`` over SFTP: paramiko with pinned host keys, off the event loop.

One session and one thread a connection: calls wait for each other, a long read goes by chunks. A session that
broke is opened anew by the next call.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import stat as stat_modes
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import TypeVar

import paramiko

from crossdock.sdk.connector import FileRef, Receipt
from crossdock.sdk.errors import (
    CrossdockError,
    MisconfiguredError,
    RecordRejectedError,
    Rejection,
    RetryableError,
    UnknownOutcomeError,
    UnreachableError,
)
from crossdock.sdk.files import CHUNK_BYTES, SftpConfig, checked_name, numbered, relative_path, vanished
from crossdock.sdk.services import Clock
from crossdock.sdk.settling import Settling
from crossdock.sdk.ssh import SshSession, translate_ssh
from crossdock.sdk.temporaries import Temporaries

__all__ = ["SftpFiles"]

_T = TypeVar("_T")
_BLOCK_BYTES = 32 * 1024
_BLOCKS_IN_FLIGHT = CHUNK_BYTES // _BLOCK_BYTES


class SftpFiles:
    """A connection's files under ``config.root`` of an SFTP server."""

    def __init__(self, config: SftpConfig, clock: Clock, random: Random) -> None:
        """The first call connects."""
        self._session = SshSession(config)
        self._where = f"sftp://{config.host}:{config.port}"
        self._root = config.root.rstrip("/") or "/"
        self._clock = clock
        self._temporaries = Temporaries(random)
        self._settling = Settling(config.settle_seconds, config.done_marker)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"sftp-{config.host}")

    async def close(self) -> None:
        """Close the session and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._session.close)
        self._thread.shutdown(wait=False)

    async def list_files(self, stream: str, folder: str, pattern: str) -> Sequence[FileRef]:
        """The settled files of ``folder`` that match ``pattern``, oldest first."""
        listing = await self._run(lambda sftp: self._scan(sftp, stream, folder))
        return self._settling.settled(listing, folder, pattern, self._clock.now())

    async def read(self, file: FileRef) -> AsyncIterator[bytes]:
        """The bytes of a file, one chunk read ahead.

        Raises:
            RetryableError: It is not as it was listed: still being written, or replaced.
        """
        handle = await self._run(lambda sftp: self._open(sftp, file))
        ahead: asyncio.Future[bytes] | None = None
        try:
            await self._unchanged(handle, file)
            ahead = self._read_ahead(handle, 0, file.size_bytes)
            for offset in range(0, file.size_bytes, CHUNK_BYTES):
                chunk = await ahead
                ahead = self._read_ahead(handle, offset + CHUNK_BYTES, file.size_bytes)
                yield chunk
            await self._unchanged(handle, file)
        finally:
            if ahead is not None:
                await asyncio.gather(ahead, return_exceptions=True)
            with contextlib.suppress(RetryableError):
                await self._run(lambda _: handle.close(), once=True)

    async def move(self, file: FileRef, folder: str) -> None:
        """Move without overwriting; a missing file is no error."""
        await self._run(lambda sftp: self._move(sftp, file, folder))

    async def delete(self, file: FileRef) -> None:
        """Delete; a missing file is no error."""

        def remove(sftp: paramiko.SFTPClient) -> None:
            with contextlib.suppress(FileNotFoundError):
                sftp.remove(self._path(file.path))

        await self._run(remove)

    async def put(
        self, folder: str, name: str, content: AsyncIterator[bytes], *, marker: str | None = None
    ) -> Receipt:
        """Write under a temporary name, compare the size, rename; then the marker.

        Raises:
            UnreachableError: The session broke before the rename; nothing is to be seen.
            UnknownOutcomeError: It broke during or after the rename.
            RecordRejectedError: The target exists and the server can't replace a file in one step.
        """
        path = relative_path(folder, checked_name(name))
        parent = self._path(relative_path(folder))
        temporary = f"{parent}/{self._temporaries.new(name)}"
        try:
            await self._run(lambda sftp: self._temporaries.clear(parent, name, sftp.listdir, sftp.remove))
            size_bytes, sha256 = await self._upload(temporary, content)
            replaced = await self._run(lambda sftp: _exists(sftp, self._path(path)), once=True)
        except BaseException:
            with contextlib.suppress(Exception):
                await self._run(lambda sftp: sftp.remove(temporary))
            raise
        marker_name = None if marker is None else checked_name(marker.replace("{name}", name))
        await self._publish(temporary, path, f"{parent}/{marker_name}" if marker_name else None)
        return Receipt(path, size_bytes, sha256, replaced)

    async def stat(self, folder: str, name: str) -> FileRef | None:
        """The file as it lies there now, or ``None``."""
        path = relative_path(folder, name)

        def look(sftp: paramiko.SFTPClient) -> FileRef | None:
            try:
                attributes = sftp.stat(self._path(path))
            except FileNotFoundError:
                return None
            return _ref("", name, path, attributes) if stat_modes.S_ISREG(attributes.st_mode or 0) else None

        return await self._run(look)

    async def _run(self, call: Callable[[paramiko.SFTPClient], _T], *, once: bool = False) -> _T:
        """A call in the thread; over a session found dead it is repeated once on a new one.

        ``once`` is for calls that belong to the session as it is, because a file is open in it.
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: self._call(call, once=once)
        )

    def _call(self, call: Callable[[paramiko.SFTPClient], _T], *, once: bool) -> _T:
        fresh = not self._session.alive
        if once and fresh:
            raise UnreachableError(f"{self._where}: the session broke; it will be opened anew")
        sftp = self._session.sftp()
        try:
            return call(sftp)
        except CrossdockError:
            raise
        except Exception as error:
            if isinstance(error, TimeoutError):
                # a late answer would be taken for that of the next call
                self._session.close()
            translated = translate_ssh(error, self._where, alive=self._session.alive)
            if (
                isinstance(translated, UnreachableError)
                and not self._session.alive
                and not fresh
                and not once
            ):
                return self._call(call, once=False)
            raise translated from error

    async def _upload(self, temporary: str, content: AsyncIterator[bytes]) -> tuple[int, str]:
        digest, total = hashlib.sha256(), 0
        handle = await self._run(lambda sftp: sftp.open(temporary, "wbx"))
        handle.set_pipelined(True)
        async for chunk in content:
            digest.update(chunk)
            total += len(chunk)
            await self._run(partial(_write, handle, chunk), once=True)
        await self._run(lambda _: handle.close(), once=True)
        written = await self._run(lambda sftp: sftp.stat(temporary).st_size, once=True)
        if written != total:
            raise RetryableError(f"{self._where}/{temporary}: {total} bytes sent, {written} arrived")
        return total, digest.hexdigest()

    async def _publish(self, temporary: str, path: str, marker: str | None) -> None:
        def rename(sftp: paramiko.SFTPClient) -> None:
            self._rename(sftp, temporary, self._path(path))
            if marker is not None:
                sftp.open(marker, "wb").close()

        try:
            await self._run(rename, once=True)
        except RetryableError as error:
            raise UnknownOutcomeError(
                f"{self._where}/{path}: the session broke while the file was put in place; look whether it "
                "is there"
            ) from error

    def _rename(self, sftp: paramiko.SFTPClient, source: str, target: str) -> None:
        """Replace in one step where the server can (OpenSSH's extension); never delete first."""
        try:
            sftp.posix_rename(source, target)
        except OSError as refused:
            if isinstance(refused, PermissionError | FileNotFoundError):
                raise
            try:
                sftp.rename(source, target)
            except OSError as error:
                there = _exists(sftp, target)
                with contextlib.suppress(OSError):
                    sftp.remove(source)
                if not there:
                    raise
                raise RecordRejectedError(
                    Rejection(
                        "file.exists",
                        "the server can't replace a file in one step and this name is taken; "
                        "ask the partner to clear it, or send under another name",
                        path=target,
                    )
                ) from error

    def _read_ahead(self, handle: paramiko.SFTPFile, offset: int, size: int) -> asyncio.Future[bytes]:
        return asyncio.ensure_future(self._run(lambda _: _read_chunk(handle, offset, size), once=True))

    async def _unchanged(self, handle: paramiko.SFTPFile, file: FileRef) -> None:
        now = await self._run(lambda _: handle.stat(), once=True)
        if now.st_size != file.size_bytes or _instant(now) != file.modified_at:
            raise RetryableError(
                f"{self._where}/{file.path}: not as listed ({file.size_bytes} bytes then, {now.st_size} "
                "now); "
                "it is being written and will be read later"
            )

    def _path(self, relative: str) -> str:
        return f"{self._root}/{relative}" if relative else self._root

    def _open(self, sftp: paramiko.SFTPClient, file: FileRef) -> paramiko.SFTPFile:
        try:
            return sftp.open(self._path(file.path), "rb")
        except FileNotFoundError as error:
            raise vanished(file) from error

    def _scan(self, sftp: paramiko.SFTPClient, stream: str, folder: str) -> list[FileRef]:
        relative = relative_path(folder)
        try:
            entries = sftp.listdir_attr(self._path(relative))
        except FileNotFoundError as error:
            raise MisconfiguredError(
                f"{self._where}/{relative}: no such folder; create it at the partner or correct the path"
            ) from error
        return [
            _ref(stream, entry.filename, relative_path(folder, entry.filename), entry)
            for entry in entries
            if stat_modes.S_ISREG(entry.st_mode or 0)
        ]

    def _move(self, sftp: paramiko.SFTPClient, file: FileRef, folder: str) -> None:
        source, target_folder = self._path(file.path), self._path(relative_path(folder))
        if not _exists(sftp, source):
            return
        if not _exists(sftp, target_folder):
            sftp.mkdir(target_folder)
        number = 1
        while _exists(sftp, target := f"{target_folder}/{numbered(file.name, number)}"):
            number += 1
        sftp.rename(source, target)


def _write(handle: paramiko.SFTPFile, chunk: bytes, _: paramiko.SFTPClient) -> None:
    handle.write(chunk)


def _read_chunk(handle: paramiko.SFTPFile, offset: int, size: int) -> bytes:
    end = min(offset + CHUNK_BYTES, size)
    blocks = [(at, min(_BLOCK_BYTES, end - at)) for at in range(offset, end, _BLOCK_BYTES)]
    chunk = (
        b"".join(handle.readv(blocks, max_concurrent_prefetch_requests=_BLOCKS_IN_FLIGHT)) if blocks else b""
    )
    if len(chunk) < end - offset:
        raise RetryableError("the file became shorter while it was read; it will be read later")
    return chunk


def _exists(sftp: paramiko.SFTPClient, path: str) -> bool:
    try:
        sftp.stat(path)
    except FileNotFoundError:
        return False
    return True


def _instant(attributes: paramiko.SFTPAttributes) -> datetime | None:
    return None if attributes.st_mtime is None else datetime.fromtimestamp(attributes.st_mtime, UTC)


def _ref(stream: str, name: str, path: str, attributes: paramiko.SFTPAttributes) -> FileRef:
    return FileRef(stream, name, path, attributes.st_size or 0, _instant(attributes))
