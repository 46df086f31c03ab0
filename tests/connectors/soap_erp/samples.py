"""What of NetSuite's records is written and read; ``python -m tests.connectors.soap_erp.samples`` writes the page.

NetSuite's WSDL says what there is, the mappings what of it they write or read, coverage.yaml why the rest is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from lxml import etree

from crossdock.mapping.analysis import reads
from tests.connectors.coverage import Reasons, reasons_of
from tests.connectors.soap_erp.builders import POSTING, PURCHASE, library
from tests.servers.node import contract

__all__ = ["PAGE", "RECORDS", "Record", "left", "text", "used"]

PAGE = Path(__file__).parents[3] / "docs/coverage/soap_erp.md"
_XSD = "{http://www.w3.org/2001/XMLSchema}"
_LEAVES = frozenset({"RecordRef", "CustomFieldList", "RecordRefList"})
"""Types that are one value for us."""


_ADDRESS = {
    "name": "Ada Lovelace", "company": "Engines Ltd", "lines": ["1 Main St", "Apt 2", "Rear"], "city": "Chicago",
    "region": "IL", "postal_code": "60601", "country": "US", "phone": "+1 312 555 0100",
}  # fmt: skip
_FULL: dict[str, Any] = {
    **POSTING, "bill_to": _ADDRESS, "ship_to": _ADDRESS, "shipping": {"amount": Decimal("4.90"), "currency": "USD"},
}  # fmt: skip
_ORDER = {
    name: value for name, value in _FULL.items() if name not in ("node", "shipment", "tracking_numbers")
}
_RETURNED = {
    name: value
    for name, value in _FULL.items()
    if name in _ORDER and name not in ("ship_to", "shipping", "shipping_taxes")
} | {"node": "dc-east"}
"""A posting with all that a posting can have, and how it is of an order that has not left yet, and of
a credit note."""


_PURCHASE = {**PURCHASE, "ship_to": _ADDRESS}
_CHANGED = {**PURCHASE, "status": "changed", "lines": [{**line, "quantity": 0} for line in PURCHASE["lines"]]}


@dataclass(frozen=True, slots=True)
class Record:
    """One of NetSuite's records, or several that are read alike.

    Attributes:
        types: Names in the WSDL.
        mapping: What writes or reads it.
        postings: What it is written from, in each way; none: it is read.
        root: Where in the document that is read it stands.
    """

    types: tuple[str, ...]
    mapping: str
    postings: tuple[Mapping[str, Any], ...] = ()
    root: str = "$."

    @property
    def paths(self) -> frozenset[str]:
        """What the mapping touches, from the record on, without indexes."""
        compiled = library().get(f"soap_erp/netsuite/{self.mapping}")
        if self.postings:
            made = [compiled.map(posting).document["record"] for posting in self.postings]
            return frozenset(path for document in made for path in _written(document, ""))
        plain = (path.replace("[*]", "") for path in reads(compiled))
        return frozenset(path.removeprefix(self.root) for path in plain if path.startswith(self.root))


def _written(value: object, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from _written(below, f"{path}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from _written(item, path)
    else:
        yield path.removeprefix(".")


def _taxed(posting: Mapping[str, Any], kind: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        {**posting, "kind": kind, "_hub": {"taxes": taxes}} for taxes in ("none", "lines", "details")
    )


RECORDS = (
    Record(("SalesOrder",), "transaction", _taxed(_ORDER, "sales_order")),
    Record(("Invoice",), "transaction", _taxed(_FULL, "invoice")),
    Record(("CreditMemo",), "transaction", _taxed(_RETURNED, "credit_note")),
    Record(("ItemFulfillment",), "item_fulfilment", (_FULL,)),
    Record(("PurchaseOrder",), "purchase_order", (_PURCHASE, _CHANGED)),
    Record(("InventoryItem", "AssemblyItem", "KitItem"), "item"),
    Record(("ItemAvailability",), "stock", root="$.rows."),
)


@cache
def _types() -> Mapping[str, etree._Element]:
    folder = contract("netsuite", "wsdl", "netsuite.wsdl").parent / "xsd"
    roots = [etree.parse(str(path)).getroot() for path in sorted(folder.glob("*.xsd"))]
    return {
        str(found.get("name")): found
        for found in chain.from_iterable(root.iterfind(f"{_XSD}complexType") for root in roots)
    }


def _elements(record: Record, type_name: str, prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Path of each element, and whether the mapping touches it; inside of what it touches in part, the parts."""
    paths = record.paths
    for element in _types()[type_name].iter(f"{_XSD}element"):
        path = f"{prefix}{element.get('name')}"
        inner = str(element.get("type")).rpartition(":")[2]
        parts = any(one.startswith(f"{path}.") and not one.startswith(f"{path}.@") for one in paths)
        if parts and inner in _types() and inner not in _LEAVES:
            yield from _elements(record, inner, f"{path}.")
        else:
            yield path, parts or any(one == path or one.startswith(f"{path}.@") for one in paths)


def _of_all_types(record: Record) -> Mapping[str, bool]:
    return {path: touched for name in record.types for path, touched in _elements(record, name)}


def used(record: Record) -> list[str]:
    """The elements that are written or read."""
    return [path for path, touched in _of_all_types(record).items() if touched]


def left(record: Record, reasons: Reasons) -> dict[str, str | None]:
    """The elements that are not, each with its reason (``None``: nobody has said)."""
    return {
        path: next((reason for pattern, reason in reasons.items() if fnmatchcase(path, pattern)), None)
        for path, touched in _of_all_types(record).items()
        if not touched
    }


def text() -> str:
    """The page as it would be written now."""
    return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    yield from ("# What of NetSuite's records is written and read: soap_erp", "")
    yield "<!-- Made by `python -m tests.connectors.soap_erp.samples`; reasons are in coverage.yaml. -->"
    yield ""
    yield "Every element of the records in NetSuite's WSDL 2023.2 that the mappings of the profile `netsuite` write or"
    yield "read, and the others with the reason why not. What is left out can be set or read in a mapping of your own."
    yield ""
    reasons = reasons_of("soap_erp")
    for record in RECORDS:
        verb = "Written" if record.postings else "Read"
        yield from (
            f"## {', '.join(record.types)}",
            "",
            f"{verb} by `soap_erp/netsuite/{record.mapping}`:",
            "",
        )
        yield from (", ".join(f"`{path}`" for path in used(record)) + ".", "")
        by_reason: dict[str, list[str]] = {}
        for path, reason in left(record, reasons[f"soap_erp/netsuite/{record.mapping}"]).items():
            by_reason.setdefault(reason or "**nobody has said**", []).append(path)
        yield from (f"| not {verb.lower()} | why |", "|---|---|")
        for reason, paths in by_reason.items():
            yield f"| {', '.join(f'`{path}`' for path in paths)} | {reason} |"
        yield ""


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text(), encoding="utf-8")
