"""Shorthands: run a coroutine, map a document and validate what comes out, read the vendor's recordings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import yaml

from crossdock.sdk.connector import Command, Cursor, Limits, Page
from crossdock.sdk.outcomes import AlreadyApplied, Applied, Outcome
from crossdock_connectors.easypost.connector import EasyPost
from crossdock_connectors.easypost.manifest import MANIFEST
from crossdock_schemas.base import Address, Canonical, Dimensions, Weight
from crossdock_schemas.fulfilment import Label, LabelRequest
from crossdock_schemas.registry import ENTITIES
from tests.connectors import hub
from tests.connectors.hub import decode, library, outbound, run
from tests.servers.node import contract

__all__ = [
    "ELIZABETH",
    "JACK",
    "Exchange",
    "Node",
    "canonical",
    "cassette",
    "command",
    "decode",
    "exchanges",
    "execute",
    "label_of",
    "library",
    "objects",
    "pages",
    "probe",
    "request",
    "run",
]

Node = dict[str, Any]

JACK = Address(
    name="Jack Sparrow",
    lines=("388 Townsend St", "Apt 20"),
    city="San Francisco",
    region="CA",
    postal_code="94107",
    country="US",
    email="test@example.com",
    phone="5555555555",
)
ELIZABETH = Address(
    name="Elizabeth Swan",
    lines=("179 N Harbor Dr",),
    city="Redondo Beach",
    region="CA",
    postal_code="90277",
    country="US",
    email="test@example.com",
    phone="5555555555",
)


def request(external_id: str = "S-1/1", **changes: Any) -> LabelRequest:
    """The parcel of the vendor's recordings, in our units: 10 by 8 by 4 inches, 15.4 ounces."""
    facts: Node = {
        "external_id": external_id,
        "fulfilment_order": "FO-1",
        "order": "O-1",
        "ship_from": JACK,
        "ship_to": ELIZABETH,
        "weight": Weight(grams=Decimal("436.582656125")),
        "dimensions": Dimensions(
            length_mm=Decimal(254), width_mm=Decimal("203.2"), height_mm=Decimal("101.6")
        ),
    }
    return LabelRequest(**facts | changes)


def canonical(mapping: str, document: Any) -> list[Any]:
    """Map as the hub does: decimals decoded exactly, then the canonical schema."""
    compiled = library().get(mapping)
    return [ENTITIES[compiled.target].model_validate(one) for one in compiled.map(document).documents]


def command(name: str, document: Canonical) -> Command:
    """A command as the hub makes it of a canonical document."""
    mapping = MANIFEST.command(name).mapping
    assert mapping is not None
    return Command(name, "key", (outbound(mapping, document),))


def execute(connector: EasyPost, name: str, document: Canonical) -> Outcome:
    return run(connector.execute(command(name, document), "key"))


def probe(connector: EasyPost, name: str, document: Canonical) -> Outcome:
    return run(connector.probe(command(name, document), "key"))


def label_of(outcome: Outcome) -> Label:
    """The label of an outcome, by the result mapping."""
    assert isinstance(outcome, Applied | AlreadyApplied), outcome
    assert outcome.response is not None
    (label,) = canonical("easypost/label", decode(outcome.response.body))
    assert isinstance(label, Label)
    return label


def pages(connector: EasyPost, cursor: Cursor | None = None, limits: Limits | None = None) -> list[Page]:
    return hub.pages(connector, "trackers", cursor, limits)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded request and its answer."""

    cassette: str
    method: str
    path: str
    query: str
    body: Any
    status: int
    answer: Any
    content: bytes


@cache
def exchanges() -> tuple[Exchange, ...]:
    """All recordings; skips where they are not there."""
    return tuple(_exchanges())


def _exchanges() -> Iterator[Exchange]:
    for file in sorted(contract("easypost", "cassettes").glob("*.yaml")):
        for each in yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)["interactions"]:
            url = urlsplit(each["request"]["uri"])
            text = each["response"]["body"].get("string") or ""
            content = text.encode() if isinstance(text, str) else text
            if url.hostname == "api.easypost.com":
                yield Exchange(
                    file.stem, each["request"]["method"], url.path, url.query,
                    decode(each["request"]["body"]) if each["request"].get("body") else None,
                    each["response"]["status"]["code"], decode(content) if content else None, content,
                )  # fmt: skip


def cassette(name: str) -> tuple[Exchange, ...]:
    return tuple(each for each in exchanges() if each.cassette == name)


def objects(kind: str) -> list[Node]:
    """Every object of that kind in any recorded answer."""
    found: list[Node] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("object") == kind:
                found.append(value)
            for member in value.values():
                walk(member)
        elif isinstance(value, list):
            for member in value:
                walk(member)

    for each in exchanges():
        walk(each.answer)
    return found
