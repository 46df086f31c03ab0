"""The http service against httpx.MockTransport, with a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from decimal import Decimal
from random import Random
from typing import Any, TypeVar

import httpx
import pytest
import structlog

from crossdock.sdk import http_errors
from crossdock.sdk.answers import json_of
from crossdock.sdk.budgets import Budgets, MemoryBudgetStore
from crossdock.sdk.clock import ManualClock
from crossdock.sdk.errors import (
    ForbiddenError,
    MisconfiguredError,
    ThrottledError,
    UnauthorisedError,
    UnknownOutcomeError,
    UnreachableError,
)
from crossdock.sdk.hosts import AllowedHost, AllowedHosts
from crossdock.sdk.http import Exchange, HttpClient, HttpSettings
from crossdock.sdk.manifest import Budget, CostBudget, DailyQuotaBudget, TokenBucketBudget, WindowBudget
from crossdock.sdk.redaction import Redactor
from crossdock.sdk.retry import CircuitOpenError, parse_retry_after

_T = TypeVar("_T")
Handler = Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]
URL = "https://api.acme.test/orders"


def run(coroutine: Coroutine[Any, Any, _T]) -> _T:
    return asyncio.run(coroutine)


def client(
    handler: Handler,
    clock: ManualClock | None = None,
    budgets: tuple[Budget, ...] = (),
    store: MemoryBudgetStore | None = None,
    settings: HttpSettings | None = None,
    **extra: Any,
) -> HttpClient:
    clock = clock or ManualClock()
    return HttpClient(
        hosts=AllowedHosts((AllowedHost.parse("api.acme.test"),)),
        clock=clock,
        random=Random(7),
        budgets=Budgets(budgets, store or MemoryBudgetStore(), clock, "acme"),
        log=structlog.get_logger(),
        transport=httpx.MockTransport(handler),  # type: ignore[arg-type]
        settings=settings,
        **extra,
    )


class Script:
    """Answers one request after the other; an exception is raised, the last answer is repeated."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def test_json_is_sent_and_read_without_floats() -> None:
    script = Script(httpx.Response(200, content=b'{"price": 19.90, "id": 9007199254740993}'))
    response = run(client(script).request("POST", URL, json={"total": Decimal("10.10")}))
    assert script.requests[0].content == b'{"total":10.10}'
    assert script.requests[0].headers["content-type"] == "application/json"
    assert json_of(response) == {"price": Decimal("19.90"), "id": 9007199254740993}


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/",
        "http://api.acme.test/",
        "https://api.acme.test:8443/",
        "https://api.acme.test.evil.test/",
        "ftp://api.acme.test/",
    ],
)
def test_another_host_is_refused(url: str) -> None:
    script = Script(httpx.Response(200))
    with pytest.raises(MisconfiguredError, match="manifest permits"):
        run(client(script).request("GET", url))
    assert not script.requests


def test_a_redirect_to_another_host_is_refused() -> None:
    script = Script(httpx.Response(302, headers={"location": "https://evil.test/steal"}))
    with pytest.raises(MisconfiguredError, match=r"evil\.test"):
        run(client(script).request("GET", URL))
    assert [str(request.url) for request in script.requests] == [URL]


def test_a_request_with_an_effect_is_not_redirected() -> None:
    script = Script(httpx.Response(301, headers={"location": "https://api.acme.test/v2?token=x"}))
    with pytest.raises(MisconfiguredError, match=r"moved to https://api\.acme\.test/v2 "):
        run(client(script).request("POST", URL, content=b"x"))
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    "error", [httpx.ReadTimeout("t"), httpx.RemoteProtocolError("cut"), httpx.WriteError("w")]
)
def test_a_lost_answer_is_unknown_only_where_there_is_an_effect(error: Exception) -> None:
    script = Script(error)
    with pytest.raises(UnknownOutcomeError, match="may or may not have happened"):
        run(client(script).request("POST", URL))
    assert len(script.requests) == 1, "never repeated blindly"
    script = Script(error, httpx.Response(200))
    assert run(client(script).request("POST", URL, safe=True)).status_code == 200
    assert run(client(Script(error, httpx.Response(200))).request("GET", URL)).status_code == 200


def test_without_a_connection_even_an_effect_is_tried_again() -> None:
    script = Script(httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.Response(201))
    clock = ManualClock()
    assert run(client(script, clock).request("POST", URL)).status_code == 201
    assert len(clock.slept) == 2
    assert clock.slept[0] <= 0.5
    assert clock.slept[1] <= 1.0


def test_a_partner_that_stays_away_is_unreachable_in_time() -> None:
    clock = ManualClock()
    start = clock.now()
    with pytest.raises(UnreachableError):
        run(client(Script(httpx.ConnectError("refused")), clock).request("GET", URL))
    assert (clock.now() - start).total_seconds() <= 30


@pytest.mark.parametrize(("status", "error"), [(401, UnauthorisedError), (403, ForbiddenError)])
def test_refused_credentials(status: int, error: type[Exception]) -> None:
    script = Script(httpx.Response(status, text="no"))
    with pytest.raises(error, match=str(status)):
        run(client(script).request("GET", URL))
    assert len(script.requests) == 1


