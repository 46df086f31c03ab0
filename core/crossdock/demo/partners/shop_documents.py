"""An order in the two shapes the shop gives it: the webhook's (REST) and the Admin API's (GraphQL)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from crossdock.demo.orders import OrderLine, PlannedOrder
from crossdock.demo.world import World

__all__ = [
    "LOCATION",
    "graphql_order",
    "line_gid",
    "location_gid",
    "order_gid",
    "variant_node",
    "webhook_order",
]

Document = dict[str, Any]

LOCATION = "gid://shopify/Location/1"
"""The shop's own, where it keeps what it may sell."""
_TAX = Decimal("0.0725")


def order_gid(number: int) -> str:
    """The shop's id of an order."""
    return f"gid://shopify/Order/{5_000_000 + number}"


def line_gid(number: int, position: int) -> str:
    """The shop's id of an order line."""
    return f"gid://shopify/LineItem/{(5_000_000 + number) * 100 + position}"


def location_gid(node: str) -> str:
    """The shop's id of a store."""
    return f"gid://shopify/Location/{int(node[1:]) + 1000}"


def _cents(amount: Decimal) -> str:
    return str(amount.quantize(Decimal("0.01")))


def _tax(line: OrderLine) -> Decimal:
    return (line.product.price * line.quantity * _TAX).quantize(Decimal("0.01"))


def _shipping(order: PlannedOrder) -> Decimal:
    return Decimal(0) if order.pick_up_at else Decimal("24.90") if order.express else Decimal("5.90")


def _totals(order: PlannedOrder) -> tuple[Decimal, Decimal]:
    tax = sum((_tax(line) for line in order.lines), Decimal(0))
    return tax, order.total + tax + _shipping(order)


def _shipping_name(order: PlannedOrder, world: World) -> tuple[str, str]:
    if order.pick_up_at:
        return order.pick_up_at, world.place(order.pick_up_at).name
    return ("Express", "Express (2 days)") if order.express else ("standard", "Standard (3 to 5 days)")


def _group(order: PlannedOrder, line: OrderLine) -> int | None:
    return (5_000_000 + order.number) * 10 if line.kit else None


# --- REST -----------------------------------------------------------------------------------------------


def webhook_order(order: PlannedOrder, world: World, at: str, cancelled_at: str | None) -> Document:
    """The payload of ``orders/create`` and ``orders/cancelled``."""
    tax, total = _totals(order)
    address = None if order.pick_up_at else _webhook_address(order)
    kits = {line.kit for line in order.lines if line.kit}
    return {
        "id": 5_000_000 + order.number,
        "admin_graphql_api_id": order_gid(order.number),
        "name": f"#{1000 + order.number}",
        "created_at": at,
        "processed_at": at,
        "updated_at": cancelled_at or at,
        "closed_at": None,
        "cancelled_at": cancelled_at,
        "cancel_reason": "customer" if cancelled_at else None,
        "financial_status": "voided" if cancelled_at else "paid",
        "fulfillment_status": None,
        "currency": "USD",
        "presentment_currency": "USD",
        "confirmation_number": f"M{order.number:08}",
        "email": f"{order.buyer.first_name.lower()}.{order.number}@example.com",
        "phone": None,
        "note": None,
        "tags": "",
        "test": False,
        "taxes_included": False,
        "tax_exempt": False,
        "source_name": "web",
        "buyer_accepts_marketing": False,
        "customer_locale": "en-US",
        "payment_gateway_names": ["shopify_payments"],
        "note_attributes": [],
        "discount_applications": [],
        "customer": {
            "admin_graphql_api_id": f"gid://shopify/Customer/{7_000_000 + order.number}",
            "first_name": order.buyer.first_name,
            "last_name": order.buyer.last_name,
        },
        "billing_address": _webhook_address(order),
        "shipping_address": address,
        "shipping_lines": [_webhook_shipping_line(order, world)],
        "tax_lines": [{"title": "Sales tax", "rate": float(_TAX), "price_set": _money_set(tax)}],
        "line_item_groups": [
            {"id": (5_000_000 + order.number) * 10, "variant_sku": kit, "quantity": 1} for kit in sorted(kits)
        ],
        "line_items": [_webhook_line(order, position) for position in range(len(order.lines))],
        "current_total_discounts_set": _money_set(Decimal(0)),
        "current_shipping_price_set": _money_set(_shipping(order)),
        "current_total_tax_set": _money_set(tax),
        "current_total_price_set": _money_set(total),
        "total_tip_received": "0.00",
        "total_outstanding": "0.00",
    }


