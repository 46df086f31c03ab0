from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crossdock.routing.deadline import Deadline

DAYS = st.integers(738_000, 738_030)
MAYBE = st.none() | DAYS


def test_the_deadline_that_is_missed_by_more_counts() -> None:
    both = Deadline(deliver=738_010, ship=738_003)
    assert both.late_days(delivery=738_009, shipping=738_005) == 2
    assert both.late_days(delivery=738_014, shipping=738_005) == 4
    assert both.late_days(delivery=738_009, shipping=738_003) == 0
    assert Deadline(None, None).late_days(738_009, 738_003) == 0


@given(
    deliver=MAYBE,
    ship=MAYBE,
    delivery=st.lists(DAYS, min_size=4, max_size=4),
    shipping=st.lists(DAYS, min_size=2, max_size=2),
)
def test_all_at_once_is_one_by_one(
    deliver: int | None, ship: int | None, delivery: list[int], shipping: list[int]
) -> None:
    deadline = Deadline(deliver, ship)
    table = np.array(delivery, dtype=float).reshape(1, 2, 2)
    late = deadline.late_days_of_all(table, [shipping])
    one_by_one = [
        deadline.late_days(delivery[2 * node + zone], shipping[node])
        for node in range(2)
        for zone in range(2)
    ]
    assert ([0] * 4 if late is None else late.ravel().tolist()) == one_by_one
