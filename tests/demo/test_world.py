"""The world that a seed makes: the same every time, and whole."""

from __future__ import annotations

from collections import Counter

from stdnum import ean

from crossdock.config.model import Config
from crossdock.demo.dice import Dice
from crossdock.demo.network import configuration
from crossdock.demo.orders import Channel
from crossdock.demo.world import make_world


def test_a_throw_depends_on_seed_and_name_only() -> None:
    dice = Dice(7)
    first = dice.throw("short", "F1")
    for number in range(100):
        dice.throw("other", number)
    assert dice.throw("short", "F1") == first == Dice(7).throw("short", "F1")
    assert Dice(8).throw("short", "F1") != first


def test_throws_are_spread_evenly() -> None:
    dice = Dice(1)
    faces = Counter(dice.between(1, 6, "die", number) for number in range(6000))
    assert set(faces) == {1, 2, 3, 4, 5, 6}
    assert min(faces.values()) > 850


def test_the_same_seed_makes_the_same_world() -> None:
    assert make_world(3, 40) == make_world(3, 40)
    assert make_world(3, 40).orders != make_world(4, 40).orders


def test_the_first_orders_do_not_depend_on_how_many_follow() -> None:
    assert make_world(3, 40).orders == make_world(3, 80).orders[:40]


def test_there_are_sixty_places_two_thousand_products_and_orders_of_every_kind() -> None:
    world = make_world(1, 500)
    assert Counter(place.kind for place in world.places) == {
        "warehouse": 10, "store": 48, "third_party": 1, "supplier": 1,
    }  # fmt: skip
    assert len(world.catalogue) == len({product.sku for product in world.catalogue}) == 2000
    assert all(ean.is_valid(product.gtin) for product in world.catalogue)
    assert {order.channel for order in world.orders} == set(Channel)
    assert any(order.pick_up_at for order in world.orders)
    assert any(order.express for order in world.orders)
    assert any(order.cancelled for order in world.orders)
    assert any(line.kit for order in world.orders for line in order.lines)
    restrictions = {each for product in world.catalogue for each in product.restrictions}
    assert restrictions == {"hazmat", "oversize"}


def test_buyers_compete_for_some_products() -> None:
    world = make_world(1, 500)
    stock: Counter[str] = Counter()
    for shelf in world.stock.values():
        stock.update(shelf)
    wanted: Counter[str] = Counter()
    for order in world.orders:
        for line in order.lines:
            wanted[line.product.sku] += line.quantity
    assert any(stock[sku] < units for sku, units in wanted.items())


def test_the_network_is_a_configuration_that_compiles() -> None:
    network = configuration(make_world(1, 1).places)
    nodes = network["nodes"]
    assert isinstance(nodes, list)
    accounts = {node["connection"]: {"connector": "sftp_wms"} for node in nodes}
    assert len(Config.model_validate({**network, "connections": accounts}).nodes) == 60
