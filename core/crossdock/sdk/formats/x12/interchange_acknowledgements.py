"""Interchange acknowledgements (TA1), both ways: whether the envelope of an interchange could be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.sdk.formats.records import Document
from crossdock.sdk.formats.x12.envelopes import Interchange
from crossdock.sdk.formats.x12.problems import INTERCHANGE_CODES, INTERCHANGE_ELEMENT_CODES, Problem

__all__ = [
    "InterchangeAcknowledged",
    "interchange_acknowledgement",
    "is_requested",
    "read_interchange_acknowledgement",
]

_STATUSES = {"A": "accepted", "E": "accepted_with_errors", "R": "rejected"}
"""TA104, Interchange Acknowledgment Code (X12 data element I17)."""

_REASONS = {
    "001": "control numbers of header and trailer differ",
    "002": "standard not supported",
    "003": "version of the envelope not supported",
    "004": "segment terminator invalid",
    "005": "qualifier of the sender invalid",
    "006": "sender unknown",
    "007": "qualifier of the receiver invalid",
    "008": "receiver invalid",
    "009": "receiver unknown",
    "010": "qualifier of the authorisation invalid",
    "011": "authorisation invalid",
    "012": "qualifier of the security information invalid",
    "013": "security information invalid",
    "014": "date invalid",
    "015": "time invalid",
    "016": "standards identifier invalid",
    "017": "version identifier invalid",
    "018": "control number invalid",
    "019": "acknowledgement requested invalid",
    "020": "usage indicator invalid",
    "021": "number of groups doesn't match",
    "022": "control structure invalid",
    "023": "the file ends too early",
    "024": "content invalid, such as a wrong group header",
    "025": "control number used before",
    "026": "element separator invalid",
    "027": "component separator invalid",
}
"""TA105, Interchange Note Code (X12 data element I18)."""


def is_requested(interchange: Interchange) -> bool:
    """Whether ISA14 asks for a TA1. One that answers a TA1 is never due, or two partners would never end."""
    return interchange.header[13] == "1" and (bool(interchange.groups) or not interchange.notes)


def interchange_acknowledgement(interchange: Interchange, problems: Sequence[Problem]) -> Document:
    """Build the body of the TA1 for an interchange received; the caller adds ``control`` and ``interchange``.

    Args:
        interchange: The interchange, whose control number, date and time the TA1 repeats.
        problems: Defects for which the whole interchange is rejected; the first gives the note code.
    """
    header = interchange.header
    verdict, note = ("R", _note_code(problems[0])) if problems else ("A", "000")
    return {
        "set": "TA1",
        "TA1": {"01": header[12].zfill(9), "02": header[8], "03": header[9], "04": verdict, "05": note},
    }


def _note_code(problem: Problem) -> str:
    """TA105. Of an ISA element that is wrong the path of the problem tells which."""
    _, _, element = problem.rejection.path.rpartition("element ")
    return INTERCHANGE_CODES.get(problem.code) or INTERCHANGE_ELEMENT_CODES.get(element, "024")


@dataclass(frozen=True, slots=True)
class InterchangeAcknowledged:
    """What the partner says of one interchange that we sent.

    Attributes:
        control: Its control number, TA101, as we wrote it (ISA13).
        status: ``accepted``, ``accepted_with_errors`` or ``rejected``.
        reason: The note in words; empty where there is none.
    """

    control: str
    status: str
    reason: str = ""


def read_interchange_acknowledgement(document: Document) -> InterchangeAcknowledged:
    """Read a parsed TA1.

    Raises:
        RecordRejectedError: Not a TA1, or one without a control number or with a status that the standard doesn't have.
    """
    segment = document.get("TA1")
    if document.get("set") != "TA1" or not isinstance(segment, dict):
        raise RecordRejectedError(
            Rejection("x12.unknown_set", f"a TA1 is expected, this is a {document.get('set')}", "TA1")
        )
    control, verdict, note = (str(segment.get(at) or "") for at in ("01", "04", "05"))
    if not control.isdecimal():
        raise RecordRejectedError(
            Rejection("x12.element", "TA101 names no interchange (nine digits)", "TA1.01", value=control)
        )
    if verdict not in _STATUSES:
        raise RecordRejectedError(
            Rejection("x12.element", "the interchange's status is none of A, E, R", "TA1.04", value=verdict)
        )
    reason = "" if note in ("", "000") else _REASONS.get(note, f"code {note}")
    return InterchangeAcknowledged(control, _STATUSES[verdict], reason)
