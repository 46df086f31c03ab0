from __future__ import annotations

import pytest

from crossdock.inventory.facts import (
    acknowledge,
    adjust,
    deallocate,
    quarantine,
    receive,
    restock,
    ship,
    transfer,
)
from crossdock.inventory.position import MovementKind, Position
from crossdock_schemas.stock import FeedMeaning
from tests.inventory.builders import NODE, SKU, allocation, minute, news

COUNTED = Position(SKU, NODE, 10, allocated=3, as_of=minute(5))
NET = COUNTED._replace(meaning=FeedMeaning.AVAILABLE)


def test_facts_after_the_count_change_on_hand() -> None:
    assert receive(COUNTED, 2, news(6)).position.on_hand == 12
    assert adjust(COUNTED, -2, news(6)).position.on_hand == 8
    assert restock(COUNTED, 2, news(6), sellable=True).position[2:6] == (12, 0, 3, 0)
    assert restock(COUNTED, 2, news(6), sellable=False).position[2:6] == (12, 0, 3, 2)
    assert quarantine(COUNTED, 2, news(6)).position[2:6] == (10, 0, 3, 2)
    assert ship(COUNTED, allocation(3), 2, news(6)).position[2:6] == (8, 0, 1, 0)


@pytest.mark.parametrize("instant", [4, 5])
def test_facts_up_to_the_count_are_in_it(instant: float) -> None:
    assert receive(COUNTED, 2, news(instant)).position.on_hand == 10
    assert ship(COUNTED, allocation(3), 2, news(instant)).position[2:6] == (10, 0, 1, 0)
    assert quarantine(COUNTED, 2, news(instant)).position[2:6] == (10, 0, 3, 2)
    assert quarantine(NET, 2, news(instant)).position[2:6] == (12, 0, 3, 2)


def test_a_shipment_before_an_available_count_takes_back_what_was_added_for_it() -> None:
    assert ship(NET, allocation(3, known_from=1), 3, news(4)).position.on_hand == 7
    assert ship(NET, allocation(3, known_from=1), 3, news(6)).position.on_hand == 7
    assert ship(NET, allocation(3), 3, news(4)).position.on_hand == 10


def test_giving_back_before_an_available_count_takes_back_what_was_added_for_it() -> None:
    assert deallocate(NET, allocation(3, known_from=1), 3, news(4)).position[2:6] == (7, 0, 0, 0)
    assert deallocate(NET, allocation(3, known_from=1), 2, news(6)).position[2:6] == (10, 0, 1, 0)
    assert deallocate(COUNTED, allocation(3, known_from=1), 3, news(4)).position[2:6] == (10, 0, 0, 0)


def test_a_late_acknowledgement_mends_an_available_count() -> None:
    mended = acknowledge(NET, allocation(3), news(4))
    assert (mended.position.on_hand, mended.allocation.known_from) == (13, minute(4))
    assert acknowledge(NET, allocation(3), news(6)).position.on_hand == 10
    assert acknowledge(COUNTED, allocation(3), news(4)).position.on_hand == 10
    again = acknowledge(mended.position, mended.allocation, news(4))
    assert again.position == mended.position
    later = acknowledge(mended.position, mended.allocation, news(9))
    assert later.allocation.known_from == minute(4)


def test_a_late_acknowledgement_counts_units_that_left_after_the_count() -> None:
    settled = [(2, minute(6)), (4, minute(5)), (8, minute(3))]
    assert acknowledge(NET, allocation(1), news(4), settled).position.on_hand == 10 + 1 + 2


def test_an_over_shipment_takes_only_what_was_promised_from_the_promise() -> None:
    change = ship(COUNTED, allocation(3), 5, news(6))
    assert change.position[2:6] == (5, 0, 0, 0)
    assert change.allocation.quantity == 0
    assert change.movement.kind is MovementKind.SHIPPED


def test_transfers_are_named_by_their_direction() -> None:
    arrived, left = transfer(COUNTED, 1, news(6)), transfer(COUNTED, -1, news(6))
    assert (arrived.movement.kind, arrived.position.on_hand) == (MovementKind.TRANSFERRED_IN, 11)
    assert (left.movement.kind, left.position.on_hand) == (MovementKind.TRANSFERRED_OUT, 9)


def test_quantities_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        receive(COUNTED, 0, news(6))
    with pytest.raises(ValueError, match="it holds 3"):
        deallocate(COUNTED, allocation(3), 4, news(6))
    with pytest.raises(ValueError, match="can't give back 0"):
        deallocate(COUNTED, allocation(3), 0, news(6))
