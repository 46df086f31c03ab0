"""The floor: rows of an order committed durably, with no logic at all. Run: ``python -m benchmarks.store_floor``.

For each order a raw record, a message, an inbox entry and eight domain rows, in batches of one commit each.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text

from crossdock.store import log, raw
from crossdock.store.bulk import InsertMany
from crossdock.store.engine import Database, open_database
from crossdock.store.metadata import Instant, Json, RowId
from crossdock.store.migrations import migrate

_NOW = datetime(2026, 11, 23, tzinfo=UTC)
_BODY = (
    b'{"id": 450789469, "line_items": ['
    + b'{"sku": "SKU-00001", "quantity": 1, "price": "19.90"},' * 20
    + b"{}]}"
)
_metadata = MetaData()
_domain = Table(
    "floor_rows",
    _metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("order_id", Text, nullable=False, index=True),
    Column("sku", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("document", Json, nullable=False),
)
_insert = InsertMany(_domain, ("order_id", "sku", "node", "quantity", "at", "document"))


def write_batch(connection: Connection, first: int, count: int) -> None:
    """All rows of ``count`` orders."""
    names = [f"order:shop:{number}:1" for number in range(first, first + count)]
    records = [raw.raw_row("shop", "orders", name, name, _BODY, received_at=_NOW) for name in names]
    raw.store(connection, records)
    log.append(connection, [log.LogRow("raw", name, name, "{}", b"{}", _NOW) for name in names])
    log.claim(connection, "normalise", names, _NOW)
    _insert(
        connection,
        [(name, f"SKU-{line:05}", "DC-1", 1, _NOW, {"line": line}) for name in names for line in range(8)],
    )


def measure(database: Database, orders: int, batch: int) -> float:
    """Orders a second."""
    started = perf_counter()
    for first in range(0, orders, batch):
        database.transact_now(lambda connection, first=first: write_batch(connection, first, batch))  # type: ignore[misc]
    return orders / (perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--url", help="default: a new SQLite file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(arguments.url or f"sqlite:///{Path(folder)}/floor.sqlite")
        migrate(database.engine)
        _metadata.create_all(database.engine)
        results = {}
        for batch in (50, 100, 200):
            with database.engine.begin() as connection:
                for table in ("raw_records", "messages", "inbox", "floor_rows"):
                    connection.exec_driver_sql(f"DELETE FROM {table}")
            results[f"batch_{batch}"] = round(measure(database, arguments.orders, batch))
        database.close()
    print(json.dumps({"name": "store floor", "unit": "orders/s", "dialect": database.dialect, **results}))


if __name__ == "__main__":
    main()