@pytest.mark.parametrize("status", [200, 204, 400, 404, 409, 422])
def test_other_answers_are_the_connectors(status: int) -> None:
    assert run(client(Script(httpx.Response(status))).request("POST", URL)).status_code == status


def test_a_server_error_is_retried_only_where_it_is_safe() -> None:
    script = Script(httpx.Response(500), httpx.Response(502), httpx.Response(200))
    assert run(client(script).request("GET", URL)).status_code == 200
    script = Script(httpx.Response(500))
    with pytest.raises(UnknownOutcomeError, match="500"):
        run(client(script).request("POST", URL))
    assert len(script.requests) == 1
    assert run(client(script).request("POST", URL, expect={500})).status_code == 500


@pytest.mark.parametrize("after", ["7", "Thu, 01 Jan 2026 00:00:07 GMT"])
def test_retry_after_in_seconds_and_as_a_date(after: str) -> None:
    script = Script(httpx.Response(429, headers={"retry-after": after}), httpx.Response(200))
    clock = ManualClock()
    assert run(client(script, clock).request("POST", URL)).status_code == 200
    assert clock.slept == [7]


def test_a_longer_wait_is_handed_to_the_hub() -> None:
    clock = ManualClock()
    script = Script(httpx.Response(503, headers={"retry-after": "3600"}))
    with pytest.raises(ThrottledError) as caught:
        run(client(script, clock).request("POST", URL))
    assert (caught.value.until - clock.now()).total_seconds() == 3600
    assert clock.slept == []


def test_too_many_requests_without_a_time_backs_off_and_ends_with_an_instant_ahead() -> None:
    clock = ManualClock()
    with pytest.raises(ThrottledError) as caught:
        run(client(Script(httpx.Response(429)), clock).request("GET", URL))
    assert caught.value.until > clock.now()
    assert len(clock.slept) == 4


@pytest.mark.parametrize("text", ["", "soon", "inf", "nan", "1e400", "Thu, 99 Foo"])
def test_nonsense_in_retry_after_is_ignored(text: str) -> None:
    assert parse_retry_after(text, ManualClock().now()) is None


def test_the_circuit_opens_and_one_trial_closes_it() -> None:
    clock, script = ManualClock(), Script(httpx.ConnectError("refused"))
    http = client(script, clock)

    async def story() -> None:
        with pytest.raises(UnreachableError):
            await http.request("GET", URL)
        before = len(script.requests)
        with pytest.raises(CircuitOpenError, match="left alone"):
            await http.request("GET", URL)
        assert len(script.requests) == before
        clock.move(31)
        script.answers[:] = [httpx.Response(200)]
        assert (await http.request("GET", URL)).status_code == 200
        assert (await http.request("GET", URL)).status_code == 200

    run(story())


def test_an_html_page_where_json_is_expected() -> None:
    script = Script(httpx.Response(200, text="<!DOCTYPE html><h1>We'll be back</h1>"))
    response = run(client(script).request("GET", URL))
    with pytest.raises(UnreachableError, match="a page of HTML or XML"):
        json_of(response)
    response = run(client(script).request("POST", URL))
    with pytest.raises(UnknownOutcomeError, match="a page of HTML"):
        json_of(response)
    response = run(client(script).request("POST", URL, safe=True))
    with pytest.raises(UnreachableError):
        json_of(response)
    with pytest.raises(UnreachableError, match="brought nothing"):
        json_of(run(client(Script(httpx.Response(200))).request("GET", URL)))


def test_an_endless_answer_is_cut_off() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1000

    http = client(
        lambda _: httpx.Response(200, content=chunks()), settings=HttpSettings(max_response_bytes=10_000)
    )
    with pytest.raises(UnreachableError, match="longer than 10000 bytes"):
        run(http.request("GET", URL))


def test_a_compressed_answer_is_whole() -> None:
    import gzip

    packed = gzip.compress(b'{"a": 1}')

    async def chunks() -> AsyncIterator[bytes]:
        yield packed

    http = client(lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, content=chunks()))
    assert json_of(run(http.request("GET", URL))) == {"a": 1}
    broken = client(
        lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, content=_once(b"no gzip"))
    )
    with pytest.raises(UnreachableError, match="DecodingError"):
        run(broken.request("GET", URL))


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def test_auth_is_put_on_every_attempt() -> None:
    class Counting(httpx.Auth):
        count = 0

        def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            self.count += 1
            request.headers["authorization"] = f"Bearer t{self.count}"
            yield request

    script = Script(httpx.Response(500), httpx.Response(200))
    run(client(script, auth=Counting()).request("GET", URL))
    assert [request.headers["authorization"] for request in script.requests] == ["Bearer t1", "Bearer t2"]


