"""The vendor's sample payloads; ``python -m tests.connectors.shopify.samples`` writes what is not read in them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.connectors.coverage import page
from tests.connectors.shopify.builders import decode
from tests.connectors.shopify.return_desk import a_return
from tests.connectors.shopify.shop import FIXTURES
from tests.servers.node import contract

PAGE = Path(__file__).parents[3] / "docs/coverage/shopify.md"
CONNECTIONS = ("shippingLines", "lineItems", "fulfillmentOrders", "paymentSchedules", "returnLineItems")


def published(topic: str) -> dict[str, Any]:
    """The vendor's own sample of a topic in each API version."""
    folder = contract("shopify", "webhooks", "metadatas")
    return {
        path.parts[-3]: decode(path.read_text())["response"]
        for path in sorted(folder.glob(f"*/{topic}.json"))
    }


def recorded(kind: str) -> dict[str, Any]:
    """Payloads of real shops with every value replaced by a placeholder, by file."""
    folder = contract("shopify", "webhooks", "exemplars")
    return {
        "/".join(path.parts[-3:]): decode(path.read_text())
        for path in sorted(folder.glob(f"*/{kind}/*.json"))
    }


_TEXTS = {"currency": "USD", "currency_code": "USD", "presentment_currency": "USD", "country_code": "US",
          "financial_status": "paid", "value": "10.0"}  # fmt: skip


def filled(document: Any) -> Any:
    """A recorded payload with plausible values in place of the placeholders; its shape stays as it was."""
    numbers = itertools.count(1)

    def fill(value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {name: fill(child, name) for name, child in value.items()}
        if isinstance(value, list):
            return [fill(child, key) for child in value]
        if key == "discount_application_index":
            return 0
        if key == "admin_graphql_api_id":
            return f"gid://shopify/Thing/{next(numbers)}"
        if key in ("latitude", "longitude") and isinstance(value, Decimal):
            return Decimal("45.5")
        if value == "example string":
            return _TEXTS.get(
                key, "1.00" if key == "amount" or "price" in key or key.startswith("total_") else value
            )
        return value

    return fill(document, "")


def connected(value: Any) -> Any:
    """A fixture with its lists as connections, the way the API gives them."""
    if isinstance(value, list):
        return [connected(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {name: connected(child) for name, child in value.items()}
    return {
        name: {"nodes": child, "pageInfo": {"hasNextPage": False, "endCursor": None}}
        if name in CONNECTIONS
        else child
        for name, child in made.items()
    }


def webhook_orders() -> Iterator[Any]:
    """All orders among the samples, in the shape of a webhook."""
    for topic in ("create", "updated", "cancelled", "paid", "fulfilled"):
        yield from published(f"orders/{topic}").values()
    for document in recorded("orders").values():
        yield filled(document)
    yield decode((FIXTURES / "order_webhook.json").read_text())


def a_sampled_return() -> Any:
    """A declined return, with what the stream asks for."""
    made = a_return(1, "gid://shopify/Order/1", ("gid://shopify/LineItem/7700000000000001", 1))
    fields = ("id", "name", "status", "createdAt", "order", "returnLineItems")
    asked = ("__typename", "id", "quantity", "customerNote", "returnReasonNote", "returnReasonDefinition",
             "fulfillmentLineItem")  # fmt: skip
    lines = [{name: line[name] for name in asked} for line in made["returnLineItems"]]
    decline = {"note": "worn", "reason": "OTHER"}
    return {name: made[name] for name in fields} | {"decline": decline, "returnLineItems": lines}


def samples() -> dict[str, tuple[str, list[Any]]]:
    """What the page is made from."""
    graphql = connected(decode((FIXTURES / "order_graphql.json").read_text()))
    return {
        "shopify/order_webhook": (
            "the vendor's samples of `orders/*` in three API versions, payloads of real shops, and our own fixture",
            list(webhook_orders()),
        ),
        "shopify/order_graphql": (
            "our own fixture, which holds every field that the connector asks for",
            [graphql],
        ),
        "shopify/return": (
            "our own sample, which holds every field that the connector asks for",
            [connected(a_sampled_return())],
        ),
        "shopify/refund": (
            "the vendor's samples of `refunds/create` in three API versions",
            list(published("refunds/create").values()),
        ),
    }


def text() -> str:
    """The page as it would be written now."""
    return page("shopify", samples())


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text(), encoding="utf-8")
