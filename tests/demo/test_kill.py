"""``kill -9`` of a hub at work, again and again: nothing is lost, and nothing is done twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select

from crossdock.demo.orders import Channel, PlannedOrder
from crossdock.demo.partners import erp, marketplace
from crossdock.demo.partners.shop_documents import order_gid
from crossdock.demo.reconciliation import reconcile
from crossdock.store.order_tables import fulfilment_orders, orders
from tests.demo.killing import KilledDemo, Moment, killed_demo

_SEED = 11
_ORDERS = 60
_KILLS = 50
_FINISH_SECONDS = 240.0
"""On a machine that has nothing else to do it takes a tenth of that."""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kind", "kills"), [("sqlite", _KILLS), ("postgresql", 10)])
def test_killed_hubs_lose_and_repeat_nothing(
    kind: str, kills: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/hub.sqlite"
    if kind == "postgresql":
        url = str(request.getfixturevalue("empty_postgres_url"))
    with killed_demo(tmp_path, _SEED, _ORDERS, url) as (demo, day):
        demo.kill_many(kills, until_orders=kills // 5)
        demo.finish(day, _FINISH_SECONDS)
        _was_at_work(demo.moments)
        books_agree(demo)
        files_are_whole_and_sent_once(demo)
        doctor_is_content(demo)


def _was_at_work(moments: list[Moment]) -> None:
    """The kills were no idle threat: they fell into every kind of work."""
    seen = "\n".join(map(str, moments))
    count = len(moments)
    assert sum(bool(each.unsettled or each.waiting) for each in moments) > count / 2, seen
    assert sum(bool(each.unsettled) for each in moments) > count / 4, seen
    assert sum(bool(each.sending) for each in moments) > count / 5, seen
    assert {"while it starts", "after a while"} < {each.how for each in moments}, seen
    assert len(set().union(*(each.sending for each in moments))) >= 2, seen


def books_agree(demo: KilledDemo) -> None:
    compared = reconcile(demo.world, demo.partners, demo.observer)
    assert [each for each in compared if not each.agrees] == [], demo.said()
    external_ids = select(orders.c.external_id)
    known = demo.observer.read(lambda db: db.execute(external_ids).scalars().all())
    assert sorted(known) == sorted(map(_external_id, demo.world.orders))
    assert _shipped_beyond_orders(demo) == {}


def files_are_whole_and_sent_once(demo: KilledDemo) -> None:
    assert demo.files.half_written() == []
    assert demo.files.left_over() == []
    assert {asked: times for asked, times in demo.files.asked().items() if times > 1} == {}


def doctor_is_content(demo: KilledDemo) -> None:
    doctor = demo.crossdock("doctor")
    doctor.join()
    assert doctor.exitcode == 0, demo.said()


def _external_id(order: PlannedOrder) -> str:
    match order.channel:
        case Channel.WEB:
            return order_gid(order.number)
        case Channel.MARKETPLACE:
            return marketplace.order_id(order.number)
        case Channel.B2B:
            return erp.order_id(order.number)


def _shipped_beyond_orders(demo: KilledDemo) -> dict[tuple[str, str], int]:
    """Units of an order and SKU that left shelves in excess of what the buyer ordered."""
    of_orders = select(fulfilment_orders.c.id, orders.c.external_id).join(
        orders, orders.c.id == fulfilment_orders.c.order_id
    )
    rows = demo.observer.read(lambda db: db.execute(of_orders).all())
    order_of = {row[0]: row[1] for row in rows}
    excess: Counter[tuple[str, str]] = Counter()
    for warehouse in demo.partners.warehouses:
        for job in warehouse.jobs.values():
            for shipped in job.shipped:
                for line in shipped.lines:
                    excess[order_of[job.id], line.sku] += line.quantity
    for order in demo.world.orders:
        for wanted in order.lines:
            excess[_external_id(order), wanted.product.sku] -= wanted.quantity
    return {key: units for key, units in excess.items() if units > 0}
