"""The commands, and whether they happened."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import httpx

from crossdock.sdk.answers import json_of
from crossdock.sdk.connector import Command
from crossdock.sdk.errors import BugError, RecordRejectedError, Rejection, UnknownOutcomeError
from crossdock.sdk.outcomes import AlreadyApplied, Applied, NotApplied, Outcome, Rejected
from crossdock.sdk.translation import outcomes
from crossdock_connectors.amazon import calls
from crossdock_connectors.amazon.client import AmazonClient, Node, refusal

__all__ = ["execute", "package_reference", "probe"]

Handler: TypeAlias = Callable[[AmazonClient, Command, str], Awaitable[Outcome]]

_REFERENCES: Final = 2_000_000_000
"""Package references stay below 2**31, whatever type Amazon keeps them in."""


@outcomes
async def execute(client: AmazonClient, command: Command, key: str) -> Outcome:
    """Do it; see ``Executes.execute``."""
    return await _EXECUTE[command.name](client, command, key)


@outcomes
async def probe(client: AmazonClient, command: Command, key: str) -> Outcome:
    """Say whether it happened; see ``Executes.probe``."""
    return await _PROBE[command.name](client, command, key)


# --- shipment.confirm -----------------------------------------------------------------------------------


def package_reference(key: str, number: int) -> str:
    """The positive number that names a package within its order, made from the idempotency key."""
    digest = int.from_bytes(hashlib.sha256(key.encode()).digest())
    return str(digest % _REFERENCES + 1 + number)


async def _confirm_shipment(client: AmazonClient, command: Command, key: str) -> Outcome:
    """Confirm package by package; those that Amazon has already are left out."""
    order_id, packages = _order_id(command), _packages(client, command, key)
    # one package of the only marketplace needs no look at the order, of which Amazon grants a fourth as many
    several = len(packages) > 1 or len(client.config.marketplace_ids) > 1
    order = await _order(client, order_id) if several else None
    marketplace = _marketplace(client, order)
    confirmed = 0
    for number, package in enumerate(packages):
        if order is not None and _has(order, package):
            continue
        response = await client.send(calls.confirm_shipment(order_id, marketplace, package))
        if response.status_code == httpx.codes.NO_CONTENT:
            confirmed += 1
        elif response.is_success:
            raise UnknownOutcomeError(
                f"confirmShipment of {order_id} answered {response.status_code} instead of 204: a proxy's page? "
                "The order will be looked at"
            )
        elif not _has(await _order(client, order_id), package):
            return _refused(response, f"packages[{number}]")
    references = ",".join(str(package["packageReferenceId"]) for package in packages)
    return Applied(references) if confirmed else AlreadyApplied(references)


async def _probe_shipment(client: AmazonClient, command: Command, key: str) -> Outcome:
    order = await _order(client, _order_id(command))
    packages = _packages(client, command, key)
    if not all(_has(order, package) for package in packages):
        return NotApplied()
    return AlreadyApplied(",".join(str(package["packageReferenceId"]) for package in packages))


def _order_id(command: Command) -> str:
    if order_id := command.refs.get("order"):
        return order_id
    raise BugError(f"{command.name} {command.key}: refs name no order; the hub has to give Amazon's id of it")


def _marketplace(client: AmazonClient, order: Node | None) -> str:
    """Where the order was placed; the only marketplace there is where nobody has looked."""
    named = order["salesChannel"].get("marketplaceId") if order else None
    return str(named or next(iter(client.config.marketplace_ids)))


def _packages(client: AmazonClient, command: Command, key: str) -> list[Node]:
    """The ``packageDetail`` of each parcel of the mapped shipment."""
    document = command.document
    listed = document["packages"]
    assert isinstance(listed, list)
    source = client.config.supply_sources.get(str(document.get("node")))
    place = {"shipFromSupplySourceId": source} if source else {}
    return [
        {"packageReferenceId": package_reference(key, number), **package, **place}
        for number, package in enumerate(listed)
    ]


async def _order(client: AmazonClient, order_id: str) -> Node:
    """The order with its packages.

    Raises:
        RecordRejectedError: Amazon does not know it.
    """
    call = calls.get_order(order_id, ("PACKAGES",))
    response = await client.send(call)
    if response.status_code in (httpx.codes.BAD_REQUEST, httpx.codes.NOT_FOUND):
        raise RecordRejectedError(
            Rejection("amazon.no_order", f"the seller has no order {order_id}: {refusal(response)}")
        )
    order: Node = client.read(call, response)["order"]
    return order


def _has(order: Node, package: Node) -> bool:
    """Whether the order has the package: by our reference, or by the tracking number with all its items."""
    return any(
        one.get("packageReferenceId") == package["packageReferenceId"]
        or (one.get("trackingNumber") == package["trackingNumber"] and _holds(one, package))
        for one in order.get("packages") or ()
        if (one.get("packageStatus") or {}).get("status") != "CANCELLED"
    )


def _holds(there: Node, package: Node) -> bool:
    quantities = {item["orderItemId"]: item["quantity"] for item in there.get("packageItems") or ()}
    return all(quantities.get(item["orderItemId"], 0) >= item["quantity"] for item in package["orderItems"])


# --- stock.publish --------------------------------------------------------------------------------------


async def _publish_stock(client: AmazonClient, command: Command, _key: str) -> Outcome:
    """Set the quantity of a listing; Amazon takes it for processing, or says what is wrong with the listing."""
    document = command.document
    response = await client.send(
        calls.patch_listing(
            client.config.seller_id,
            str(document["sku"]),
            marketplace_ids=client.config.marketplace_ids,
            body={"productType": client.config.product_type, "patches": document["patches"]},
        )
    )
    if not response.is_success:
        return _refused(response, "sku")
    return submission(json_of(response))


def submission(answer: object) -> Outcome:
    """What became of a patch: only INVALID means that it was not taken."""
    if not isinstance(answer, dict) or not answer.get("status"):
        raise UnknownOutcomeError("patchListingsItem answered without a status; it will be sent again")
    if answer["status"] != "INVALID":
        return Applied(str(answer.get("submissionId", "")))
    issues = [issue for issue in answer.get("issues") or () if issue.get("severity") == "ERROR"]
    said = "; ".join(f"{issue.get('code')} {issue.get('message')}" for issue in issues)
    path = ",".join(name for issue in issues for name in issue.get("attributeNames") or ())
    return Rejected("amazon.invalid_listing", said or "the listing was refused without a reason", path)


async def _probe_stock(_client: AmazonClient, _command: Command, _key: str) -> Outcome:
    """Nothing to look for: the same quantity may simply be set again."""
    return NotApplied()


def _refused(response: httpx.Response, path: str) -> Rejected:
    return Rejected("amazon.refused", refusal(response), path)


_EXECUTE: Final[Mapping[str, Handler]] = {
    "shipment.confirm": _confirm_shipment,
    "stock.publish": _publish_stock,
}
_PROBE: Final[Mapping[str, Handler]] = {
    "shipment.confirm": _probe_shipment,
    "stock.publish": _probe_stock,
}
