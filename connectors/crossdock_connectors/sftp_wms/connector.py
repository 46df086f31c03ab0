"""The connector: files in, orders and acknowledgements out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import ClassVar

from pydantic import BaseModel

from crossdock.sdk.bases import FileConnector
from crossdock.sdk.checks import check_each
from crossdock.sdk.connector import CheckReport, Command, Disposal, FileRef, Receipt
from crossdock.sdk.errors import BugError
from crossdock.sdk.outcomes import AlreadyApplied, Applied, NotApplied, Outcome, Unknown
from crossdock.sdk.translation import outcomes
from crossdock_connectors.sftp_wms.config import InboundFiles, OutboundFiles, SftpWmsConfig
from crossdock_connectors.sftp_wms.outgoing import (
    ACKNOWLEDGEMENT,
    OutgoingFile,
    outgoing_file,
    same_content,
)

__all__ = ["SftpWms"]


class SftpWms(FileConnector[SftpWmsConfig]):
    """One warehouse: reads what it drops, puts orders and cancellations, acknowledges its X12."""

    Config: ClassVar[type[BaseModel]] = SftpWmsConfig

    def streams(self) -> Sequence[str]:
        """Those that have a folder."""
        return list(self.config.inbound)

    def inbound(self, stream: str) -> tuple[str, str]:
        """Folder and pattern of a configured stream."""
        files = self._inbound(stream)
        return files.folder, files.pattern

    async def check(self) -> CheckReport:
        """List each folder; write nothing."""
        probes: dict[str, Callable[[], Awaitable[object]]] = {
            stream: partial(self.list_files, stream) for stream in self.streams()
        }
        if self.config.orders is not None:
            probes["fulfilment.request"] = partial(self._look, self.config.orders)
        if self.config.x12 is not None and self.config.x12.acknowledgements is not None:
            probes["acknowledgements"] = partial(self._look, self.config.x12.acknowledgements)
        return await check_each(probes)

    async def list_files(self, stream: str) -> Sequence[FileRef]:
        """The settled files of a stream; none where the partner doesn't use it."""
        return await super().list_files(stream) if stream in self.config.inbound else ()

    async def dispose(self, file: FileRef, how: Disposal) -> None:
        """Move or delete, and take the done-marker away. A file that was replaced since it was listed is left to be
        read; the marker of one that is gone already is taken away all the same.
        """
        if how is Disposal.KEEP:
            return
        inbound = self._inbound(file.stream)
        standing = await self.services.files.stat(inbound.folder, file.name)
        if standing is not None:
            if (standing.size_bytes, standing.modified_at) != (file.size_bytes, file.modified_at):
                return
            await self._remove(file, inbound, how)
        if marker := self.config.files.done_marker:
            name = marker.replace("{name}", file.name)
            await self.services.files.delete(
                FileRef(file.stream, name, f"{inbound.folder}/{name}".lstrip("/"), 0)
            )

    async def put(self, name: str, content: AsyncIterator[bytes]) -> Receipt:
        """Write a file whole, into the folder of orders."""
        return await self._put(self.config.require_orders(), name, content)

    @outcomes
    async def execute(self, command: Command, key: str) -> Outcome:
        """Put the file, unless it stands there."""
        files = self._files_of(command)
        if files is None:
            return Applied("not sent: config.x12.acknowledgements names no folder")
        file = outgoing_file(self.config, files, command, key, self.services.clock.now())
        standing = await self._standing(files, file)
        if standing is not None:
            return standing
        receipt = await self._put(files, file.name, _once(file.content))
        return Applied(receipt.path)

    @outcomes
    async def probe(self, command: Command, key: str) -> Outcome:
        """Look for the file where we put it, and where the partner moves what it has taken."""
        files = self._files_of(command)
        if files is None:
            return NotApplied()
        file = outgoing_file(self.config, files, command, key, self.services.clock.now())
        standing = await self._standing(files, file, complete=False)
        if standing is not None:
            return standing
        if files.taken_folder is not None or files.repeatable:
            return NotApplied()
        return Unknown(
            f"{files.folder}/{file.name} is not there; the partner may have taken it. Ask whether it has the order, "
            "then repeat or close the command; name orders.taken_folder, or orders.repeatable, to be spared this"
        )

    async def _standing(
        self, files: OutboundFiles, file: OutgoingFile, *, complete: bool = True
    ) -> Outcome | None:
        """What is known of the file by its name: None where it is nowhere.

        With ``complete`` a done-marker is put where a crash prevented it; otherwise None says that it is missing.
        """
        for folder in filter(None, (files.folder, files.taken_folder)):
            found = await self.services.files.stat(folder, file.name)
            if found is None:
                continue
            standing = b"".join([chunk async for chunk in self.services.files.read(found)])
            if not same_content(self.config, file, standing):
                return Unknown(
                    f"{found.path} was put under the same key with other content; compare it with the order, "
                    "ask the partner which one holds, then close the command"
                )
            if folder == files.folder and files.done_marker is not None:
                marker = files.done_marker.replace("{name}", file.name)
                if await self.services.files.stat(folder, marker) is None:
                    if not complete:
                        return None
                    await self.services.files.put(folder, marker, _once(b""))
            return AlreadyApplied(found.path)
        return None

    def _files_of(self, command: Command) -> OutboundFiles | None:
        if command.name != ACKNOWLEDGEMENT:
            return self.config.require_orders()
        return self.config.x12.acknowledgements if self.config.x12 else None

    async def _remove(self, file: FileRef, inbound: InboundFiles, how: Disposal) -> None:
        if how is Disposal.DELETE:
            await self.services.files.delete(file)
        elif how is Disposal.ARCHIVE:
            await self.services.files.move(file, inbound.archive or f"{inbound.folder}/{self.archive_folder}")
        else:
            await self.services.files.move(file, inbound.error or f"{inbound.folder}/{self.error_folder}")

    async def _look(self, files: OutboundFiles) -> None:
        for folder in filter(None, (files.folder, files.taken_folder)):
            await self.services.files.list_files("", folder, "*")

    async def _put(self, files: OutboundFiles, name: str, content: AsyncIterator[bytes]) -> Receipt:
        return await self.services.files.put(files.folder, name, content, marker=files.done_marker)

    def _inbound(self, stream: str) -> InboundFiles:
        for name, files in self.config.inbound.items():
            if name == stream:
                return files
        raise BugError(f"stream {stream!r} has no folder in config.inbound, so it has no files")


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
