"""Tracking numbers of our own: made from the parcel's id, so that a repetition gives the same one. No I/O."""

from __future__ import annotations

import hashlib
import re

from crossdock_connectors.rate_card.config import PLACE

__all__ = ["tracking_number"]

_ALPHABETS = {"code": "0123456789ABCDEFGHJKMNPQRSTVWXYZ", "digits": "0123456789"}
"""Crockford's base 32: without I, L, O and U, which are mistaken for others."""


def tracking_number(pattern: str, carrier: str, parcel_id: str) -> str:
    """``pattern`` with its place filled in from a hash of carrier and parcel."""
    number = int.from_bytes(hashlib.sha512(f"{carrier}\n{parcel_id}".encode()).digest())

    def filled(match: re.Match[str]) -> str:
        alphabet, rest, made = _ALPHABETS[match[1]], number, ""
        for _ in range(int(match[2])):
            rest, digit = divmod(rest, len(alphabet))
            made += alphabet[digit]
        return made

    return PLACE.sub(filled, pattern)
