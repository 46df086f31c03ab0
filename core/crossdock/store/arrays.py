"""Lists as PostgreSQL's arrays, a whole list at once: the driver's way goes over every element in Python.

``crossdock.store.bulk`` hands each column of a batch over as an array, so this is what many rows cost.
"""

from __future__ import annotations

from datetime import datetime
from types import NoneType
from typing import Any

from psycopg import Binary, Connection
from psycopg.types.array import ListDumper

__all__ = ["register_arrays"]

_BETWEEN = "\0"
"""Stands in no text of PostgreSQL's, so it can part the elements until they are escaped."""


class _FlatListDumper(ListDumper):
    """Lists of texts, bytes, integers or instants, or of nothing; all else as the driver does it."""

    def dump(self, obj: list[Any]) -> Any:
        """The text of the array."""
        kinds = set(map(type, obj))
        if kinds == {str}:
            joined = _BETWEEN.join(obj)
            # A text with this character in it is refused by the driver, with its own words.
            if joined.count(_BETWEEN) == len(obj) - 1:
                escaped = joined.replace("\\", "\\\\").replace('"', '\\"').replace(_BETWEEN, '","')
                return f'{{"{escaped}"}}'.encode()
        elif kinds == {Binary}:
            return ('{"\\\\x' + '","\\\\x'.join(bytes(each.obj).hex() for each in obj) + '"}').encode()
        elif kinds == {datetime}:
            return ('{"' + '","'.join(map(str, obj)) + '"}').encode()
        elif kinds == {NoneType}:
            return f"{{{','.join(['NULL'] * len(obj))}}}".encode()
        elif kinds == {int}:
            return f"{{{','.join(map(str, obj))}}}".encode()
        return super().dump(obj)


def register_arrays(connection: Connection[Any]) -> None:
    """Let ``connection``, which speaks UTF-8, use it."""
    connection.adapters.register_dumper(list, _FlatListDumper)
