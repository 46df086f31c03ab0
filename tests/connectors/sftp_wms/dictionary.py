"""A reader of X12 that knows nothing of ours: plain splitting, and a published dictionary of 004010."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

CONTRACTS = Path(__file__).parents[4] / "shared" / "contracts" / "x12"
NUMBER = re.compile(r"-?\d*\.?\d+")
FORMS = {
    "DT": re.compile(r"\d{8}|\d{6}"),
    "TM": re.compile(r"\d{4,8}"),
    "R": NUMBER,
    "N": re.compile(r"-?\d+"),
}


@cache
def dictionary() -> dict[str, Any]:
    path = CONTRACTS / "vscode-edi" / "00401.json.gz"
    if not path.is_file():
        pytest.skip(f"the dictionary of 004010 is not at {path}")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
    return found


def split(content: bytes) -> list[list[str]]:
    """Segments as elements, by the delimiters of the ISA."""
    text = content.decode()
    element, end = text[3], text[105]
    return [segment.strip("\r\n").split(element) for segment in text.split(end) if segment.strip()]


def counted(segments: list[list[str]]) -> None:
    """The envelopes' counts and control numbers, by counting."""
    names = [segment[0] for segment in segments]
    isa, gs, ge, iea = (segments[names.index(name)] for name in ("ISA", "GS", "GE", "IEA"))
    assert [len(element) for element in isa[1:]] == [2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1]
    assert int(ge[1]) == names.count("ST") == names.count("SE")
    assert ge[2] == gs[6]
    assert (int(iea[1]), iea[2]) == (names.count("GS"), isa[13])
    starts = [at for at, name in enumerate(names) if name == "ST"]
    ends = [at for at, name in enumerate(names) if name == "SE"]
    for start, end in zip(starts, ends, strict=True):
        assert int(segments[end][1]) == end - start + 1
        assert segments[end][2] == segments[start][2]


def mistakes(segments: list[list[str]]) -> Iterator[str]:
    """What the dictionary has against the elements between the envelopes."""
    known, codes = dictionary()["Segments"], dictionary()["Qualifiers"]
    for name, *elements in segments:
        if name in {"ISA", "GS", "ST", "SE", "GE", "IEA"}:
            continue
        declared = known[name]["Elements"]
        if len(elements) > len(declared):
            yield f"{name} has {len(elements)} elements, {len(declared)} are declared"
        for at, element in enumerate(declared):
            value = elements[at] if at < len(elements) else ""
            place = f"{name}{at + 1:02} ({element['Desc']}): {value!r}"
            if not value:
                if element.get("Required"):
                    yield f"{place} is missing"
                continue
            if "MaxLength" in element and not element["MinLength"] <= len(value) <= element["MaxLength"]:
                yield f"{place} is not {element['MinLength']} to {element['MaxLength']} long"
            form = FORMS.get(element.get("DataType", "").rstrip("0123456789"))
            if form and not form.fullmatch(value):
                yield f"{place} is no {element['DataType']}"
            listed = codes.get(element.get("QualifierRef"))
            if listed and "DataType" not in element and value not in listed:
                yield f"{place} is not in the code list"
