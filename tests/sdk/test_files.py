"""What every implementation of ``Files`` must do: run against a folder and a real OpenSSH server."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest

from crossdock.sdk.clock import ManualClock
from crossdock.sdk.errors import MisconfiguredError, RecordRejectedError, RetryableError
from crossdock.sdk.files import FolderConfig, UnconfiguredFiles
from crossdock.sdk.folder import FolderFiles
from crossdock.sdk.services import Files
from crossdock.sdk.sftp import SftpFiles
from tests.servers.sshd import Sshd

_T = TypeVar("_T")
_numbers = itertools.count()


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def content(files: Files, name: str = "a.csv") -> bytes:
    (file,) = await files.list_files("stock", "in", name)
    return b"".join([part async for part in files.read(file)])


@dataclass
class Place:
    """A folder as the partner sees it, and how to make our side of it."""

    root: Path
    make: Callable[..., Files]
    clock: ManualClock

    def run(self, story: Callable[[Files], Coroutine[Any, Any, _T]], **config: object) -> _T:
        async def told() -> _T:
            files = self.make(**config)
            try:
                return await story(files)
            finally:
                if isinstance(files, SftpFiles):
                    await files.close()

        return asyncio.run(told())

    def drop(self, name: str, data: bytes = b"sku,quantity\n", age: float = 60) -> Path:
        path = self.root / "in" / name
        path.write_bytes(data)
        written = path.stat().st_mtime
        os.utime(path, (written - age, written - age))
        return path


@pytest.fixture(params=["folder", "sftp"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    clock = ManualClock()
    if request.param == "folder":
        root = tmp_path / "root"

        def make(**config: object) -> Files:
            return FolderFiles(
                FolderConfig.model_validate({"path": str(root), "settle_seconds": 0, **config}),
                clock,
                Random(1),
            )
    else:
        server: Sshd = request.getfixturevalue("sshd")
        root = server.root / f"place{next(_numbers)}"

        def make(**config: object) -> Files:
            return SftpFiles(server.config(root=str(root), **config), clock, Random(1))

    for name in ("in", "out", "done"):
        (root / name).mkdir(parents=True)
    return Place(root, make, clock)


def test_lists_what_matches_oldest_first(place: Place) -> None:
    place.drop("b.csv", age=10)
    place.drop("a.csv", age=5)
    place.drop("c.csv", age=100)
    place.drop("d.txt")
    place.drop(".hidden.csv")
    place.drop("half.csv.part")
    (place.root / "in" / "folder.csv").mkdir()
    found = place.run(lambda files: files.list_files("stock", "in", "*.csv"))
    assert [file.name for file in found] == ["c.csv", "b.csv", "a.csv"]
    assert {(file.stream, file.path, file.size_bytes) for file in found[:1]} == {("stock", "in/c.csv", 13)}
    assert found[0].modified_at is not None
    assert found[0].modified_at.tzinfo is not None
    assert place.run(lambda files: files.list_files("stock", "in", "*")) != []
    assert place.run(lambda files: files.list_files("stock", "out", "*")) == []


def test_a_growing_file_waits_until_it_stands_still(place: Place) -> None:
    path = place.drop("a.csv", b"1")

    async def story(files: Files) -> list[int]:
        counts = []
        for data in (b"1", b"12", b"123", b"123", b"123"):
            path.write_bytes(data)
            os.utime(path, (1_700_000_000, 1_700_000_000))
            counts.append(len(await files.list_files("stock", "in", "*.csv")))
            place.clock.move(6)
        return counts

    assert place.run(story, settle_seconds=10) == [0, 0, 0, 0, 1]


def test_a_file_replaced_under_its_name_settles_anew(place: Place) -> None:
    async def story(files: Files) -> list[int]:
        counts = []
        for step in range(5):
            if step == 2:
                (place.root / "in/a.csv").unlink()
                await files.list_files("stock", "in", "*.csv")
            if step in (0, 2):
                place.drop("a.csv")
            counts.append(len(await files.list_files("stock", "in", "*.csv")))
            place.clock.move(10)
        return counts

    assert place.run(story, settle_seconds=10) == [0, 1, 0, 1, 1]


def test_a_done_marker_decides(place: Place) -> None:
    place.drop("a.csv")
    place.drop("b.csv")
    place.drop("b.csv.done", b"")
    found = place.run(
        lambda files: files.list_files("stock", "in", "*"), done_marker="{name}.done", settle_seconds=99
    )
    assert [file.name for file in found] == ["b.csv"]


@pytest.mark.parametrize("size", [0, 1, 32 * 1024, 1024 * 1024, 1024 * 1024 + 1, 5_000_003])
def test_reads_every_byte(place: Place, size: int) -> None:
    data = Random(size).randbytes(size)
    place.drop("a.csv", data)
    assert place.run(content) == data


def test_a_file_that_changed_since_the_listing_is_not_taken(place: Place) -> None:
    path = place.drop("a.csv", b"123")

    async def story(files: Files) -> None:
        (file,) = await files.list_files("stock", "in", "*")
        path.write_bytes(b"12345")
        with pytest.raises(RetryableError, match=r"is being written|still being written"):
            _ = [part async for part in files.read(file)]
        path.unlink()
        with pytest.raises(RetryableError, match="is gone"):
            _ = [part async for part in files.read(file)]

    place.run(story)


def test_a_reader_may_stop_in_the_middle(place: Place) -> None:
    place.drop("a.csv", b"x" * 4_000_000)

    async def story(files: Files) -> bytes:
        (file,) = await files.list_files("stock", "in", "*")
        reader = files.read(file)
        first = await anext(reader)
        await reader.aclose()  # type: ignore[attr-defined]
        assert len(first) < 4_000_000
        return await content(files)

    assert len(place.run(story)) == 4_000_000


def test_moves_without_overwriting(place: Place) -> None:
    async def story(files: Files) -> None:
        for data in (b"first", b"second", b"third"):
            place.drop("stock.csv", data)
            (file,) = await files.list_files("stock", "in", "*")
            await files.move(file, "done")
            await files.move(file, "done")

    place.run(story)
    kept = {path.name: path.read_bytes() for path in (place.root / "done").iterdir()}
    assert kept == {"stock.csv": b"first", "stock.2.csv": b"second", "stock.3.csv": b"third"}


def test_makes_the_folder_to_move_to(place: Place) -> None:
    place.drop("a.csv")

    async def story(files: Files) -> None:
        (file,) = await files.list_files("stock", "in", "*")
        await files.move(file, "error")

    place.run(story)
    assert (place.root / "error/a.csv").exists()


def test_deletes_twice(place: Place) -> None:
    place.drop("a.csv")

    async def story(files: Files) -> None:
        (file,) = await files.list_files("stock", "in", "*")
        await files.delete(file)
        await files.delete(file)

    place.run(story)
    assert list((place.root / "in").iterdir()) == []


def test_puts_a_whole_file_and_then_its_marker(place: Place) -> None:
    seen: list[set[str]] = []

    async def watched() -> AsyncIterator[bytes]:
        for part in (b"ISA*00*", b"", b"x" * 300_000, b"~"):
            seen.append(
                {path.name for path in (place.root / "out").iterdir() if not path.name.startswith(".")}
            )
            yield part

    receipt = place.run(lambda files: files.put("out", "940_1.edi", watched(), marker="{name}.ok"))
    data = (place.root / "out/940_1.edi").read_bytes()
    assert receipt.size_bytes == len(data) == 300_008
    assert receipt.sha256 == hashlib.sha256(data).hexdigest()
    assert (receipt.path, receipt.replaced) == ("out/940_1.edi", False)
    assert set().union(*seen) == set(), "the partner sees no half of it"
    assert {path.name for path in (place.root / "out").iterdir()} == {"940_1.edi", "940_1.edi.ok"}


def test_puts_again_in_one_step(place: Place) -> None:
    async def story(files: Files) -> bool:
        await files.put("out", "a.csv", chunks(b"old and long"))
        return (await files.put("out", "a.csv", chunks(b"new"))).replaced

    assert place.run(story) is True
    assert (place.root / "out/a.csv").read_bytes() == b"new"


def test_what_a_killed_process_left_goes_when_its_file_is_put(place: Place) -> None:
    for name in (".a.csv.00000000000f.part", ".b.csv.00000000000f.part", ".a.csv.part"):
        (place.root / "out" / name).write_bytes(b"hal")

    async def twice(files: Files) -> None:
        for name in ("a.csv", "c.csv"):
            await files.put("out", name, chunks(b"whole"))

    place.run(twice)
    left = sorted(path.name for path in (place.root / "out").iterdir())
    assert left == [".a.csv.part", ".b.csv.00000000000f.part", "a.csv", "c.csv"]


def test_a_failed_put_leaves_nothing(place: Place) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"half"
        raise ValueError("the source broke")

    with pytest.raises(ValueError, match="the source broke"):
        place.run(lambda files: files.put("out", "a.csv", failing()))
    assert list((place.root / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["", ".hidden", "../a", "a/b", "a\nb", "x" * 201, "a\\b"])
def test_a_name_that_leaves_its_folder_is_refused(place: Place, name: str) -> None:
    with pytest.raises(RecordRejectedError, match="not a usable file name"):
        place.run(lambda files: files.put("out", name, chunks(b"x")))


def test_a_folder_outside_of_the_root_is_refused(place: Place) -> None:
    with pytest.raises(MisconfiguredError, match="leaves the connection's root"):
        place.run(lambda files: files.list_files("stock", "../other", "*"))


def test_a_missing_folder_is_told(place: Place) -> None:
    with pytest.raises(MisconfiguredError, match="missing"):
        place.run(lambda files: files.list_files("stock", "missing", "*"))
    with pytest.raises(MisconfiguredError, match="create"):
        place.run(lambda files: files.put("missing", "a.csv", chunks(b"x")))


def test_stat(place: Place) -> None:
    place.drop("a.csv", b"123")
    file = place.run(lambda files: files.stat("in", "a.csv"))
    assert file is not None
    assert (file.path, file.size_bytes) == ("in/a.csv", 3)
    assert place.run(lambda files: files.stat("in", "b.csv")) is None
    assert place.run(lambda files: files.stat("", "in")) is None


def test_works_from_several_tasks_at_once(place: Place) -> None:
    for number in range(6):
        place.drop(f"{number}.csv", bytes([number]) * 1_500_000)

    async def story(files: Files) -> list[bytes]:
        async def one(name: str) -> bytes:
            (file,) = await files.list_files("stock", "in", name)
            return b"".join([part async for part in files.read(file)])

        puts = [files.put("out", f"{number}.txt", chunks(b"y" * 100_000)) for number in range(6)]
        read, _ = await asyncio.gather(
            asyncio.gather(*(one(f"{n}.csv") for n in range(6))), asyncio.gather(*puts)
        )
        return read

    assert place.run(story) == [bytes([number]) * 1_500_000 for number in range(6)]
    assert {path.stat().st_size for path in (place.root / "out").iterdir()} == {100_000}


def test_without_configuration_every_use_says_what_is_missing() -> None:
    files: Files = UnconfiguredFiles("wms")
    with pytest.raises(MisconfiguredError, match=r"add connections\.wms\.config\.files"):
        asyncio.run(files.stat("in", "a"))
