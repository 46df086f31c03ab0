"""Rows as the hub leaves them, for KPIs that can be computed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, insert

from crossdock.store.order_tables import decisions, fulfilment_orders, orders, shipments, work_items
from crossdock.store.stock_tables import feeds

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
UNTIL = datetime(2026, 12, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Asked:
    """A fulfilment order: who was asked, by which policy, how it ended, what it cost, when it left."""

    node: str
    state: str = "shipped"
    policy: str = "standard@1"
    shipping: str = "5.00"
    handling: str = "1.00"
    hours: int | None = 24


@dataclass(frozen=True)
class Placed:
    """An order."""

    at: datetime
    asked: tuple[Asked, ...] = ()
    channel: str = "web"
    state: str = "shipped"
    policy: str = "standard@1"
    work: int = 0


@dataclass
class Rows:
    """Rows by table, in the order in which they are added."""

    rows: dict[Table, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, table: Table, **values: Any) -> None:
        self.rows.setdefault(table, []).append(values)

    def write(self, connection: Connection) -> None:
        for table, rows in self.rows.items():
            connection.execute(insert(table), rows)

    def place(self, placed: Sequence[Placed], first: int = 0) -> None:
        for number, order in enumerate(placed, start=first):
            self._order(f"shop:{number}", str(number), order)

    def count(self, node: str, at: datetime, mentioned: int, drift: int, state: str = "closed") -> None:
        self.add(
            feeds, node=node, feed_id=at.isoformat(), connection="wms", as_of=at, mentioned=mentioned, parts=1,
            last_part=1, zero_omitted=1, state=state, drift_lines=drift, updated_at=at,
        )  # fmt: skip

    def _order(self, name: str, external_id: str, order: Placed) -> None:
        times = {"created_at": order.at, "updated_at": order.at}
        self.add(
            orders, id=name, connection="shop", channel=order.channel, external_id=external_id, version="1",
            state=order.state, priority=0, placed_at=order.at, document=b"{}", correlation_id="c",
            decisions=max(1, len(order.asked)), **times,
        )  # fmt: skip
        for number, policy in enumerate([each.policy for each in order.asked] or [order.policy], start=1):
            self.add(
                decisions, id=f"{name}#{number}", order_id=name, number=number, why="new", policy=policy,
                network="n", snapshot="s", body=b"", decided_at=order.at,
            )  # fmt: skip
        for number, asked in enumerate(order.asked, start=1):
            self._asked(name, number, asked, order.at, times)
        for number in range(order.work):
            self.add(
                work_items, cause="constraint_unmet", subject=f"x:{name}:{number}", order_id=name, message="m",
                owner="operations", fix="f", due_at=order.at, state="done", **times,
            )  # fmt: skip

    def _asked(self, name: str, number: int, asked: Asked, at: datetime, times: dict[str, datetime]) -> None:
        key = f"{name}/{number}"
        self.add(
            fulfilment_orders, id=key, order_id=name, number=number, node=asked.node, state=asked.state,
            attempt=1, service="ground", decision_id=f"{name}#{number}", tried_nodes=[], messages=[],
            costs={"shipping_cost": asked.shipping, "handling_cost": asked.handling, "workload": "9"}, **times,
        )  # fmt: skip
        if asked.hours is not None and asked.state in ("shipped", "closed", "incomplete"):
            self.add(
                shipments, id=f"{key}/s", fulfilment_order_id=key, order_id=name, node=asked.node,
                external_id="a", state="shipped", shipped_at=at + timedelta(hours=asked.hours), document=b"{}",
                **times,
            )  # fmt: skip
