# ruff: noqa: E501 (sample documents)
"""The generated Python and the interpreter give the same result for documents of every shape."""

from __future__ import annotations

import copy
import csv
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.mapping import shop_order
from crossdock.mapping import CompiledMapping, MappingError
from crossdock.mapping.files import FolderReader
from crossdock.mapping.library import MappingLibrary
from tests.mapping.builders import FIXTURES, strictly

LIBRARY = MappingLibrary([FolderReader(FIXTURES)])
ROWS = (FIXTURES / "warehouse" / "stock.csv").read_text().splitlines()
STRANGE: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", " ", "x", "1", "-1.5", "1e5", 0, 1, -7, True, False, Decimal("1.5"), Decimal("NaN"), 0.5, [], {}, [None],
     [{}], {"shop_money": None}, "2026-03-01T00:00:00Z", ["x"], {"#text": "x"}]
)  # fmt: skip


def documents() -> dict[str, Any]:
    segments: list[Any] = [{"id": name, "elements": elements.split("*")} for name, elements in
                [("W06", "F*FO-1"), ("N9", "CN*1Z"), ("LX", "1"), ("W12", "SH*2*2**EA**VN*A"), ("N9", "SE*S1")]]  # fmt: skip
    lines = [{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": Decimal(1)}]
    return {
        "shop/order": shop_order(),
        "warehouse/stock": list(csv.DictReader(ROWS)),
        "warehouse/shipping_advice": {"segments": segments},
        "warehouse/shipping_order": {
            "external_id": "1", "ship_to": {"name": "A"}, "ship_by": "2026-03-01T03:00:00Z", "lines": lines,
        },
    }  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, child in items for found in [(*path, key), *places(child, (*path, key))]]


def mutate(document: Any, data: st.DataObject) -> Any:
    for _ in range(data.draw(st.integers(0, 3))):
        path = data.draw(st.sampled_from(places(document)))
        holder = document
        for step in path[:-1]:
            holder = holder[step]
        match data.draw(st.sampled_from(["replace", "delete", "duplicate"])):
            case "delete":
                del holder[path[-1]]
            case "duplicate" if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[path[-1]]))
            case _:
                holder[path[-1]] = copy.deepcopy(data.draw(STRANGE))
        if not places(document):
            break
    return document


def outcome(map_: Any, document: Any) -> Any:
    try:
        result = map_(document)
    except Exception as error:
        if map_.__name__ == "map_slowly" and not isinstance(error, MappingError):
            raise
        return "fault"
    return strictly(result.output), result.omitted


@pytest.mark.parametrize("name", documents())
@settings(max_examples=300)
@given(data=st.data())
def test_fast_and_slow_path_agree_on_mutated_documents(name: str, data: st.DataObject) -> None:
    mapping: CompiledMapping = LIBRARY.get(name)
    document = mutate(documents()[name], data)
    assert outcome(mapping.map_fast, document) == outcome(mapping.map_slowly, document)
