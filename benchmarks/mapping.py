# ruff: noqa: E501 (sample data and other engines' expressions)
"""Mapping a Shopify-like order (10 KB, five lines), beside hand-written Python, jmespath, glom, jsonata-python.

Run ``python -m benchmarks.mapping``. Hand-written Python makes exactly our document, which is checked first. The others
come as near as their languages let them, always with less work: jmespath makes no Decimals and no sums, JSONata no
instants. The times are the best of several rounds, taken in turns in one process; only their ratios mean anything.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import glom  # type: ignore[import-untyped]
import jmespath
import jsonata  # type: ignore[import-untyped]

from crossdock.mapping import compile_mapping
from crossdock.mapping.yaml_text import read_yaml

ROUNDS = 15
SECONDS_PER_ROUND = 0.02

MAPPING = """
mapping: benchmark/order
version: 1
from: {format: json}
to: order/1
currency: currency
fields:
  external_id: {path: id, as: str}
  number: name
  placed_at: {path: created_at, as: instant}
  currency: currency
  email: {path: email, optional: true}
  status: {path: cancelled_at, when_present: cancelled, default: open}
  total: {path: total_price_set.shop_money.amount, as: money}
  service: {path: "shipping_lines[0].code", lookup: services}
  ship_to: {path: shipping_address, use: address}
  bill_to: {path: billing_address, use: address}
  lines:
    each: line_items
    fields:
      external_id: {path: id, as: str}
      sku: sku
      description: title
      quantity: {path: current_quantity, as: int}
      unit_price: {path: price_set.shop_money.amount, as: money}
      discount: {sum: discount_allocations, of: amount_set.shop_money.amount, as: money, default: 0}
      taxes:
        each: tax_lines
        fields:
          title: title
          rate: {path: rate, as: decimal}
          amount: {path: price_set.shop_money.amount, as: money}
tables:
  services: {Standard: GROUND, Express: EXPRESS}
"""

ADDRESS = """
mapping: benchmark/address
version: 1
from: {format: json}
fields:
  name: {concat: [first_name, last_name], separator: " "}
  company: {path: company, optional: true}
  line1: address1
  line2: {path: address2, optional: true}
  city: city
  region: {path: province_code, optional: true}
  postal_code: {path: zip, as: str}
  country: country_code
  phone: {path: phone, optional: true}
"""
_SERVICES = {"Standard": "GROUND", "Express": "EXPRESS"}


def _bag(amount: str) -> dict[str, Any]:
    money = {"amount": amount, "currency_code": "USD"}
    return {"shop_money": money, "presentment_money": dict(money)}


def _address() -> dict[str, Any]:
    return {
        "first_name": "Ada", "last_name": "Byron", "company": None, "address1": "12 Example Street", "address2": "Unit 4",
        "city": "Columbus", "province": "Ohio", "province_code": "OH", "zip": "43215", "country": "United States",
        "country_code": "US", "country_name": "United States", "phone": "+16145550100", "name": "Ada Byron",
        "latitude": Decimal("39.9611755"), "longitude": Decimal("-82.9987942"),
    }  # fmt: skip


def _line(number: int) -> dict[str, Any]:
    discounts = [{"amount": "1.00", "discount_application_index": 0, "amount_set": _bag("1.00")}]
    taxes = [
        {
            "title": title,
            "rate": Decimal(rate),
            "price": "0.60",
            "price_set": _bag("0.60"),
            "channel_liable": False,
        }
        for title, rate in (("OH State Tax", "0.0575"), ("Franklin County Tax", "0.0175"))
    ]
    return {
        "id": 13_000_000_000_000 + number, "admin_graphql_api_id": f"gid://shopify/LineItem/{13_000_000_000_000 + number}",
        "sku": f"SKU-{number:05}", "title": "Trail running shoe, blue", "name": "Trail running shoe, blue - 42",
        "variant_title": "42", "variant_id": 44_000_000 + number, "product_id": 77_000_000 + number, "vendor": "Example",
        "quantity": 2, "current_quantity": 2, "fulfillable_quantity": 2, "fulfillment_service": "manual",
        "fulfillment_status": None, "gift_card": False, "grams": 700, "requires_shipping": True, "taxable": True,
        "price": "19.99", "price_set": _bag("19.99"), "total_discount": "0.00", "total_discount_set": _bag("0.00"),
        "properties": [], "product_exists": True, "duties": [],
        "discount_allocations": discounts if number % 2 else [], "tax_lines": taxes,
    }  # fmt: skip


def shop_order() -> dict[str, Any]:
    """Build an order as a shop's webhook sends it: about 10 KB of JSON, five lines."""
    return {
        "id": 5_678_901_234_567, "name": "#1001", "created_at": "2026-03-01T12:13:14-05:00", "cancelled_at": None,
        "currency": "USD", "email": "ada@example.com", "note": None, "tags": "web, repeat", "test": False,
        "financial_status": "paid", "total_price": "107.95", "total_price_set": _bag("107.95"),
        "subtotal_price_set": _bag("96.95"), "total_tax_set": _bag("6.00"), "total_discounts_set": _bag("3.00"),
        "shipping_lines": [{"code": "Standard", "title": "Standard", "price_set": _bag("4.99"), "tax_lines": []}],
        "shipping_address": _address(), "billing_address": _address(),
        "note_attributes": [{"name": "gift_message", "value": "Enjoy"}],
        "line_items": [_line(number) for number in range(5)],
    }  # fmt: skip


