"""A partner on the loopback that counts what it does, and a folder of files."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse


@dataclass
class Partner:
    """What it was asked to do, and how it behaves.

    Attributes:
        effects: How often each thing was done.
        answers: What it answers, by key, instead of doing anything: status and body; used up one by one.
        silent: Keys of things that it does without answering; used up.
        records: What a poll may bring, in order.
        remembers: Of which keys it knows that it has done them; what it does not remember it does again.
    """

    port: int = 0
    effects: Counter[str] = field(default_factory=Counter)
    order: list[str] = field(default_factory=list)
    documents: list[Any] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    answers: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    records: list[dict[str, Any]] = field(default_factory=list)
    remembers: Callable[[str], bool] = lambda _: True
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def do(self, key: str, documents: list[Any]) -> tuple[int, Any] | None:
        with self.lock:
            self.requests[key] += 1
            if self.answers.get(key):
                return self.answers[key].pop(0)
            known = self.remembers(key) and self.effects[key] > 0
            if not known:
                self.effects[key] += 1
                self.order.append(key)
                self.documents.extend(documents)
            if key in self.silent:
                self.silent.discard(key)
                return None
            return 200, {"id": f"P-{key}", "tracking": f"T-{key}", "already": known}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    partner: Partner

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        said = self.partner.do(self.headers["idempotency-key"], json.loads(body))
        if said is None:
            self.close_connection = True
            return
        self._answer(*said)

    def do_GET(self) -> None:
        url = urlparse(self.path)
        if url.path.startswith("/done/"):
            key = url.path.removeprefix("/done/")
            with self.partner.lock:
                done = self.partner.effects[key] > 0
            self._answer(200, {"done": done})
            return
        after = int(parse_qs(url.query)["after"][0])
        self._answer(
            200, {"records": self.partner.records[after : after + 2], "total": len(self.partner.records)}
        )

    def _answer(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A killed client breaks its connection; that is its business."""


@contextmanager
def running_partner() -> Iterator[Partner]:
    partner = Partner()
    handler = type("Handler", (_Handler,), {"partner": partner})
    server = _Server(("127.0.0.1", 0), handler)
    partner.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield partner
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
