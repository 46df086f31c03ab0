from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.sdk.errors import RecordRejectedError
from crossdock.sdk.formats import format_named
from tests.sdk.formats.builders import codes, documents, fault, read

JAPANESE = {
    "encoding": "cp932",
    "terminator": "\r\n",
    "records": [
        {
            "name": "header",
            "prefix": "H",
            "columns": [{"name": "kind", "width": 1}, {"name": "name", "width": 11, "overflow": "truncate"}],
        },
        {
            "name": "line",
            "prefix": "D",
            "columns": [
                {"name": "kind", "width": 1},
                {"name": "item", "width": 6},
                {
                    "name": "amount",
                    "width": 5,
                    "align": "right",
                    "pad": "0",
                    "kind": "decimal",
                    "implied_decimals": 2,
                },
            ],
        },
    ],
}
TEXT = st.text(
    st.characters(codec="cp932", exclude_characters="\r\n\0\xa2\xa3\xac\u2016\u2212\u301c"), max_size=8
).map(lambda text: text.rstrip(" "))


@given(st.lists(st.tuples(TEXT, st.integers(-(10**6), 10**6)), max_size=8), st.integers(1, 30))
def test_what_is_written_is_read_again(rows: list[tuple[str, int]], chunk: int) -> None:
    columns = [
        {"name": "t", "width": 1},
        {"name": "name", "width": 16},
        {"name": "n", "width": 8, "align": "right", "kind": "integer"},
    ]
    fixed = format_named(
        "fixed_width", {"encoding": "cp932", "records": [{"columns": columns}], "frame_bytes": 64}
    )
    given_documents = [{"t": "T", "name": name, "n": number} for name, number in rows]
    content = b"".join(fixed.write(given_documents))  # type: ignore[arg-type]
    assert len(content) == 26 * len(rows)
    assert documents(read(fixed, content, chunk)) == given_documents


def test_widths_are_bytes_and_characters_are_never_cut() -> None:
    fixed = format_named("fixed_width", JAPANESE)
    content = b"".join(
        fixed.write(
            [
                {"record": "header", "kind": "H", "name": "株式会社ヤマ"},
                {"record": "line", "kind": "D", "item": "品番1", "amount": Decimal("-1.25")},
            ]
        )
    )
    header, line, _ = content.split(b"\r\n")
    assert header == b"H" + "株式会社ヤ".encode("cp932") + b" "
    assert line == b"D" + "品番1".encode("cp932") + b" -0125"
    assert documents(read(fixed, content))[1] == {
        "record": "line",
        "kind": "D",
        "item": "品番1",
        "amount": Decimal("-1.25"),
    }


def test_a_character_cut_in_two_is_a_fault_with_its_byte() -> None:
    records = read(
        format_named("fixed_width", JAPANESE),
        b"H" + "株式会社ヤマ".encode("cp932")[:11] + b"\r\nDABCDEF00100\r\n",
    )
    assert codes(records) == ["format.encoding", "ok"]
    assert fault(records[0]).rejection.path == "line 1, byte 12"


def test_rows_of_the_wrong_length_or_kind_are_faults() -> None:
    records = read(
        format_named("fixed_width", JAPANESE), b"DABCDEF001\r\nX\r\nDABCDEF001000\r\nDABCDEF0010x\r\n"
    )
    assert codes(records) == ["format.width", "format.row_kind", "format.width", "format.value"]
    assert fault(records[3]).rejection.path == "line 4, byte 8"


def test_stripped_padding_is_filled_where_declared() -> None:
    dialect = {
        "short_rows": "pad",
        "records": [{"columns": [{"name": "a", "width": 3}, {"name": "b", "width": 3}]}],
    }
    assert read(format_named("fixed_width", dialect), b"A\n")[0].value == {"a": "A", "b": ""}


@pytest.mark.parametrize(
    ("content", "code"), [(b"DA1\nT00001\n", ""), (b"DA1\nDB1\nT00001\n", "format.trailer_count")]
)
def test_the_trailer_decides(content: bytes, code: str) -> None:
    dialect = {
        "records": [{"prefix": "D", "columns": [{"name": "k", "width": 1}, {"name": "v", "width": 2}]}],
        "trailer": {"prefix": "T", "count": [2, 5]},
    }
    fixed = format_named("fixed_width", dialect)
    verdict = fixed.inspect([content])
    assert (verdict.rejections[0].code if verdict.rejections else "") == code
    if not code:
        assert b"".join(fixed.write(documents(read(fixed, content)))) == content


@pytest.mark.parametrize(
    ("item", "code"), [("ABCDEFG", "format.overflow"), ("é", "format.encoding"), ("a\nb", "format.value")]
)
def test_a_value_that_does_not_fit_is_not_written(item: str, code: str) -> None:
    with pytest.raises(RecordRejectedError) as caught:
        list(
            format_named("fixed_width", JAPANESE).write(
                [{"record": "line", "kind": "D", "item": item, "amount": None}]
            )
        )
    assert caught.value.rejections[0].code == code
