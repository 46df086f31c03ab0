"""Rates, labels, refunds: the commands, and whether they happened.

EasyPost knows no idempotency key. What makes a label unique is the shipment: it can be bought once. So the shipment
carries our reference, and every repetition of a command goes on with the shipment that is already there.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from crossdock.sdk.connector import Command
from crossdock.sdk.errors import RecordRejectedError
from crossdock.sdk.outcomes import AlreadyApplied, Applied, NotApplied, Outcome, Rejected, Response
from crossdock.sdk.translation import outcomes
from crossdock_connectors.easypost.choosing import choose
from crossdock_connectors.easypost.client import Answer, EasyPostClient, Node

__all__ = ["execute", "probe", "reference_of"]

Handler: TypeAlias = Callable[[EasyPostClient, Command], Awaitable[Outcome]]

_EXISTS: Final = "easypost.shipment.postage.exists"
_APART: Final = timedelta(days=1)
"""How far two shipments of one reference can lie apart; the hub gives up on a command long before."""
_REFUNDING: Final = frozenset({"submitted", "refunded"})


@outcomes
async def execute(client: EasyPostClient, command: Command, _key: str) -> Outcome:
    """Do it; see ``Executes.execute``. What the label stands for is in the document, not in the key."""
    return await _EXECUTE[command.name](client, command)


@outcomes
async def probe(client: EasyPostClient, command: Command, _key: str) -> Outcome:
    """Say whether it happened; see ``Executes.probe``."""
    return await _PROBE[command.name](client, command)


def reference_of(name: str) -> str:
    """``name`` as a reference that can stand in a path: other characters become ``_2f_``. No two become equal."""
    return re.sub("[^A-Za-z0-9-]", lambda match: f"_{ord(match[0]):x}_", name)


# --- rate.shop ------------------------------------------------------------------------------------------


async def _shop(client: EasyPostClient, command: Command) -> Outcome:
    answer = await client.post("/shipments", {"shipment": _shipment(client, command)}, safe=True)
    if not answer.node["rates"]:
        rejected = choose(client.config, answer.node, None, None)
        assert isinstance(rejected, Rejected)
        return rejected
    return Applied(answer.id, Response(answer.body))


async def _probe_shop(_client: EasyPostClient, _command: Command) -> Outcome:
    """Nothing to look for: it may simply be asked again."""
    return NotApplied()


def _shipment(client: EasyPostClient, command: Command) -> Node:
    """The shipment as mapped, with what the connection adds."""
    shipment = command.document["shipment"]
    assert isinstance(shipment, Mapping)
    accounts = client.config.carrier_accounts
    return {**shipment, **({"carrier_accounts": list(accounts)} if accounts else {})}


# --- label.buy ------------------------------------------------------------------------------------------


async def _buy(client: EasyPostClient, command: Command) -> Outcome:
    reference = _reference(command)
    shipment = await _find(client, reference)
    if shipment is not None and _bought(shipment.node):
        return AlreadyApplied(shipment.id, Response(shipment.body))
    if shipment is None:
        body = {**_shipment(client, command), "reference": reference}
        body["options"] = {**body.get("options", {}), "label_format": client.config.label_format}
        shipment = await client.post("/shipments", {"shipment": body})
        node = shipment.node
    else:
        rates = await client.post(f"/shipments/{shipment.id}/rerate", {}, safe=True, wanted="rates")
        node = {**shipment.node, "rates": rates.node["rates"]}
    rate = choose(client.config, node, _text(command, "carrier"), _text(command, "service"))
    if isinstance(rate, Rejected):
        return rate
    purchase: Node = {"rate": {"id": rate["id"]}}
    if client.config.end_shipper_id:
        purchase["end_shipper_id"] = client.config.end_shipper_id
    try:
        bought = await client.post(f"/shipments/{shipment.id}/buy", purchase)
    except RecordRejectedError as error:
        if error.rejections[0].code != _EXISTS:
            raise
        bought = await client.get(f"/shipments/{shipment.id}")
        return AlreadyApplied(bought.id, Response(bought.body))
    return Applied(bought.id, Response(bought.body))


async def _probe_buy(client: EasyPostClient, command: Command) -> Outcome:
    shipment = await _find(client, _reference(command))
    if shipment is None or not _bought(shipment.node):
        return NotApplied()
    return AlreadyApplied(shipment.id, Response(shipment.body))


async def _find(client: EasyPostClient, reference: str) -> Answer | None:
    """The shipment of ours under ``reference``, the bought one if there is one.

    References need not be unique: a creation whose answer was lost may have come through late. So where the shipment
    found is not bought, the bought ones of that time are looked through.
    """
    found = await client.find(f"/shipments/{reference}")
    if found is None or _bought(found.node):
        return found
    created = _created(found.node)
    async for shipments, _ in client.pages("shipments", 100, purchased="true"):
        for shipment in shipments:
            if shipment.get("reference") == reference and _bought(shipment):
                return await client.get(f"/shipments/{shipment['id']}")
        if shipments and _created(shipments[-1]) < created - _APART:
            break
    return found


def _bought(shipment: Node) -> bool:
    return shipment.get("postage_label") is not None


def _created(shipment: Node) -> datetime:
    return datetime.fromisoformat(shipment["created_at"])


def _reference(command: Command) -> str:
    return reference_of(str(command.document["reference"]))


def _text(command: Command, name: str) -> str | None:
    value = command.document.get(name)
    return None if value is None else str(value)


# --- label.refund ---------------------------------------------------------------------------------------


async def _refund(client: EasyPostClient, command: Command) -> Outcome:
    standing = await _probe_refund(client, command)
    if not isinstance(standing, NotApplied):
        return standing
    answer = await client.post(f"/shipments/{command.document['shipment']}/refund", {})
    outcome = _refunded(answer)
    return Applied(outcome.ref, outcome.response) if isinstance(outcome, AlreadyApplied) else outcome


async def _probe_refund(client: EasyPostClient, command: Command) -> Outcome:
    answer = await client.find(f"/shipments/{command.document['shipment']}")
    if answer is None:
        return Rejected(
            "easypost.no_shipment", f"EasyPost has no shipment {command.document['shipment']} under this key"
        )
    return NotApplied() if answer.node["refund_status"] is None else _refunded(answer)


def _refunded(answer: Answer) -> Outcome:
    status = answer.node["refund_status"]
    if status in _REFUNDING:
        return AlreadyApplied(answer.id, Response(answer.body))
    return Rejected(
        f"easypost.refund.{status}",
        f"the carrier does not refund label {answer.node['tracking_code']} (refund_status {status}): it was used, is "
        "too old, or is paid for only when it is used",
    )


_EXECUTE: Final[Mapping[str, Handler]] = {"rate.shop": _shop, "label.buy": _buy, "label.refund": _refund}
_PROBE: Final[Mapping[str, Handler]] = {
    "rate.shop": _probe_shop,
    "label.buy": _probe_buy,
    "label.refund": _probe_refund,
}
