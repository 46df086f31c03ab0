from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crossdock.streams.edges.receive import WebhookAnswer
from tests.api.builders import Client, Partner, build_api
from tests.processors.harness import Harness


@pytest.fixture
def partner() -> Partner:
    return Partner()


@pytest.fixture
def webhook(hub: Harness, tmp_path: Path, partner: Partner) -> Client:
    return Client(build_api(hub, tmp_path, partner, max_body_bytes=1000), None)


def test_bytes_and_headers_arrive_untouched(webhook: Client, partner: Partner) -> None:
    answer = webhook(
        "POST",
        "/webhooks/shop/orders%20new?a=1&b=%20",
        content=b"\xff{",
        headers=[("X-One", "1"), ("X-One", "2")],
    )
    assert answer.status_code == 200
    ((name, request),) = partner.calls
    assert (name, request.path, request.query, request.body) == (
        "shop",
        "/webhooks/shop/orders new",
        "a=1&b=%20",
        b"\xff{",
    )
    assert request.headers["x-one"] == "1, 2"


def test_the_answer_is_the_receivers(webhook: Client, partner: Partner) -> None:
    partner.answer = WebhookAnswer(503, b"<busy/>", "text/xml", 10)
    answer = webhook("POST", "/webhooks/shop", content=b"{}")
    assert (answer.status_code, answer.content, answer.headers["retry-after"]) == (503, b"<busy/>", "10")
    assert answer.headers["content-type"] == "text/xml"


def test_what_is_not_stored_is_not_acknowledged(webhook: Client, partner: Partner) -> None:
    partner.error = RuntimeError("disk full")
    answer = webhook("POST", "/webhooks/shop", content=b"{}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")


def test_a_large_body_is_refused_before_it_is_read(webhook: Client, partner: Partner) -> None:
    assert webhook("POST", "/webhooks/shop", content=b"x" * 1001).status_code == 413

    async def pieces() -> AsyncIterator[bytes]:  # without Content-Length
        for _ in range(11):
            yield b"x" * 100

    assert webhook("POST", "/webhooks/shop", content=pieces()).status_code == 413
    assert partner.calls == []
    refused = webhook("POST", "/v1/orders", content=b"x" * 1001)
    assert (refused.status_code, refused.json()["code"]) == (413, "too_large")


def test_only_posts_are_webhooks(webhook: Client, partner: Partner) -> None:
    answer = webhook("GET", "/webhooks/shop")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, PUT")
    assert partner.calls == []
