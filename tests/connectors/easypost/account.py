"""An EasyPost account of our own for tests: a real HTTP server on the loopback that remembers what it sold.

Written by hand in the documented shapes; what the vendor recorded is replayed in ``test_recordings``.
"""

from __future__ import annotations

import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Node = dict[str, Any]
Reply = tuple[int, Node, dict[str, str]]

RATES = (
    ("USPS", "Express", "34.15", 1),
    ("USPS", "Priority", "7.42", 2),
    ("USPS", "GroundAdvantage", "6.07", 3),
)


def error(status: int, code: str, message: str, *errors: Node, **headers: str) -> Reply:
    return status, {"error": {"code": code, "message": message, "errors": list(errors)}}, headers


class Account:
    """What EasyPost knows; tests change its attributes and read what was done to it.

    Attributes:
        before: Answers given in place of the next ones, without any effect.
        lost: Ending of a path: the next POST to it takes effect and is never answered.
        stalled: The same, but the answer waits until ``released`` is set.
        requests: Method, path and body of every request.
        charges: The shipments that were paid for, in order: a second label of one reference shows here.
    """

    def __init__(self) -> None:
        self.key = "EZTKgood"
        self.shipments: dict[str, Node] = {}
        self.trackers: list[Node] = []
        self.webhooks: dict[str, Node] = {}
        self.rates: tuple[tuple[str, str, str, int], ...] = RATES
        self.messages: list[Node] = []
        self.before: list[Reply] = []
        self.lost = ""
        self.stalled = ""
        self.released = threading.Event()
        self.requests: list[tuple[str, str, Any]] = []
        self.charges: list[str] = []
        self.now = "2026-11-23T10:00:00Z"
        self.lock = threading.Lock()

    def posts(self, ending: str) -> list[Any]:
        return [body for method, path, body in self.requests if method == "POST" and path.endswith(ending)]

    def handle(self, method: str, target: str, authorization: str, body: bytes) -> Reply:
        """Do what a request asks for."""
        url = urlsplit(target)
        sent = json.loads(body) if body else None
        self.requests.append((method, url.path, sent))
        user = b64decode(authorization.removeprefix("Basic ")).decode() if authorization else ":"
        if user != f"{self.key}:":
            return error(
                401, "APIKEY.INACTIVE", "This api key is no longer active. Please use a different api key."
            )
        if self.before:
            return self.before.pop(0)
        parts = [unquote(part) for part in url.path.removeprefix("/v2/").split("/")]
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        return getattr(self, f"{method.lower()}_{parts[0]}")(parts[1:], query, sent)  # type: ignore[no-any-return]

    # --- shipments ----------------------------------------------------------------------------------------

    def get_shipments(self, parts: list[str], query: dict[str, str], _: Any) -> Reply:
        if not parts:
            listed = [one for one in self.shipments.values() if one["postage_label"]]
            return self._listed("shipments", listed[::-1], query)
        found = self._shipment(parts[0])
        return (200, found, {}) if found else self._missing()

    def post_shipments(self, parts: list[str], _query: dict[str, str], sent: Any) -> Reply:
        match parts:
            case []:
                return 201, self.create(**sent["shipment"]), {}
            case [name, action]:
                shipment = self._shipment(name)
                return getattr(self, f"_{action}")(shipment, sent) if shipment else self._missing()
        raise AssertionError(parts)

    def create(self, **asked: Any) -> Node:
        number = len(self.shipments) + 1
        shipment: Node = {
            "id": f"shp_{number}", "object": "Shipment", "mode": "test", "status": "unknown",
            "reference": asked.get("reference"), "created_at": self.now, "updated_at": self.now, "tracking_code": None,
            "refund_status": None, "postage_label": None, "selected_rate": None, "tracker": None,
            "messages": self.messages, "options": asked.get("options") or {}, "fees": [],
        }  # fmt: skip
        self.shipments[shipment["id"]] = shipment
        shipment["rates"] = self._rated(shipment, "")
        return shipment

    def _rated(self, shipment: Node, suffix: str) -> list[Node]:
        return [
            {"id": f"rate_{shipment['id']}_{index}{suffix}", "object": "Rate", "carrier": carrier, "service": service,
             "rate": rate, "currency": "USD", "delivery_days": days, "delivery_date": None,
             "delivery_date_guaranteed": False, "est_delivery_days": days}
            for index, (carrier, service, rate, days) in enumerate(self.rates)
        ]  # fmt: skip

    def _rerate(self, shipment: Node, _: Any) -> Reply:
        shipment["rates"] = self._rated(shipment, "_again")
        return 200, {"rates": shipment["rates"]}, {}

    def _buy(self, shipment: Node, sent: Any) -> Reply:
        if shipment["postage_label"]:
            return error(422, "SHIPMENT.POSTAGE.EXISTS", "Postage already exists for this shipment.")
        chosen = next((rate for rate in shipment["rates"] if rate["id"] == sent["rate"]["id"]), None)
        if chosen is None:
            return error(
                422, "RATE.NOT_FOUND", "The rate was not found.", {"field": "rate", "message": "is unknown"}
            )
        self.charges.append(shipment["id"])
        number = f"94{len(self.charges):020}"
        shipment |= {
            "selected_rate": chosen, "tracking_code": number,
            "postage_label": {"label_url": f"https://labels.example/{shipment['id']}.pdf",
                              "label_file_type": "application/pdf"},
            "tracker": {"id": f"trk_{shipment['id']}", "status": "unknown", "tracking_details": [],
                        "public_url": f"https://track.example/{shipment['id']}"},
        }  # fmt: skip
        return 200, shipment, {}

    def _refund(self, shipment: Node, _: Any) -> Reply:
        if shipment["refund_status"]:
            return error(
                422, "SHIPMENT.REFUND.UNAVAILABLE", "Unable to request refund. It was requested before."
            )
        shipment["refund_status"] = shipment.get("refund_answer", "submitted")
        return 200, shipment, {}

    def _shipment(self, name: str) -> Node | None:
        """By id, or by reference: the newest of several."""
        found = [one for one in self.shipments.values() if name in (one["id"], one["reference"])]
        return found[-1] if found else None

    # --- trackers and webhooks ----------------------------------------------------------------------------

    def get_trackers(self, _parts: list[str], query: dict[str, str], _: Any) -> Reply:
        return self._listed(
            "trackers", sorted(self.trackers, key=lambda one: one["created_at"], reverse=True), query
        )

    def get_webhooks(self, *_: Any) -> Reply:
        return 200, {"webhooks": list(self.webhooks.values())}, {}

    def post_webhooks(self, _parts: list[str], _query: dict[str, str], sent: Any) -> Reply:
        webhook = {"id": f"hook_{len(self.webhooks) + 1}", "url": sent["webhook"]["url"], "disabled_at": None}
        self.webhooks[webhook["id"]] = webhook
        return 201, webhook, {}

    def patch_webhooks(self, parts: list[str], _query: dict[str, str], _sent: Any) -> Reply:
        self.webhooks[parts[0]]["disabled_at"] = None
        return 200, self.webhooks[parts[0]], {}

    def _listed(self, name: str, found: list[Node], query: dict[str, str]) -> Reply:
        size = int(query.get("page_size", "20"))
        ids = [one["id"] for one in found]
        start = ids.index(query["before_id"]) + 1 if "before_id" in query else 0
        return 200, {name: found[start : start + size], "has_more": start + size < len(found)}, {}

    def _missing(self) -> Reply:
        return error(404, "NOT_FOUND", "The requested resource could not be found.")


@contextmanager
def served(account: Account) -> Iterator[str]:
    """The account on a port of the loopback; yields its base address."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            with account.lock:
                status, node, headers = account.handle(
                    self.command, self.path, self.headers.get("authorization", ""), body
                )
            if self.command == "POST" and account.lost and self.path.endswith(account.lost):
                account.lost = ""
                return
            if self.command == "POST" and account.stalled and self.path.endswith(account.stalled):
                account.released.wait(10)
            content = json.dumps(node).encode()
            self.send_response(status)
            for name, value in {"content-type": "application/json", **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = _answer

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
