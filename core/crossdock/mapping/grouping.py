"""Rows to documents: groups of rows with one key, or from one starting row to the next."""

from __future__ import annotations

from typing import TypeAlias

from crossdock.mapping.faults import ValueFault
from crossdock.mapping.paths import Rows, ShapeError, Value
from crossdock.mapping.rules import Items

Located: TypeAlias = tuple[Value, str]
Group: TypeAlias = dict[str, Value]
"""``key`` (the values grouped by), ``first`` (the first row) and ``rows`` (all of them)."""


def _group(key: list[Value], rows: list[Located]) -> Group:
    values = Rows([value for value, _ in rows], [location for _, location in rows])
    return {"key": key, "first": values[0], "rows": values}


def split_at(rows: list[Located], starts: list[bool]) -> list[Group]:
    """Begin a group at each row that starts one; rows before the first start belong to none."""
    groups: list[list[Located]] = []
    for row, is_start in zip(rows, starts, strict=True):
        if is_start:
            groups.append([row])
        elif groups:
            groups[-1].append(row)
    return [_group([], group) for group in groups]


def group_rows(
    rows: list[Located], keys: list[tuple[Value, ...]], agreeing: list[tuple[Value, ...]], items: Items
) -> list[Group]:
    """Group rows with equal keys, in the order of first appearance; they may be apart in the file.

    Raises:
        ShapeError: A row without a key.
        ValueFault: Rows of one group differ in a value they must agree on.
    """
    groups: dict[tuple[Value, ...], list[Located]] = {}
    first: dict[tuple[Value, ...], tuple[Value, ...]] = {}
    for row, key, values in zip(rows, keys, agreeing, strict=True):
        for path, part in zip(items.group_by, key, strict=True):
            if part is None or isinstance(part, list | dict):
                raise ShapeError(
                    row[1], part, f"a row can't be grouped: it has no single value at {path.path.text}"
                )
        groups.setdefault(key, []).append(row)
        for path, expected, found in zip(items.agree, first.setdefault(key, values), values, strict=True):
            if expected != found:
                start = groups[key][0][1]
                raise ValueFault(
                    "disagree",
                    (
                        f"rows of one group differ at {path.path.text}: {expected!r} at "
                        f"{start}, {found!r} at {row[1]}"
                    ),
                )
    return [_group(list(key), group) for key, group in groups.items()]
