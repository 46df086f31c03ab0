"""The connector against graphql-js, the reference implementation, which makes answers up by the vendor's schema."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from crossdock.sdk.clock import ManualClock
from crossdock.sdk.connector import Command, Limits, Page
from crossdock.sdk.outcomes import Applied, NotApplied, Rejected
from crossdock_connectors.shopify import CONNECTOR, documents
from crossdock_connectors.shopify.cancelling import cancel_order
from crossdock_connectors.shopify.config import ShopifyConfig
from crossdock_connectors.shopify.connector import Shopify
from crossdock_schemas.returns import ReturnRequest
from tests.connectors.hub import assembled
from tests.connectors.shopify.builders import canonical, decode, order_of
from tests.connectors.shopify.conftest import CONFIG
from tests.connectors.shopify.shop import VERSIONS
from tests.servers.node import NODE_FOLDER, contract, running_node

pytestmark = [pytest.mark.server("node"), pytest.mark.xdist_group("shopify_graphql")]
ORDER = {"order": "gid://shopify/Order/1"}
_T = TypeVar("_T")


@dataclass(frozen=True)
class Live:
    """A connector with real sockets, and the one event loop that they live in."""

    connector: Shopify
    runner: asyncio.Runner

    def run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        return self.runner.run(coroutine)

    def page(self, stream: str) -> Page:
        async def first() -> Page:
            return [page async for page in self.connector.poll(stream, None, Limits())][0]  # noqa: RUF015

        return self.run(first())


@pytest.fixture(scope="module", params=VERSIONS)
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    schema = contract("shopify", f"admin_{request.param}.json.gz")
    log = tmp_path_factory.mktemp("shopify") / "node.log"
    clock = ManualClock(datetime(2026, 11, 23, 10, tzinfo=UTC))
    script = NODE_FOLDER / "shopify.mjs"
    with running_node(script, [str(schema)], log) as port, asyncio.Runner() as runner:
        config = ShopifyConfig.model_validate(
            {**CONFIG, "api_version": request.param, "base_url": f"http://127.0.0.1:{port}"}
        )
        assembly = assembled(CONNECTOR.manifest, config, clock, connection="shop")
        yield Live(Shopify(config, assembly.services), runner)
        runner.run(assembly.close())


@pytest.mark.parametrize("stream", ["orders", "fulfilment_orders"])
def test_what_the_schema_can_answer_maps_to_an_order(live: Live, stream: str) -> None:
    page = live.page(stream)
    assert page.records
    for record in page.records:
        assert order_of("shopify/order_graphql", decode(record.payload)).external_id == record.key


def test_what_the_schema_can_answer_maps_to_a_product(live: Live) -> None:
    page = live.page("products")
    assert page.records
    for record in page.records:
        assert canonical("shopify/product", decode(record.payload))


def test_what_the_schema_can_answer_maps_to_a_return(live: Live) -> None:
    page = live.page("returns")
    assert page.records
    for record in page.records:
        made = canonical("shopify/return", decode(record.payload))
        assert isinstance(made, ReturnRequest)
        assert (made.external_id, len(made.lines)) == (record.key, 2)


def test_check_reads_the_answer(live: Live) -> None:
    assert {one.capability for one in live.run(live.connector.check()).checks} >= {
        "shop",
        "locations",
        "stock.publish",
    }


def test_commands_read_the_answers(live: Live) -> None:
    document = {"trackingInfo": {"company": "UPS", "numbers": ["1"], "urls": []},
                "items": [{"sku": "A", "quantity": 1}]}  # fmt: skip
    confirm = Command("shipment.confirm", "1", (document,), ORDER)
    assert isinstance(live.run(live.connector.execute(confirm, "k")), Rejected)
    assert live.run(live.connector.probe(confirm, "k")) == NotApplied()
    level = {"sku": "A", "inventoryItemId": "gid://shopify/InventoryItem/1", "quantity": 1}
    publish = Command("stock.publish", "1", (level,), {})
    assert isinstance(live.run(live.connector.execute(publish, "k")), Applied)


def test_moves_and_refunds_are_taken(live: Live) -> None:
    line = {"id": "gid://shopify/FulfillmentOrderLineItem/1", "quantity": 1}
    move = {"id": "gid://shopify/FulfillmentOrder/1", "location": "gid://shopify/Location/1", "lines": [line]}
    assert live.run(live.connector.mutate(documents.MOVE, move))["movedFulfillmentOrder"]["id"]
    wanted = {"lineItemId": "gid://shopify/LineItem/1", "quantity": 1}
    cancel = {"reason": "INVENTORY", "staffNote": None, "lines": [wanted]}
    command = Command("order.cancel", "1", (cancel,), ORDER)
    assert isinstance(live.run(cancel_order(live.connector, command, "k")), Applied)


def test_commands_about_returns_read_the_answers(live: Live) -> None:
    decision = {"id": "gid://shopify/Return/1", "declineNote": "worn"}
    for name in ("return.authorise", "return.decline", "return.close"):
        assert isinstance(
            live.run(live.connector.execute(Command(name, "1", (decision,), ORDER), "k")), Applied
        )
    line = {"lineItemId": "gid://shopify/LineItem/1", "quantity": 1, "cumulative": 1}
    refund = {"returnId": "gid://shopify/Return/1", "note": "n", "lines": [line]}
    command = Command("return.refund", "1", (refund,), ORDER)
    assert isinstance(live.run(live.connector.execute(command, "k")), Rejected)
    plan = {"id": "gid://shopify/Return/1", "lines": [{"id": "1", "quantity": 1}], "exchanges": []}
    assert live.run(live.connector.query(documents.RETURN_OUTCOME, **plan))["return"]
    paid = {"parentId": "1", "transactionAmount": {"amount": "1.00", "currencyCode": "EUR"}}
    wanted = {
        "returnId": "gid://shopify/Return/1", "note": "n", "notifyCustomer": True, "exchangeLineItems": [],
        "returnLineItems": plan["lines"], "financialTransfer": {"issueRefund": {"orderTransactions": [paid]}},
    }  # fmt: skip
    assert live.run(live.connector.mutate(documents.PROCESS_RETURN, {"input": wanted}))["return"]["id"]
