"""The floor of ``benchmarks.many_workers``: two plain consumers that commit the same rows, with no logic."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

import psycopg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition

from crossdock.sdk.connector import RawRequest
from crossdock.store.engine import create_store_engine
from crossdock.store.migrations import migrate
from crossdock.store.schema import metadata
from tests.servers.postgres import PostgresServer

__all__ = ["floor_seconds"]

_TOPIC = "floor"
_CONSUMERS = 2
_BATCH = 200
_LEFT_OUT = {"positions", "feeds", "processor_cursors", "network_versions", "leases", "tokens"}
_CHOSEN = {"ledger": "WHERE kind <> 'counted'", "messages": "WHERE topic <> 'stock'"}


def floor_seconds(
    folder: Path,
    postgres: PostgresServer,
    database: str,
    bootstrap: str,
    calls: Sequence[RawRequest],
    part: float,
) -> float:
    """Seconds to read ``calls`` from a topic and to commit ``part`` of the rows of ``database``."""
    target = postgres.url(postgres.create_database())
    engine = create_store_engine(target)
    migrate(engine)
    engine.dispose()
    with psycopg.connect(database) as connection:
        for table in metadata.sorted_tables:
            if table.name not in _LEFT_OUT:
                _dump(connection, table.name, folder / f"{table.name}.rows", part)
    asyncio.run(_fill(bootstrap, calls))
    command = [sys.executable, "-m", __name__, str(folder), target, bootstrap, str(len(calls))]
    processes = [
        subprocess.Popen([*command, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for number in range(_CONSUMERS)
    ]
    for each in processes:
        assert each.stdout
        each.stdout.readline()
    began = perf_counter()
    for each in processes:
        assert each.stdin
        each.stdin.close()
    for each in processes:
        if each.wait(300):
            raise RuntimeError(f"a consumer of the floor ended with {each.returncode}")
    return perf_counter() - began


def _dump(connection: psycopg.Connection, table: str, path: Path, part: float) -> None:
    query = f"COPY (SELECT * FROM {table} {_CHOSEN.get(table, '')}) TO STDOUT"
    with connection.cursor().copy(query.encode()) as copy:
        rows = b"".join(bytes(each) for each in copy).splitlines(keepends=True)
    path.write_bytes(b"".join(rows[: int(len(rows) * part)]))


async def _fill(bootstrap: str, calls: Sequence[RawRequest]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(_TOPIC, _CONSUMERS, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5) as producer:
        sent = [
            await producer.send(_TOPIC, call.body, partition=number % _CONSUMERS)
            for number, call in enumerate(calls)
        ]
        await asyncio.gather(*sent)


async def _consume(
    tables: Mapping[str, Sequence[bytes]], target: str, bootstrap: str, total: int, number: int
) -> None:
    """Take the messages of a partition, and with each batch commit its share of every table's rows."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, group_id=_TOPIC)
    consumer.assign([TopicPartition(_TOPIC, number)])
    await consumer.start()
    await consumer.seek_to_beginning()
    mine, done = len(range(number, total, _CONSUMERS)), 0
    with psycopg.connect(target) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.commit()
        print("ready", flush=True)
        sys.stdin.read()
        while done < mine:
            for records in (await consumer.getmany(timeout_ms=1000, max_records=_BATCH)).values():
                for record in records:
                    json.loads(record.value or b"")
                for table, rows in tables.items():
                    share = rows[number::_CONSUMERS]
                    await asyncio.to_thread(
                        _copy, connection, table, _share(share, done, done + len(records), mine)
                    )
                connection.commit()
                done += len(records)
                await consumer.commit()
    await consumer.stop()


def _share(rows: Sequence[bytes], begin: int, end: int, of: int) -> bytes:
    return b"".join(rows[len(rows) * begin // of : len(rows) * end // of])


def _copy(connection: psycopg.Connection, table: str, rows: bytes) -> None:
    if rows:
        with connection.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy:
            copy.write(rows)


if __name__ == "__main__":
    _folder, _target, _bootstrap, _total, _number = sys.argv[1:]
    _files = sorted(Path(_folder).glob("*.rows"))
    _tables = {path.stem: path.read_bytes().splitlines(keepends=True) for path in _files}
    asyncio.run(_consume(_tables, _target, _bootstrap, int(_total), int(_number)))
