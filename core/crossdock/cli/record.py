"""``crossdock record``: a partner's real answers as a cassette and as samples, for tests of connectors and mappings."""

from __future__ import annotations

import asyncio
import json as json_format
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossdock.cli.output import AsJson, ConfigFile, opened, write_json
from crossdock.errors import MisconfiguredError
from crossdock.sdk.clock import SystemClock
from crossdock.sdk.files import numbered

if TYPE_CHECKING:
    from crossdock.config.model import Config
    from crossdock.sdk.connector import FileRef
    from crossdock.sdk.http import Exchange
    from crossdock.sdk.pseudonyms import Pseudonyms
    from crossdock.store.engine import Database
    from crossdock.streams.edges.connections import Connection

__all__ = ["record"]

_LOOKS = 20
"""How often files are looked for, a second apart."""
_SUFFIXES = {"application/json": "json", "application/xml": "xml", "text/xml": "xml"}


_Stream = Annotated[
    str | None, typer.Argument(help="A stream of role poll or drop; without one only `check` is asked.")
]
_To = Annotated[Path | None, typer.Option(help="The cassette; by default CONNECTION.cassette.yaml.")]
_Samples = Annotated[Path | None, typer.Option(help="A folder for the records themselves, a file each.")]
_Pages = Annotated[int, typer.Option(min=1, help="How many pages, or files.")]
_PageSize = Annotated[int, typer.Option(min=1, help="Records in a page, where the partner lets us choose.")]
_Begin = Annotated[
    str | None, typer.Option("--cursor", help="Where to begin, as `crossdock cursor show` shows it.")
]


def record(
    connection: Annotated[str, typer.Argument(help="Its name in the configuration.")],
    stream: _Stream = None,
    to: _To = None,
    samples: _Samples = None,
    pages: _Pages = 1,
    page_size: _PageSize = 5,
    cursor: _Begin = None,
    config: ConfigFile = Path("crossdock.yaml"),
    json: AsJson = False,
) -> None:
    """Ask a partner, and keep what it answers, without secrets and people. Only reads, and moves no cursor."""
    from crossdock.cli.logs import only_warnings
    from crossdock.sdk.cassettes import write_cassette
    from crossdock.sdk.pseudonyms import Pseudonyms

    only_warnings()
    cassette = to or Path(f"{connection}.cassette.yaml")
    if cassette.exists():
        raise MisconfiguredError(f"{cassette} is there already; name another file with --to")
    begin = _cursor(cursor)
    with opened(config) as (loaded, database):
        session = _Session(loaded, database, connection)
        try:
            records = asyncio.run(session.read(stream, begin, pages, page_size))
        finally:
            people = Pseudonyms()
            exchanges = [_without_people(each, people) for each in session.exchanges]
            kept = write_cassette(cassette, exchanges) if exchanges else 0
    files = _write(samples, records, people) if samples is not None else []
    kept_in = str(cassette) if kept else None
    told = {
        "cassette": kept_in,
        "interactions": kept,
        "records": len(records),
        "samples": list(map(str, files)),
    }
    _tell(told, json=json)


def _tell(told: dict[str, Any], *, json: bool) -> None:
    if json:
        write_json(told)
        return
    place = f" in {told['cassette']}" if told["cassette"] else ""
    typer.echo(f"{told['interactions']} interactions{place}, {told['records']} records")
    for path in told["samples"]:
        typer.echo(path)
    typer.echo(
        "Secrets are replaced, people by invented ones where fields are named as usual: look before you share it.",
        err=True,
    )


class _Session:
    """One connection, opened to be recorded."""

    def __init__(self, config: Config, database: Database, name: str) -> None:
        if name not in config.connections:
            known = ", ".join(sorted(config.connections)) or "none"
            raise MisconfiguredError(f"there is no connection {name!r}; there are: {known}")
        declared = config.connections[name].model_copy(update={"enabled": True})
        self._config = config.model_copy(update={"connections": {name: declared}})
        self._database = database
        self.exchanges: list[Exchange] = []

    async def read(
        self, stream: str | None, cursor: dict[str, Any] | None, pages: int, page_size: int
    ) -> list[tuple[str, bytes]]:
        """File names and bytes of the records of ``stream``."""
        from crossdock.app import connect
        from crossdock.streams.transaction import Transactions

        connections = connect(
            self._config,
            Transactions(self._database, SystemClock()),
            random=Random(0),
            record=lambda _: self.exchanges.append,
        )
        try:
            for broken in connections.broken:
                raise MisconfiguredError(broken.error, path=broken.path)
            (connection,) = connections.open.values()
            return await _records(connection, stream, cursor, pages, page_size)
        finally:
            await connections.close()


async def _records(
    connection: Connection, stream: str | None, cursor: dict[str, Any] | None, pages: int, page_size: int
) -> list[tuple[str, bytes]]:
    from crossdock.sdk.connector import Limits
    from crossdock.sdk.manifest import Role

    if stream is None:
        await connection.connector.check()
        return []
    match connection.manifest.stream(stream).role:
        case Role.POLL:
            found = []
            async for page in connection.polls.poll(stream, cursor, Limits(page_size, pages)):
                found += [
                    (f"{each.key}.{_SUFFIXES.get(each.media_type, 'txt')}", each.payload)
                    for each in page.records
                ]
            return found
        case Role.DROP:
            files = await _settled(connection, stream)
            return [
                (file.name, b"".join([chunk async for chunk in connection.drops.read(file)]))
                for file in files[:pages]
            ]
        case _:
            raise MisconfiguredError(
                f"{stream} is called by the partner: what it said is in the store, see `crossdock order show --full`"
            )


async def _settled(connection: Connection, stream: str) -> Sequence[FileRef]:
    """The files of a stream; one must be seen to stand still, so that the first look finds none."""
    clock = SystemClock()
    for _ in range(_LOOKS):
        if files := await connection.drops.list_files(stream):
            return files
        await clock.sleep(1)
    return []


def _cursor(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        value = json_format.loads(text)
    except ValueError as error:
        raise MisconfiguredError(f"--cursor is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise MisconfiguredError("--cursor is a JSON object")
    return value


def _without_people(exchange: Exchange, people: Pseudonyms) -> Exchange:
    from crossdock.sdk.depersonalising import without_people

    return replace(
        exchange,
        url=people.text(exchange.url),
        request_body=without_people(exchange.request_body, people),
        response_body=without_people(exchange.response_body, people),
    )


def _sample(content: bytes, people: Pseudonyms) -> bytes:
    """The record, in UTF-8 if it is, else as single bytes."""
    from crossdock.sdk.depersonalising import without_people

    try:
        return without_people(content.decode(), people).encode()
    except UnicodeDecodeError:
        return without_people(content.decode("latin-1"), people).encode("latin-1", "replace")


def _write(folder: Path, records: Sequence[tuple[str, bytes]], people: Pseudonyms) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for name, content in records:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", people.text(name)).lstrip(".-")
        names = (folder / numbered(plain, number) for number in count(1))
        path = next(path for path in names if path not in written)
        path.write_bytes(_sample(content, people))
        written.append(path)
    return written
