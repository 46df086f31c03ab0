"""The envelope as part of a document: what parsing puts there, and what writing takes from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from crossdock.sdk.formats.records import Document, Value
from crossdock.sdk.formats.x12.segments import ISA_WIDTHS

__all__ = ["Envelope", "group_elements", "group_keys", "interchange_elements", "interchange_keys"]

_INTERCHANGE = {
    "sender_qualifier": 5,
    "sender": 6,
    "receiver_qualifier": 7,
    "receiver": 8,
    "date": 9,
    "time": 10,
    "standard": 11,
    "version": 12,
    "control": 13,
    "acknowledgement": 14,
    "usage": 15,
}
"""Number of the ISA element. ISA01 to ISA04 are left out: they may hold a password."""

_GROUP = ("function", "sender", "receiver", "date", "time", "control", "agency", "version")


def interchange_keys(header: Sequence[str]) -> dict[str, Value]:
    """Name ISA01 to ISA16."""
    return {name: header[number - 1] for name, number in _INTERCHANGE.items()}


def group_keys(header: Sequence[str]) -> dict[str, Value]:
    """Name GS01 to GS08."""
    return dict(zip(_GROUP, header, strict=False))


def interchange_elements(keys: Mapping[str, Value], component: str) -> list[str]:
    """Lay out ISA01 to ISA16 in their fixed widths.

    Raises ``ValueError`` where a value is missing or doesn't fit.
    """
    elements = ["00", "", "00", "", *[""] * 10, "", component]
    for name, number in _INTERCHANGE.items():
        value = keys.get(name)
        if not isinstance(value, str) or (not value and number != 14):
            raise ValueError(f"interchange.{name} is missing")
        elements[number - 1] = value.zfill(9) if name == "control" else value
    for number, (value, width) in enumerate(zip(elements, ISA_WIDTHS, strict=True), 1):
        if len(value) > width:
            raise ValueError(f"ISA{number:02} {value!r} is longer than {width} characters")
        elements[number - 1] = value.ljust(width)
    return elements


def group_elements(keys: Mapping[str, Value]) -> list[str]:
    """Lay out GS01 to GS08. Raises ``ValueError`` where a value is missing."""
    elements = []
    for name in _GROUP:
        value = keys.get(name)
        if not isinstance(value, str) or not value:
            raise ValueError(f"group.{name} is missing")
        elements.append(value)
    return elements


class Envelope(BaseModel):
    """A partner's envelope settings; control numbers and the instant are arguments.

    Attributes:
        sender: ISA06, and GS02 unless ``group_sender`` says otherwise.
        receiver: ISA08, and GS03 unless ``group_receiver`` says otherwise.
        usage: ``P`` for production, ``T`` for test.
        version: ISA12.
        release: GS08.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sender_qualifier: str = Field(default="ZZ", min_length=2, max_length=2)
    sender: str = Field(min_length=1, max_length=15)
    receiver_qualifier: str = Field(default="ZZ", min_length=2, max_length=2)
    receiver: str = Field(min_length=1, max_length=15)
    group_sender: str = ""
    group_receiver: str = ""
    usage: Literal["P", "T"]
    standard: str = Field(default="U", min_length=1, max_length=1)
    version: str = Field(default="00401", min_length=5, max_length=5)
    release: str = "004010"
    acknowledgement_requested: bool = False

    def keys(self, function: str, *, control: int, group_control: int, at: datetime) -> Document:
        """Give the keys ``interchange`` and ``group`` of a document to be written.

        Args:
            function: GS01, as the set's map says it.
            control: ISA13, 1 to 999999999.
            group_control: GS06.
            at: Instant of writing, in the zone that the partner expects.
        """
        interchange: dict[str, Value] = {
            "sender_qualifier": self.sender_qualifier,
            "sender": self.sender,
            "receiver_qualifier": self.receiver_qualifier,
            "receiver": self.receiver,
            "date": f"{at:%y%m%d}",
            "time": f"{at:%H%M}",
            "standard": self.standard,
            "version": self.version,
            "control": f"{control:09}",
            "acknowledgement": "1" if self.acknowledgement_requested else "0",
            "usage": self.usage,
        }
        group: dict[str, Value] = {
            "function": function,
            "sender": self.group_sender or self.sender,
            "receiver": self.group_receiver or self.receiver,
            "date": f"{at:%Y%m%d}",
            "time": f"{at:%H%M}",
            "control": str(group_control),
            "agency": "X",
            "version": self.release,
        }
        return {"interchange": interchange, "group": group}
