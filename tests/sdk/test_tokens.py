from __future__ import annotations

import asyncio
from random import Random
from urllib.parse import parse_qs

import httpx
import pytest
import structlog

from crossdock.sdk.budgets import Budgets, MemoryBudgetStore
from crossdock.sdk.clock import ManualClock
from crossdock.sdk.errors import UnauthorisedError, UnreachableError
from crossdock.sdk.hosts import AllowedHost, AllowedHosts
from crossdock.sdk.http import HttpClient
from crossdock.sdk.tokens import MemoryTokenStore, TokenAuth, TokenService

URL = "https://auth.acme.test/token"


class AuthServer:
    """Refresh tokens are single-use; a used one is refused."""

    def __init__(self) -> None:
        self.valid = "refresh-0"
        self.issued = 0
        self.forms: list[dict[str, list[str]]] = []
        self.refuse: httpx.Response | Exception | None = None
        self.accepted: set[str] = set()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != "/token":
            good = request.headers.get("authorization", "").removeprefix("Bearer ") in self.accepted
            return httpx.Response(200 if good else 401)
        for _ in range(10):
            await asyncio.sleep(0)
        form = parse_qs(request.content.decode())
        self.forms.append(form)
        if isinstance(self.refuse, Exception):
            raise self.refuse
        if self.refuse is not None:
            return self.refuse
        if form["grant_type"] == ["refresh_token"]:
            if form["refresh_token"] != [self.valid]:
                return httpx.Response(400, json={"error": "invalid_grant"})
            self.valid = f"refresh-{self.issued + 1}"
        self.issued += 1
        token = f"access-{self.issued}"
        self.accepted = {token}
        return httpx.Response(
            200, json={"access_token": token, "expires_in": 3600, "refresh_token": self.valid}
        )


class Hub:
    def __init__(self) -> None:
        self.server = AuthServer()
        self.clock = ManualClock()
        self.store = MemoryTokenStore(self.clock)

    def http(self) -> HttpClient:
        return HttpClient(
            hosts=AllowedHosts((AllowedHost.parse("*.acme.test"),)),
            clock=self.clock,
            random=Random(1),
            budgets=Budgets((), MemoryBudgetStore(), self.clock, "acme"),
            log=structlog.get_logger(),
            transport=httpx.MockTransport(self.server),
        )

    def worker(self, owner: str = "a") -> TokenService:
        return TokenService(self.store, self.http(), self.clock, owner)

    async def refreshed(self, worker: TokenService, configured: str = "refresh-0") -> str:
        return await worker.refreshed("acme", URL, "id", "secret-of-client", configured)


def test_a_token_is_kept_until_shortly_before_it_expires() -> None:
    hub = Hub()

    async def story() -> None:
        worker = hub.worker()
        for _ in range(3):
            assert await worker.client_credentials("acme", URL, "id", "secret", "orders") == "access-1"
        hub.clock.move(3545)
        assert await worker.client_credentials("acme", URL, "id", "secret", "orders") == "access-2"

    asyncio.run(story())
    assert hub.server.forms[0] == {
        "grant_type": ["client_credentials"],
        "client_id": ["id"],
        "client_secret": ["secret"],
        "scope": ["orders"],
    }


def test_two_racing_workers_refresh_once() -> None:
    hub = Hub()

    async def story() -> list[str]:
        workers = [hub.worker("a"), hub.worker("b")]
        return await asyncio.gather(*(hub.refreshed(worker) for worker in workers * 5))

    assert set(asyncio.run(story())) == {"access-1"}
    assert hub.server.issued == 1


def test_a_rotated_refresh_token_is_used_next_even_by_another_worker() -> None:
    hub = Hub()

    async def story() -> None:
        assert await hub.refreshed(hub.worker("a")) == "access-1"
        hub.clock.move(4000)
        assert await hub.refreshed(hub.worker("b")) == "access-2"

    asyncio.run(story())
    assert [form["refresh_token"] for form in hub.server.forms] == [["refresh-0"], ["refresh-1"]]


def test_a_newly_configured_refresh_token_replaces_the_stored_one() -> None:
    hub = Hub()

    async def story() -> None:
        await hub.refreshed(hub.worker())
        hub.server.valid = "refresh-by-hand"
        assert await hub.refreshed(hub.worker(), "refresh-by-hand") == "access-2"

    asyncio.run(story())


def test_a_worker_that_died_with_the_lease_blocks_nobody_for_long() -> None:
    hub = Hub()

    async def story() -> str:
        assert await hub.store.lease("acme", "dead", 60)
        return await hub.refreshed(hub.worker())

    assert asyncio.run(story()) == "access-1"
    assert 59 <= sum(hub.clock.slept) <= 61


def test_a_faster_worker_wins_when_a_lease_ran_out() -> None:
    hub = Hub()

    class Slow(MemoryTokenStore):
        async def lease(self, name: str, owner: str, seconds: float) -> bool:
            return True

    hub.store = Slow(hub.clock)

    async def story() -> list[str]:
        jobs = [w.client_credentials("acme", URL, "i", "s") for w in (hub.worker("a"), hub.worker("b"))]
        return await asyncio.gather(*jobs)

    first, second = asyncio.run(story())
    assert first == second, "both use what was saved"


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (
            400,
            {"error": "invalid_grant", "error_description": "secret-of-client"},
            "authorise the connection anew",
        ),
        (401, {"error": "invalid_client"}, "client id or secret are wrong"),
        (403, {}, "check the credentials and the token URL"),
        (200, {"token": "x"}, "without an access_token"),
    ],
)  # fmt: skip
def test_a_refusal_is_told_without_secrets(status: int, body: dict[str, str], message: str) -> None:
    hub = Hub()
    hub.server.refuse = httpx.Response(status, json=body)
    with pytest.raises(UnauthorisedError, match=message) as caught:
        asyncio.run(hub.refreshed(hub.worker()))
    assert "secret-of-client" not in caught.value.message + caught.value.detail


def test_a_lost_answer_of_the_token_server_is_no_unknown_outcome_of_the_request() -> None:
    hub = Hub()
    hub.server.refuse = httpx.ReadTimeout("slow")
    with pytest.raises(UnreachableError, match="token 'acme'"):
        asyncio.run(hub.refreshed(hub.worker()))


def test_a_refused_token_is_fetched_anew_once() -> None:
    hub = Hub()

    async def story() -> list[int]:
        worker, http = hub.worker(), hub.http()
        auth = TokenAuth(
            lambda: worker.client_credentials("acme", URL, "id", "secret"),
            forget=lambda: worker.forget("acme"),
        )
        statuses = [(await http.request("POST", "https://api.acme.test/", auth=auth)).status_code]
        hub.server.accepted = set()
        statuses.append((await http.request("POST", "https://api.acme.test/", auth=auth)).status_code)
        return statuses

    assert asyncio.run(story()) == [200, 200]
    assert hub.server.issued == 2
