"""Orders, cancellations and acknowledgements as files.

Pure: the same command gives the same name and, but for the instant in X12 envelopes, the same bytes.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

from crossdock.sdk.connector import Command
from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.formats import Document, RecordFault, Value
from crossdock.sdk.formats.x12 import X12Dialect, X12Format
from crossdock_connectors.sftp_wms.config import OutboundFiles, SftpWmsConfig, X12Config

__all__ = ["ACKNOWLEDGEMENT", "OutgoingFile", "outgoing_file", "same_content"]

ACKNOWLEDGEMENT = "acknowledgement.send"
_CALLED = {"fulfilment.request": "request", "fulfilment.cancel": "cancel"}
_NUMBERED_BY = {"940": ("W05", "02"), "997": ("AK1", "02"), "TA1": ("TA1", "01")}
"""Segment and element that say what the file is about: the order, or the group or interchange acknowledged."""
_CONTROL_NUMBERS = 1_000_000_000
"""X12 control numbers have nine digits and begin anew."""
_EXTENSIONS = {"csv": "csv", "fixed_width": "txt"}
_FREE_TEXT = {
    "N1": ("02",),
    "N2": ("01", "02"),
    "N3": ("01", "02"),
    "N4": ("01",),
    "PER": ("02",),
    "NTE": ("02",),
    "G69": ("01",),
}
"""Elements for people, in which a sign that X12 can't carry is replaced. In any other element it is refused."""


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file to put; ``content`` is whole, such files are small."""

    name: str
    content: bytes
    x12: bool


def outgoing_file(
    config: SftpWmsConfig, files: OutboundFiles, command: Command, key: str, now: datetime
) -> OutgoingFile:
    """The file of a command.

    A document with ``set`` is an X12 set, one with ``rows`` is rows of CSV or fixed width; ``reference`` is then the
    order's number.

    Raises:
        MisconfiguredError: The mapping makes neither, or what it makes is not configured.
        RecordRejectedError: The document does not fit the partner's dialect.
    """
    document = cast("Document", command.document)
    number = command.number % _CONTROL_NUMBERS
    rows = document.get("rows")
    if "set" in document:
        content, extension = _x12(config, document, number, now), "x12"
        segment, element = _NUMBERED_BY.get(str(document["set"]), ("", ""))
        header = document.get(segment)
        reference = str(header.get(element, "")) if isinstance(header, dict) else ""
    elif isinstance(rows, list):
        content = b"".join(config.rows.writer().write(row for row in rows if isinstance(row, dict)))
        reference, extension = str(document.get("reference", "")), _EXTENSIONS[config.rows.format]
    else:
        raise MisconfiguredError(
            f"the mapping of {command.name} makes neither an X12 set nor rows: "
            "use sftp_wms/order_940, sftp_wms/order, or a mapping of your own of one of these shapes",
            path=f"commands.{command.name}",
        )
    name = files.name.format(
        command=_CALLED.get(command.name) or str(document.get("set")),
        # what can't be part of a file name becomes a hyphen
        reference=re.sub(r"[^A-Za-z0-9_-]+", "-", reference)[:60].strip("-"),
        key=hashlib.sha256(key.encode()).hexdigest()[:10],
        number=f"{number:09}",
        extension=extension,
    )
    return OutgoingFile(name, content, extension == "x12")


def same_content(config: SftpWmsConfig, file: OutgoingFile, standing: bytes) -> bool:
    """Whether the bytes of ``standing`` are this file, whenever they were written."""
    if file.content == standing:
        return True
    if not file.x12:
        return False
    read = config.x12_format()
    return _sets(read, file.content) == _sets(read, standing)


def _x12(config: SftpWmsConfig, document: Document, number: int, now: datetime) -> bytes:
    x12 = config.require_x12()
    name = str(document["set"])
    if name == "TA1":
        return b"".join(config.x12_format().write([_interchange_note(x12, document, number, now)]))
    transaction = x12.dialect.map_of(name)
    if transaction is None:
        raise MisconfiguredError(
            f"there is no map of set {name!r}: add it to config.x12.dialect.maps",
            path="config.x12.dialect.maps",
        )
    envelope = x12.envelope.keys(
        transaction.group, control=number, group_control=number, at=now.astimezone(ZoneInfo(x12.zone))
    )
    plain = {key: _printable(key, value, x12.dialect) for key, value in document.items()}
    return b"".join(config.x12_format().write([{**plain, "control": f"{number:04}", **envelope}]))


def _interchange_note(x12: X12Config, document: Document, number: int, now: datetime) -> Document:
    """A TA1 in an interchange of its own, which asks for none in turn."""
    envelope = x12.envelope.keys(
        "", control=number, group_control=number, at=now.astimezone(ZoneInfo(x12.zone))
    )
    interchange = envelope["interchange"]
    assert isinstance(interchange, dict)
    return {**document, "interchange": {**interchange, "acknowledgement": "0"}}


def _printable(segment: str, value: Value, dialect: X12Dialect) -> Value:
    """The same with free text in signs that the partner's X12 can carry."""
    if isinstance(value, list):
        return [_printable(segment, one, dialect) for one in value]
    if not isinstance(value, dict):
        return value
    free = _FREE_TEXT.get(segment, ())
    return {
        key: _carried(inner, dialect)
        if key in free and isinstance(inner, str)
        else _printable(key, inner, dialect)
        for key, inner in value.items()
    }


def _carried(text: str, dialect: X12Dialect) -> str:
    reserved = {dialect.element, dialect.segment, dialect.component}
    spaced = "".join(" " if sign in reserved or unicodedata.category(sign) == "Cc" else sign for sign in text)
    # an element that must be there can't be empty
    return "".join(_encodable(sign, dialect.encoding) for sign in " ".join(spaced.split())) or "-"


def _encodable(sign: str, encoding: str) -> str:
    """The sign, else its letter without accents, else a question mark."""
    for form in (sign, unicodedata.normalize("NFKD", sign)[:1]):
        try:
            form.encode(encoding)
        except UnicodeEncodeError:
            continue
        return form
    return "?"


def _sets(read: X12Format, content: bytes) -> list[Document] | None:
    """The sets without the instant of writing; None where one can't be read."""
    found: list[Document] = []
    for frame in read.frames([content]):
        for record in read.parse(frame):
            if isinstance(record.value, RecordFault):
                return None
            found.append({key: _undated(value, key) for key, value in record.value.items()})
    return found


def _undated(value: Value, key: str) -> Value:
    if key not in ("interchange", "group") or not isinstance(value, dict):
        return value
    return {name: inner for name, inner in value.items() if name not in ("date", "time")}
