"""How the warehouses write their files: X12 here, CSV there, fixed width at the 3PL."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from crossdock.demo.times import instant_text
from crossdock.sdk.formats import Document, format_named
from crossdock.sdk.formats.x12 import Envelope, X12Dialect, X12Format

__all__ = [
    "FIXED_STOCK",
    "HUB_ID",
    "CsvWriter",
    "FixedWriter",
    "JobLine",
    "Request",
    "Shipped",
    "Writer",
    "X12Writer",
    "response_rows",
]

HUB_ID: Final = "MERIDIANHUB"
_X12: Final = X12Format(X12Dialect())

FIXED_STOCK: Final[dict[str, object]] = {
    "records": [
        {
            "name": "stock",
            "columns": [
                {"name": "node", "width": 10},
                {"name": "sku", "width": 16},
                {"name": "quantity", "width": 7, "align": "right", "pad": "0", "kind": "integer"},
                {"name": "as_of", "width": 24},
            ],
        }
    ]
}
"""The 3PL's stock file."""


@dataclass(frozen=True, slots=True)
class JobLine:
    """A line that the node is asked for; ``id`` is the hub's."""

    id: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Request:
    """A fulfilment order, or its cancellation, as a node reads it from a file."""

    order: str
    node: str
    cancel: bool
    lines: tuple[JobLine, ...]
    service: str = ""
    control: str = ""


@dataclass(frozen=True, slots=True)
class Shipped:
    """One shipment of a fulfilment order, in one parcel."""

    id: str
    order: str
    node: str
    lines: tuple[JobLine, ...]
    at: datetime
    carrier: str = ""
    tracking_number: str = ""
    final: bool = True
    grams: int = 0


class Writer(Protocol):
    """A partner's way to write; ``extension`` of its advice files."""

    extension: str

    def read(self, content: bytes) -> list[Request]:
        """The requests in a file that the hub has put."""
        ...

    def advice(self, shipments: Sequence[Shipped], number: int, at: datetime) -> bytes:
        """A file of shipping advices."""
        ...


class X12Writer:
    """The distribution centres: 940 in, 997, 945 and 947 out."""

    extension = "x12"

    def __init__(self, sender: str) -> None:
        """``sender`` is the id in the envelopes."""
        self._envelope = Envelope(sender=sender, receiver=HUB_ID, usage="T")

    def read(self, content: bytes) -> list[Request]:
        """The 940s of an interchange."""
        return [_request(document) for document in self._sets(content)]

    def acknowledge(self, contents: Sequence[bytes], number: int, at: datetime) -> bytes:
        """A 997 for each interchange, all in one."""
        frames = [frame for content in contents for frame in _X12.frames([content])]
        bodies = [body for frame in frames for body in _X12.acknowledge(frame)]
        return self._written(bodies, "FA", number, at)

    def advice(self, shipments: Sequence[Shipped], number: int, at: datetime) -> bytes:
        """A 945 for each shipment."""
        return self._written([_advice_945(each) for each in shipments], "SW", number, at)

    def adjustment(
        self, node: str, units: Mapping[str, int], reference: str, number: int, at: datetime
    ) -> bytes:
        """A 947: units that were found."""
        body: Document = {
            "set": "947",
            "W15": {"01": f"{at:%Y%m%d}", "02": reference},
            "N1": [{"01": "WH", "03": "91", "04": node}],
            "W19": [
                {"01": "53", "02": str(quantity), "03": "EA", "05": "VN", "06": sku}
                for sku, quantity in units.items()
            ],
        }
        return self._written([body], "AW", number, at)

    def _sets(self, content: bytes) -> list[Document]:
        records = [record for frame in _X12.frames([content]) for record in _X12.parse(frame)]
        return [record.value for record in records if isinstance(record.value, dict)]

    def _written(self, bodies: Iterable[Document], group: str, number: int, at: datetime) -> bytes:
        keys = self._envelope.keys(group, control=number, group_control=number, at=at)
        sets = [{**body, "control": f"{place:04}", **keys} for place, body in enumerate(bodies, 1)]
        return b"".join(_X12.write(sets))


