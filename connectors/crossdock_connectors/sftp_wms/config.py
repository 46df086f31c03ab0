"""The configuration of one warehouse: where files lie, what they are called, how it writes X12 and rows."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.files import FilesConfig, relative_path
from crossdock.sdk.formats import Format, format_named
from crossdock.sdk.formats.x12 import Envelope, X12Dialect, X12Format

__all__ = ["InboundFiles", "OutboundFiles", "RowsConfig", "SftpWmsConfig", "StreamName", "X12Config"]

StreamName = Literal[
    "stock_csv",
    "stock_fixed",
    "stock_846",
    "advice_945",
    "advice_csv",
    "response_csv",
    "return_csv",
    "movement_947",
    "receipt_944",
    "ack_997",
]

_ORDER_COLUMNS = (
    *("action", "order", "customer_order", "node", "line", "sku", "quantity", "name", "company"),
    *("address_1", "address_2", "city", "region", "postal_code", "country", "phone", "email"),
    *("carrier", "service", "ship_by", "deliver_by", "gift_message", "note"),
)


def _folder(path: str) -> str:
    try:
        return relative_path(path)
    except MisconfiguredError as error:
        raise ValueError(error.message) from error


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError) as error:
        raise ValueError(f"{name!r} is no time zone: write one such as America/Chicago") from error
    return name


def _file_name(template: str) -> str:
    fields = {field for _, field, _, _ in Formatter().parse(template) if field is not None}
    if unknown := fields - {"command", "reference", "key", "number", "extension"}:
        raise ValueError(f"unknown placeholder {{{sorted(unknown)[0]}}}")
    if not fields & {"key", "number"}:
        raise ValueError("a name without {key} or {number} would be given to two different files")
    return template


Folder = Annotated[str, AfterValidator(_folder)]
"""Relative to the root of the connection's files."""
FileName = Annotated[str, AfterValidator(_file_name)]


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", hide_input_in_errors=True, frozen=True, use_attribute_docstrings=True
    )


class InboundFiles(_Strict):
    """The files of one stream."""

    folder: Folder
    """Where the partner puts them."""
    pattern: str = "*"
    """Glob of their names, such as ``945_*.x12``. Streams of one folder need patterns that exclude each other."""
    archive: Folder | None = None
    """Where files go that were read; by default ``archive`` in the folder. On the same file system."""
    error: Folder | None = None
    """Where files go that can't be read; by default ``error`` in the folder."""


class OutboundFiles(_Strict):
    """Files that we put."""

    folder: Folder
    """Where the partner picks them up."""
    name: FileName = "{number}_{command}_{reference}_{key}.{extension}"
    """``{number}`` is the control number: with it first, a partner that reads files by name reads an order before its
    cancellation. ``{command}`` is ``request``, ``cancel``, ``997`` or ``TA1``; ``{reference}`` the order's number, or
    the control number of the group or interchange acknowledged; ``{key}`` ten characters that stay the same when it
    is repeated; ``{extension}`` ``x12``, ``csv`` or ``txt``."""
    done_marker: Annotated[str | None, Field(pattern=r"\{name\}", examples=["{name}.done"])] = None
    """Empty file put after each file, where the partner waits for one."""
    taken_folder: Folder | None = None
    """Where the partner moves files that it has taken. With it a file is never put twice; without, after a crash
    nobody can tell a file that was taken from one that was never put, and a person is asked."""
    repeatable: bool = False
    """The partner refuses a second order of the same number: a file that is not there is simply put again."""


class X12Config(_Strict):
    """How X12 is written for this partner."""

    envelope: Envelope
    """Our ids and the partner's, usage, version."""
    dialect: X12Dialect = X12Dialect()
    """Delimiters and encoding of what we write. What we read has its own under the connection's ``streams``."""
    zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """Time zone of the dates in envelopes."""
    acknowledgements: OutboundFiles | None = None
    """Where a 997 goes for each group received, and a TA1 that is asked for or rejects; by default none is sent."""


class RowsConfig(_Strict):
    """How orders are written as rows, where the mapping of the command makes ``rows``."""

    format: Literal["csv", "fixed_width"] = "csv"
    dialect: Mapping[str, object] = {"columns": [{"name": name} for name in _ORDER_COLUMNS]}
    """docs/formats.md. The columns' names are those that the mapping makes; each needs a value."""

    def writer(self) -> Format:
        """The format; raises ``MisconfiguredError``."""
        return format_named(self.format, self.dialect)


class SftpWmsConfig(_Strict):
    """One warehouse."""

    files: FilesConfig
    """Where it all lies: ``kind: sftp`` or ``kind: folder``."""
    inbound: Mapping[StreamName, InboundFiles] = Field(default_factory=dict)
    """By stream; a stream that is not named here is not used."""
    orders: OutboundFiles | None = None
    """Where orders and cancellations go."""
    x12: X12Config | None = None
    """Needed for orders as 940 and for acknowledgements."""
    rows: RowsConfig = RowsConfig()
    """Of orders that are no 940."""

    @model_validator(mode="after")
    def _check(self) -> SftpWmsConfig:
        try:
            self.rows.writer()
        except MisconfiguredError as error:
            raise ValueError(f"rows.{error.path}: {error.message}") from error
        return self

    def x12_format(self) -> X12Format:
        """X12 as this partner reads it.

        Raises:
            MisconfiguredError: There is no ``x12``.
        """
        return X12Format(self.require_x12().dialect)

    def require_x12(self) -> X12Config:
        """Raises ``MisconfiguredError`` where there is none."""
        if self.x12 is None:
            raise MisconfiguredError(
                "the mapping makes an X12 940, but config.x12 is not there: add it, or name the mappings "
                "sftp_wms/order and sftp_wms/cancellation under the connection's commands",
                path="config.x12",
            )
        return self.x12

    def require_orders(self) -> OutboundFiles:
        """Raises ``MisconfiguredError`` where there is none."""
        if self.orders is None:
            raise MisconfiguredError(
                "add config.orders: the folder that orders are put into", path="config.orders"
            )
        return self.orders
