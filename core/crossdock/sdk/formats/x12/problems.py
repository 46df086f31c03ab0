"""What can be wrong in an interchange, with the code by which a 997 or a TA1 says it."""

from __future__ import annotations

from dataclasses import dataclass

from crossdock.sdk.errors import Rejection

__all__ = [
    "GROUP_CODES",
    "INTERCHANGE_CODES",
    "INTERCHANGE_ELEMENT_CODES",
    "SEGMENT_CODES",
    "SET_CODES",
    "Problem",
]

SET_CODES = {
    "x12.unknown_set": "1",
    "x12.set_trailer": "2",
    "x12.set_control": "3",
    "x12.set_count": "4",
    "x12.set_header": "6",
    "x12.duplicate_set": "7",
}
"""AK502 by our code; anything inside of a segment is 5."""

GROUP_CODES = {
    "x12.group_trailer": "3",
    "x12.group_control": "4",
    "x12.group_count": "5",
    "x12.duplicate_group": "6",
}
"""AK905 by our code."""

SEGMENT_CODES = {
    "x12.unknown_segment": "1",
    "x12.segment_order": "2",
    "x12.missing_segment": "3",
    "x12.repeated_segment": "5",
    "x12.element": "8",
}
"""AK304 by our code."""


INTERCHANGE_CODES = {
    "x12.interchange_control": "001",
    "x12.interchange_count": "021",
    "x12.stray_segment": "022",
    "x12.interchange_trailer": "023",
    "x12.empty": "024",
}
"""TA105 by our code."""

INTERCHANGE_ELEMENT_CODES = {"06": "006", "08": "008", "13": "018", "15": "020"}
"""TA105 by the element of the ISA that is wrong."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One defect.

    Attributes:
        rejection: In words.
        segment: Identifier of the segment at fault, for AK301.
        position: Its position in the set, ST being 1, for AK302; 0 outside of a set.
        element: Element at fault, for AK401; 0 where the whole segment is.
        element_code: AK403, where an element is at fault.
    """

    rejection: Rejection
    segment: str = ""
    position: int = 0
    element: int = 0
    element_code: str = ""

    @property
    def code(self) -> str:
        """Our code."""
        return self.rejection.code