def _instant(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _written_address(address: dict[str, Any]) -> dict[str, Any]:
    result = {
        "name": f"{address['first_name']} {address['last_name']}",
        "line1": address["address1"],
        "city": address["city"],
        "postal_code": address["zip"],
        "country": address["country_code"],
    }
    for name, key in (
        ("company", "company"),
        ("line2", "address2"),
        ("region", "province_code"),
        ("phone", "phone"),
    ):
        if (value := address.get(key)) is not None:
            result[name] = value
    return result


def _money(amount: str | Decimal, currency: str) -> dict[str, Any]:
    return {"amount": Decimal(amount), "currency": currency}


def _written_line(line: dict[str, Any], currency: str) -> dict[str, Any]:
    discounts = (Decimal(part["amount_set"]["shop_money"]["amount"]) for part in line["discount_allocations"])
    return {
        "external_id": str(line["id"]),
        "sku": line["sku"],
        "description": line["title"],
        "quantity": int(line["current_quantity"]),
        "unit_price": _money(line["price_set"]["shop_money"]["amount"], currency),
        "discount": _money(sum(discounts, Decimal(0)), currency),
        "taxes": [
            {
                "title": tax["title"],
                "rate": tax["rate"],
                "amount": _money(tax["price_set"]["shop_money"]["amount"], currency),
            }
            for tax in line["tax_lines"]
        ],
    }


def hand_written(order: dict[str, Any]) -> dict[str, Any]:
    """Map as a careful Python programmer would by hand: same output, errors as they come."""
    currency = order["currency"]
    return {
        "external_id": str(order["id"]),
        "number": order["name"],
        "placed_at": _instant(order["created_at"]),
        "currency": currency,
        "email": order["email"],
        "status": "open" if order.get("cancelled_at") is None else "cancelled",
        "total": _money(order["total_price_set"]["shop_money"]["amount"], currency),
        "service": _SERVICES[order["shipping_lines"][0]["code"]],
        "ship_to": _written_address(order["shipping_address"]),
        "bill_to": _written_address(order["billing_address"]),
        "lines": [_written_line(line, currency) for line in order["line_items"]],
    }


_PICKED_ADDRESS = {
    "line1": "address1", "city": "city", "postal_code": "zip", "country": "country_code", "region": "province_code",
    "line2": "address2", "phone": "phone", "name": "name",
}  # fmt: skip


def _jmespath() -> Callable[[dict[str, Any]], Any]:
    address = ", ".join(f"{name}: {{}}.{key}" for name, key in _PICKED_ADDRESS.items())
    expression = jmespath.compile(
        "{external_id: to_string(id), number: name, placed_at: created_at, currency: currency, email: email,"
        " total: {amount: total_price_set.shop_money.amount, currency: currency}, service: shipping_lines[0].code,"
        f" ship_to: {{{address.replace('{}', 'shipping_address')}}}, bill_to: {{{address.replace('{}', 'billing_address')}}},"
        " lines: line_items[].{external_id: to_string(id), sku: sku, description: title, quantity: current_quantity,"
        " unit_price: price_set.shop_money.amount, discounts: discount_allocations[].amount_set.shop_money.amount,"
        " taxes: tax_lines[].{title: title, rate: rate, amount: price_set.shop_money.amount}}}"
    )
    return lambda order: expression.search(order)


def _glom() -> Callable[[dict[str, Any]], Any]:
    address = _PICKED_ADDRESS
    amount = "price_set.shop_money.amount"
    spec = {
        "external_id": ("id", str), "number": "name", "placed_at": ("created_at", _instant), "currency": "currency",
        "email": "email", "total": ("total_price_set.shop_money.amount", Decimal),
        "service": ("shipping_lines.0.code", _SERVICES.get),
        "ship_to": ("shipping_address", address), "bill_to": ("billing_address", address),
        "lines": ("line_items", [{
            "external_id": ("id", str), "sku": "sku", "description": "title", "quantity": "current_quantity",
            "unit_price": (amount, Decimal),
            "discount": ("discount_allocations", [("amount_set.shop_money.amount", Decimal)], sum),
            "taxes": ("tax_lines", [{"title": "title", "rate": "rate", "amount": (amount, Decimal)}]),
        }]),
    }  # fmt: skip
    return lambda order: glom.glom(order, spec)


def _jsonata() -> Callable[[dict[str, Any]], Any]:
    address = ", ".join(f'"{name}": {{}}.{key}' for name, key in _PICKED_ADDRESS.items())
    expression = jsonata.Jsonata(
        '{"external_id": $string(id), "number": name, "placed_at": created_at, "currency": currency, "email": email,'
        ' "total": total_price_set.shop_money.amount, "service": shipping_lines[0].code,'
        f' "ship_to": {{{address.replace("{}", "shipping_address")}}}, "bill_to": {{{address.replace("{}", "billing_address")}}},'
        ' "lines": line_items.{"external_id": $string(id), "sku": sku, "description": title, "quantity": current_quantity,'
        ' "unit_price": price_set.shop_money.amount, "discount": [discount_allocations.amount_set.shop_money.amount],'
        ' "taxes": tax_lines.{"title": title, "amount": price_set.shop_money.amount}}}'
    )
    return lambda order: expression.evaluate(order)


def _best_microseconds(functions: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Time ``functions`` in turns and give the best time a call of each."""
    best = dict.fromkeys(functions, float("inf"))
    calls = {}
    for name, function in functions.items():
        start = time.perf_counter()
        function()
        calls[name] = max(1, int(SECONDS_PER_ROUND / (time.perf_counter() - start)))
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            for _ in range(calls[name]):
                function()
            best[name] = min(best[name], (time.perf_counter() - start) / calls[name] * 1e6)
    return best


def measure(rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Measure; gives ``{name, unit, ours, other, other_name, ratio}`` a comparison, ``ratio`` being ours / other."""
    address = compile_mapping(read_yaml(ADDRESS, "address").value)
    mapping = compile_mapping(read_yaml(MAPPING, "order").value, used={"address": address})
    order = shop_order()
    # jsonata-python takes no Decimal: it gets the floats that plain json.loads gives.
    floats = json.loads(json.dumps(order, default=float))
    if mapping.map_fast(order).document != hand_written(order):
        raise AssertionError("ours and hand-written Python disagree")
    jmespath_map, glom_map, jsonata_map = _jmespath(), _glom(), _jsonata()
    best = _best_microseconds(
        {
            "ours": lambda: mapping.map(order),
            "interpreter": lambda: mapping.map_slowly(order),
            "hand-written Python": lambda: hand_written(order),
            "jmespath": lambda: jmespath_map(order),
            "glom": lambda: glom_map(order),
            "jsonata-python": lambda: jsonata_map(floats),
        },
        rounds,
    )
    ours = best.pop("ours")
    return [
        {
            "name": "map a 10 KB order of five lines",
            "unit": "microseconds",
            "ours": round(ours, 2),
            "other": round(other, 2),
            "other_name": "our interpreter (the path that reports faults)" if name == "interpreter" else name,
            "ratio": round(ours / other, 3),
        }
        for name, other in best.items()
    ]


if __name__ == "__main__":
    sys.stdout.write(f"order: {len(json.dumps(shop_order(), default=str))} bytes of JSON\n")
    for row in measure():
        times = f"{row['other']:9.1f} µs, ours {row['ours']:7.1f} µs, ratio {row['ratio']:.3f}"
        sys.stdout.write(f"{row['other_name']:50} {times}\n")
