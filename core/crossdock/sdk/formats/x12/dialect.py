"""What is declared about a partner's X12."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from crossdock.sdk.formats.dialects import Encoding
from crossdock.sdk.formats.x12.maps import TransactionMap, standard_map
from crossdock.sdk.formats.x12.segments import Delimiters

__all__ = ["X12Dialect"]

OneSign = Annotated[str, Field(min_length=1, max_length=1, pattern=r"^[^A-Za-z0-9 ]$")]


class X12Dialect(BaseModel):
    """A partner's X12. Read are the delimiters that the ISA states; those declared here are for writing.

    Attributes:
        encoding: Of the elements.
        element: Element separator.
        component: Component separator.
        segment: Segment terminator.
        line_per_segment: Whether a line end follows each terminator.
        maps: Maps of further sets, or in place of those that come with Crossdock.
        unknown_segments: What to do with a segment that the map doesn't have: reject the set, or keep it in
            the loop.
        tolerate: Codes of envelope defects that this partner is known for and that are let pass, such as
            ``x12.set_count``.
        max_interchange_bytes: A larger interchange is rejected.
        frame_bytes: Bytes read at a time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoding: Encoding = "utf-8"
    element: OneSign = "*"
    component: OneSign = ">"
    segment: OneSign = "~"
    line_per_segment: bool = True
    maps: dict[str, TransactionMap] = Field(default_factory=dict)
    unknown_segments: Literal["reject", "keep"] = "reject"
    tolerate: frozenset[
        Literal[
            "x12.set_count",
            "x12.set_control",
            "x12.group_count",
            "x12.group_control",
            "x12.interchange_count",
            "x12.interchange_control",
            "x12.isa_elements",
            "x12.duplicate_set",
            "x12.duplicate_group",
            "x12.duplicate_interchange",
        ]
    ] = frozenset()
    max_interchange_bytes: int = Field(default=64 << 20, ge=256)
    frame_bytes: int = Field(default=1 << 18, ge=64)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len({self.element, self.component, self.segment}) != 3:
            raise ValueError("element, component and segment must be three different signs")
        if len(self.element.encode()) + len(self.component.encode()) + len(self.segment.encode()) != 3:
            raise ValueError("delimiters must be ASCII")
        if wrong := [name for name, declared in self.maps.items() if declared.set != name]:
            raise ValueError(f"maps: {', '.join(wrong)} must stand under the set that they describe")
        return self

    @property
    def delimiters(self) -> Delimiters:
        """The delimiters for writing."""
        return Delimiters(self.element.encode(), self.component.encode(), self.segment.encode())

    def map_of(self, name: str) -> TransactionMap | None:
        """The map of a set: declared here, or coming with Crossdock."""
        return self.maps.get(name) or standard_map(name)
