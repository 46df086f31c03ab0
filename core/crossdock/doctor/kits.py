"""Kits that left: the channel and the ERP must have heard of each whole one, with the shipment that made it whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec
from sqlalchemy import Connection, Text, bindparam, text

from crossdock.doctor.model import Row, Situation
from crossdock.store.metadata import Instant

__all__ = ["untold_kits"]

_WHOLE = text("""
    SELECT line.order_id, line.kit_line, line.shipped, line.per_kit, coalesce(sums.shipped, 0) AS left_nodes
    FROM order_lines AS line JOIN orders AS one ON one.id = line.order_id
    LEFT JOIN (SELECT sent.order_id, each_line.order_line, sum(each_line.shipped) AS shipped
               FROM fulfilment_orders AS sent
               JOIN fulfilment_order_lines AS each_line ON each_line.fulfilment_order_id = sent.id
               WHERE sent.to_node IS NULL
               GROUP BY sent.order_id, each_line.order_line) AS sums
           ON sums.order_id = line.order_id AND sums.order_line = line.line_id
    WHERE line.kit_line IS NOT NULL AND one.created_at > :recent
      AND (:every OR one.connection IN :names OR one.channel IN :names)
      AND NOT EXISTS (SELECT 1 FROM work_items AS item WHERE item.order_id = one.id
                      AND item.cause IN ('over_shipped', 'called_off_but_done'))
    ORDER BY line.order_id, line.kit_line
""").bindparams(bindparam("recent", type_=Instant()), bindparam("names", expanding=True, type_=Text()))
_TOLD = text("""
    SELECT order_key, payload FROM commands WHERE name = :command AND order_key IN :orders
      AND (:told = '' OR connection = :told)
""").bindparams(bindparam("orders", expanding=True, type_=Text()))


class _Line(msgspec.Struct):
    order_line: str
    quantity: int


class _Parcel(msgspec.Struct):
    lines: tuple[_Line, ...] = ()


class _Told(msgspec.Struct):
    """A shipment as a channel is told, or an invoice."""

    parcels: tuple[_Parcel, ...] = ()
    lines: tuple[_Line, ...] = ()


_told = msgspec.json.Decoder(_Told)


def untold_kits(
    connection: Connection, situation: Situation, command: str, names: Iterable[str], told: str = ""
) -> Iterator[Row]:
    """Whole kits that left and that no ``command`` tells of.

    Args:
        names: Connections, or channels, whose orders are to be told of; empty with ``told``: all.
        told: The connection that is told; empty: each order's own.
    """
    wanted = sorted(names)
    values = {"recent": situation.recent, "every": bool(told) and not wanted, "names": wanted or [""]}
    whole: dict[tuple[str, str], tuple[int, int]] = {}
    for order, kit, shipped, per_kit, left_nodes in connection.execute(_WHOLE, values):
        # What was shipped before the order came here nobody has to be told of.
        now, before = shipped // per_kit, max(0, shipped - left_nodes) // per_kit
        least = whole.get((order, kit), (now, before))
        whole[order, kit] = (min(now, least[0]), min(before, least[1]))
    left = {key: now - before for key, (now, before) in whole.items() if now > before}
    if not left:
        return
    heard: Counter[tuple[str, str]] = Counter()
    asked = {"command": command, "orders": sorted({order for order, _ in left}), "told": told}
    for order, payload in connection.execute(_TOLD, asked):
        document = _told.decode(bytes(payload))
        for line in (*document.lines, *(line for parcel in document.parcels for line in parcel.lines)):
            heard[order, line.order_line] += line.quantity
    for (order, kit), units in left.items():
        if heard[order, kit] != units:
            yield {"order_id": order, "line": kit, "kits_left": units, "kits_told": heard[order, kit]}
