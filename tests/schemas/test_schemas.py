from __future__ import annotations

from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from crossdock_schemas.order import Order
from crossdock_schemas.product import Product
from crossdock_schemas.publish import PUBLISHED, file_name, text
from crossdock_schemas.registry import ENTITIES, UPCASTERS, current, json_schema, upcast
from crossdock_schemas.stock import StockFeed
from tests.schemas.builders import a_line, an_address, an_order, money


@pytest.mark.parametrize("schema", ENTITIES)
def test_the_published_json_schema_is_that_of_the_model(schema: str) -> None:
    published = (PUBLISHED / file_name(schema)).read_text(encoding="utf-8")
    assert published == text(schema), "run: python -m crossdock_schemas.publish"


def test_nothing_is_published_that_is_no_entity() -> None:
    assert {path.name for path in PUBLISHED.iterdir()} == {file_name(schema) for schema in ENTITIES}


@pytest.mark.parametrize("schema", ENTITIES)
def test_the_json_schema_is_a_valid_2020_12_schema_and_every_field_is_described(schema: str) -> None:
    document = json_schema(schema)
    jsonschema.Draft202012Validator.check_schema(document)
    assert document["description"]


def test_what_the_model_writes_satisfies_the_published_schema_and_reads_back() -> None:
    order = Order.model_validate(an_order(totals={"total": money("10.00")}))
    written = order.model_dump(mode="json", exclude_defaults=True)
    jsonschema.validate(written, json_schema("order/1"))
    assert written["totals"]["total"]["amount"] == "10.00"
    assert Order.model_validate_json(order.model_dump_json()) == order


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"currency": "XQX"}, "ISO 4217"),
        ({"totals": {"total": {"amount": 1.5, "currency": "USD"}}}, "Decimal"),
        ({"totals": {"total": {"amount": Decimal("NaN"), "currency": "USD"}}}, "finite"),
        ({"placed_at": "2026-11-23T10:00:00"}, "needs a zone"),
        ({"lines": (a_line(quantity=-1),)}, "greater than or equal"),
        ({"lines": (a_line(quantity=0),)}, "greater than or equal to 1"),
        ({"lines": (a_line(sku=""),)}, "at least 1 character"),
        ({"lines": (a_line("7"), a_line("7"))}, "line 7 stands twice"),
        ({"lines": (a_line(destination="9"),)}, "destination 9, which is not listed"),
        ({"destinations": ({"id": "1", "address": an_address(country="ZZ")},)}, "ISO 3166-1"),
        ({"external_id": 17}, "valid string"),
        ({"surprise": 1}, "not permitted"),
    ],
)
def test_a_bad_order_is_refused_with_words(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Order.model_validate(an_order(**changes))


def test_instants_are_turned_to_utc() -> None:
    order = Order.model_validate(an_order(placed_at="2026-11-23T12:00:00+02:00"))
    assert order.placed_at.isoformat() == "2026-11-23T10:00:00+00:00"


@pytest.mark.parametrize(
    ("gtin", "good"), [("4006381333931", True), ("4006381333932", False), ("96385074", True), ("123", False)]
)
def test_a_gtin_has_a_right_check_digit(gtin: str, good: bool) -> None:
    if good:
        assert Product(sku="A", gtin=gtin).gtin == gtin
    else:
        with pytest.raises(ValidationError):
            Product(sku="A", gtin=gtin)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12))
def test_money_survives_json_exactly(amount: Decimal) -> None:
    order = Order.model_validate(an_order(totals={"total": {"amount": amount, "currency": "EUR"}}))
    again = Order.model_validate_json(order.model_dump_json())
    assert again.totals is not None
    assert again.totals.total is not None
    assert str(again.totals.total.amount) == str(amount)


def test_a_full_feed_may_be_long_but_a_part_is_bounded() -> None:
    line = {"sku": "A", "quantity": 1}
    feed = {
        "feed_id": "f",
        "node": "n",
        "mode": "full",
        "meaning": "physical",
        "as_of": "2026-11-23T10:00:00Z",
    }
    with pytest.raises(ValidationError, match="at most 10000"):
        StockFeed.model_validate(feed | {"lines": [line] * 10_001})


def test_the_version_in_force_is_found_by_entity() -> None:
    assert current("order") == "order/1"
    with pytest.raises(KeyError, match="there are: acknowledgement"):
        current("ordre")


def test_an_old_document_is_upcast_step_by_step() -> None:
    upcasters = {"x/1": lambda d: d | {"two": 2}, "x/2": lambda d: d | {"three": 3}}
    assert upcast("x/1", {"one": 1}, upcasters) == ("x/3", {"one": 1, "two": 2, "three": 3})
    assert all(f"{key.partition('/')[0]}/{int(key.partition('/')[2]) + 1}" in ENTITIES for key in UPCASTERS)
