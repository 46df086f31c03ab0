"""The vendor's models stand between the connector and the double: what they do not document is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.connectors.amazon.conftest import PRISM
from tests.connectors.amazon.seller import Proxies, Seller, order

pytestmark = PRISM


@pytest.mark.parametrize(
    ("method", "path", "body", "what"),
    [
        ("GET", "/orders/2026-01-01/orders?fulfilledBy=MERCHANT,NOBODY", None, "MERCHANT, AMAZON"),
        ("GET", "/orders/2026-01-01/orders?lastUpdatedAfter=yesterday", None, "date-time"),
        ("GET", "/orders/2026-01-01/orders/1?includedData=BUYER,BANANA", None, "includeddata.1"),
        ("POST", "/orders/v0/orders/1/shipmentConfirmation", {"packageDetail": {}}, "'packageReferenceId'"),
        (
            "PATCH",
            "/listings/2021-08-01/items/A/S?marketplaceIds=M",
            {"productType": "X", "patches": []},
            "patches",
        ),
    ],
)
def test_a_request_that_is_not_documented(
    method: str, path: str, body: Any, what: str, seller: Seller, proxies: Proxies
) -> None:
    proxies.upstream[:] = [seller]
    with pytest.raises(AssertionError, match="not as documented") as caught:
        proxies.carry(httpx.Request(method, f"http://amazon{path}", json=body))
    assert what in str(caught.value)


def test_an_answer_that_is_not_documented(seller: Seller, proxies: Proxies) -> None:
    proxies.upstream[:] = [seller]
    defective = order(1, "2026-11-23T09:00:00Z")
    del defective["lastUpdatedTime"]
    seller.orders["1"] = defective
    request = httpx.Request(
        "GET", "http://amazon/orders/2026-01-01/orders/1", headers={"x-amz-access-token": seller.token}
    )
    with pytest.raises(AssertionError, match="lastUpdatedTime"):
        proxies.carry(request)
