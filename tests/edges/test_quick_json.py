"""The quick decoder gives what the format gives, or leaves it to the format."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.sdk.formats import decode_json
from crossdock.streams.edges.quick_json import quick_json

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ['":', "{}", '"', "]"]
)
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.decimals(allow_nan=False, places=3).map(str)
    | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(_texts, _values, max_size=4), st.sampled_from([None, 2]), st.booleans())
def test_it_agrees_with_the_format(value: dict[str, Any], indent: int | None, ascii_only: bool) -> None:
    data = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    assert quick_json(data) in (None, decode_json(data))


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": {"c": 2}}}',
        b"[1]",
        b'{"a": NaN}',
        b'{"a": "\xff"}',
        b'{"a": ' + b"[" * 70 + b"]" * 70 + b"}",
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"",
    ],
)
def test_what_is_unusual_is_left_to_the_format(data: bytes) -> None:
    assert quick_json(data) is None


def test_numbers_are_exact() -> None:
    assert quick_json(b'{"a": 1.10, "b": 123456789012345678901234567890}') == decode_json(
        b'{"a": 1.10, "b": 123456789012345678901234567890}'
    )
