"""Commands: carried out once, in order within a key, and whatever happens is told to the core."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crossdock.sdk.errors import UnreachableError
from crossdock.store import commands
from crossdock.store.engine import Database
from crossdock.store.ingest import CrossReference, link
from crossdock.streams.edges.delivering import DeliverySettings, delivery_service
from crossdock.streams.edges.sending import Backoffs
from crossdock.streams.services import Service
from crossdock.streams.topics import OUTCOMES
from tests.edges.builders import NOW, Hub, hub
from tests.edges.partner import Partner

QUICK = DeliverySettings(
    idle_seconds=0.02, limit_seconds=5.0, backoffs=Backoffs(first_seconds=0.05, most_seconds=0.2, give_up=3)
)


def service(it: Hub) -> Service:
    return delivery_service(it.connections.open["shop"], it.around, QUICK)


def deliver(it: Hub) -> None:
    def done() -> bool:
        return all(each.state in ("applied", "rejected", "parked") for each in it.commands())

    asyncio.run(it.run([service(it)], done))


def outcomes(it: Hub) -> list[Any]:
    return [json.loads(message.body) for message in it.emitted(OUTCOMES)]


def test_commands_are_applied_in_order_within_their_key(
    database: Database, tmp_path: Path, partner: Partner
) -> None:
    it = hub(database, tmp_path, partner.url)
    it.enqueue("thing.request", 60, keys=7)
    deliver(it)
    assert partner.effects == Counter({f"thing.request:{number}": 1 for number in range(60)})
    for key in range(7):
        of_key = [
            int(each.rpartition(":")[2]) for each in partner.order if int(each.rpartition(":")[2]) % 7 == key
        ]
        assert of_key == sorted(of_key)
    said = {each["id"]: each for each in outcomes(it)}
    assert len(said) == 60
    first = said[1]
    assert (first["command"], first["state"], first["ref"]) == (
        "thing.request",
        "applied",
        "P-thing.request:0",
    )
    assert (first["payload"], first["refs"], first["schema"]) == ({"id": "n0"}, {"order": "o0"}, None)
    message = it.emitted(OUTCOMES)[0]
    assert message.id == f"outcome:{json.loads(message.body)['id']}/1"
    assert {"number": "n0", "hub_number": "1"} in partner.documents


def test_batches_go_together(database: Database, tmp_path: Path, partner: Partner) -> None:
    it = hub(database, tmp_path, partner.url)
    it.enqueue("thing.many", 120)
    deliver(it)
    assert sum(partner.requests.values()) <= 6
    assert len(partner.documents) == 120
    assert len(outcomes(it)) == 120


def test_a_partly_applied_batch_is_split(database: Database, tmp_path: Path, partner: Partner) -> None:
    it = hub(database, tmp_path, partner.url)
    it.enqueue("thing.many", 3)
    partner.answers["thing.many:0+3+thing.many:2"] = [(207, {"rejected": [0], "retry": [1]})]
    deliver(it)
    assert [each.state for each in it.commands()] == ["rejected", "applied", "applied"]
    assert Counter(each["state"] for each in outcomes(it)) == {"rejected": 1, "applied": 2}
    assert partner.requests["thing.many:1"] == 1


def test_a_batch_refused_as_a_whole_is_sent_one_by_one(
    database: Database, tmp_path: Path, partner: Partner
) -> None:
    it = hub(database, tmp_path, partner.url)
    it.enqueue("thing.many", 3)
    partner.answers["thing.many:0+3+thing.many:2"] = [(422, {"why": "one of them"})]
    partner.answers["thing.many:1"] = [(422, {"why": "this one"})]
    deliver(it)
    assert [each.state for each in it.commands()] == ["applied", "rejected", "applied"]


def test_a_rejection_names_code_and_path(database: Database, tmp_path: Path, partner: Partner) -> None:
    it = hub(database, tmp_path, partner.url)
    it.enqueue("thing.request", 2)
    partner.answers["thing.request:0"] = [(422, {"why": "too late"})]
    deliver(it)
    said = next(each for each in outcomes(it) if each["state"] == "rejected")
    assert (said["code"], said["message"], said["path"]) == ("tiny.rejected", "too late", "$.thing")


@pytest.mark.parametrize(
    ("name", "payload", "code", "words"),
    [
        ("thing.request", {"nothing": 1}, "mapping.missing", "tiny/request"),
        ("thing.unheard", {}, "command.unknown", "thing.unheard"),
    ],
)
def test_what_cannot_be_said_is_rejected(
    database: Database, tmp_path: Path, partner: Partner, name: str, payload: Any, code: str, words: str
) -> None:
    it = hub(database, tmp_path, partner.url)
    it.enqueue(name, payload=payload)
    deliver(it)
    (said,) = outcomes(it)
    assert (said["state"], said["code"]) == ("rejected", code)
    assert words in said["message"]
    assert not partner.requests


def test_a_lost_answer_is_repeated_under_the_same_key(
    database: Database, tmp_path: Path, partner: Partner
) -> None:
    it = hub(database, tmp_path, partner.url)
    it.enqueue("thing.request")
    partner.silent = {"thing.request:0"}
    deliver(it)
    assert partner.effects["thing.request:0"] == 1
    assert partner.requests["thing.request:0"] == 2
    assert outcomes(it)[0]["state"] == "applied"


def test_a_lost_answer_is_probed(database: Database, tmp_path: Path, partner: Partner) -> None:
    partner.remembers = lambda _: False
    it = hub(database, tmp_path, partner.url)
    it.enqueue("thing.find")
    partner.silent = {"thing.find:0"}
    deliver(it)
    assert partner.effects["thing.find:0"] == partner.requests["thing.find:0"] == 1
    assert outcomes(it)[0]["state"] == "applied"


def test_where_nobody_can_be_asked_a_lost_answer_is_parked(
    database: Database, tmp_path: Path, partner: Partner
) -> None:
    it = hub(database, tmp_path, partner.url)
    it.enqueue("thing.once", 2)
    partner.silent = {"thing.once:0"}
    deliver(it)
    assert [each.state for each in it.commands()] == ["parked", "applied"]
    assert partner.requests["thing.once:0"] == 1
    assert {each["state"] for each in outcomes(it)} == {"parked", "applied"}


def test_what_was_being_sent_when_the_worker_died_is_probed(
    database: Database, tmp_path: Path, partner: Partner
) -> None:
    partner.remembers = lambda _: False
    it = hub(database, tmp_path, partner.url)
    it.enqueue("thing.find", 2)
    partner.do("thing.find:0", [])
    owner = it.around.owner_of("shop")
    now = it.transactions.clock.now()
    database.transact_now(lambda c: commands.claim(c, "shop", owner, now, lease_seconds=300, limit=2))
    deliver(it)
    assert partner.effects == {"thing.find:0": 1, "thing.find:1": 1}


def test_a_service_that_is_started_again_sends_nothing_twice(
    database: Database, tmp_path: Path, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = hub(database, tmp_path, partner.url)
    it.enqueue("thing.once", 12)
    # Most of what is claimed waits its turn.
    delivering = delivery_service(it.connections.open["shop"], it.around, replace(QUICK, concurrency=2))
    failing = iter([True])
    record = commands.record

    def fail_at_first(*arguments: Any) -> int:
        if next(failing, False):
            raise UnreachableError("the database is away")
        return record(*arguments)

    monkeypatch.setattr(commands, "record", fail_at_first)

    def done() -> bool:
        return all(each.state in ("applied", "parked") for each in it.commands())

    async def two_lives() -> None:
        with pytest.raises(UnreachableError):
            await delivering.run(asyncio.Event())
        await it.run([delivering], done)

    asyncio.run(two_lives())
    assert max(partner.requests.values()) == 1


def test_an_answer_is_mapped_and_completes_the_outcome(
    database: Database, tmp_path: Path, partner: Partner
) -> None:
    it = hub(database, tmp_path, partner.url)
    it.enqueue("label.buy", 2)
    partner.answers["label.buy:1"] = [(200, {"id": "P", "already": False})]
    deliver(it)
    assert outcomes(it) == []
    asyncio.run(it.normalise())
    (said,) = outcomes(it)
    assert said["schema"] == "label/1"
    assert said["document"]["tracking_number"] == "T-label.buy:0"
    (letter,) = it.letters()
    assert letter.code == "mapping.missing"
    it.replay(letter.id, b'{"id": "P", "tracking": "T-1"}')
    asyncio.run(it.normalise())
    assert [each["document"]["tracking_number"] for each in outcomes(it)] == ["T-label.buy:0", "T-1"]
    assert {message.key for message in it.emitted(OUTCOMES)} == {"key-0", "key-1"}


def test_the_partners_own_ids_are_handed_over(database: Database, tmp_path: Path, partner: Partner) -> None:
    it = hub(database, tmp_path, partner.url)
    it.enqueue("thing.request")
    database.transact_now(lambda c: link(c, [CrossReference("shop", "thing", "THEIRS", "o0", NOW)]))
    seen: list[Any] = []
    connector: Any = it.connections.open["shop"].connector
    execute = connector.execute

    async def spy(command: Any, key: str) -> Any:
        seen.append(dict(command.refs))
        return await execute(command, key)

    connector.execute = spy
    deliver(it)
    assert seen == [{"order": "o0", "thing": "THEIRS"}]


def test_an_unreachable_partner_gets_it_later(database: Database, tmp_path: Path, partner: Partner) -> None:
    it = hub(database, tmp_path, "http://127.0.0.1:9")
    it.enqueue("thing.once")

    async def story() -> None:
        await it.run([service(it)], lambda: bool(it.commands()[0].outcome), 60)

    asyncio.run(story())
    assert it.commands()[0].state == "pending"
    assert outcomes(it) == []