def _webhook_shipping_line(order: PlannedOrder, world: World) -> Document:
    code, title = _shipping_name(order, world)
    return {
        "id": 9_000_000 + order.number,
        "code": code,
        "title": title,
        "carrier_identifier": None,
        "is_removed": False,
        "phone": None,
        "price_set": _money_set(_shipping(order)),
        "discount_allocations": [],
        "tax_lines": [],
    }


def _webhook_line(order: PlannedOrder, position: int) -> Document:
    line = order.lines[position]
    product = line.product
    gid = line_gid(order.number, position)
    return {
        "id": int(gid.rpartition("/")[2]),
        "admin_graphql_api_id": gid,
        "sku": product.sku,
        "title": product.name,
        "variant_title": None,
        "vendor": product.vendor,
        "product_id": product.variant_id,
        "variant_id": product.variant_id,
        "quantity": line.quantity,
        "current_quantity": line.quantity,
        "fulfillable_quantity": line.quantity,
        "requires_shipping": True,
        "taxable": True,
        "gift_card": False,
        "grams": product.grams,
        "fulfillment_service": "manual",
        "sales_line_item_group_id": _group(order, line),
        "price_set": _money_set(product.price),
        "discount_allocations": [],
        "duties": [],
        "properties": [],
        "tax_lines": [{"title": "Sales tax", "rate": float(_TAX), "price_set": _money_set(_tax(line))}],
    }


def _webhook_address(order: PlannedOrder) -> Document:
    buyer = order.buyer
    return {
        "name": buyer.name,
        "first_name": buyer.first_name,
        "last_name": buyer.last_name,
        "company": None,
        "address1": buyer.street,
        "address2": None,
        "city": buyer.city,
        "province_code": buyer.state,
        "zip": buyer.post_code,
        "country_code": "US",
        "phone": "+1 555 0100",
    }


def _money_set(amount: Decimal) -> Document:
    return {"shop_money": {"amount": _cents(amount), "currency_code": "USD"}}


# --- GraphQL --------------------------------------------------------------------------------------------


def graphql_order(order: PlannedOrder, world: World, at: str) -> Document:
    """The ``Order`` with its one fulfilment order, as the shop keeps it; it changes what is done to it in place."""
    code, title = _shipping_name(order, world)
    tax, total = _totals(order)
    lines = [_graphql_line(order, position) for position in range(len(order.lines))]
    node: Document = {
        "id": order_gid(order.number),
        "name": f"#{1000 + order.number}",
        "createdAt": at,
        "processedAt": at,
        "updatedAt": at,
        "displayFinancialStatus": "PAID",
        "currencyCode": "USD",
        "presentmentCurrencyCode": "USD",
        "confirmationNumber": f"M{order.number:08}",
        "email": f"{order.buyer.first_name.lower()}.{order.number}@example.com",
        "tags": [],
        "test": False,
        "taxesIncluded": False,
        "taxExempt": False,
        "sourceName": "web",
        "customerLocale": "en-US",
        "customerAcceptsMarketing": False,
        "paymentGatewayNames": ["shopify_payments"],
        "customer": {
            "id": f"gid://shopify/Customer/{7_000_000 + order.number}",
            "firstName": order.buyer.first_name,
            "lastName": order.buyer.last_name,
        },
        "billingAddress": _graphql_address(order),
        "shippingAddress": None if order.pick_up_at else _graphql_address(order),
        "customAttributes": [],
        "taxLines": [{"title": "Sales tax", "rate": float(_TAX), "priceSet": _bag(tax)}],
        "shippingLines": _all([
            {
                "id": f"gid://shopify/ShippingLine/{9_000_000 + order.number}",
                "code": code,
                "title": title,
                "isRemoved": False,
                "originalPriceSet": _bag(_shipping(order)),
                "taxLines": [],
                "discountAllocations": [],
            }
        ]),
        "currentTotalPriceSet": _bag(total),
        "currentTotalDiscountsSet": _bag(Decimal(0)),
        "currentShippingPriceSet": _bag(_shipping(order)),
        "currentTotalTaxSet": _bag(tax),
        "totalTipReceivedSet": _bag(Decimal(0)),
        "totalOutstandingSet": _bag(Decimal(0)),
        "lineItems": _all(lines), "currentSubtotalLineItemsQuantity": sum(line.quantity for line in order.lines),
        "fulfillments": [], "refunds": [],
    }  # fmt: skip
    node["fulfillmentOrders"] = _all([_fulfilment_order(order, node, lines, at)])
    return node


