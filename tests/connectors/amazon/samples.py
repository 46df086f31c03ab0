"""The vendor's samples, and the page of what is not read in them (``python -m tests.connectors.amazon.samples``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.connectors.amazon.builders import decode, fixture
from tests.connectors.amazon.seller import MODELS
from tests.connectors.coverage import page
from tests.servers.node import contract

PAGE = Path(__file__).parents[3] / "docs/coverage/amazon.md"
OURS = {
    "/orders/2026-01-01/orders": "searchOrders",
    "/orders/2026-01-01/orders/{orderId}": "getOrder",
    "/orders/v0/orders/{orderId}/shipmentConfirmation": "confirmShipment",
    "/listings/2021-08-01/items/{sellerId}/{sku}": "patchListingsItem",
    "/listings/2021-08-01/items/{sellerId}": "searchListingsItems",
}
"""The operations that we use."""


def vectors() -> dict[str, dict[str, Any]]:
    """The vendor's sandbox pairs of our operations, by id."""
    found: list[dict[str, Any]] = []
    for name in MODELS.values():
        found += decode(contract("amazon-sp-api", "sandbox-vectors", "dev", name).read_text())
    return {one["id"]: one for one in found if OURS.get(one["path"]) == one["operationId"]}


def model(path: str) -> dict[str, Any]:
    """The vendor's model that describes ``path``."""
    name = next(name for prefix, name in MODELS.items() if path.startswith(prefix))
    value: dict[str, Any] = decode(contract("amazon-sp-api", "models-without-vectors", name).read_text())
    return value


def sampled_orders() -> list[Any]:
    """The orders in the vendor's answers."""
    answers = [one["response"] for one in vectors().values() if one["status"] == "200"]
    return [
        order
        for answer in answers
        for order in [*answer.get("orders", []), *([answer["order"]] if "order" in answer else [])]
    ]


def samples() -> dict[str, tuple[str, list[Any]]]:
    """What the page is made from."""
    documents = [{"orders": [order]} for order in [*sampled_orders(), fixture()]]
    origin = "the orders in the vendor's sandbox answers, and our own fixture, which holds every part that is asked for"
    return {"amazon/order": (origin, documents)}


def text() -> str:
    """The page as it would be written now."""
    return page("amazon", samples())


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text(), encoding="utf-8")
