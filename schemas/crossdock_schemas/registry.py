"""Every canonical entity by name and version, and how an older version is read.

A minor change only adds optional fields and keeps the version. A breaking change is a new version with an
upcaster from the one before: N-1 can always be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from crossdock_schemas.base import Canonical
from crossdock_schemas.fulfilment import (
    Acknowledgement,
    FulfilmentOrder,
    FulfilmentResponse,
    Label,
    LabelRequest,
    Rate,
    Shipment,
    TrackingEvent,
)
from crossdock_schemas.order import Cancellation, Order
from crossdock_schemas.posting import InvoicePosting, PostingResult
from crossdock_schemas.product import Node, Product
from crossdock_schemas.purchasing import PurchaseOrder
from crossdock_schemas.returns import Refund, ReturnReceipt, ReturnRequest
from crossdock_schemas.stock import StockFeed, StockLevel, StockMovement

__all__ = ["ENTITIES", "UPCASTERS", "Upcaster", "current", "json_schema", "upcast"]

ENTITIES: Mapping[str, type[Canonical]] = MappingProxyType(
    {
        "acknowledgement/1": Acknowledgement,
        "cancellation/1": Cancellation,
        "fulfilment_order/1": FulfilmentOrder,
        "fulfilment_response/1": FulfilmentResponse,
        "invoice_posting/1": InvoicePosting,
        "label/1": Label,
        "label_request/1": LabelRequest,
        "node/1": Node,
        "order/1": Order,
        "posting_result/1": PostingResult,
        "product/1": Product,
        "purchase_order/1": PurchaseOrder,
        "rate/1": Rate,
        "refund/1": Refund,
        "return_receipt/1": ReturnReceipt,
        "return_request/1": ReturnRequest,
        "shipment/1": Shipment,
        "stock_feed/1": StockFeed,
        "stock_level/1": StockLevel,
        "stock_movement/1": StockMovement,
        "tracking_event/1": TrackingEvent,
    }
)
"""The versions in force, by ``entity/version``."""

Upcaster = Callable[[dict[str, object]], dict[str, object]]
UPCASTERS: Mapping[str, Upcaster] = MappingProxyType({})
"""From ``entity/N`` to the document of ``entity/N+1``; empty until an entity has a second version."""


def current(entity: str) -> str:
    """The version in force of ``entity``, such as ``order/1`` for ``order``.

    Raises:
        KeyError: There is no such entity.
    """
    for name in ENTITIES:
        if name.partition("/")[0] == entity:
            return name
    known = ", ".join(sorted(name.partition("/")[0] for name in ENTITIES))
    raise KeyError(f"no canonical entity {entity!r}; there are: {known}")


def upcast(
    schema: str, document: dict[str, object], upcasters: Mapping[str, Upcaster] = UPCASTERS
) -> tuple[str, dict[str, object]]:
    """The document in the newest version that the upcasters lead to, and that version's name."""
    while schema in upcasters:
        document = upcasters[schema](document)
        entity, _, version = schema.partition("/")
        schema = f"{entity}/{int(version) + 1}"
    return schema, document


def json_schema(schema: str) -> dict[str, object]:
    """The JSON Schema 2020-12 of ``schema`` as published in ``schemas/json``."""
    document = ENTITIES[schema].model_json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:crossdock:schema:{schema.replace('/', ':')}",
        **document,
    }
