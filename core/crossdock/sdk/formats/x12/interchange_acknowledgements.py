"""Interchange acknowledgements (TA1): whether the partner could read the envelope of an interchange of ours."""

from __future__ import annotations

from dataclasses import dataclass

from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.sdk.formats.records import Document

__all__ = ["InterchangeAcknowledged", "read_interchange_acknowledgement"]

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
