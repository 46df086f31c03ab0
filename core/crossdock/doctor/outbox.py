"""Checks of what partners are told, and of the messages inside: nothing is lost, nothing stands still."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Text, bindparam, text

from crossdock.doctor.kits import untold_kits
from crossdock.doctor.model import Check, Row, Situation, rows_of, sql
from crossdock.store.metadata import Instant
from crossdock.streams.topics import EVENTS, RATES

__all__ = ["OUTBOX_CHECKS"]

_UNTOLD = """
    SELECT left_node.id AS shipment, left_node.order_id, left_node.shipped_at
    FROM shipments AS left_node JOIN orders AS one ON one.id = left_node.order_id
    WHERE left_node.shipped_at IS NOT NULL AND left_node.created_at > :recent
      AND NOT EXISTS (SELECT 1 FROM commands AS told WHERE told.connection = {told}
                      AND told.idempotency_key = '{command}:' || left_node.id)
      AND NOT EXISTS (SELECT 1 FROM work_items AS item WHERE item.order_id = left_node.order_id
                      AND item.cause IN ('over_shipped', 'called_off_but_done'))
      -- Components are told of with the shipment that makes their kit whole: see ``kits``.
      AND EXISTS (SELECT 1 FROM fulfilment_order_lines AS held
                  JOIN order_lines AS line ON line.order_id = left_node.order_id AND line.line_id = held.order_line
                  WHERE held.fulfilment_order_id = left_node.fulfilment_order_id AND line.kit_line IS NULL)
      -- Of goods that go to another node first the buyer hears when they leave there.
      AND NOT EXISTS (SELECT 1 FROM fulfilment_orders AS leg
                      WHERE leg.id = left_node.fulfilment_order_id AND leg.to_node IS NOT NULL)
      AND {applies}
    ORDER BY left_node.id
"""
_recent = bindparam("recent", type_=Instant())
_UNCONFIRMED = text(
    _UNTOLD.format(told="one.connection", command="shipment.confirm", applies="one.connection IN :confirms")
).bindparams(_recent, bindparam("confirms", expanding=True, type_=Text()))
_NOT_INVOICED = text(
    _UNTOLD.format(
        told=":erp", command="invoice.post", applies="(:every_channel OR one.channel IN :channels)"
    )
).bindparams(_recent, bindparam("channels", expanding=True, type_=Text()))
_NOT_BOUGHT = text("""
    SELECT asked.id AS fulfilment_order, asked.order_id, asked.node, asked.requested_at
    FROM fulfilment_orders AS asked JOIN orders AS one ON one.id = asked.order_id
    WHERE asked.requested_at > :recent AND asked.node IN :suppliers
      AND NOT EXISTS (SELECT 1 FROM commands AS told WHERE told.connection = :erp
                      AND told.idempotency_key = 'purchase_order.create:' || asked.id)
      AND (:every_channel OR one.channel IN :channels)
    ORDER BY asked.id
