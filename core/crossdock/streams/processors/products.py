"""The ``products`` processor: the facts of products that routing needs."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal

from crossdock.store.catalogue import ProductRow, save_products
from crossdock.store.kits import index_kits
from crossdock.streams.processor import Message, Processor, Transaction
from crossdock.streams.processors.documents import ProductDocument, read
from crossdock.streams.topics import PRODUCTS

__all__ = ["products_processor"]

_MM3_PER_CM3 = Decimal(1000)


def products_processor() -> Processor:
    """Keeps the newest version of each product."""
    return Processor("products", PRODUCTS, _handle, batch=500)


def _handle(tx: Transaction, messages: Sequence[Message]) -> None:
    rows: dict[str, ProductRow] = {}
    for message in messages:
        product = read(message.body, ProductDocument)
        known = rows.get(product.sku)
        if known is None or known.version <= product.version:
            rows[product.sku] = _row(product, message.body)
    save_products(tx.connection, list(rows.values()), tx.now)
    index_kits(tx.connection, rows)


def _row(product: ProductDocument, body: bytes) -> ProductRow:
    size = product.dimensions
    volume = size["length_mm"] * size["width_mm"] * size["height_mm"] / _MM3_PER_CM3 if size else Decimal(0)
    grams = product.weight.grams if product.weight else Decimal(0)
    components = [(part["sku"], part["quantity"]) for part in product.components]
    restrictions = list(product.restrictions)
    return ProductRow(
        product.sku,
        product.version,
        _up(grams),
        _up(volume),
        restrictions,
        body,
        components,
        product.available_from,
    )


def _up(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_CEILING))
