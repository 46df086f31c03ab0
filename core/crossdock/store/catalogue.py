"""Products."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Text, case, literal, select

from crossdock.store.bulk import InsertMany, SelectMany
from crossdock.store.metadata import Json
from crossdock.store.stock_tables import positions, products

__all__ = ["Component", "ProductRow", "components_of", "documents_of", "known_skus", "save_products"]


class ProductRow(NamedTuple):
    """A product; weight and volume of one unit, rounded up. Before ``available_from`` nothing of it is shipped."""

    sku: str
    version: str
    weight_grams: int
    volume_cm3: int
    restrictions: list[str]
    document: bytes
    components: Sequence[tuple[str, int]] = ()
    available_from: datetime | None = None


class Component(NamedTuple):
    """Units of a SKU in one kit."""

    sku: str
    units: int


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


_made_of = SelectMany(
    {"sku": Text()},
    lambda wanted: (
        select(products.c.sku, products.c.components)
        .select_from(wanted)
        .join(products, products.c.sku == wanted.c.sku)
        .where(products.c.components != literal([], Json()))
    ),
)


def components_of(connection: Connection, skus: Iterable[str]) -> dict[str, tuple[Component, ...]]:
    """What kits are made of; SKUs that are none are missing."""
    rows = _made_of(connection, [(sku,) for sku in sorted(set(skus))])
    return {row[0]: tuple(Component(*each) for each in row[1]) for row in rows}


_documents = SelectMany(
    {"sku": Text()},
    lambda wanted: (
        select(products.c.sku, products.c.document)
        .select_from(wanted)
        .join(products, products.c.sku == wanted.c.sku)
    ),
)


def documents_of(connection: Connection, skus: Iterable[str]) -> dict[str, bytes]:
    """The newest document of each product; SKUs of which there is none are missing."""
    return {row[0]: row[1] for row in _documents(connection, [(sku,) for sku in sorted(set(skus))])}


def known_skus(connection: Connection, skus: Sequence[str]) -> set[str]:
    """Those of ``skus`` of which there is a product, or which a node has ever counted."""
    named = select(products.c.sku).where(products.c.sku.in_(skus))
    counted = select(positions.c.sku).where(positions.c.sku.in_(skus))
    return set(connection.execute(named.union(counted)).scalars())
