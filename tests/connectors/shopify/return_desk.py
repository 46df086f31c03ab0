"""The returns of the shop's double."""

from __future__ import annotations

from typing import Any

Node = dict[str, Any]


class ReturnDesk:
    """Requested, approved, processed, closed; refunds 9.95 a unit."""

    orders: dict[str, Node]

    def q_return(self, id: str) -> Node | None:  # noqa: A002 - Shopify's name
        found = (one for order in self.orders.values() for one in order["returns"] if one["id"] == id)
        return next(found, None)

    def _decide(self, return_id: str, before: str, after: str) -> Node:
        found = self.q_return(return_id)
        assert found
        if found["status"] != before:
            error = {
                "message": f"Return is {found['status']}",
                "field": ["input", "id"],
                "code": "INVALID_STATE",
            }
            return {"return": None, "userErrors": [error]}
        found["status"] = after
        return {"return": found, "userErrors": []}

    def q_returnApproveRequest(self, input: Node) -> Node:  # noqa: A002
        return self._decide(input["id"], "REQUESTED", "OPEN")

    def q_returnDeclineRequest(self, input: Node) -> Node:  # noqa: A002
        return self._decide(input["id"], "REQUESTED", "DECLINED")

    def q_returnClose(self, id: str) -> Node:  # noqa: A002
        return self._decide(id, "OPEN", "CLOSED")

    def q_returnProcess(self, input: Node) -> Node:  # noqa: A002
        payload = self._decide(input["returnId"], "OPEN", "OPEN")
        if payload["userErrors"]:
            return payload
        found = payload["return"]
        lines = {line["id"]: line for line in found["returnLineItems"]}
        for wanted in input["returnLineItems"]:
            line = lines[wanted["id"]]
            assert wanted["quantity"] <= line["processableQuantity"]
            line["processableQuantity"] -= wanted["quantity"]
            line["processedQuantity"] += wanted["quantity"]
        for wanted in input["exchangeLineItems"]:
            found["exchangeLineItems"][0]["processableQuantity"] -= wanted["quantity"]
        transfer = input.get("financialTransfer")
        found["paid"] = [
            *found["paid"],
            *(transfer["issueRefund"]["orderTransactions"] if transfer else ()),
        ]
        return payload


def outcome_of(returnLineItems: list[Node], exchangeLineItems: list[Node], **_: Any) -> Node:
    """What Shopify suggests: 9.95 for each unit, less 5.00 for each that is exchanged."""
    cents = sum(995 * line["quantity"] for line in returnLineItems)
    cents -= sum(500 * line["quantity"] for line in exchangeLineItems)
    if cents < 0:
        return {"financialTransfer": {"__typename": "InvoiceReturnOutcome"}}
    transactions = [
        {
            "amountSet": {"presentmentMoney": {"amount": f"{cents / 100:.2f}", "currencyCode": "EUR"}},
            "parentTransaction": {"id": "gid://shopify/OrderTransaction/1"},
        }
    ]
    return {"financialTransfer": {"__typename": "RefundReturnOutcome", "suggestedTransactions": transactions}}


def a_return(number: int, order_id: str, *lines: tuple[str, int], **changes: Any) -> Node:
    """A requested return of units of order lines."""
    made: Node = {
        "id": f"gid://shopify/Return/{number}",
        "name": f"#1001-R{number}",
        "status": "REQUESTED",
        "createdAt": "2026-11-22T09:00:00Z",
        "decline": None,
        "order": {"id": order_id, "updatedAt": "2026-11-22T09:00:01Z"},
        "returnLineItems": [
            {
                "__typename": "ReturnLineItem",
                "id": f"gid://shopify/ReturnLineItem/{number}{index}",
                "quantity": quantity,
                "customerNote": "too big",
                "returnReasonNote": "",
                "returnReasonDefinition": {"name": "Size was too large"},
                "fulfillmentLineItem": {"lineItem": {"id": line, "sku": f"SKU-{line[-1]}"}},
                "processableQuantity": quantity,
                "processedQuantity": 0,
                "refundedQuantity": 0,
            }
            for index, (line, quantity) in enumerate(lines, 1)
        ],
        "exchangeLineItems": [],
        "suggestedFinancialOutcome": outcome_of,
        "paid": [],
    }
    return made | changes
