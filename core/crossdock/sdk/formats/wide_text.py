"""UTF-16 read as UTF-8, so that places can be told in bytes of the file all the same."""

from __future__ import annotations

import codecs

__all__ = ["UTF_32", "WideText", "units", "wide_text"]

UTF_32 = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff", b"<\x00\x00\x00", b"\x00\x00\x00<")
"""How a document in UTF-32 begins."""

_BEGINNINGS = {
    b"\xff\xfe": ("utf-16-le", 2),
    b"\xfe\xff": ("utf-16-be", 2),
    b"<\x00": ("utf-16-le", 0),
    b"\x00<": ("utf-16-be", 0),
}
"""Encoding, and the bytes of its mark: XML 1.0, appendix F."""
_CONTINUED = bytes(range(0x80, 0xC0))
_OF_TWO_UNITS = bytes(range(0xF0, 0xF8))
_OTHERS = bytes(set(range(256)) - set(_OF_TWO_UNITS))


class WideText:
    """One stream of UTF-16.

    Attributes:
        encoding: ``utf-16-le`` or ``utf-16-be``.
        mark_bytes: Of the byte order mark at its beginning.
        prefix: The XML declaration by which a context says that what follows it is of this encoding.
    """

    def __init__(self, encoding: str, mark_bytes: int) -> None:
        """Begin at the beginning of a file, or (without a mark) somewhere in it."""
        self.encoding = encoding
        self.mark_bytes = mark_bytes
        self.prefix = f"<?xml version='1.0' encoding='{encoding}'?>".encode()
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._skip = mark_bytes

    def decoded(self, block: bytes, *, ended: bool) -> bytes:
        """The next block as UTF-8.

        Raises:
            UnicodeDecodeError: It is no UTF-16, or ends in the middle of a character.
        """
        text = self._decoder.decode(block[self._skip :], ended)
        self._skip = 0
        return text.encode()

    def restored(self, data: bytes) -> bytes:
        """UTF-8 as the bytes of the file."""
        return data.decode().encode(self.encoding)

    def plain(self, data: bytes) -> bytes:
        """Bytes of the file as UTF-8."""
        return data.decode(self.encoding).encode()


def wide_text(context: bytes, first: bytes) -> WideText | None:
    """How a file is to be read by the ``context`` of the place where reading begins, or by its ``first`` bytes.

    ``None`` where it is not UTF-16.
    """
    for encoding in ("utf-16-le", "utf-16-be"):
        if context.startswith((known := WideText(encoding, 0)).prefix):
            return known
    if context or first.startswith(UTF_32):
        return None
    for beginning, (encoding, mark_bytes) in _BEGINNINGS.items():
        if first.startswith(beginning):
            return WideText(encoding, mark_bytes)
    return None


def units(data: bytes) -> int:
    """Code units of UTF-16 that the UTF-8 ``data`` has: one a character, two for those beyond the basic plane."""
    return len(data.translate(None, _CONTINUED)) + len(data.translate(None, _OTHERS))
