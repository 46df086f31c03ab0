"""The API over a hub without edges, called in process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp

from crossdock.api import ApiServices, Entrance, create_api
from crossdock.explaining import Explainer
from crossdock.geography import locate
from crossdock.sdk.connector import RawRequest
from crossdock.store.raw import BodyStore
from crossdock.streams.edges.receive import WebhookAnswer
from tests.processors.harness import Harness

TOKEN = "bootstrap-token"
CHANNELS = {
    "channels": {"web": {"connection": "shop", "ship_within": "5d"}, "b2b": {"kind": "b2b", "priority": 5}}
}


class Partner:
    """Stands where the receiver of webhooks stands, and remembers what came."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, RawRequest]] = []
        self.answer = WebhookAnswer(200)
        self.error: Exception | None = None
        self.too_large: list[tuple[str, int]] = []

    def refused_unread(self, connection_name: str, most_bytes: int) -> None:
        self.too_large.append((connection_name, most_bytes))

    async def receive(self, connection_name: str, request: RawRequest) -> WebhookAnswer:
        self.calls.append((connection_name, request))
        if self.error is not None:
            raise self.error
        return self.answer


def build_api(hub: Harness, folder: Path, partner: Partner | None = None, **changes: Any) -> Entrance:
    return create_api(api_services(hub, folder, partner, **changes))


def api_services(hub: Harness, folder: Path, partner: Partner | None = None, **changes: Any) -> ApiServices:
    return ApiServices(
        transactions=hub.transactions,
        hub=hub.hub,
        receiver=partner or Partner(),
        bodies=BodyStore(folder),
        explainer=Explainer(locate),
        bootstrap_token=TOKEN,
        **changes,
    )


@asynccontextmanager
async def calling(app: ASGIApp, token: str | None = TOKEN) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub", headers=headers) as client:
        yield client


class Client:
    """Calls from tests that are not asynchronous."""

    def __init__(self, app: ASGIApp, token: str | None = TOKEN) -> None:
        self.app = app
        self.token = token

    def __call__(self, method: str, url: str, **more: Any) -> httpx.Response:
        import asyncio

        async def call() -> httpx.Response:
            async with calling(self.app, self.token) as client:
                return await client.request(method, url, **more)

        return asyncio.run(call())
