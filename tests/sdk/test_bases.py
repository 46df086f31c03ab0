"""The bases and translations, put together by ``assemble`` as the hub does it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
import structlog
from pydantic import BaseModel, ConfigDict, SecretStr

from crossdock.sdk import (
    Applied,
    BugError,
    Command,
    CrossdockError,
    Disposal,
    FileConnector,
    FilesConfig,
    ForbiddenError,
    GraphqlConnector,
    ManualClock,
    MisconfiguredError,
    Outcome,
    RecordRejectedError,
    Rejected,
    Rejection,
    RestConnector,
    SoapFaultError,
    Throttled,
    ThrottledError,
    Unauthorised,
    UnauthorisedError,
    Unknown,
    UnknownOutcomeError,
    Unreachable,
    UnreachableError,
    Verdict,
    check_each,
    json_of,
    outcome_of,
    outcomes,
    parse_manifest,
    rejected_by,
)
from crossdock.sdk.assembly import Assembly, assemble
from crossdock.sdk.budgets import MemoryBudgetStore
from crossdock.sdk.tokens import MemoryTokenStore

MANIFEST = parse_manifest("""\
id: acme
version: 1.0.0
sdk: ">=1,<2"
status: stable
hosts: ["${config.host}"]
auth: {kind: bearer}
streams:
  orders: {role: poll, cursor: {field: id}, emits: order, mapping: acme/order}
