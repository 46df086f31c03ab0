"""A warehouse's stock file of 1,000,000 lines: ``python -m benchmarks.stock_feed [LINES]``.

From the moment the file lies complete at a real SFTP server until every line is in the ledger and its balance is new:
fetched, kept as raw bytes, cut, decoded, mapped, validated, booked, with the whole hub running and durable commits.
The floor parses the same bytes with ``csv`` and commits the same rows in as many transactions, with no logic.
"""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.hub_process import HubProcess, doctor, running_hub, write_config
from crossdock.store.engine import open_database
from crossdock.store.migrations import migrate
from tests.servers.sshd import Sshd, running_sshd

LINES = 1_000_000
NODE = "CHI"
LIMIT_MEGABYTES = 400
_CHANGED_EVERY = 100
_PART_LINES = 5_000
_PATIENCE_SECONDS = 1_800
_CLOSED = "SELECT count(*) FROM feeds WHERE state = 'closed'"


def measure(lines: int = LINES) -> list[dict[str, object]]:
    """Lines a second for a first file and for the next one, beside the floor; and the hub's peak memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_sshd(folder / "sshd") as server:
            config = write_config(folder, _configuration(server, folder))
            (server.root / "stock").mkdir()
            first = _file(lines, changed=False)
            first_seconds, first_peak = _feed(config, server, "stock-1.csv", first, feeds=1)
            doctor(config)
            floor_seconds = _floor(folder, folder / "hub/crossdock.sqlite", first)
            second_seconds, second_peak = _feed(
                config, server, "stock-2.csv", _file(lines, changed=True), feeds=2
            )
            doctor(config)
    return [
        _row(
            f"stock lines by SFTP file into the ledger, {lines:,} lines, SQLite",
            "lines/s",
            lines / first_seconds,
            lines / floor_seconds,
            "floor: same bytes parsed, same rows committed",
        ),
        _row(
            "stock lines of the next day's file, one in a hundred changed",
            "lines/s",
            lines / second_seconds,
            lines / first_seconds,
            "the first day's file",
        ),
        _row(
            "peak memory of the hub while it reads both files",
            "MB",
            max(first_peak, second_peak),
            LIMIT_MEGABYTES,
            "the limit that is promised",
        ),
    ]


def _row(name: str, unit: str, ours: float, other: float, other_name: str) -> dict[str, object]:
    return {
        "name": name,
        "unit": unit,
        "ours": ours,
        "other": other,
        "other_name": other_name,
        "ratio": ours / other,
    }


def _files(server: Sshd, folder: Path) -> dict[str, Any]:
    key = folder / "key"
    key.write_text(server.client_key, encoding="utf-8")
    return {
        "kind": "sftp",
        "host": server.host,
        "port": server.port,
        "username": server.user,
        "private_key": f"${{file:{key}}}",
        "host_keys": [server.fingerprint],
        "root": str(server.root),
        "settle_seconds": 0,
    }


def _configuration(server: Sshd, folder: Path) -> dict[str, Any]:
    files = _files(server, folder)
    return {
        "connections": {
            "wms": {
                "connector": "sftp_wms",
                "config": {"files": files, "inbound": {"stock_csv": {"folder": "stock"}}},
                "streams": {"stock_csv": {"interval_seconds": 0.2, "defaults": {"node": NODE}}},
            }
        },
        "nodes": [
            {
                "id": NODE,
                "name": "Chicago warehouse",
                "kind": "warehouse",
                "address": {"country": "US", "region": "US-IL", "city": "Chicago", "postal_code": "60601"},
                "time_zone": "America/Chicago",
                "services": ["ground"],
                "connection": "wms",
            }
        ],
        "services": [{"id": "ground", "carrier": "ups", "rate_card": "ground", "transit_days": [1, 3, 5]}],
        "rate_cards": [
            {
                "id": "ground",
                "weight_breaks_grams": [30_000],
                "distance_bands_km": [500, 2_000],
                "rates": [["6.00"], ["8.00"], ["12.00"]],
            }
        ],
        "policies": [{"policy": "standard", "version": 1, "objective": ["shipments"]}],
    }


def _file(lines: int, *, changed: bool) -> bytes:
    """What is on the shelves, in the order of the bins; a SKU is 15 digits, as a partner's often is."""
    text = io.StringIO()
    text.write("sku,quantity,quarantined\n")
    for number in range(lines):
        sku = number
        quantity = number % 997 + 1 + (changed and number % _CHANGED_EVERY == 0)
        text.write(f"400638{sku:09},{quantity},{number % 50 == 0:d}\n")
    return text.getvalue().encode("ascii")


def _feed(config: Path, server: Sshd, name: str, content: bytes, *, feeds: int) -> tuple[float, float]:
    """Seconds until the file is booked and closed, and the hub's peak memory in MB."""
    incoming = server.root / name
    incoming.write_bytes(content)
    with running_hub(config) as hub:
        began = perf_counter()
        incoming.rename(server.root / "stock" / name)
        hub.wait_for(_CLOSED, feeds, _PATIENCE_SECONDS)
        seconds = perf_counter() - began
        _expect(hub, content)
        return seconds, hub.peak_megabytes()


def _expect(hub: HubProcess, content: bytes) -> None:
    """The balances are what the file says, to the unit."""
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    wanted = sum(int(row["quantity"]) for row in rows)
    for table in ("positions", "ledger"):
        found = hub.ask(f"SELECT sum(on_hand) FROM {table}")
        if found != wanted:
            raise RuntimeError(f"{table} holds {found} units, the file {wanted}")
    if letters := hub.ask("SELECT count(*) FROM dead_letters"):
        raise RuntimeError(f"{letters} dead letters: {hub.ask('SELECT message FROM dead_letters')}")


def _floor(folder: Path, source: Path, content: bytes) -> float:
    """Seconds to parse the same bytes and commit the rows that are in ``source``."""
    database = open_database(f"sqlite:///{folder / 'floor.sqlite'}")
    migrate(database.engine)
    lines = content.splitlines(keepends=True)
    parts = -(-len(lines) // _PART_LINES)
    seconds = 0.0
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as connection:
        tables = [_chunks(connection, table, parts) for table in _filled(connection)]
        for number in range(parts):
            text = b"".join(lines[number * _PART_LINES : (number + 1) * _PART_LINES]).decode()
            rows = [found for found in (next(table) for table in tables) if found[1]]
            began = perf_counter()
            list(csv.reader(io.StringIO(text, newline="")))
            with database.engine.begin() as transaction:
                for statement, values in rows:
                    transaction.exec_driver_sql(statement, values)
            seconds += perf_counter() - began
    database.close()
    return seconds


def _filled(connection: sqlite3.Connection) -> list[str]:
    """The tables that a first start leaves empty."""
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [name for name in names if not name.startswith(("sqlite_", "alembic_"))]


def _chunks(
    connection: sqlite3.Connection, table: str, parts: int
) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """The rows of a table in ``parts`` equal shares, each with the statement that inserts them."""
    count = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    cursor = connection.execute(f"SELECT * FROM {table}")
    marks = ", ".join("?" * len(cursor.description))
    statement = f"INSERT INTO {table} VALUES ({marks})"
    for number in range(parts):
        yield statement, cursor.fetchmany(count * (number + 1) // parts - count * number // parts)


if __name__ == "__main__":
    json.dump(measure(*map(int, sys.argv[1:])), sys.stdout, indent=2)
