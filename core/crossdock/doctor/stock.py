"""Checks of the stock: the ledger, the promises, and what they are promised to."""

from __future__ import annotations

from crossdock.doctor.model import Check, sql

__all__ = ["STOCK_CHECKS"]

STOCK_CHECKS = (
    Check(
        "ledger_equals_balances",
        "Every balance is the sum of its movements in the ledger.",
        "Compare the ledger of the SKU at the node with what the node says, and report this: balances are "
        "only ever written together with their movements.",
        sql("""
        SELECT sku, node, sum(on_hand) AS on_hand_differs, sum(reserved) AS reserved_differs,
               sum(allocated) AS allocated_differs, sum(quarantined) AS quarantined_differs
        FROM (SELECT sku, node, on_hand, reserved, allocated, quarantined FROM positions
              UNION ALL
              SELECT sku, node, -on_hand, -reserved, -allocated, -quarantined FROM ledger) AS both_books
        GROUP BY sku, node
        HAVING sum(on_hand) <> 0 OR sum(reserved) <> 0 OR sum(allocated) <> 0 OR sum(quarantined) <> 0
        ORDER BY sku, node
        """),
    ),
    Check(
        "never_oversold",
        "No unit is promised that neither stock nor a policy covers, but those a node took back.",
        "Re-route the orders that hold the surplus, or have the node count the SKU.",
        sql("""
        SELECT sku, node, on_hand, quarantined, reserved, allocated, cover, shortfall FROM positions
        WHERE reserved < 0 OR allocated < 0 OR quarantined < 0
           OR reserved + allocated > shortfall
              + CASE WHEN on_hand - quarantined + cover > 0 THEN on_hand - quarantined + cover ELSE 0 END
        ORDER BY sku, node
        """),
    ),
    Check(
        "lots_equal_their_ledger",
        "The units of every lot are the sum of its movements, and no lot has less than none in quarantine.",
        "Report this; a count of the SKU by lots writes the balances anew.",
        sql("""
        SELECT sku, node, lot, sum(on_hand) AS on_hand, sum(quarantined) AS quarantined
        FROM (SELECT sku, node, lot, on_hand, quarantined FROM lots
              UNION ALL
              SELECT sku, node, lot, -on_hand, -quarantined FROM lot_movements) AS both_books
        GROUP BY sku, node, lot HAVING sum(on_hand) <> 0 OR sum(quarantined) <> 0 ORDER BY sku, node, lot
        """),
    ),
    Check(
        "lots_of_known_positions",
        "A position that has lots says so: only then are they looked at.",
        "Report this; any movement of the lot mends it.",
        sql("""
        SELECT lots.sku, lots.node, lots.lot FROM lots
        LEFT JOIN positions ON positions.sku = lots.sku AND positions.node = lots.node
        WHERE positions.by_lot IS NULL OR positions.by_lot = 0 ORDER BY lots.sku, lots.node, lots.lot
        """),
    ),
    Check(
        "cover_equals_back_orders",
        "What may be promised of a position beyond its stock is what its back-orders wait for, and what comes to be "
        "sent on.",
        "Report this; `PUT /v1/inbound/…` with what is really due, or cancelling the orders, gives the units back.",
        sql("""
        SELECT sku, node, sum(booked) AS cover, sum(held) AS back_ordered_or_to_come
        FROM (SELECT sku, node, cover AS booked, 0 AS held FROM positions
              UNION ALL
              SELECT sku, node, 0, to_come FROM back_orders
              UNION ALL
              SELECT line.sku, of_line.node, 0, line.to_come
              FROM fulfilment_order_lines AS line
              JOIN fulfilment_orders AS of_line ON of_line.id = line.fulfilment_order_id
              WHERE line.to_come <> 0) AS every_book
        GROUP BY sku, node HAVING sum(booked) <> sum(held) ORDER BY sku, node
        """),
    ),
    Check(
        "reserved_equals_reservations",
        "The reserved units of a position are those of its active reservations.",
        "Report this; releasing the reservation by hand books the units back.",
        sql("""
        SELECT sku, node, sum(booked) AS booked, sum(held) AS held_by_reservations
        FROM (SELECT sku, node, reserved AS booked, 0 AS held FROM positions
              UNION ALL
              SELECT sku, node, 0, quantity FROM reservations WHERE state = 'active') AS both_books
        GROUP BY sku, node HAVING sum(booked) <> sum(held) ORDER BY sku, node
        """),
    ),
    Check(
        "allocated_equals_open_lines",
        "The allocated units of a position are the open units of the fulfilment orders at its node.",
        "Look at the fulfilment orders of the SKU at the node: one has left without being booked, or was "
        "cancelled without giving its units back. Report this.",
        sql("""
        SELECT sku, node, sum(booked) AS booked, sum(held) AS open_in_fulfilment_orders
        FROM (SELECT sku, node, allocated AS booked, 0 AS held FROM positions
              UNION ALL
              SELECT line.sku, of_line.node, 0, line.open
              FROM fulfilment_order_lines AS line
              JOIN fulfilment_orders AS of_line ON of_line.id = line.fulfilment_order_id
              WHERE line.open > 0) AS both_books
        GROUP BY sku, node HAVING sum(booked) <> sum(held) ORDER BY sku, node
        """),
    ),
    Check(
        "returns_booked_once",
        "Every returned unit is booked once, by its disposition: restocked, held back, or scrapped and not booked.",
        "Compare the receipt with the ledger of the SKU at the node; a correction of the node's stock (a count, a "
        "movement) mends the position. Report this.",
        sql("""
        SELECT source, node, news, sku, sum(lines) AS lines_received, sum(booked) AS movements,
               sum(most) AS units_received, sum(on_hand) AS units_booked, sum(held) AS units_held_back
        FROM (SELECT source, node, 'return:' || external_id || '#' || number AS news, sku,
                     CASE WHEN disposition = 'scrap' THEN 0 ELSE 1 END AS lines, 0 AS booked,
                     CASE WHEN disposition = 'scrap' THEN 0 ELSE quantity END AS most,
                     CASE WHEN disposition IN ('scrap', 'restock') THEN 0 ELSE quantity END AS most_held,
                     0 AS on_hand, 0 AS held
              FROM return_receipts
              UNION ALL
              SELECT source, node, external_id, sku, 0, CASE WHEN kind = 'returned' THEN 1 ELSE 0 END, 0, 0,
                     on_hand, quarantined FROM ledger
              WHERE kind <> 'counted' AND external_id LIKE 'return:%') AS both_books
        GROUP BY source, node, news, sku
        HAVING sum(lines) > sum(booked) OR sum(booked) > 1 OR sum(on_hand) > sum(most) OR sum(held) > sum(most_held)
        ORDER BY source, node, news
        """),
    ),
)