def test_a_recording_holds_no_secret() -> None:
    kept: list[Exchange] = []
    script = Script(httpx.Response(200, text='{"access_token": "minted-by-them", "note": "canary-1234"}'))
    http = client(script, record=kept.append, redactor=Redactor(["canary-1234"]))
    run(
        http.request(
            "POST", URL, params={"api_key": "in-the-query"}, headers={"X-Acme-Access-Token": "in-a-header"},
            json={"client_secret": "in-the-body", "q": "canary-1234", "next_token": "page2"},
        )
    )  # fmt: skip
    text = repr(kept)
    for secret in ("minted-by-them", "canary-1234", "in-the-query", "in-a-header", "in-the-body"):
        assert secret not in text
    assert "page2" in text


def test_errors_name_no_query() -> None:
    with pytest.raises(UnauthorisedError) as caught:
        run(client(Script(httpx.Response(401))).request("GET", URL, params={"key": "hush"}))
    assert "hush" not in caught.value.message


class TestBudgets:
    def test_a_window_waits_for_its_end(self) -> None:
        clock = ManualClock()
        spec = WindowBudget.model_validate(
            {"match": "GET /orders", "kind": "window", "limit": 2, "window": "10s"}
        )
        http = client(Script(httpx.Response(200)), clock, (spec,))

        async def five() -> None:
            for _ in range(5):
                await http.request("GET", URL)

        run(five())
        assert clock.slept == [10, 10]

    def test_a_bucket_is_shared_by_all_workers(self) -> None:
        clock, store = ManualClock(), MemoryBudgetStore()
        spec = TokenBucketBudget.model_validate(
            {"match": "* /*", "kind": "token_bucket", "capacity": 2, "restore_per_second": 0.5}
        )
        workers = [client(Script(httpx.Response(200)), clock, (spec,), store) for _ in range(2)]

        async def four() -> None:
            for worker in workers * 2:
                await worker.request("GET", URL)

        run(four())
        assert sum(clock.slept) == pytest.approx(4, abs=0.01)

    def test_a_wait_past_the_deadline_is_handed_to_the_hub(self) -> None:
        clock = ManualClock()
        spec = DailyQuotaBudget.model_validate(
            {"match": "* /*", "kind": "daily_quota", "limit": 1, "zone": "Europe/Berlin"}
        )
        http = client(Script(httpx.Response(200)), clock, (spec,))

        async def two() -> None:
            await http.request("GET", URL)
            await http.request("GET", URL)

        with pytest.raises(ThrottledError) as caught:
            run(two())
        assert caught.value.until.isoformat() == "2026-01-01T23:00:00+00:00"

    def test_the_partners_headers_win(self) -> None:
        clock = ManualClock()
        spec = WindowBudget.model_validate(
            {
                "match": "* /*",
                "kind": "window",
                "limit": 100,
                "window": "1m",
                "remaining": "X-Left",
                "reset": "X-Reset",
            }
        )
        http = client(Script(httpx.Response(200, headers={"x-left": "0", "x-reset": "12"})), clock, (spec,))

        async def two() -> None:
            await http.request("GET", URL)
            await http.request("GET", URL)

        run(two())
        assert clock.slept == [12]

    def test_the_granted_rate_is_followed(self) -> None:
        clock = ManualClock()
        spec = TokenBucketBudget.model_validate(
            {"match": "* /*", "kind": "token_bucket", "capacity": 1, "restore_per_second": 100,
             "feedback": "header:x-amzn-RateLimit-Limit"}
        )  # fmt: skip
        http = client(Script(httpx.Response(200, headers={"x-amzn-ratelimit-limit": "0.25"})), clock, (spec,))

        async def two() -> None:
            await http.request("GET", URL)
            await http.request("GET", URL)

        run(two())
        assert sum(clock.slept) == pytest.approx(4, abs=0.01)

    def test_cost_follows_throttle_status_and_waits_when_throttled(self) -> None:
        clock = ManualClock()
        spec = CostBudget.model_validate(
            {"match": "POST /orders", "kind": "cost", "feedback": "$.extensions.cost.throttleStatus"}
        )
        status = '"throttleStatus": {"maximumAvailable": 2000, "currentlyAvailable": 100, "restoreRate": 100}'
        throttled = (
            '{"errors": [{"extensions": {"code": "THROTTLED"}}],'
            f'"extensions": {{"cost": {{"requestedQueryCost": 400, {status}}}}}}}'
        )
        script = Script(httpx.Response(200, text=throttled), httpx.Response(200, text='{"data": {}}'))
        http = client(script, clock, (spec,))
        response = run(http.request("POST", URL, content=b"mutation"))
        assert json_of(response) == {"data": {}}
        assert clock.slept == [3]


def test_every_exception_of_httpx_has_its_place() -> None:
    """A new one upstream must be put into one of the tables."""
    there = {kind for kind in vars(httpx).values() if isinstance(kind, type) and issubclass(kind, Exception)}
    tables = (http_errors.NOTHING_SENT, http_errors.PERHAPS_SENT, http_errors.CONFIGURATION, http_errors.OURS)
    assert there == frozenset().union(*tables)
    assert sum(map(len, tables)) == len(there), "one place each"
