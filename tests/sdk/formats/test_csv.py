from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.sdk.errors import MisconfiguredError, RecordRejectedError
from crossdock.sdk.formats import START, Document, format_named
from tests.sdk.formats.builders import codes, cut, documents, fault, read

CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=12
)
ROWS = st.lists(st.tuples(CELL, CELL, CELL), max_size=12)
COLUMNS = [{"name": "a"}, {"name": "b"}, {"name": "c"}]


@given(ROWS, st.integers(1, 40))
def test_what_is_written_is_read_again(rows: list[tuple[str, str, str]], chunk: int) -> None:
    csv_format = format_named("csv", {"columns": COLUMNS, "frame_bytes": 64})
    given_documents: list[Document] = [dict(zip("abc", row, strict=True)) for row in rows]
    content = b"".join(csv_format.write(given_documents))
    assert documents(read(csv_format, content, chunk)) == given_documents
    assert csv_format.inspect([content]).records == len(rows)


@given(ROWS)
def test_reads_as_pythons_csv_does(rows: list[tuple[str, str, str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([("a", "b", "c"), *rows])
    content = text.getvalue().encode()
    expected = [row for row in csv.DictReader(io.StringIO(text.getvalue(), newline="")) if row]
    assert documents(read(format_named("csv", {"frame_bytes": 64}), content)) == expected


@given(st.text('a,"\n', max_size=60))
def test_frames_end_where_pythons_csv_ends_a_row(body: str) -> None:
    csv_format = format_named("csv", {"header": False, "columns": [{"name": "a"}], "frame_bytes": 64})
    frames = list(csv_format.frames([body.encode()]))
    if any(frame.fault for frame in frames):
        return
    whole = [row for row in csv.reader(io.StringIO(body, newline="\n")) if row]
    parts = [
        row for frame in frames for row in csv.reader(io.StringIO(frame.data.decode(), newline="\n")) if row
    ]
    assert parts == whole
    assert b"".join(frame.data for frame in frames) == body.encode()


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "utf-16-le", "utf-16-be", "gb18030"])
def test_frames_cover_the_file_and_resume_anywhere(encoding: str) -> None:
    text = "名,a\r\n" + "".join(f'"ソ{at}\n表",{at}\r\n能,"x""y"\r\n' for at in range(60))
    csv_format = format_named("csv", {"encoding": encoding, "frame_bytes": 64})
    content = text.encode(encoding)
    frames = list(csv_format.frames(cut(content, 11)))
    assert len(frames) > 10
    assert b"".join(frame.data for frame in frames) == content[frames[0].offset :]
    assert list(csv_format.frames([content])) == frames
    for frame in frames[:-1]:
        resumed = csv_format.frames([content[frame.end.offset :]], frame.end)
        assert next(resumed).start == frame.end
    records = [record for frame in frames for record in csv_format.parse(frame)]
    assert [record.number for record in records] == list(range(1, 121))
    assert documents(records)[:2] == [{"名": "ソ0\n表", "a": "0"}, {"名": "能", "a": 'x"y'}]
    for record in records:
        line_starts = text[: len(content[: record.offset].decode(encoding))].count("\n")
        assert record.line == line_starts + 1


def test_a_wrong_encoding_costs_the_records_that_show_it() -> None:
    content = "sku,name\nA,plain\nB,Müller\nC,plain\n".encode("cp1252")
    records = read(format_named("csv", {}), content)
    assert codes(records) == ["ok", "format.encoding", "ok"]
    found = fault(records[1])
    assert found.rejection.path == "line 3, column 2"
    assert found.raw == b"B,M\xfcller"


def test_a_foreign_byte_order_mark_rejects_the_file() -> None:
    verdict = format_named("csv", {}).inspect(["sku\nA\n".encode("utf-16")])
    assert verdict.rejections[0].code == "format.encoding"
    assert "utf-16-le" in verdict.rejections[0].message


@pytest.mark.parametrize(
    ("bom", "marked", "ok"), [("allow", True, True), ("refuse", True, False), ("require", False, False)]
)
def test_byte_order_mark_by_declaration(bom: str, marked: bool, ok: bool) -> None:
    csv_format = format_named("csv", {"bom": bom})
    content = (b"\xef\xbb\xbf" if marked else b"") + b"sku\nA\n"
    assert csv_format.inspect([content]).ok is ok
    if ok:
        assert documents(read(csv_format, content)) == [{"sku": "A"}]


@pytest.mark.parametrize(
    ("signs", "text", "expected"),
    [
        ({"decimal_sign": ","}, "1,50", Decimal("1.50")),
        ({"decimal_sign": ",", "thousands_sign": "."}, "1.234.567,8", Decimal("1234567.8")),
        ({"trailing_sign": True}, "12.5-", Decimal("-12.5")),
        ({}, "-0.10", Decimal("-0.10")),
        ({}, "", None),
        ({}, "1,234", "fault"),
        ({"decimal_sign": ",", "thousands_sign": "."}, "1.23", "fault"),
        ({}, "1e5", "fault"),
        ({}, "NaN", "fault"),
        ({}, "١٢", "fault"),
    ],
)
def test_numbers_by_declared_signs(signs: dict[str, object], text: str, expected: object) -> None:
    dialect = {
        "delimiter": ";",
        "header": False,
        "columns": [{"name": "n", "kind": "decimal"}, {"name": "x"}],
        **signs,
    }
    record = read(format_named("csv", dialect), f"{text};x\n".encode())[0]
    if expected == "fault":
        assert fault(record).rejection.code == "format.value"
        assert fault(record).rejection.path == "line 1, column 1"
    else:
        assert record.value == {"n": expected, "x": "x"}


def test_dates_become_iso() -> None:
    columns = [{"name": "d", "kind": "date", "date_format": "%d.%m.%Y"}, {"name": "x"}]
    records = read(
        format_named("csv", {"header": False, "columns": columns}), b"31.12.2026,x\n31.02.2026,x\n"
    )
    assert records[0].value == {"d": "2026-12-31", "x": "x"}
    assert codes(records) == ["ok", "format.value"]


def test_a_stray_quote_costs_its_line_only() -> None:
    content = b'sku,name\nA,"5 inch pipe\nB,plain\nC,6" nail\nD,"a"b\nE,plain\n'
    records = read(format_named("csv", {"quoted_newlines": False}), content)
    assert codes(records) == ["format.csv", "ok", "ok", "format.csv", "ok"]
    multiline = read(format_named("csv", {}), content)
    assert fault(multiline[0]).rejection.path == "line 2"
    assert multiline[-1].value == {"sku": "E", "name": "plain"}


def test_wrong_number_of_fields_is_a_fault_of_the_row() -> None:
    records = read(format_named("csv", {}), b"a,b\n1\n1,2,3\n\n1,2\n")
    assert codes(records) == ["format.fields", "format.fields", "ok"]
    assert [record.line for record in records] == [2, 3, 5]


def test_a_line_of_fifty_megabytes_is_left_out_and_the_rest_goes_on() -> None:
    def chunks() -> object:
        yield b"a,b\n1,2\n"
        for _ in range(800):
            yield b"x" * 65536
        yield b"\n3,4\n"

    csv_format = format_named("csv", {})
    records = [record for frame in csv_format.frames(chunks()) for record in csv_format.parse(frame)]  # type: ignore[arg-type]
    assert codes(records) == ["ok", "format.too_long", "ok"]
    assert len(fault(records[1]).raw) <= 65536
    assert records[2].line == 4
    assert records[2].offset == 8 + 800 * 65536 + 1


TRAILER = {
    "columns": [{"name": "sku"}, {"name": "qty", "kind": "integer"}],
    "trailer": {"prefix": "TRL,", "count_field": 2, "total_field": 3, "total_of": "qty"},
}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"sku,qty\nA,1\nB,2\nTRL,2,3\n", ""),
        (b"sku,qty\nA,1\nTRL,2,3\n", "format.trailer_count"),
        (b"sku,qty\nA,1\nB,3\nTRL,2,3\n", "format.trailer_total"),
        (b"sku,qty\nA,1\nB,2\n", "format.trailer"),
        (b"sku,qty\nA,1\nTRL,1,1\nB,2\n", "format.trailer"),
        (b"", "format.header"),
        (b"sku,qty\nA,1\nB", "format.half_written"),
        (b"sku,quantity\nA,1\nTRL,1,1\n", "format.header"),
    ],
)
def test_a_file_that_does_not_add_up_is_rejected_before_anything_is_applied(
    content: bytes, code: str
) -> None:
    csv_format = format_named("csv", TRAILER)
    verdict = csv_format.inspect(cut(content, 5))
    assert (verdict.rejections[0].code if verdict.rejections else "") == code


