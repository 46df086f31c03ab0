"""The floor of the webhooks: the hub's web server and a table, nothing between them."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any
from urllib.request import urlopen

import uvicorn

from tests.servers.sshd import free_port

__all__ = ["running_floor"]

_START_SECONDS = 30


@contextmanager
def running_floor(database: Path) -> Iterator[str]:
    """Run it in a process of its own; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.webhook_floor", str(database), str(port)]
    process = subprocess.Popen(command)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url)
        yield url
    finally:
        process.terminate()
        process.wait(_START_SECONDS)


def _wait(url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            urlopen(url, b"{}").close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


class _Floor:
    """Answers once the body is parsed and committed."""

    def __init__(self, database: Path) -> None:
        self._queue: SimpleQueue[tuple[bytes, asyncio.Future[None]]] = SimpleQueue()
        self._database = database
        Thread(target=self._write, daemon=True).start()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        json.loads(body)
        committed = asyncio.get_running_loop().create_future()
        self._queue.put((body, committed))
        await committed
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _write(self) -> None:
        connection = sqlite3.connect(self._database, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE records (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        while True:
            jobs = [self._queue.get()]
            while not self._queue.empty():
                jobs.append(self._queue.get())
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO records (body) VALUES (?)", [(body,) for body, _ in jobs])
            connection.execute("COMMIT")
            for _, committed in jobs:
                committed.get_loop().call_soon_threadsafe(committed.set_result, None)


if __name__ == "__main__":
    uvicorn.run(
        _Floor(Path(sys.argv[1])),
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
    )
