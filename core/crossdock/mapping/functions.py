"""The functions that every mapping may ``call``; the hub and integrators register more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from crossdock.mapping.paths import Value, kind_of
from crossdock.mapping.rules import PureFunction

__all__ = ["BUILT_IN", "element"]


def element(items: Value, index: Value, *keys: Value) -> Value:
    """Give what is at ``keys`` inside item ``index`` of a list, which other parts refer to by position.

    Missing (``None``) where the list, the index or a key is; an index beyond the list is an error.
    """
    if items is None or index is None:
        return None
    if not isinstance(items, list) or not isinstance(index, int):
        raise TypeError(
            f"expected a list and a whole number, but found {kind_of(items)} and {kind_of(index)}"
        )
    if not 0 <= index < len(items):
        raise IndexError(f"there is no item {index} in a list of {len(items)}")
    found = items[index]
    for key in keys:
        if found is None:
            return None
        if not isinstance(found, dict):
            raise TypeError(f"expected an object to find {key!r} in, but found {kind_of(found)}")
        found = found.get(key)
    return found


BUILT_IN: Final[Mapping[str, PureFunction]] = {"element": element}
