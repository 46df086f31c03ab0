"""Computes the five KPIs from rows, over the whole and by dimension; docs/kpis.md defines them."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from statistics import median_high, median_low
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Text, and_, cast, func, null, or_, select, true

from crossdock.store.metadata import Instant, utc_day
from crossdock.store.order_tables import decisions, fulfilment_orders, orders, shipments, work_items
from crossdock.store.queries.kpi_report import Dimension, Group, KpiReport, Kpis, Mean, Median, Ratio
from crossdock.store.stock_tables import feeds

__all__ = ["load_kpis"]

_WHOLE = frozenset({"shipped", "closed"})
_BROKEN = frozenset({"rejected", "short", "incomplete"})
_COST_TERMS = ("shipping_cost", "handling_cost")
_ROWS_AT_ONCE = 2_000


_FREE = Decimal(0)
_PLACES = (Dimension.NODE, Dimension.CHANNEL, Dimension.POLICY, Dimension.DAY)

_Values = tuple[str | None, str, str | None, datetime]
Key = tuple[str | None, ...]
"""One value for each dimension asked for; None where there is none: the node of an order that nobody was asked for."""


def load_kpis(
    connection: Connection, since: datetime, until: datetime, *, currency: str, by: Sequence[Dimension] = ()
) -> KpiReport:
    """Compute the KPIs, also ``by`` dimensions. Orders are read one after the other: memory grows with the groups
    and by eight bytes for each order, not with the orders themselves.
    """
    wanted = tuple(dict.fromkeys(by))
    whole, parts, key_of = _Groups(()), _Groups(wanted), _key(wanted)
    rows = connection.execute(_parts(since, until, wanted), execution_options={"yield_per": _ROWS_AT_ONCE})
    for _, order in groupby(rows, itemgetter(0)):
        asked = [_part(row, key_of) for row in order]
        whole.add_order(asked)
        if wanted:
            parts.add_order(asked)
    whole.add_counts(connection, since, until)
    if wanted:
        parts.add_counts(connection, since, until)
    groups = tuple(Group(dict(zip(wanted, key, strict=True)), kpis) for key, kpis in parts.kpis())
    return KpiReport(since, until, wanted, currency, whole.only(), groups)


class _Part(Struct, frozen=True, gc=False):
    """A fulfilment order and the order it is part of; or an order that has none.

    Attributes:
        key: Its value of each dimension asked for.
        shipped: The whole order.
        whole: It left whole; ``broken``: it ended otherwise.
        cost: Of one that left whole.
        seconds: From the order to its last parcel; -1 where none has left.
    """

    key: Key
    shipped: bool
    excepted: bool
    whole: bool
    broken: bool
    cost: Decimal
    seconds: int


def _part(row: Any, key_of: Callable[[_Values], Key]) -> _Part:
    _, channel, placed_at, order_state, excepted, node, policy, state, costs, left_at = row
    whole, cost = state in _WHOLE, _FREE
    if whole and costs:
        for term in _COST_TERMS:
            if term in costs:
                cost += Decimal(costs[term])
    # a node that tells the minute only seems to ship before the order was placed in it
    seconds = -1 if left_at is None else max(0, int((left_at - placed_at).total_seconds()))
    key = key_of((node, channel, policy or None, placed_at))
    return _Part(key, order_state in _WHOLE, bool(excepted), whole, state in _BROKEN, cost, seconds)


def _key(by: tuple[Dimension, ...]) -> Callable[[_Values], Key]:
    """What tells the key of node, channel, policy and instant."""
    places = [_PLACES.index(dimension) for dimension in by]
    day_at = by.index(Dimension.DAY) if Dimension.DAY in by else None

    def key_of(values: _Values) -> Key:
        found: list[Any] = [values[place] for place in places]
        if day_at is not None:
            found[day_at] = found[day_at].date().isoformat()
        return tuple(found)

    return key_of if by else lambda _: ()


def _parts(since: datetime, until: datetime, by: tuple[Dimension, ...]) -> Any:
    """Every part of the orders placed in the span, those of one order one after the other."""
    left = (
        select(func.max(shipments.c.shipped_at, type_=Instant()))
        .where(shipments.c.fulfilment_order_id == fulfilment_orders.c.id)
        .scalar_subquery()
    )
    source = orders.outerjoin(fulfilment_orders, fulfilment_orders.c.order_id == orders.c.id)
    policy: ColumnElement[Any] = cast(null(), Text())
    if Dimension.POLICY in by:
        policy = decisions.c.policy
        last = and_(decisions.c.order_id == orders.c.id, decisions.c.number == orders.c.decisions)
        source = source.outerjoin(
            decisions,
            or_(
                decisions.c.id == fulfilment_orders.c.decision_id,
                and_(fulfilment_orders.c.id.is_(None), last),
            ),
        )
    return (
        select(
            orders.c.id,
            orders.c.channel,
            orders.c.placed_at,
            orders.c.state.label("order_state"),
            select(true()).where(work_items.c.order_id == orders.c.id).exists().label("excepted"),
            fulfilment_orders.c.node,
            policy.label("policy"),
            fulfilment_orders.c.state,
            fulfilment_orders.c.costs,
            left.label("left_at"),
        )
        .select_from(source)
        .where(orders.c.placed_at >= since, orders.c.placed_at < until)
        .order_by(orders.c.placed_at, orders.c.id)
    )


@dataclass(slots=True)
class _Tally:
    """What is counted for one group."""

    ended: int = 0
    whole: int = 0
    cost: Decimal = Decimal(0)
    served: int = 0
    seconds: array[int] = field(default_factory=lambda: array("q"))
    orders: int = 0
    excepted: int = 0
    counted: int = 0
    drifted: int = 0

    def add(self, parts: Sequence[_Part]) -> None:
        """The parts of one order that belong to this group."""
        self.orders += 1
        self.excepted += parts[0].excepted
        served, seconds = False, -1
        for part in parts:
            if part.whole:
                served = True
                self.whole += 1
                self.cost += part.cost
            self.ended += part.whole or part.broken
            seconds = max(seconds, part.seconds)
        self.served += served
        if parts[0].shipped and seconds >= 0:
            self.seconds.append(seconds)

    def kpis(self, counts: bool) -> Kpis:
        mean = (self.cost / self.served).quantize(Decimal("0.01")) if self.served else None
        return Kpis(
            Ratio.of(self.whole, self.ended),
            Mean(self.cost, self.served, mean),
            Median(len(self.seconds), _median_hours(self.seconds)),
            Ratio.of(max(0, self.counted - self.drifted), self.counted) if counts else None,
            Ratio.of(self.excepted, self.orders),
        )


def _median_hours(seconds: Sequence[int]) -> Decimal | None:
    if not seconds:
        return None
    return (Decimal(median_low(seconds) + median_high(seconds)) / 7200).quantize(Decimal("0.01"))


class _Groups:
    """The tallies of one choice of dimensions."""

    def __init__(self, by: tuple[Dimension, ...]) -> None:
        self._by = by
        self._tallies: defaultdict[Key, _Tally] = defaultdict(_Tally)
        self._counts = {Dimension.CHANNEL, Dimension.POLICY}.isdisjoint(by)

    def add_order(self, parts: Sequence[_Part]) -> None:
        if not self._by:
            self._tallies[()].add(parts)
            return
        if len(parts) == 1:
            self._tallies[parts[0].key].add(parts)
            return
        by_key: dict[Key, list[_Part]] = {}
        for part in parts:
            by_key.setdefault(part.key, []).append(part)
        for key, those in by_key.items():
            self._tallies[key].add(those)

    def add_counts(self, connection: Connection, since: datetime, until: datetime) -> None:
        """Closed feeds, but not the first of a node: before it there was nothing to compare."""
        if not self._counts:
            return
        columns: dict[Dimension, ColumnElement[Any]] = {
            Dimension.NODE: feeds.c.node,
            Dimension.DAY: utc_day(feeds.c.as_of),
        }
        key = [columns[dimension] for dimension in self._by]
        earlier = feeds.alias("earlier")
        not_the_first = (
            select(true()).where(earlier.c.node == feeds.c.node, earlier.c.as_of < feeds.c.as_of).exists()
        )
        rows = connection.execute(
            select(func.sum(feeds.c.mentioned), func.sum(feeds.c.drift_lines), *key)
            .where(feeds.c.state == "closed", feeds.c.as_of >= since, feeds.c.as_of < until, not_the_first)
            .group_by(*key)
        )
        for counted, drifted, *values in map(tuple, rows):
            tally = self._tallies[tuple(values)]
            tally.counted, tally.drifted = int(counted or 0), int(drifted or 0)

    def kpis(self) -> Iterator[tuple[Key, Kpis]]:
        """Each key with its KPIs, in order."""
        for key in sorted(self._tallies, key=lambda key: [(value is not None, value or "") for value in key]):
            yield key, self._tallies[key].kpis(self._counts)

    def only(self) -> Kpis:
        """The KPIs of the whole."""
        return self._tallies[()].kpis(self._counts)
