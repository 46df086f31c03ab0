"""Webhooks: verified, stored before the answer, normalised; what is wrong is told."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import StatementError

from crossdock.sdk.connector import RawRecord, RawRequest
from crossdock.store.engine import Database
from crossdock.store.plumbing import raw_records
from crossdock.streams.edges.gathering import Gathering
from crossdock.streams.edges.health import Activity
from crossdock.streams.edges.intake import Arrival, arrival
from crossdock.streams.topics import ORDERS, RAW
from tests.edges.builders import NOW, Hub, hub, order


def stored(it: Hub) -> int:
    with it.database.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(raw_records)).scalar_one()


def test_an_order_is_stored_answered_and_normalised(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    answer = asyncio.run(it.call(order()))
    assert answer.status == 200
    assert stored(it) == 1
    asyncio.run(it.normalise())
    (message,) = it.emitted(ORDERS)
    assert (message.id, message.key) == ("order:shop:o1:1", "shop:o1")
    assert message.headers["schema"] == "order/1"
    assert message.headers["raw_id"] == it.emitted(RAW)[0].headers["raw_id"]
    document = json.loads(message.body)
    assert document["lines"][0]["unit_price"] == {"amount": "19.90", "currency": "USD"}


def test_what_the_mapping_left_out_goes_with_the_order(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    line = {"id": "l1", "sku": "A-1", "quantity": 2, "price": "19.90"}
    lines = [line, {**line, "id": "l2", "quantity": 0}]

    async def story() -> None:
        await it.call(order(1, lines=lines))
        await it.call(order(2), delivery="d2")
        await it.normalise()

    asyncio.run(story())
    assert [message.headers.get("omitted") for message in it.emitted(ORDERS)] == ["lines: 1", None]


def test_the_same_delivery_twice_is_one_order(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)

    async def twice() -> None:
        first, second = await asyncio.gather(it.call(order()), it.call(order()))
        assert (first.status, second.status) == (200, 200)
        await it.call(order(), delivery="another delivery of the same version")
        await it.normalise()

    asyncio.run(twice())
    assert stored(it) == 2
    assert len(it.emitted(ORDERS)) == 1


@pytest.mark.parametrize(
    ("body", "changes", "status", "said"),
    [
        (order(), {"signature": "0" * 64}, 401, "signature"),
        (order(), {"topic": "nonsense"}, 404, "nonsense"),
        (b" " * 1_000_001, {}, 413, "max_body_bytes"),
    ],
)
def test_what_is_refused_is_not_kept(
    database: Database, tmp_path: Path, body: bytes, changes: dict[str, str], status: int, said: str
) -> None:
    it = hub(database, tmp_path)
    answer = asyncio.run(it.call(body, **changes))
    assert answer.status == status
    assert said in answer.body.decode()
    assert stored(it) == 0


def test_a_call_that_cannot_be_read_is_kept_as_a_dead_letter(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)

    async def calls() -> None:
        assert (await it.call(b"<order/>")).status == 400
        assert (await it.call(b"<order/>")).status == 400

    asyncio.run(calls())
    (letter,) = it.letters()
    assert (letter.stage, letter.code, letter.body) == ("receive", "tiny.xml", b"<order/>")
    assert stored(it) == 1


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b'{"id": 1,', "format.json", "line 1"),
        (order(currency="XXQ"), "schema.value_error", "XXQ"),
        (order(lines=[{"id": "l1", "quantity": 1, "price": "1"}]), "mapping.missing", "$.lines[0].sku"),
        (
            order(lines=[{"id": "l1", "sku": "A", "quantity": -1, "price": "1"}]),
            "schema.",
            "$.lines[0].quantity",
        ),
    ],
)
def test_a_bad_document_is_a_dead_letter_and_the_others_go_on(
    database: Database, tmp_path: Path, body: bytes, code: str, said: str
) -> None:
    it = hub(database, tmp_path)

    async def calls() -> None:
        await it.call(order(1), "d1")
        assert (await it.call(body, "d2")).status == 200
        await it.call(order(3), "d3")
        await it.normalise()

    asyncio.run(calls())
    assert [message.key for message in it.emitted(ORDERS)] == ["shop:o1", "shop:o3"]
    (letter,) = it.letters()
    assert letter.code.startswith(code)
    assert said in letter.message
    assert letter.body == body
    assert letter.mapping == "tiny/order@1"


def test_a_mended_dead_letter_becomes_an_order(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)

    async def story() -> None:
        await it.call(order(1, currency="XXQ"))
        await it.normalise()
        (letter,) = it.letters()
        it.replay(letter.id, order(1))
        await it.normalise()

    asyncio.run(story())
    (message,) = it.emitted(ORDERS)
    assert message.id == "order:shop:o1:1"
    assert it.letters() == []


def test_a_large_body_lies_on_the_disk_and_is_read_from_there(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    lines = [{"id": f"l{n}", "sku": f"SKU-{n}", "quantity": 1, "price": "1.00"} for n in range(5000)]

    async def story() -> None:
        assert (await it.call(order(1, lines=lines))).status == 200
        await it.normalise()

    asyncio.run(story())
    assert any((tmp_path / "bodies").iterdir())
    assert len(json.loads(it.emitted(ORDERS)[0].body)["lines"]) == 5000


def test_an_unknown_connection_is_told_so(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    answer = asyncio.run(it.receiver.receive("nobody", RawRequest("POST", "/", "", {}, b"", NOW)))
    assert answer.status == 404


def test_a_delivery_that_cannot_be_stored_fails_alone(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    gathering = Gathering(it.transactions, it.around.board)

    def delivery(number: int) -> list[Arrival]:
        headers: dict[str, Any] = {"x-note": object() if number == 7 else "fine"}
        record = RawRecord("orders", f"o{number}", f"d{number}", b"{}", headers=headers)
        return [arrival("shop", record, b"{}", NOW)]

    async def burst() -> list[BaseException | None]:
        deliveries = (gathering.keep(delivery(number)) for number in range(20))
        return await asyncio.gather(*deliveries, return_exceptions=True)

    outcomes = asyncio.run(burst())
    assert [number for number, error in enumerate(outcomes) if error is not None] == [7]
    assert isinstance(outcomes[7], TypeError | StatementError)
    assert stored(it) == 19
    assert it.around.board.health(Activity("shop", "receive", "orders")).records == 19


def test_deliveries_that_wait_together_share_a_statement(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    inserts: list[str] = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: inserts.append(statement),
    )

    async def burst() -> None:
        answers = await asyncio.gather(*(it.call(order(), f"d{number}") for number in range(50)))
        assert {answer.status for answer in answers} == {200}

    asyncio.run(burst())
    assert stored(it) == 50
    assert len([each for each in inserts if each.startswith("INSERT INTO raw_records")]) < 10
