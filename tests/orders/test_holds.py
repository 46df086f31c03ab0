from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from crossdock.errors import RecordRejectedError
from crossdock.orders.holds import EXPIRY, Blocks, Hold, active, blocks_routing, end_expired, lift, place_hold

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
FRAUD = Hold("fraud_review", "risk", NOW, expires_at=NOW + HOUR)
ADDRESS = Hold("address", "care", NOW, blocks=Blocks.ROUTING)


def test_a_hold_holds_until_its_expiry_and_not_at_it() -> None:
    assert active((FRAUD,), NOW + HOUR - timedelta(microseconds=1)) == (FRAUD,)
    assert active((FRAUD,), NOW + HOUR) == ()


def test_a_hold_of_which_nothing_is_said_keeps_the_goods_until_it_is_lifted() -> None:
    assert Hold("a", "b", NOW) == Hold("a", "b", NOW, "", Blocks.RELEASE, None, None, "")


def test_only_a_hold_on_routing_forbids_to_decide() -> None:
    assert not blocks_routing((FRAUD,), NOW)
    assert blocks_routing((FRAUD, ADDRESS), NOW)
    assert not blocks_routing(lift((FRAUD, ADDRESS), "address", NOW, "ada"), NOW)


def test_lifting_one_leaves_the_others_and_says_who_did() -> None:
    holds = lift((FRAUD, ADDRESS), "fraud_review", NOW, "ada")
    assert active(holds, NOW) == (ADDRESS,)
    assert (holds[0].ended_at, holds[0].ended_by) == (NOW, "ada")
    assert lift(holds, "fraud_review", NOW + HOUR, "bob") == holds


def test_lifting_what_was_never_there_says_what_is() -> None:
    with pytest.raises(RecordRejectedError, match="no hold 'credit'; it is under fraud_review, address"):
        lift((FRAUD, ADDRESS), "credit", NOW, "ada")


def test_placing_again_replaces_what_is_on_it_and_keeps_what_is_over() -> None:
    longer = Hold("fraud_review", "risk", NOW, expires_at=NOW + 2 * HOUR)
    assert place_hold((FRAUD,), longer) == (longer,)
    over = lift((FRAUD,), "fraud_review", NOW, "ada")
    assert place_hold(over, longer) == (*over, longer)


def test_the_end_of_an_expired_hold_is_noted_once() -> None:
    holds = (FRAUD, ADDRESS)
    assert end_expired(holds, NOW) is holds
    ended = end_expired(holds, NOW + 2 * HOUR)
    assert (ended[0].ended_at, ended[0].ended_by) == (NOW + HOUR, EXPIRY)
    assert end_expired(ended, NOW + 3 * HOUR) is ended
