"""The journal of arrivals: durable before the answer, shared commits, gone once forgotten."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from crossdock.errors import UnreachableError
from crossdock.store.journal import Entry, Journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "hub" / "arrivals.sqlite")
    yield opened
    opened.close()


def _in_file(folder: Path) -> list[Entry]:
    with sqlite3.connect(folder / "hub" / "arrivals.sqlite") as connection:
        return [Entry(*row) for row in connection.execute("SELECT id, body FROM entries ORDER BY id")]


def test_what_was_appended_is_in_the_file_at_once(journal: Journal, tmp_path: Path) -> None:
    assert list(asyncio.run(journal.append([b"a", b"b"]))) == [1, 2]
    assert _in_file(tmp_path) == [Entry(1, b"a"), Entry(2, b"b")]


def test_what_was_not_forgotten_is_there_for_the_next_process(journal: Journal, tmp_path: Path) -> None:
    first, second = asyncio.run(journal.append([b"a", b"b"]))
    journal.forget([first])
    journal.close()
    again = Journal(tmp_path / "hub" / "arrivals.sqlite")
    assert again.entries() == [Entry(second, b"b")]
    again.close()


def test_an_id_is_never_given_twice(journal: Journal, tmp_path: Path) -> None:
    journal.forget(asyncio.run(journal.append([b"a"])))
    assert list(asyncio.run(journal.append([b"b"]))) == [2]


def test_what_waits_together_is_committed_together(journal: Journal, tmp_path: Path) -> None:
    async def together() -> list[Sequence[int]]:
        return await asyncio.gather(*(journal.append([str(number).encode()]) for number in range(50)))

    assert [list(ids) for ids in asyncio.run(together())] == [[number + 1] for number in range(50)]
    assert [entry.body for entry in _in_file(tmp_path)] == [str(number).encode() for number in range(50)]


def test_whoever_waits_is_told_that_the_disk_is_full(journal: Journal, tmp_path: Path) -> None:
    async def story() -> None:
        journal._connection.execute("PRAGMA max_page_count = 5")
        with pytest.raises(sqlite3.OperationalError, match="full"):
            await journal.append([bytes(100_000)])
        journal._connection.execute("PRAGMA max_page_count = 100000")
        await journal.append([b"small"])

    asyncio.run(story())
    assert [entry.body for entry in _in_file(tmp_path)] == [b"small"]


def test_what_was_forgotten_is_deleted_in_time(journal: Journal, tmp_path: Path) -> None:
    async def story() -> None:
        for _ in range(6):
            journal.forget(await journal.append([b"a"] * 100))
        await journal.append([b"b"])

    asyncio.run(story())
    assert len(_in_file(tmp_path)) < 300


def test_a_closed_journal_says_so(journal: Journal) -> None:
    journal.close()
    with pytest.raises(UnreachableError, match="closed"):
        asyncio.run(journal.append([b"a"]))
