"""Purchase orders at NetSuite and the plain ERP, both served by node-soap from their WSDLs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from crossdock.sdk.outcomes import AlreadyApplied, Applied, NotApplied, Rejected
from crossdock_connectors.soap_erp.profile import PROFILES
from crossdock_schemas.posting import PostingKind, PostingResult
from tests.connectors.soap_erp.builders import PLAIN, Erp, canonical, decode, purchase
from tests.connectors.soap_erp.netsuite import account, netsuite, received
from tests.servers.node import NODE_FOLDER, running_node

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("netsuite")]
netsuite_purchase = partial(purchase, "soap_erp/netsuite/purchase_order")


def with_vendors(address: str) -> Erp:
    """NetSuite is asked for the vendor by the node, and for the customer never."""
    return netsuite(address, tables={"customers": {"default": "77"}, "vendors": {"ask": True}})


def test_netsuite_has_a_purchase_order_once(address: str) -> None:
    erp = with_vendors(address)
    assert erp.probe(netsuite_purchase(external_id="P-1")) == NotApplied()
    first = erp.execute(netsuite_purchase(external_id="P-1"))
    assert isinstance(first, Applied)
    assert first.response is not None
    result = canonical("soap_erp/posting_result", decode(first.response.body))
    assert result == PostingResult(external_id="P-1", document=first.ref, kind=PostingKind.PURCHASE_ORDER)
    assert isinstance(erp.execute(netsuite_purchase(external_id="P-1")), AlreadyApplied)
    assert isinstance(erp.probe(netsuite_purchase(external_id="P-1")), AlreadyApplied)
    kept = [one for one in account(address)["records"] if one["externalId"] == "P-1"]
    assert kept == [{"type": "purchaseOrder", "externalId": "P-1", "internalId": first.ref}]
    record = received(address)["record"]
    assert record["entity"]["attributes"]["internalId"] == "815"
    assert record["shippingAddress"]["addr1"] == "1 Main St"
    priced, unpriced = record["itemList"]["item"]
    assert (priced["item"]["attributes"]["externalId"], priced["quantity"], priced["rate"]) == (
        "01234",
        "2",
        "12.50",
    )
    assert (unpriced["quantity"], unpriced.get("rate"), unpriced.get("line")) == ("1", None, None)


def test_netsuite_is_told_what_is_left_of_each_line(address: str) -> None:
    erp = with_vendors(address)
    created = erp.execute(netsuite_purchase(external_id="P-2"))
    changed = erp.execute(netsuite_purchase((1, 0), external_id="P-2", status="changed"))
    assert isinstance(created, Applied)
    assert isinstance(changed, Applied)
    assert changed.ref == created.ref
    items = received(address, "update")["record"]["itemList"]
    assert items["attributes"]["replaceAll"] == "false"
    said = [(line["line"], line.get("quantity"), line.get("isClosed")) for line in items["item"]]
    assert said == [("1", "1", None), ("2", None, "true")]
    assert isinstance(erp.execute(netsuite_purchase((0, 0), external_id="P-2", status="cancelled")), Applied)
    closed = received(address, "update")["record"]["itemList"]["item"]
    assert [line["isClosed"] for line in closed] == ["true", "true"]


def test_a_change_of_what_netsuite_does_not_have_is_refused(address: str) -> None:
    outcome = with_vendors(address).execute(netsuite_purchase(external_id="P-3", status="changed"))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "RCRD_DSNT_EXIST"


def test_a_supplier_that_netsuite_does_not_know_is_told(address: str) -> None:
    outcome = with_vendors(address).execute(netsuite_purchase(external_id="P-4", node="nobody"))
    assert isinstance(outcome, Rejected)
    assert "config.tables.vendors has no 'nobody'" in outcome.message


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    wsdl = PROFILES / "plain_erp" / "plain_erp.wsdl"
    log = tmp_path_factory.mktemp("plain") / "log"
    with running_node(NODE_FOLDER / "plain_erp.mjs", [str(wsdl)], log) as port:
        yield f"http://127.0.0.1:{port}"


def test_the_plain_erp_books_what_is_ordered_changed_and_taken_back(plain: str) -> None:
    erp = Erp({**PLAIN, "endpoint": f"{plain}/erp"})
    first = erp.execute(purchase())
    assert isinstance(first, Applied)
    assert isinstance(erp.execute(purchase()), AlreadyApplied)
    found = erp.probe(purchase())
    assert isinstance(found, AlreadyApplied)
    assert found.ref == first.ref
    for quantities, status in (((1, 1), "changed"), ((0, 0), "cancelled")):
        outcome = erp.execute(purchase(quantities=quantities, status=status))
        assert isinstance(outcome, Applied)
        assert outcome.ref == first.ref
        books: dict[str, Any] = httpx.get(plain, trust_env=False).json()
        (kept,) = books["documents"]
        assert (kept["status"], kept["quantity"]) == (status, sum(quantities))
