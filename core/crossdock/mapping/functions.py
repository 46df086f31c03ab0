"""The functions that every mapping may ``call``; the hub and integrators register more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from crossdock.mapping.paths import Value, kind_of
from crossdock.mapping.rules import PureFunction

__all__ = ["BUILT_IN", "element", "greatest"]


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


def greatest(*values: Value) -> Value:
    """Give the greatest of ``values`` and of the items of those that are lists: the latest of several instants.

    What is missing (``None``) does not count; values of different kinds are an error.
    """
    flat = [item for value in values for item in (value if isinstance(value, list) else [value])]
    present = [item for item in flat if item is not None]
    if len({kind_of(item) for item in present}) > 1:
        raise TypeError(f"can't compare {' with '.join(sorted({kind_of(item) for item in present}))}")
    return max(present, default=None)


BUILT_IN: Final[Mapping[str, PureFunction]] = {"element": element, "greatest": greatest}
