"""States, events, causes and reasons are stored under their names; renaming one would orphan what is stored."""

from __future__ import annotations

from enum import StrEnum
from importlib import import_module
from pkgutil import iter_modules

import pytest

PACKAGES = ("crossdock.inventory", "crossdock.orders", "crossdock.routing")


def enumerations(package: str) -> set[type[StrEnum]]:
    modules = [
        import_module(f"{package}.{each.name}") for each in iter_modules(import_module(package).__path__)
    ]
    found = (each for module in modules for each in vars(module).values())
    return {
        each for each in found if isinstance(each, type) and issubclass(each, StrEnum) and each is not StrEnum
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_a_member_is_stored_under_its_own_name(package: str) -> None:
    names = {(each.__name__, member.name.lower()) for each in enumerations(package) for member in each}
    stored = {(each.__name__, member.value) for each in enumerations(package) for member in each}
    assert len(names) > 4
    assert stored == names
