"""Products."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, case, select

from crossdock.store.bulk import InsertMany
from crossdock.store.stock_tables import positions, products

__all__ = ["ProductRow", "known_skus", "save_products"]


class ProductRow(NamedTuple):
    """A product; weight and volume of one unit, rounded up."""

    sku: str
    version: str
    weight_grams: int
    volume_cm3: int
    restrictions: list[str]
    document: bytes


_NAMES = ProductRow._fields[1:]
_save = InsertMany(
    products,
    (*ProductRow._fields, "updated_at"),
    conflict=("sku",),
    # Older news never overwrites newer.
    update=lambda new: {
        name: case((products.c.version <= new.version, new[name]), else_=products.c[name])
        for name in (*_NAMES, "updated_at")
    },
)


def save_products(connection: Connection, rows: Sequence[ProductRow], now: datetime) -> None:
    """Insert or update products; a version older than the known one changes nothing."""
    _save(connection, [(*row, now) for row in rows])


def known_skus(connection: Connection, skus: Sequence[str]) -> set[str]:
    """Those of ``skus`` of which there is a product, or which a node has ever counted."""
    named = select(products.c.sku).where(products.c.sku.in_(skus))
    counted = select(positions.c.sku).where(positions.c.sku.in_(skus))
    return set(connection.execute(named.union(counted)).scalars())
