"""What the options of an operator are, and what is raised for those that make no sense."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from crossdock.mapping.paths import Value

Convert: TypeAlias = Callable[[Value], Value]
Options: TypeAlias = Mapping[str, Value]


class OptionError(ValueError):
    """An operator's options that make no sense, alone or together."""
