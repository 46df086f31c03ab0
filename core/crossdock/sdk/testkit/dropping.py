"""Files that a partner drops: read whole or not at all, and never lost."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import cast

import pytest

from crossdock.sdk.connector import Disposal, FileRef
from crossdock.sdk.errors import RetryableError
from crossdock.sdk.testkit.rig import Rig
from crossdock.sdk.testkit.rigs import Rigs
from crossdock.sdk.testkit.rules import Rules
from crossdock.sdk.testkit.wire import Fault

__all__ = ["DropRules"]

_SETTLE_SECONDS = 10
_LARGE_BYTES = 8_000_000
_MOST_AT_ONCE_BYTES = 7_000_000
"""Some chunks on their way, each a few times, are well below it; the whole file is above."""


class DropRules(Rules):
    """For each stream of role drop. The partner's files lie under ``Setting.folder``."""

    def test_files_are_read_whole_and_map(self, rigs: Rigs, dropped: str) -> None:
        """Each file is listed once it has settled, read byte for byte, and its records map."""

        async def scenario(rig: Rig) -> None:
            names = rig.partner.add(dropped, 2)
            files = await _settled(rig, dropped)
            found = sorted(file.name for file in files)
            assert found == sorted(names), f"{dropped}: lists {found} instead of {sorted(names)}"
            for file in files:
                content = await _content(rig, file)
                assert content == _on_disk(rig, file).read_bytes(), (
                    f"{file.path}: other bytes than in the file"
                )
                documents = rig.documents(dropped, content, file.name)
                assert documents or rig.manifest.stream(dropped).mapping is None, (
                    f"{dropped}: maps to nothing"
                )

        rigs.run(scenario)

    def test_file_still_written_is_left_alone(self, rigs: Rigs, dropped: str) -> None:
        """A file that has just come or still grows is not listed; one that changed since it was listed is not read."""

        async def scenario(rig: Rig) -> None:
            rig.partner.add(dropped, 1)
            assert list(await rig.drops.list_files(dropped)) == [], (
                f"{dropped}: lists a file that has just come"
            )
            (file,) = await _settled(rig, dropped)
            with _on_disk(rig, file).open("ab") as growing:
                growing.write(b"\nmore")
            with pytest.raises(RetryableError):
                await _content(rig, file)
            assert list(await rig.drops.list_files(dropped)) == [], (
                f"{dropped}: lists a file that still grows"
            )

        rigs.run(scenario, _settling)

    def test_file_in_pieces(self, rigs: Rigs, dropped: str) -> None:
        """A large file is never in memory as a whole, and one that nobody reads on is let go."""

        async def scenario(rig: Rig) -> None:
            rig.partner.add(dropped, 1)
            (file,) = await _settled(rig, dropped)
            with _on_disk(rig, file).open("ab") as growing:
                growing.write(b"\n" * _LARGE_BYTES)
            (file,) = await _settled(rig, dropped)
            tracemalloc.start()
            size = sum([len(chunk) async for chunk in rig.drops.read(file)])
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert size > _LARGE_BYTES
            assert most < _MOST_AT_ONCE_BYTES, (
                f"{dropped}: {most} bytes of a file of {size} were in memory at once"
            )
            async with aclosing(cast("AsyncGenerator[bytes]", rig.drops.read(file))) as begun:
                await anext(begun)
            await rig.drops.dispose(file, Disposal.ARCHIVE)

        rigs.run(scenario)

    @pytest.mark.parametrize("how", list(Disposal), ids=[how.value for how in Disposal])
    def test_file_is_disposed_of(self, rigs: Rigs, dropped: str, how: Disposal) -> None:
        """What was read is listed no more (``keep``: it is), doing it twice is no error, and its bytes are kept."""

        async def scenario(rig: Rig) -> None:
            rig.partner.add(dropped, 1)
            (file,) = await _settled(rig, dropped)
            content = await _content(rig, file)
            await rig.drops.dispose(file, how)
            await rig.restart()
            await rig.drops.dispose(file, how)
            left = await _settled(rig, dropped)
            assert bool(left) is (how is Disposal.KEEP), f"{dropped}: after {how} there are {left}"
            there = [path for path in rig.partner.folder.rglob("*") if path.is_file()]
            kept = [path for path in there if path.read_bytes() == content]
            assert bool(kept) is (how is not Disposal.DELETE), f"{dropped}: {how} left {len(kept)} copies"

        rigs.run(scenario)

    def test_session_that_breaks_loses_no_file(self, rigs: Rigs, dropped: str) -> None:
        """A session that breaks while files are listed, read or moved is told as retryable; then all goes on."""
        for at in range(4):

            async def scenario(rig: Rig, at: int = at) -> None:
                names = rig.partner.add(dropped, 1)
                await _settled(rig, dropped)
                rig.wire.break_down(Fault.LOST_BEFORE, at=at)
                taken = await _taken(rig, dropped)
                rig.wire.heal()
                await rig.restart()
                taken |= await _taken(rig, dropped)
                assert taken == set(names), f"{dropped}: cut at operation {at}, a file is lost"

            rigs.run(scenario)


async def _settled(rig: Rig, stream: str) -> list[FileRef]:
    """List twice with time between, so that what stands still has settled."""
    await rig.drops.list_files(stream)
    rig.clock.move(_SETTLE_SECONDS + 1)
    return list(await rig.drops.list_files(stream))


async def _content(rig: Rig, file: FileRef) -> bytes:
    return b"".join([chunk async for chunk in rig.drops.read(file)])


async def _taken(rig: Rig, stream: str) -> set[str]:
    """Read and archive what there is, as far as it goes."""
    taken = set()
    try:
        for file in await _settled(rig, stream):
            there = _on_disk(rig, file).read_bytes()
            assert await _content(rig, file) == there, (
                f"{stream}: a file cut off in the middle is taken for whole"
            )
            taken.add(file.name)
            await rig.drops.dispose(file, Disposal.ARCHIVE)
    except RetryableError as error:
        rig.seen.append(error.message)
    return taken


def _on_disk(rig: Rig, file: FileRef) -> Path:
    return rig.partner.folder / file.path


def _settling(config: dict[str, object]) -> None:
    """Give ``files`` a time to settle."""
    files = config.get("files")
    assert isinstance(files, dict), (
        "the configuration has no `files` (a FilesConfig): derive from FileConnector"
    )
    config["files"] = {**files, "settle_seconds": _SETTLE_SECONDS, "done_marker": None}
