"""States, events, causes and reasons are stored under their names; renaming one would orphan what is stored."""

from __future__ import annotations

from enum import StrEnum
from importlib import import_module
from pkgutil import iter_modules

__all__ = ["members"]


def members(package: str) -> dict[str, str]:
    """Of every enumeration of a package: the value of each member, by its name."""
    modules = [
        import_module(f"{package}.{each.name}") for each in iter_modules(import_module(package).__path__)
    ]
    found = {each for module in modules for each in vars(module).values() if isinstance(each, type)}
    return {
        f"{each.__name__}.{member.name}": member.value
        for each in found
        if issubclass(each, StrEnum)
        for member in each
    }