def test_the_trailer_is_written_and_read_back() -> None:
    csv_format = format_named("csv", TRAILER)
    content = b"".join(csv_format.write([{"sku": "A", "qty": 1}, {"sku": "B", "qty": 41}]))
    assert content.endswith(b"TRL,2,42\n")
    assert csv_format.inspect([content]).ok
    assert documents(read(csv_format, content)) == [{"sku": "A", "qty": 1}, {"sku": "B", "qty": 41}]


@pytest.mark.parametrize(
    ("record", "path"),
    [
        ({"sku": "A"}, "record 1, column qty"),
        ({"sku": "A", "qty": Decimal("1.5")}, "record 1, column qty"),
        ({"sku": "A", "qty": 1, "x": 2}, "record 1"),
        ({"sku": "TRL", "qty": 1}, "record 1"),
    ],
)
def test_a_record_that_does_not_fit_is_not_written(record: dict[str, object], path: str) -> None:
    with pytest.raises(RecordRejectedError) as caught:
        list(format_named("csv", TRAILER).write([record]))  # type: ignore[list-item]
    assert caught.value.rejections[0].path == path


@pytest.mark.parametrize(
    ("dialect", "path"),
    [
        ({"delimeter": ";"}, "dialect.delimeter"),
        ({"encoding": "utf-16"}, "dialect.encoding"),
        ({"encoding": "iso-2022-jp"}, "dialect.encoding"),
        ({"decimal_sign": ".", "thousands_sign": "."}, "dialect"),
        ({"header": False}, "dialect"),
        ({"columns": [{"name": "d", "kind": "date"}]}, "dialect.columns.0"),
    ],
)
def test_a_dialect_that_can_not_work_is_refused_with_its_path(dialect: dict[str, object], path: str) -> None:
    with pytest.raises(MisconfiguredError) as caught:
        format_named("csv", dialect)
    assert caught.value.path == path


def test_start_is_the_beginning() -> None:
    assert START.offset == 0
