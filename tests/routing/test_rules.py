"""Fences, splits, preferences, pick-up, capacity, calendars: one situation at a time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from crossdock.routing import (
    Address,
    Calendar,
    Capacity,
    Decision,
    Demand,
    DemandLine,
    Network,
    Node,
    NodeStatus,
    OpeningHours,
    PolicySet,
    PostalZone,
    RateCard,
    Service,
    SupplyView,
    Surcharge,
    compile_policy,
    route,
)
from tests.routing.builders import (
    NOW,
    STANDARD,
    demand,
    destination,
    line,
    network,
    node,
    rate_card,
    rate_cards,
)

Stock = dict[str, dict[str, int]]


def decide(
    nodes: list[Node],
    stock: Stock,
    order: Demand,
    used: dict[str, tuple[int, int, int]] | None = None,
    now: datetime = NOW,
    net: Network | None = None,
    stale: tuple[str, ...] = (),
    **changes: object,
) -> Decision:
    net = net or network(nodes)
    rows = [(sku, place, units) for place, skus in stock.items() for sku, units in skus.items()]
    supply = SupplyView(net, rows, used=used, stale_nodes=stale)
    policies = PolicySet([compile_policy({**STANDARD, **changes})])
    return route(order, supply, net, policies, now)


def placed(decision: Decision) -> dict[str, list[tuple[str, int]]]:
    return {a.node: [(x.sku, x.quantity) for x in a.lines] for a in decision.assignments}


NEAR, FAR = node("near"), node("far", 34.0, -118.2)
BOTH = {"near": {"sku0": 5}, "far": {"sku0": 5}}


def test_the_nearer_node_is_cheaper() -> None:
    decision = decide([FAR, NEAR], BOTH, demand([line(0)]))
    assert placed(decision) == {"near": [("sku0", 1)]}
    assert decision.assignments[0].service == "ground"
    assert decision.tiers == (Decimal(0), Decimal(1), Decimal("3.100"))


def test_the_cheapest_service_that_keeps_the_promise_is_taken() -> None:
    order = demand([line(0)], promise=date(2026, 11, 25))
    decision = decide([FAR], {"far": {"sku0": 5}}, order)
    shipment = decision.assignments[0]
    assert (shipment.service, shipment.delivery_date) == ("express", date(2026, 11, 25))


def test_an_order_may_ask_for_a_service_level() -> None:
    decision = decide([NEAR], BOTH, demand([line(0)], service_level="express"))
    assert decision.assignments[0].service == "express"
    assert decide([NEAR], BOTH, demand([line(0)], service_level="drone")).reason == "no_service"


def test_a_service_is_standard_and_collected_and_delivered_on_working_days_unless_said_otherwise() -> None:
    plain = Service("plain", "parcel", "ground", (1,))
    weekend = Service("weekend", "parcel", "ground", (1,), pick_up_days=(5,), delivery_days=(6,))
    net = Network([node("near", services=("plain",))], [plain], rate_cards(), currency="USD")
    friday = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
    order = demand([line(0)], service_level="standard")
    (sent,) = decide([], {"near": {"sku0": 1}}, order, net=net, now=friday).assignments
    assert (sent.ship_date, sent.delivery_date) == (date(2026, 11, 27), date(2026, 11, 30))
    assert decide([], BOTH, demand([line(0)], service_level="express"), net=net).reason == "no_service"
    saturdays = node("near", services=("weekend",), calendar=Calendar((OpeningHours(5, time(9), time(17)),)))
    net = Network([saturdays], [weekend], rate_cards(), currency="USD")
    (sent,) = decide([], {"near": {"sku0": 1}}, order, net=net, now=friday).assignments
    assert (sent.ship_date, sent.delivery_date) == (date(2026, 11, 28), date(2026, 11, 29))


def test_nodes_already_tried_are_out_and_a_paused_node_too() -> None:
    assert list(placed(decide([FAR, NEAR], BOTH, demand([line(0)], excluded_nodes=("near",))))) == ["far"]
    paused = node("near", status=NodeStatus.PAUSED)
    assert list(placed(decide([FAR, paused], BOTH, demand([line(0)])))) == ["far"]
    everywhere = demand([line(0)], excluded_nodes=("near", "far"))
    assert decide([FAR, NEAR], BOTH, everywhere).reason == "no_node"


def test_a_pick_up_is_fulfilled_by_its_store_or_not_at_all() -> None:
    order = demand([line(0)], pick_up=True, fixed_node="far")
    decision = decide([FAR, NEAR], BOTH, order)
    assert placed(decision) == {"far": [("sku0", 1)]}
    assert decision.assignments[0].service == ""
    assert dict(decision.assignments[0].costs)["shipping_cost"] == 0
    assert decide([FAR, NEAR], {"near": {"sku0": 1}}, order).reason == "no_stock"
    assert decide([FAR, NEAR], BOTH, demand([line(0)], pick_up=True)).reason == "pick_up_without_node"


def test_an_order_is_split_only_where_nobody_has_everything() -> None:
    order = demand([line(0), line(1)])
    stock = {"near": {"sku0": 1}, "far": {"sku0": 1, "sku1": 1}}
    assert list(placed(decide([FAR, NEAR], stock, order))) == ["far"]
    stock["far"].pop("sku0")
    assert placed(decide([FAR, NEAR], stock, order)) == {"near": [("sku0", 1)], "far": [("sku1", 1)]}


def test_lines_that_nobody_has_are_left_out_or_hold_the_order_back() -> None:
    order = demand([line(0), line(1)])
    decision = decide([NEAR], {"near": {"sku0": 1}}, order)
    assert placed(decision) == {"near": [("sku0", 1)]}
    assert [(x.sku, x.reason) for x in decision.unfilled] == [("sku1", "no_stock")]
    held = decide([NEAR], {"near": {"sku0": 1}}, order, unfillable={"ship_rest": False})
    assert not held.assignments
    assert len(held.unfilled) == 2


def test_a_split_must_respect_the_most_shipments_and_the_least_value() -> None:
    order = demand([line(0, unit_value=Decimal(100)), line(1, unit_value=Decimal(5))])
    stock = {"near": {"sku0": 1}, "far": {"sku1": 1}}
    assert decide([FAR, NEAR], stock, order).complete
    one = decide([FAR, NEAR], stock, order, split={"max_shipments": 1})
    assert len(one.assignments) == 1
    assert one.reason == "split_rules"
    low = decide([FAR, NEAR], stock, order, split={"min_value": "15.00 USD"})
    assert [x.sku for x in low.unfilled] in (["sku1"], ["sku0"])


def test_a_split_that_saves_too_little_is_not_made() -> None:
    order = demand([line(0), line(1, unit_weight_grams=9000)])
    stock = {"near": {"sku0": 1}, "far": {"sku0": 1, "sku1": 1}}
    objective = [{"shipping_cost": 1}]
    small = RateCard(
        "ground", "USD", (9300, 30000),
        tuple((Decimal(1 + z), Decimal(6 + z)) for z in range(5)), (250.0, 500.0, 1000.0, 2000.0),
    )  # fmt: skip
    net = network([FAR, NEAR], cards=(small, rate_card("express", factor="9")))
    split = decide([], stock, order, net=net, objective=objective)
    assert len(split.assignments) == 2
    assert split.tiers == (Decimal(6),)
    kept = decide([], stock, order, net=net, objective=objective, split={"only_if_saves": "4.00 USD"})
    assert kept.tiers == (Decimal(10),)
    made = decide([], stock, order, net=net, objective=objective, split={"only_if_saves": "3.99 USD"})
    assert made.tiers == (Decimal(6),)


def test_a_group_travels_together() -> None:
    lines = [line(0, group="kit-1", group_kind="kit"), line(1, group="kit-1", group_kind="kit"), line(2)]
    stock = {"near": {"sku0": 1, "sku2": 1}, "far": {"sku0": 1, "sku1": 1}}
    together = decide([FAR, NEAR], stock, demand(lines), split={"keep_together": ["kit"]})
    assert placed(together) == {"near": [("sku2", 1)], "far": [("sku0", 1), ("sku1", 1)]}
    stock["far"].pop("sku0")
    broken = decide([FAR, NEAR], stock, demand(lines), split={"keep_together": ["kit"]})
    assert {x.reason for x in broken.unfilled} == {"group_not_together"}


def test_a_line_that_nobody_can_fill_alone_is_taken_from_several() -> None:
    order = demand([line(0, 8), line(1)])
    stock = {"near": {"sku0": 5, "sku1": 1}, "far": {"sku0": 4}}
    decision = decide([FAR, NEAR], stock, order)
    assert decision.complete
    assert decision.optimal
    quantities = {n: dict(lines)["sku0"] for n, lines in placed(decision).items()}
    assert sum(quantities.values()) == 8
    assert quantities["near"] <= 5
    assert quantities["far"] <= 4
    assert decide([FAR, NEAR], stock, order, split={"quantity": False}).reason == "no_stock"


def test_the_same_sku_in_two_lines_is_counted_once() -> None:
    order = demand([line(0, 3), DemandLine("l9", "sku0", 3, unit_weight_grams=400)])
    decision = decide([FAR, NEAR], {"near": {"sku0": 5}, "far": {"sku0": 4}}, order)
    assert {n: sum(q for _, q in lines) for n, lines in placed(decision).items()} == {"near": 3, "far": 3}


@pytest.mark.parametrize(
    ("capacity", "used"),
    [(Capacity(orders=3), (3, 0, 0)), (Capacity(lines=4), (0, 4, 0)), (Capacity(units=10), (0, 0, 9))],
)
def test_a_full_node_is_out_unless_the_policy_does_not_ask(
    capacity: Capacity, used: tuple[int, int, int]
) -> None:
    nodes = [FAR, node("near", capacity=capacity)]
    order = demand([line(0, 2)])
    assert list(placed(decide(nodes, BOTH, order, used={"near": used}))) == ["far"]
    assert list(placed(decide(nodes, BOTH, order, used={"near": used}, fences=["stock"]))) == ["near"]


def test_conditions_fence_and_preferences_are_given_up_from_the_last() -> None:
    nodes = [node("a", tags=("dc",)), node("b", tags=("store", "sfp")), node("c", tags=("store",))]
    stock = {each: {"sku0": 1} for each in "abc"}
    order = demand([line(0)])
    fenced = decide(
        nodes, stock, order, fences=[{"require": '"sfp" in node.tags', "when": 'order.channel == "shop"'}]
    )
    assert list(placed(fenced)) == ["b"]
    other = decide(
        nodes, stock, order, fences=[{"require": '"sfp" in node.tags', "when": 'order.channel == "x"'}]
    )
    assert list(placed(other)) == ["a"]
    prefer = ['"store" in node.tags', '!("sfp" in node.tags)']
    assert list(placed(decide(nodes, stock, order, prefer=prefer))) == ["c"]
    stock.pop("c")
    less = decide(nodes, stock, order, prefer=prefer)
    assert (list(placed(less)), less.given_up) == (["b"], 1)
    stock.pop("b")
    least = decide(nodes, stock, order, prefer=prefer)
    assert (list(placed(least)), least.given_up) == (["a"], 2)


def test_destination_distance_and_stale_feeds_fence() -> None:
    abroad = node("near", serves=("CA", "US-NJ"))
    assert list(placed(decide([FAR, abroad], BOTH, demand([line(0)])))) == ["far"]
    assert list(placed(decide([FAR, abroad], BOTH, demand([line(0)]), fences=["stock"]))) == ["near"]
    close = decide([FAR], BOTH, demand([line(0)]), fences=[{"max_distance_km": 500}])
    assert close.reason == "no_node"
    fresh = decide([FAR, NEAR], BOTH, demand([line(0)]), stale=("near",), fences=["fresh"])
    assert list(placed(fresh)) == ["far"]


def test_restricted_products_need_a_node_and_a_carrier_that_take_them() -> None:
    order = demand([line(0, restrictions=("hazmat",)), line(1)])
    both = {each: {"sku0": 1, "sku1": 1} for each in ("near", "far")}
    decision = decide([node("far", 34.0, -118.2, handles=("hazmat",)), NEAR], both, order)
    assert list(placed(decision)) == ["far"]
    assert decide([NEAR], both, order).unfilled[0].reason == "restricted"
    refusing = Service("ground", "parcel", "ground", (1,), refuses=("hazmat",))
    plain = node("near", services=("ground",), handles=("hazmat",))
    net = Network([plain], [refusing], rate_cards(), currency="USD")
    assert [x.sku for x in decide([], both, order, net=net).unfilled] == ["sku0"]


def test_surcharges_parcels_and_dimensional_weight_are_billed() -> None:
    card = RateCard(
        "ground", "EUR", (1000, 2000), ((Decimal("4.00"), Decimal("5.00")),),
        dim_divisor_cm3_per_kg=5000,
        surcharges=(
            Surcharge("fuel", percent=Decimal(10)),
            Surcharge("toll", amount=Decimal("0.20")),
            Surcharge("bulky", amount=Decimal("3.00"), restriction="oversize"),
        ),
    )  # fmt: skip
    place = node("near", services=("ground",), handles=("oversize",))
    net = Network(
        [place],
        [Service("ground", "p", "ground", (1,))],
        [card],
        currency="USD",
        exchange_rates={"EUR": Decimal(2)},
    )

    def freight(**facts: object) -> Decimal:
        order = demand([line(0, **{"unit_weight_grams": 900, "unit_volume_cm3": 0, **facts})])  # type: ignore[arg-type]
        return dict(decide([], {"near": {"sku0": 9}}, order, net=net).assignments[0].costs)["shipping_cost"]

    assert freight() == Decimal("9.200"), "(4.00 x 1.1 + 0.20) x 2"
    assert freight(unit_volume_cm3=5001) == Decimal("11.400"), "dimensional weight is in the next step"
    assert freight(unit_weight_grams=4100) == Decimal("32.000"), "two parcels of 2 kg and one of 0.1 kg"
    assert freight(restrictions=("oversize",)) == Decimal("15.200")


def test_postal_zones_beat_distance() -> None:
    card = RateCard(
        "ground", "USD", (30000,), ((Decimal(1),), (Decimal(2),), (Decimal(3),)), (5000.0,),
        postal_zones=(PostalZone("100", 2), PostalZone("10", 1), PostalZone("100", 1, origin_prefix="900")),
    )  # fmt: skip
    nodes = [node("near", services=("ground",))]
    net = Network(nodes, [Service("ground", "p", "ground", (1,))], [card], currency="USD")
    assert decide([], {"near": {"sku0": 1}}, demand([line(0)]), net=net).tiers[2] == 3


def test_outside_of_every_postal_zone_a_carrier_without_bands_does_not_go() -> None:
    card = RateCard(
        "ground", "USD", (30000,), ((Decimal(1),), (Decimal(2),)), postal_zones=(PostalZone("100", 1),)
    )
    net = Network(
        [node("near", services=("ground",))], [Service("ground", "p", "ground", (1,))], [card], currency="USD"
    )
    stock = {"near": {"sku0": 1}}
    assert decide([], stock, demand([line(0)]), net=net).tiers[2] == 2
    elsewhere = replace(destination(), address=Address("US", "US-NY", "20001"))
    assert decide([], stock, demand([line(0)], destination=elsewhere), net=net).reason == "no_service"


@pytest.mark.parametrize(("used", "at"), [(0, "near"), (19, "far"), (10, "near"), (11, "far")])
def test_a_busy_node_leaves_orders_to_others_by_the_share_of_its_day(used: int, at: str) -> None:
    """Of 20 orders a day; the other has no limit, so it is never busy, but is far away."""
    nodes = [node("near", capacity=Capacity(orders=20)), FAR]
    near, far = (
        decide([each], BOTH, demand([line(0)]), objective=["shipping_cost"]).tiers[0] for each in (NEAR, FAR)
    )
    weight = 2 * (far - near) - Decimal("0.1")
    objective = [{"shipping_cost": 1, "workload": weight}]
    decision = decide(nodes, BOTH, demand([line(0)]), used={"near": (used, 0, 0)}, objective=objective)
    assert list(placed(decision)) == [at]
    if at == "near":
        assert dict(decision.assignments[0].costs)["workload"] == Decimal(used) / 20


def test_a_node_that_is_over_its_day_is_no_busier_than_full() -> None:
    nodes = [node("near", capacity=Capacity(orders=20))]
    decision = decide(
        nodes,
        BOTH,
        demand([line(0)]),
        used={"near": (30, 0, 0)},
        fences=["stock"],
        objective=[{"shipping_cost": 1, "workload": 1}],
    )
    assert dict(decision.assignments[0].costs)["workload"] == 1


@pytest.mark.parametrize(("units", "value"), [(5, Decimal("0.4")), (2, Decimal(1)), (8, Decimal("0.25"))])
def test_the_balance_of_stock_is_the_share_that_is_taken(units: int, value: Decimal) -> None:
    objective = [{"stock_balance": 1, "zero_stock": 1}]
    decision = decide([NEAR], {"near": {"sku0": units}}, demand([line(0, 2)]), objective=objective)
    costs = dict(decision.assignments[0].costs)
    assert costs["stock_balance"] == value
    assert costs["zero_stock"] == (1 if units == 2 else 0)


def test_a_currency_without_a_rate_is_not_decided() -> None:
    order = demand([line(0)], currency="SEK")
    assert decide([NEAR], BOTH, order, split={"min_value": "15.00 USD"}).reason == "unknown_currency"


HOURS = tuple(OpeningHours(day, time(9), time(17)) for day in range(5))


@pytest.mark.parametrize(
    ("now", "ship"),
    [
        (datetime(2026, 11, 23, 18, 59, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 11, 23, 19, 0, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 11, 23, 19, 1, tzinfo=UTC), date(2026, 11, 24)),
        (datetime(2026, 11, 24, 4, 0, tzinfo=UTC), date(2026, 11, 24)),
        (datetime(2026, 11, 25, 22, 0, tzinfo=UTC), date(2026, 11, 27)),
        (datetime(2026, 11, 27, 22, 0, tzinfo=UTC), date(2026, 11, 30)),
        (datetime(2026, 11, 28, 12, 0, tzinfo=UTC), date(2026, 11, 30)),
    ],
)
def test_cut_off_hours_and_holidays_set_the_day_of_shipping(now: datetime, ship: date) -> None:
    """New York closes at 17:00, takes orders until 14:00, and keeps Thanksgiving (26 November 2026)."""
    calendar = Calendar(HOURS, holidays=(date(2026, 11, 26),))
    place = node("near", calendar=calendar, processing_time=timedelta(hours=3))
    decision = decide([place], {"near": {"sku0": 1}}, demand([line(0)]), now=now)
    assert decision.assignments[0].ship_date == ship


def test_the_days_known_for_one_instant_are_not_used_for_another() -> None:
    calendar = Calendar(HOURS)
    net = network(
        [node("near", calendar=calendar), node("far", 34.0, -118.2, time_zone="America/Los_Angeles")]
    )
    fresh = [node("near", calendar=calendar), node("far", 34.0, -118.2, time_zone="America/Los_Angeles")]
    for minutes in range(0, 4 * 24 * 60, 37):
        now = NOW + timedelta(minutes=minutes)
        kept, new = net.timetable(now), network(fresh).timetable(now)
        assert [list(days) for days in kept.ship] == [list(days) for days in new.ship]


def test_processing_longer_than_a_day_runs_over_weekend() -> None:
    place = node("near", calendar=Calendar(HOURS), processing_time=timedelta(hours=10))
    now = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
    decision = decide([place], {"near": {"sku0": 1}}, demand([line(0)]), now=now)
    assert decision.assignments[0].ship_date == date(2026, 11, 30)


@pytest.mark.parametrize(
    ("holidays", "ship", "delivery"),
    [
        ((), date(2026, 11, 23), date(2026, 11, 24)),
        ((date(2026, 11, 23),), date(2026, 11, 24), date(2026, 11, 25)),
        ((date(2026, 11, 24),), date(2026, 11, 23), date(2026, 11, 25)),
        ((date(2026, 11, 25),), date(2026, 11, 23), date(2026, 11, 24)),
    ],
)
def test_a_carrier_neither_collects_nor_delivers_on_its_holidays(
    holidays: tuple[date, ...], ship: date, delivery: date
) -> None:
    ground = Service("ground", "parcel", "ground", (1,), holidays=holidays)
    net = Network([node("near", services=("ground",))], [ground], rate_cards(), currency="USD")
    sent = decide([], BOTH, demand([line(0)]), net=net).assignments[0]
    assert (sent.ship_date, sent.delivery_date) == (ship, delivery)


def test_each_node_with_a_limit_has_the_day_of_its_time_zone() -> None:
    limit = Capacity(orders=1)
    places = [
        node("auckland", time_zone="Pacific/Auckland", capacity=limit),
        node("free", time_zone="Pacific/Auckland"),
        node("honolulu", time_zone="Pacific/Honolulu", capacity=limit),
    ]
    days = network(places).days(datetime(2026, 11, 23, 11, 0, tzinfo=UTC))
    assert days == {"auckland": date(2026, 11, 24), "honolulu": date(2026, 11, 23)}


def test_a_node_that_never_opens_sends_nothing() -> None:
    closed = node("near", calendar=Calendar(()))
    assert decide([closed], BOTH, demand([line(0)])).reason == "no_service"


def test_an_order_without_a_policy_or_without_lines() -> None:
    assert decide([NEAR], BOTH, demand([line(0)]), when='order.channel == "other"').reason == "no_policy"
    with pytest.raises(ValueError, match="needs lines"):
        decide([NEAR], BOTH, demand([]))
