from __future__ import annotations

from decimal import Decimal

import pytest

from crossdock.mapping.functions import element, greatest

CODES = [{"code": "SAVE10", "value": {"amount": Decimal(10)}}, {"title": "Summer"}]


def test_finds_what_a_document_refers_to_by_position() -> None:
    assert element(CODES, 0, "code") == "SAVE10"
    assert element(CODES, 0, "value", "amount") == Decimal(10)
    assert element(CODES, 1) == {"title": "Summer"}


@pytest.mark.parametrize(
    "arguments", [(None, 0, "code"), (CODES, None, "code"), (CODES, 1, "code"), (CODES, 1, "value", "x")]
)
def test_what_is_missing_gives_nothing(arguments: tuple[object, ...]) -> None:
    assert element(*arguments) is None


@pytest.mark.parametrize("index", [2, -1])
def test_a_position_outside_of_the_list_is_an_error(index: int) -> None:
    with pytest.raises(IndexError, match="in a list of 2"):
        element(CODES, index, "code")


@pytest.mark.parametrize("arguments", [("text", 0), (CODES, "0"), (CODES, 0, "code", "x")])
def test_the_wrong_shape_is_an_error(arguments: tuple[object, ...]) -> None:
    with pytest.raises(TypeError, match="expected"):
        element(*arguments)


def test_the_greatest_counts_the_items_of_lists_and_not_what_is_missing() -> None:
    assert greatest("2026-01-02T00:00:00Z", ["2026-01-03T00:00:00Z", None], None) == "2026-01-03T00:00:00Z"
    assert greatest(Decimal("1.5"), [1, 2]) == 2
    assert greatest(None, []) is None
    with pytest.raises(TypeError, match="a number with text"):
        greatest(1, "2")
