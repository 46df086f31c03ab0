from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.sdk.formats import Document, decode_json, format_named
from tests.sdk.formats.builders import codes, documents, fault, read

SCALAR = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False, places=3)
    | st.text()
)
TREE = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.lists(st.dictionaries(st.text(), TREE, max_size=4), max_size=5)


@given(DOCUMENTS, st.sampled_from(["array", "lines"]), st.integers(1, 50))
def test_what_is_written_is_read_again(given_documents: list[Document], layout: str, chunk: int) -> None:
    name, dialect = ("ndjson", {}) if layout == "lines" else ("json", {"layout": "array"})
    json_format = format_named(name, {**dialect, "frame_bytes": 64})
    content = b"".join(json_format.write(given_documents))
    assert documents(read(json_format, content, chunk)) == given_documents
    assert json_format.inspect([content]).ok


def test_numbers_are_exact() -> None:
    value = decode_json(b'{"id": 12345678901234567890123, "price": 1.10, "e": 1E+2}')
    assert value == {"id": 12345678901234567890123, "price": Decimal("1.10"), "e": Decimal("1E+2")}
    assert isinstance(value, dict)
    assert str(value["price"]) == "1.10"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "'c' is there twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": "M\xfcller"}', "byte 9 is not UTF-8"),
        (b'{"a": 1', "line 1, column 8"),
        (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", "deeper than 64"),
        (b"[" * 1_000_000, "deeper than 64"),
        (b'{"a": ' + b"9" * 5000 + b"}", "4300"),
    ],
)
def test_what_is_not_exact_json_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        decode_json(content)


def test_brackets_in_strings_are_no_depth() -> None:
    assert decode_json(b'{"a": "' + b"[{" * 200 + b'\\""}') == {"a": "[{" * 200 + '"'}


def test_a_bad_line_is_one_fault() -> None:
    records = read(format_named("ndjson", {}), b'{"a":1}\n{"a":\n[1]\n\n{"a":2}')
    assert codes(records) == ["ok", "format.json", "format.json", "ok"]
    assert [record.line for record in records] == [1, 2, 3, 5]
    assert fault(records[1]).raw == b'{"a":'


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'[{"a":1}', "format.half_written"),
        (b'[{"a":"x', "format.half_written"),
        (b'[{"a":1},', "format.half_written"),
        (b'[{"a":1}] x', "format.layout"),
        (b'{"a":1}', "format.layout"),
        (b"\xff\xfe[\x00", "format.encoding"),
        (b"\xef\xbb\xbf [ ] \n", ""),
    ],
)
def test_a_half_written_array_rejects_the_file(content: bytes, code: str) -> None:
    verdict = format_named("json", {"layout": "array"}).inspect([content])
    assert (verdict.rejections[0].code if verdict.rejections else "") == code


def test_an_oversized_element_is_left_out() -> None:
    content = b'[{"a":1},\n{"a":"' + b"x" * 5000 + b'\n"},\n{"a":3}]'
    records = read(
        format_named("json", {"layout": "array", "max_record_bytes": 256, "frame_bytes": 64}), content, 50
    )
    assert codes(records) == ["ok", "format.too_long", "ok"]
    assert records[2].value == {"a": 3}
    assert content[records[2].offset :].strip() == b'{"a":3}]'


def test_a_document_is_one_record() -> None:
    json_format = format_named("json")
    assert documents(read(json_format, b'\xef\xbb\xbf{"a":[1.5]}')) == [{"a": [Decimal("1.5")]}]
    assert codes(read(format_named("json", {"max_record_bytes": 64}), b'{"a":"' + b"x" * 100 + b'"}')) == [
        "format.too_long"
    ]