""")


class Config(BaseModel):
    model_config = ConfigDict(extra="forbid")
    host: str = "api.acme.test"
    key: SecretStr = SecretStr("canary-key")
    files: FilesConfig | None = None


class Acme(RestConnector[Config]):
    Config = Config

    def base_url(self) -> str:
        return f"https://{self.config.host}/v1"

    def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.config.key.get_secret_value()}"}

    @outcomes
    async def execute(self, command: Command, key: str) -> Outcome:
        response = await self.request(
            "POST", "/shipments", json=dict(command.document), headers={"idempotency-key": key}
        )
        if response.is_client_error:
            return rejected_by(response)
        answer = json_of(response)
        assert isinstance(answer, dict)
        return Applied(str(answer["id"]))


class Shop(GraphqlConnector[Config]):
    Config = Config

    def base_url(self) -> str:
        return f"https://{self.config.host}"

    def graphql_path(self) -> str:
        return "/graphql"


class Warehouse(FileConnector[Config]):
    Config = Config

    def inbound(self, stream: str) -> tuple[str, str]:
        return "in", "*.csv"

    def streams(self) -> tuple[str, ...]:
        return ("stock",)

    def marker(self, name: str) -> str | None:
        return "{name}.ok"


def assembly(handler: Any = None, config: Config | None = None) -> Assembly:
    clock = ManualClock()
    return assemble(
        MANIFEST,
        config or Config(),
        connection="acme",
        clock=clock,
        random=Random(1),
        tokens=MemoryTokenStore(clock),
        budgets=MemoryBudgetStore(),
        log=structlog.get_logger(),
        transport=httpx.MockTransport(handler) if handler else None,
    )


COMMAND = Command("shipment.confirm", "order-1", ({"tracking": "1Z"},))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(201, json={"id": 9007199254740993}), Applied("9007199254740993")),
        (httpx.Response(422, text="no such order"), Rejected("partner.rejected.422", "no such order")),
        (httpx.Response(401), Unauthorised),
        (httpx.Response(500), Unknown),
        (httpx.Response(429, headers={"retry-after": "600"}), Throttled),
        (httpx.ReadTimeout("slow"), Unknown),
        (httpx.ConnectError("refused"), Unreachable),
    ],
)
def test_a_command_in_a_few_lines(answer: httpx.Response | Exception, expected: object) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.headers["idempotency-key"] == "key-1"
        assert request.headers["authorization"] == "Bearer canary-key"
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    outcome = asyncio.run(Acme(Config(), assembly(handler).services).execute(COMMAND, "key-1"))
    assert type(outcome) is expected if isinstance(expected, type) else outcome == expected


def test_what_says_nothing_of_the_command_is_raised() -> None:
    for error in (MisconfiguredError("host"), BugError("ours")):
        with pytest.raises(CrossdockError):
            outcome_of(error)
    config = Config(host="api.acme.test")
    acme = Acme(config, assembly(config=Config(host="other.test")).services)
    with pytest.raises(MisconfiguredError, match="the manifest permits"):
        asyncio.run(acme.execute(COMMAND, "key"))


def test_every_error_has_its_outcome() -> None:
    until = datetime(2026, 1, 1, tzinfo=UTC)
    assert outcome_of(ThrottledError("t", until=until)) == Throttled(until)
    assert outcome_of(UnknownOutcomeError("u")) == Unknown("u")
    assert outcome_of(UnreachableError("r")) == Unreachable("r")
    assert outcome_of(UnauthorisedError("a")) == Unauthorised("a")
    assert outcome_of(RecordRejectedError(Rejection("x.y", "bad", "$.sku"))) == Rejected(
        "x.y", "x.y at $.sku: bad", "$.sku"
    )
    assert outcome_of(SoapFaultError("E7", "closed", operation="add")) == Rejected("E7", "closed")


def test_check_tells_each_verdict() -> None:
    async def raising(error: CrossdockError | None) -> None:
        if error is not None:
            raise error

    cases: dict[Verdict, CrossdockError | None] = {
        Verdict.OK: None,
        Verdict.UNAUTHORISED: UnauthorisedError("a"),
        Verdict.FORBIDDEN: ForbiddenError("f"),
        Verdict.UNREACHABLE: UnreachableError("u"),
        Verdict.MISCONFIGURED: MisconfiguredError("m"),
    }
    probes = {name.value: (lambda error=error: raising(error)) for name, error in cases.items()}
    report = asyncio.run(check_each(probes))
    assert {check.capability: check.verdict.value for check in report.checks} == {
        name: name for name in probes
    }
    assert not report.ok


def graphql(body: str, status: int = 200) -> Any:
    shop = Shop(Config(), assembly(lambda _: httpx.Response(status, text=body)).services)
    return asyncio.run(shop.graphql("query { a }", {}, safe=True))


def test_graphql_gives_data_or_every_error() -> None:
    assert graphql('{"data": {"a": 1}}') == {"a": 1}
    with pytest.raises(RecordRejectedError) as caught:
        graphql('{"errors": [{"message": "no a", "path": ["a", 0], "extensions": {"code": "GONE"}}, "odd"]}')
    assert caught.value.rejections == (
        Rejection("graphql.gone", "no a", "a.0"),
        Rejection("graphql.error", "odd"),
    )
    for body in ("[]", "{}", '{"data": null}'):
        with pytest.raises(UnreachableError, match="brought no data"):
            graphql(body)


def test_a_question_answered_with_4xx_is_a_wrong_address() -> None:
    acme = Acme(Config(), assembly(lambda _: httpx.Response(404)).services)
    with pytest.raises(MisconfiguredError, match="check address, API version"):
        asyncio.run(acme.get("/orders"))


def test_files_with_three_answers_about_folders(tmp_path: Path) -> None:
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "in/a.csv").write_text("1")
    (tmp_path / "in/b.csv").write_text("2")
    config = Config.model_validate({"files": {"kind": "folder", "path": str(tmp_path), "settle_seconds": 0}})
    warehouse = Warehouse(config, assembly(config=config).services)

    async def story() -> None:
        assert (await warehouse.check()).ok
        first, second = await warehouse.list_files("stock")
        await warehouse.dispose(first, Disposal.KEEP)
        await warehouse.dispose(first, Disposal.ARCHIVE)
        await warehouse.dispose(second, Disposal.ERROR)
        await warehouse.put("940.edi", warehouse.read(await _one(warehouse, tmp_path)))

    asyncio.run(story())
    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert there == {"in/archive/a.csv", "in/error/b.csv", "in/c.csv", "out/940.edi", "out/940.edi.ok"}


async def _one(warehouse: Warehouse, root: Path) -> Any:
    (root / "in/c.csv").write_text("3")
    (file,) = await warehouse.list_files("stock")
    return file


def test_a_connection_without_files_says_so() -> None:
    warehouse = Warehouse(Config(), assembly().services)
    report = asyncio.run(warehouse.check())
    assert report.checks[0].verdict is Verdict.MISCONFIGURED
    assert "connections.acme.config.files" in report.checks[0].message
