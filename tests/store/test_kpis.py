"""The five KPIs against numbers worked out by hand, and what must hold between the whole and its parts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossdock.store.engine import Database
from crossdock.store.metadata import metadata
from crossdock.store.queries.kpi_report import Dimension, KpiReport, Kpis, Mean, Median, Ratio
from crossdock.store.queries.kpis import load_kpis
from tests.store.kpi_rows import SINCE, UNTIL, Asked, Placed, Rows

NODE, CHANNEL, POLICY, DAY = Dimension.NODE, Dimension.CHANNEL, Dimension.POLICY, Dimension.DAY
FIRST, SECOND = datetime(2026, 11, 2, 9, tzinfo=UTC), datetime(2026, 11, 3, 23, 59, tzinfo=UTC)

# Four orders: one shipped by two nodes, one that a node refused and another shipped, one that no node was asked
# for, one of another channel and policy that shipped short; and one placed too early to be looked at.
ORDERS = (
    Placed(FIRST, (Asked("A", hours=10), Asked("B", shipping="7.50", hours=30))),
    Placed(FIRST, (Asked("A", "rejected"), Asked("B", shipping="4.00", handling="0.50", hours=20)), work=2),
    Placed(SECOND, (), state="received", work=1),
    Placed(SECOND, (Asked("A", "incomplete", "b2b@7"),), channel="b2b", state="partly_shipped"),
    Placed(SINCE - timedelta(seconds=1), (Asked("A"),)),
)


def report(database: Database, *by: Dimension) -> KpiReport:
    return database.read_now(lambda c: load_kpis(c, SINCE, UNTIL, currency="EUR", by=by))


def groups(found: KpiReport) -> dict[tuple[str | None, ...], Kpis]:
    return {tuple(group.key.values()): group.kpis for group in found.groups}


@pytest.fixture
def filled(database: Database) -> Database:
    rows = Rows()
    rows.place(ORDERS)
    rows.count("A", SINCE - timedelta(days=1), 100, 100)
    rows.count("A", FIRST, 10, 1)
    rows.count("A", SECOND, 10, 2)
    rows.count("B", FIRST, 50, 50)
    rows.count("B", SECOND, 30, 0)
    rows.count("B", SECOND + timedelta(hours=1), 9, 9, state="refused")
    database.transact_now(rows.write)
    return database


def ratio(part: int, whole: int, share: str | None) -> Ratio:
    return Ratio(part, whole, None if share is None else Decimal(share))


def test_the_whole_is_as_worked_out_by_hand(filled: Database) -> None:
    found = report(filled)
    assert (found.groups, found.by, found.currency) == ((), (), "EUR")
    # shipped whole: A, B, B; ended besides: a rejected and an incomplete one
    assert found.total.routing_accuracy == ratio(3, 5, "0.6000")
    # 6.00 + 8.50 for the first order, 4.50 for the second
    assert found.total.cost_to_serve == Mean(Decimal("19.00"), 2, Decimal("9.50"))
    # thirty and twenty hours; what has not shipped whole says nothing
    assert found.total.cycle_time_hours == Median(2, Decimal("25.00"))
    # 9 of 10 and 8 of 10 at A, 30 of 30 at B; the first count of each is left out
    assert found.total.inventory_accuracy == ratio(47, 50, "0.9400")
    assert found.total.exception_rate == ratio(2, 4, "0.5000")


def test_by_node_an_order_counts_at_each_node_that_was_asked(filled: Database) -> None:
    found = groups(report(filled, NODE))
    assert list(found) == [(None,), ("A",), ("B",)]
    nobody, a, b = found.values()
    assert nobody.exception_rate == ratio(1, 1, "1.0000")
    assert nobody.cost_to_serve == Mean(Decimal(0), 0, None)
    assert a.routing_accuracy == ratio(1, 3, "0.3333")
    assert a.cost_to_serve == Mean(Decimal("6.00"), 1, Decimal("6.00"))
    assert a.cycle_time_hours == Median(1, Decimal("10.00"))
    assert a.inventory_accuracy == ratio(17, 20, "0.8500")
    assert a.exception_rate == ratio(1, 3, "0.3333")
    assert b.routing_accuracy == ratio(2, 2, "1.0000")
    assert b.cost_to_serve == Mean(Decimal("13.00"), 2, Decimal("6.50"))
    assert b.cycle_time_hours == Median(2, Decimal("25.00"))
    assert b.inventory_accuracy == ratio(30, 30, "1.0000")


def test_by_channel_and_policy_a_count_has_no_meaning_and_is_empty_not_zero(filled: Database) -> None:
    by_channel = groups(report(filled, CHANNEL))
    assert {key: kpis.inventory_accuracy for key, kpis in by_channel.items()} == {
        ("b2b",): None,
        ("web",): None,
    }
    assert by_channel["b2b",].routing_accuracy == ratio(0, 1, "0.0000")
    assert by_channel["b2b",].cost_to_serve.value is None
    assert report(filled, CHANNEL).total.inventory_accuracy == ratio(47, 50, "0.9400")
    by_policy = groups(report(filled, POLICY))
    # the order that nobody was asked for belongs to the policy that decided so
    assert by_policy["standard@1",].exception_rate == ratio(2, 3, "0.6667")
    assert by_policy["b2b@7",].exception_rate == ratio(0, 1, "0.0000")
    assert all(kpis.inventory_accuracy is None for kpis in groups(report(filled, NODE, POLICY)).values())


def test_by_day_in_utc(filled: Database) -> None:
    found = groups(report(filled, DAY, NODE))
    assert found["2026-11-02", "B"].cost_to_serve == Mean(Decimal("13.00"), 2, Decimal("6.50"))
    assert found["2026-11-03", None].exception_rate == ratio(1, 1, "1.0000")
    assert found["2026-11-03", "B"].inventory_accuracy == ratio(30, 30, "1.0000")
    # a day of a node with nothing but a count
    assert found["2026-11-03", "B"].exception_rate == ratio(0, 0, None)
    assert list(found) == sorted(found, key=lambda key: (key[0] or "", key[1] or ""))


def test_nothing_has_no_value(database: Database) -> None:
    found = report(database, NODE)
    assert found.groups == ()
    assert found.total.routing_accuracy == ratio(0, 0, None)
    assert found.total.inventory_accuracy == ratio(0, 0, None)
    assert found.total.cycle_time_hours == Median(0, None)


ASKED = st.builds(
    Asked,
    st.sampled_from("ABC"),
    st.sampled_from(["shipped", "closed", "rejected", "short", "incomplete", "cancelled", "requested"]),
    st.sampled_from(["standard@1", "standard@2", ""]),
    st.decimals(0, 99, places=3).map(str),
    st.just("1.005"),
    st.none() | st.integers(-1, 200),
)
PLACED = st.builds(
    Placed,
    st.integers(-1500, 45_000).map(lambda minutes: SINCE + timedelta(minutes=minutes)),
    st.lists(ASKED, max_size=3).map(tuple),
    st.sampled_from(["web", "b2b"]),
    st.sampled_from(["shipped", "closed", "routed"]),
    work=st.integers(0, 2),
)
COUNT = st.tuples(st.sampled_from("AB"), st.integers(0, 60 * 24 * 40), st.integers(0, 50), st.integers(0, 50))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(placed=st.lists(PLACED, max_size=8), counts=st.lists(COUNT, max_size=5, unique_by=lambda c: c[:2]))
def test_the_whole_is_the_sum_of_its_parts_where_it_must_be(
    database: Database, placed: Sequence[Placed], counts: Sequence[tuple[str, int, int, int]]
) -> None:
    rows = Rows()
    rows.place(placed)
    for node, minutes, mentioned, drift in counts:
        rows.count(node, SINCE + timedelta(minutes=minutes), mentioned, min(drift, mentioned))
    database.transact_now(lambda c: [c.execute(table.delete()) for table in metadata.sorted_tables])
    database.transact_now(rows.write)
    for size in (1, 2, 3, 4):
        for by in combinations(Dimension, size):
            found = report(database, *by)
            parts, whole = [group.kpis for group in found.groups], found.total
            assert sum(kpis.routing_accuracy.part for kpis in parts) == whole.routing_accuracy.part
            assert sum(kpis.routing_accuracy.whole for kpis in parts) == whole.routing_accuracy.whole
            assert sum((kpis.cost_to_serve.total for kpis in parts), Decimal(0)) == whole.cost_to_serve.total
            counted = [kpis.inventory_accuracy for kpis in parts]
            if {CHANNEL, POLICY} & set(by):
                assert counted == [None] * len(parts)
            else:
                assert (
                    sum(each.whole for each in counted if each)
                    == (whole.inventory_accuracy or ratio(0, 0, None)).whole
                )
            orders = sum(kpis.exception_rate.whole for kpis in parts)
            timed = sum(kpis.cycle_time_hours.orders for kpis in parts)
            if {NODE, POLICY} & set(by):
                assert orders >= whole.exception_rate.whole
                assert timed >= whole.cycle_time_hours.orders
            else:
                assert (orders, timed) == (whole.exception_rate.whole, whole.cycle_time_hours.orders)
                assert sum(k.exception_rate.part for k in parts) == whole.exception_rate.part
