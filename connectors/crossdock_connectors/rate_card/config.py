"""The configuration of one carrier without an API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

__all__ = ["PLACE", "RateCardCarrierConfig"]

PLACE = re.compile(r"\{(code|digits):([0-9]+)\}")
_SHORTEST = {"code": 12, "digits": 16}
"""60 and 53 bits: that of a million labels two are alike happens once in two million, once in 20,000 cases."""


def _pattern(text: str) -> str:
    places = PLACE.findall(text)
    if len(places) != 1 or not re.fullmatch("[A-Za-z0-9 -]*", PLACE.sub("", text)):
        raise ValueError(
            "write letters, digits and exactly one {code:12} or {digits:16}, such as OWN{code:12}"
        )
    ((kind, length),) = places
    if not _SHORTEST[kind] <= int(length) <= 40:
        raise ValueError(f"give {kind} {_SHORTEST[kind]} to 40 characters, so that no two labels are alike")
    return text


class RateCardCarrierConfig(BaseModel):
    """One carrier: our own fleet, a courier, a regional carrier that is paid by tariff."""

    model_config = ConfigDict(
        extra="forbid", hide_input_in_errors=True, frozen=True, use_attribute_docstrings=True
    )

    carrier: Annotated[str, Field(min_length=1)]
    """Its name, as channels and buyers shall see it."""
    services: Annotated[Mapping[str, Path], Field(min_length=1)]
    """Our service ids, and the tariff sheet of each (docs/formats.md): ``{next_day: tariffs/fleet.csv}``."""
    dialect: Mapping[str, object] = Field(default_factory=dict)
    """The sheets' settings where they have not comma, point and UTF-8: ``{delimiter: ";", decimal_sign: ","}``."""
    tracking_number: Annotated[str, AfterValidator(_pattern)] = "{code:12}"
    """Letters and digits with one ``{code:12}`` (capitals and digits that can't be mistaken) or ``{digits:16}``."""
    tracking_url: str = ""
    """Where buyers can look, with ``{number}`` in it."""