def _request(document: Mapping[str, Any]) -> Request:
    node = next(party["04"] for party in document["N1"] if party["01"] == "WH")
    lines = tuple(
        JobLine(_reference(line, "LI"), line["05"], int(line["01"]))
        for loop in document.get("LX", [])
        for line in loop["W01"]
    )
    return Request(
        document["W05"]["02"],
        node,
        document["W05"]["01"] == "F",
        lines,
        document.get("W66", [{}])[0].get("05", ""),
        document["group"]["control"],
    )


def _reference(line: Mapping[str, Any], kind: str) -> str:
    return str(next(each["02"] for each in line["N9"] if each["01"] == kind))


def _advice_945(shipped: Shipped) -> Document:
    """Header, shipment date and time, the parcel's number on each line, and what more follows (BP)."""
    at = shipped.at.astimezone(UTC)
    code = "CC" if shipped.final else "BP"
    return {
        "set": "945",
        "W06": {"01": "N", "02": shipped.order, "03": f"{at:%Y%m%d}", "04": shipped.id},
        "N1": [{"01": "WH", "03": "91", "04": shipped.node}],
        "G62": [{"01": "11", "02": f"{at:%Y%m%d}", "03": "W", "04": f"{at:%H%M%S}"}],
        "W27": {"01": "M", "02": shipped.carrier},
        "LX": [
            {
                "01": str(place),
                "MAN": [{"01": "CP", "02": shipped.tracking_number}],
                "W12": [
                    {
                        "01": code,
                        "02": str(line.quantity),
                        "03": str(line.quantity),
                        "05": "EA",
                        "07": "VN",
                        "08": line.sku,
                        "N9": [{"01": "LI", "02": line.id}],
                    }
                ],
            }
            for place, line in enumerate(shipped.lines, 1)
        ],
        "W03": {"01": str(sum(line.quantity for line in shipped.lines))},
    }


class CsvWriter:
    """Stores and the supplier: CSV both ways."""

    extension = "csv"

    def read(self, content: bytes) -> list[Request]:
        """The orders of a file, a row for each line."""
        found: dict[tuple[str, bool], list[dict[str, str]]] = {}
        for row in csv.DictReader(io.StringIO(content.decode("utf-8"))):
            found.setdefault((row["order"], row["action"] == "CANCEL"), []).append(row)
        return [
            Request(
                order,
                rows[0]["node"],
                cancel,
                tuple(JobLine(row["line"], row["sku"], int(row["quantity"])) for row in rows if row["sku"]),
                rows[0]["service"],
            )
            for (order, cancel), rows in found.items()
        ]

    def advice(self, shipments: Sequence[Shipped], number: int, at: datetime) -> bytes:
        """A row for each line in each parcel."""
        return _csv(
            ("order", "shipment", "node", "shipped_at", "final", "parcel", "tracking_number", "weight_grams",
             "line", "sku", "quantity"),
            (
                (each.order, each.id, each.node, _instant(each.at), "Y" if each.final else "N", each.id,
                 each.tracking_number, str(each.grams) if each.grams else "", line.id, line.sku, str(line.quantity))
                for each in shipments
                for line in each.lines
            ),
        )  # fmt: skip

    def stock(self, node: str, units: Mapping[str, int], as_of: datetime) -> bytes:
        """The full count of a node; to the millisecond, because what left in the same second is in it or not."""
        rows = ((node, sku, str(quantity), instant_text(as_of)) for sku, quantity in units.items())
        return _csv(("node", "sku", "quantity", "as_of"), rows)


class FixedWriter(CsvWriter):
    """The 3PL: its stock file has columns of fixed width."""

    def stock(self, node: str, units: Mapping[str, int], as_of: datetime) -> bytes:
        """The full count of a node."""
        rows: list[Document] = [
            {"node": node, "sku": sku, "quantity": quantity, "as_of": instant_text(as_of)}
            for sku, quantity in units.items()
        ]
        return b"".join(format_named("fixed_width", FIXED_STOCK).write(rows))


def response_rows(rows: Iterable[Sequence[str]]) -> bytes:
    """A file of answers: order, status, message, occurred_at, node, reason, line, sku, quantity."""
    names = ("order", "status", "message", "occurred_at", "node", "reason", "line", "sku", "quantity")
    return _csv(names, rows)


def _csv(names: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue().encode()


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