""").bindparams(
    _recent,
    bindparam("suppliers", expanding=True, type_=Text()),
    bindparam("channels", expanding=True, type_=Text()),
)


def _unconfirmed(connection: Connection, situation: Situation) -> Iterator[Row]:
    confirms = sorted(situation.reporting.confirms)
    yield from rows_of(connection.execute(_UNCONFIRMED, {"recent": situation.recent, "confirms": confirms}))
    if confirms:
        yield from untold_kits(connection, situation, "shipment.confirm", confirms)


def _not_invoiced(connection: Connection, situation: Situation) -> Iterator[Row]:
    for erp, channels in situation.reporting.invoices:
        values = {
            "recent": situation.recent,
            "erp": erp,
            "every_channel": not channels,
            "channels": sorted(channels),
        }
        for row in rows_of(connection.execute(_NOT_INVOICED, values)):
            yield {**row, "erp": erp}
        for row in untold_kits(connection, situation, "invoice.post", channels, erp):
            yield {**row, "erp": erp}


def _not_bought(connection: Connection, situation: Situation) -> Iterator[Row]:
    for erp, channels in situation.reporting.purchases:
        values = {
            "recent": situation.recent,
            "erp": erp,
            "suppliers": sorted(situation.reporting.suppliers),
            "every_channel": not channels,
            "channels": sorted(channels),
        }
        for row in rows_of(connection.execute(_NOT_BOUGHT, values)):
            yield {**row, "erp": erp}


OUTBOX_CHECKS = (
    Check(
        "shipments_are_confirmed",
        "The channel of every shipment has been told, or the command to tell it is in the outbox.",
        "Report this; tell the channel by hand, the buyer waits for a tracking number.",
        _unconfirmed,
    ),
    Check(
        "shipments_are_invoiced",
        "Every ERP that wants invoices has been posted every shipment, or the command is in the outbox.",
        "Report this; post the shipment by hand.",
        _not_invoiced,
    ),
    Check(
        "supplies_are_bought",
        "Every ERP that wants purchase orders has one for every fulfilment order that a supplier was asked for, or the "
        "command is in the outbox.",
        "Report this; enter the purchase order by hand, the supplier will bill what it ships.",
        _not_bought,
    ),
    Check(
        "refusals_are_somebodys_work",
        "Every report that a partner refused, or that nobody knows of, is or was on the worklist.",
        "Read the partner's answer (`crossdock order show ID`) and settle it by hand; then report this.",
        sql("""
        SELECT told.id AS command, told.connection, told.name, told.order_key, told.state
        FROM commands AS told
        WHERE told.state IN ('rejected', 'parked')
          AND (told.name IN ('shipment.confirm', 'invoice.post', 'sales_order.post', 'order.cancel', 'label.buy')
               OR told.name LIKE 'purchase_order.%' OR told.name = 'credit_note.post')
          AND NOT EXISTS (SELECT 1 FROM work_items AS item
                          WHERE item.subject IN ('command:' || told.id, 'shipment:' || told.order_key))
          AND NOT EXISTS (SELECT 1 FROM messages AS news
                          JOIN processor_cursors AS reader
                            ON reader.topic = news.topic AND news.id > reader.position
                          WHERE news.topic = 'outcomes' AND news.key = told.order_key)
        ORDER BY told.id
        """),
    ),
    Check(
        "sending_has_a_lease",
        "Every command that is being sent is in the hands of a live worker.",
        "Start the hub: it probes such commands before it sends anything again.",
        sql("""
        SELECT id AS command, connection, name, order_key, attempts, lease_owner, lease_until FROM commands
        WHERE state = 'sending' AND (lease_until IS NULL OR lease_owner IS NULL OR lease_until < :stuck)
        ORDER BY id
        """),
    ),
    Check(
        "labels_are_bought_once",
        "No parcel has two labels.",
        "Have the carrier refund the label that is not on the parcel.",
        sql("""
        SELECT bought.order_key AS shipment, bought.refs AS parcel, count(*) AS labels
        FROM commands AS bought WHERE bought.name = 'label.buy' AND bought.state = 'applied'
        GROUP BY bought.order_key, bought.refs HAVING count(*) > 1
        UNION ALL
        SELECT labels.shipment, 'all', labels.labels
        FROM (SELECT canonical_id AS shipment, count(*) AS labels FROM cross_references
              WHERE kind = 'shipment' GROUP BY canonical_id) AS labels
        JOIN (SELECT shipment_id, count(*) AS parcels FROM parcels GROUP BY shipment_id) AS packed
          ON packed.shipment_id = labels.shipment
        WHERE labels.labels > packed.parcels
        ORDER BY 1
        """),
    ),
    Check(
        "outbox_moves",
        "No command stands still that is due.",
        "Is the hub running? `crossdock status` tells which connection is down.",
        sql("""
        SELECT id AS command, connection, name, order_key, state, attempts, not_before FROM commands
        WHERE state IN ('pending', 'unknown') AND not_before < :stuck
          AND (lease_until IS NULL OR lease_until < :stuck)
          AND NOT EXISTS (SELECT 1 FROM commands AS earlier
                          WHERE earlier.connection = commands.connection
                            AND earlier.order_key = commands.order_key AND earlier.id < commands.id
                            AND earlier.state IN ('pending', 'sending', 'unknown'))
        ORDER BY id
        """),
    ),
    Check(
        "messages_are_read",
        "No message waits on a topic that nobody reads, or for longer than ten minutes.",
        "Is the hub running? If it is, its log says what the processor of the topic waits for.",
        sql(f"""
        SELECT news.topic, count(*) AS messages, min(news.created_at) AS waiting_since
        FROM messages AS news
        LEFT JOIN (SELECT topic, min(position) AS position FROM processor_cursors GROUP BY topic) AS reader
               ON reader.topic = news.topic
        WHERE news.topic NOT IN ('{EVENTS}', '{RATES}')
          AND (reader.topic IS NULL OR (news.id > reader.position AND news.created_at < :stuck))
        GROUP BY news.topic ORDER BY news.topic
        """),
    ),
)