def _fulfilment_order(order: PlannedOrder, node: Document, lines: list[Document], at: str) -> Document:
    place = order.pick_up_at
    buyer = order.buyer
    return {
        "id": f"gid://shopify/FulfillmentOrder/{6_000_000 + order.number}",
        "status": "OPEN",
        "requestStatus": "UNSUBMITTED",
        "supportedActions": [{"action": "CREATE_FULFILLMENT"}],
        "createdAt": at,
        "updatedAt": at,
        "order": node,
        "assignedLocation": {"location": {"id": location_gid(place) if place else LOCATION}},
        "deliveryMethod": {"methodType": "PICK_UP" if place else "SHIPPING"},
        "destination": None
        if place
        else {
            "address1": buyer.street,
            "city": buyer.city,
            "countryCode": "US",
            "firstName": buyer.first_name,
            "lastName": buyer.last_name,
            "province": buyer.state,
            "zip": buyer.post_code,
        },
        "lineItems": _all([
            {
                "id": f"gid://shopify/FulfillmentOrderLineItem/{line['id'].rpartition('/')[2]}",
                "sku": line["sku"],
                "totalQuantity": line["quantity"],
                "remainingQuantity": line["quantity"],
                "lineItem": line,
            }
            for line in lines
        ]),
    }  # fmt: skip


def _graphql_line(order: PlannedOrder, position: int) -> Document:
    line = order.lines[position]
    product = line.product
    group = _group(order, line)
    return {
        "id": line_gid(order.number, position),
        "sku": product.sku,
        "title": product.name,
        "vendor": product.vendor,
        "quantity": line.quantity,
        "currentQuantity": line.quantity,
        "unfulfilledQuantity": line.quantity,
        "requiresShipping": True,
        "taxable": True,
        "isGiftCard": False,
        "product": {"id": f"gid://shopify/Product/{product.variant_id}"},
        "variant": {
            "id": f"gid://shopify/ProductVariant/{product.variant_id}",
            "inventoryItem": {"measurement": {"weight": {"unit": "GRAMS", "value": product.grams}}},
        },
        "lineItemGroup": {"id": f"gid://shopify/LineItemGroup/{group}", "variantSku": line.kit}
        if group
        else None,
        "customAttributes": [],
        "originalUnitPriceSet": _bag(product.price),
        "discountAllocations": [],
        "taxLines": [{"title": "Sales tax", "rate": float(_TAX), "priceSet": _bag(_tax(line))}],
        "duties": [],
    }


def _graphql_address(order: PlannedOrder) -> Document:
    buyer = order.buyer
    return {
        "name": buyer.name,
        "address1": buyer.street,
        "city": buyer.city,
        "provinceCode": buyer.state,
        "zip": buyer.post_code,
        "countryCodeV2": "US",
        "phone": "+1 555 0100",
    }


def _bag(amount: Decimal) -> Document:
    return {"shopMoney": {"amount": _cents(amount), "currencyCode": "USD"}}


def _all(nodes: list[Document]) -> Document:
    """A connection whose nodes fit on one page."""
    return {"nodes": nodes, "pageInfo": {"hasNextPage": False, "endCursor": None}}


def variant_node(world: World, sku: str, number: int) -> Document:
    """The inventory item of a SKU."""
    return {"id": f"gid://shopify/InventoryItem/{number}", "sku": sku}
