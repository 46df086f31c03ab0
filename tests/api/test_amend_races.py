"""People and channels that change one order, or want the same units, at the same moment."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from crossdock.store.engine import open_database
from crossdock.store.stock_tables import positions
from crossdock.streams.batch import handle_batch
from tests.api.builders import CHANNELS, build_api, calling
from tests.doctor.builders import build, findings
from tests.processors.harness import Harness
from tests.schemas.builders import a_line, an_order

_MANY = 8


@pytest.fixture
def shared(postgres_url: str) -> Any:
    """On PostgreSQL, where transactions really run at the same time."""
    database = open_database(postgres_url)
    hub = build(database, CHANNELS)
    hub.clock.move(60)
    yield hub
    database.close()


async def _amend(client: httpx.AsyncClient, order: str, key: str, **wish: Any) -> httpx.Response:
    return await client.post(f"/v1/orders/shop:{order}:amend", json=wish, headers={"Idempotency-Key": key})


def _all(hub: Harness, folder: Path, *wishes: tuple[str, dict[str, Any]]) -> list[httpx.Response]:
    async def call() -> list[httpx.Response]:
        async with calling(build_api(hub, folder)) as client:
            calls = [_amend(client, order, f"key-{n}", **wish) for n, (order, wish) in enumerate(wishes)]
            return await asyncio.gather(*calls)

    return asyncio.run(call())


def test_amendments_of_one_order_come_one_after_the_other(shared: Harness, tmp_path: Path) -> None:
    shared.stock("CHI", {"SKU-1": 100})
    shared.send("order/1", an_order(external_id="A", lines=(a_line("1", "SKU-1", 1),)))
    added = [{"external_id": f"x{n}", "sku": "SKU-1", "quantity": 1} for n in range(_MANY)]
    wishes = [("A", {"lines": [line]}) for line in added]
    answers = _all(shared, tmp_path, *wishes)
    assert Counter(each.status_code for each in answers) == {200: _MANY}, [each.text for each in answers]
    assert len(shared.order("A").lines) == 1 + _MANY
    assert not [found for found in findings(shared).values() if found.rows]


def test_many_that_want_the_last_units_get_an_answer_each(shared: Harness, tmp_path: Path) -> None:
    shared.stock("CHI", {"SKU-7": 8 + 3})
    for n in range(_MANY):
        shared.send("order/1", an_order(external_id=f"A{n}", lines=(a_line("1", "SKU-7", 1),)))
    wishes = [(f"A{n}", {"quantities": [{"line": "1", "quantity": 2}]}) for n in range(_MANY)]
    answers = _all(shared, tmp_path, *wishes)
    assert Counter(each.status_code for each in answers) == {200: _MANY}, [each.text for each in answers]
    (position,) = shared.rows(positions, sku="SKU-7", node="CHI")
    assert (position["on_hand"], position["allocated"]) == (11, 11)
    assert sum(len(each.json()["unplaced"]) for each in answers) == _MANY - 3


def test_a_channel_and_people_change_an_order_at_once(shared: Harness, tmp_path: Path) -> None:
    shared.stock("CHI", {"SKU-1": 100})
    shared.send("order/1", an_order(external_id="A", lines=(a_line("1", "SKU-1", 1),)))
    bodies = [
        an_order(external_id="A", version=f"2026-11-24T10:0{n}:00Z", lines=(a_line("1", "SKU-1", 2 + n),))
        for n in range(4)
    ]
    messages = [_message(shared, body) for body in bodies]

    async def race() -> list[httpx.Response]:
        route = shared.processor("route")
        async with calling(build_api(shared, tmp_path)) as client:
            news = [handle_batch(shared.transactions, route, [message]) for message in messages]
            calls = [
                _amend(client, "A", f"key-{n}", quantities=[{"line": "1", "quantity": 3 + n}])
                for n in range(4)
            ]
            *_, a, b, c, d = await asyncio.gather(*news, *calls)
            return [a, b, c, d]  # type: ignore[list-item]

    answers = asyncio.run(race())
    assert all(each.status_code == 200 for each in answers), [each.text for each in answers]
    assert not [found for found in findings(shared).values() if found.rows]


def _message(hub: Harness, document: dict[str, Any]) -> Any:
    from crossdock.streams.processors.documents import encode
    from crossdock_schemas.registry import ENTITIES

    canonical = ENTITIES["order/1"].model_validate_json(encode(document))
    body = canonical.model_dump_json(exclude_defaults=True).encode()
    return hub.message("order/1", body, connection="shop", key="shop:A")
