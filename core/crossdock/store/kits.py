"""Which kits hold a component, and what they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import ColumnElement, Connection, Text, delete, select

from crossdock.store.bulk import InsertMany, SelectMany
from crossdock.store.catalogue import Component, components_of
from crossdock.store.publications import mark
from crossdock.store.stock_tables import kit_components

__all__ = ["index_kits", "kits_with"]

_add = InsertMany(kit_components, ("component", "kit"), ignore=True)


def _kits_by(column: ColumnElement[str]) -> SelectMany:
    return SelectMany(
        {"sku": Text()},
        lambda wanted: (
            select(kit_components.c.kit)
            .distinct()
            .select_from(wanted)
            .join(kit_components, column == wanted.c.sku)
        ),
    )


_holding, _among = _kits_by(kit_components.c.component), _kits_by(kit_components.c.kit)


def index_kits(connection: Connection, skus: Iterable[str]) -> None:
    """Note of products that were saved what kits are made of, and have channels told of those that are or were kits."""
    saved = sorted(set(skus))
    before = {row[0] for row in _among(connection, [(sku,) for sku in saved])}
    if before:
        connection.execute(delete(kit_components).where(kit_components.c.kit.in_(sorted(before))))
    made_of = components_of(connection, saved)
    _add(connection, [(part.sku, kit) for kit, parts in made_of.items() for part in parts])
    mark(connection, before | set(made_of))


def kits_with(connection: Connection, skus: Iterable[str]) -> Mapping[str, tuple[Component, ...]]:
    """What the kits are made of that are among ``skus`` or hold one of them."""
    wanted = [(sku,) for sku in sorted(set(skus))]
    kits = {row[0] for find in (_holding, _among) for row in find(connection, wanted)}
    return components_of(connection, kits) if kits else {}
