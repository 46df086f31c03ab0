from __future__ import annotations

from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.sdk.errors import RecordRejectedError
from crossdock.sdk.formats import format_named
from tests.sdk.formats.builders import codes, cut, documents, read

ENVELOPE = """<?xml version="1.0" encoding="ISO-8859-1"?>
<e:Env xmlns:e="urn:e" xmlns:o="urn:o"><e:Body>
 <o:Order id="1>"><o:Name>Müller &amp; Co</o:Name><!-- c --><o:Line q="1"/></o:Order>
 <o:Order><o:Name><![CDATA[a<b]]></o:Name><o:Line>x</o:Line><o:Line>y</o:Line></o:Order><o:Order/>
</e:Body></e:Env>""".encode("latin-1")
DIALECT = {"record": "Order", "lists": ["Line"], "frame_bytes": 64}


@pytest.mark.parametrize("chunk", [1, 9, 1000])
def test_records_by_local_name_in_any_depth(chunk: int) -> None:
    records = read(format_named("xml", DIALECT), ENVELOPE, chunk)
    assert documents(records) == [
        {"@id": "1>", "Name": "Müller & Co", "Line": [{"@q": "1"}]},
        {"Name": "a<b", "Line": ["x", "y"]},
        {},
    ]
    assert [record.line for record in records] == [3, 4, 4]


def test_frames_are_bytes_of_the_file_and_resume() -> None:
    xml = format_named("xml", DIALECT)
    frames = list(xml.frames(cut(ENVELOPE, 5)))
    for at, frame in enumerate(frames):
        assert ENVELOPE[frame.offset : frame.end.offset] == frame.data
        assert list(xml.frames([ENVELOPE[frame.end.offset :]], frame.end)) == frames[at + 1 :]


WIDE = ENVELOPE.decode("latin-1").replace("ISO-8859-1", "UTF-16").replace("Müller", "Müller \U0001f6d2 東")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "with a mark"])
@pytest.mark.parametrize("chunk", [1, 9, 1000])
def test_utf_16_is_read_by_its_mark_or_its_beginning(encoding: str, chunk: int) -> None:
    content = b"\xfe\xff" + WIDE.encode("utf-16-be") if encoding == "with a mark" else WIDE.encode(encoding)
    xml = format_named("xml", DIALECT)
    records = read(xml, content, chunk)
    assert [one.get("Name") for one in documents(records)] == ["Müller \U0001f6d2 東 & Co", "a<b", None]
    assert [record.line for record in records] == [3, 4, 4]
    assert xml.inspect(cut(content, chunk)).ok
    frames = list(xml.frames(cut(content, chunk)))
    for at, frame in enumerate(frames):
        assert content[frame.offset : frame.end.offset] == frame.data, "places are those of the file"
        assert list(xml.frames([content[frame.end.offset :]], frame.end)) == frames[at + 1 :]


def test_a_whole_document_in_utf_16() -> None:
    (record,) = read(
        format_named("xml", {}), '<?xml version="1.0" encoding="utf-16"?><o><n>é</n></o>'.encode("utf-16")
    )
    assert record.value == {"n": "é"}


def test_a_declaration_that_is_not_true_says_what_to_do() -> None:
    content = b'<?xml version="1.0" encoding="utf-16"?><r/>'
    (rejection,) = format_named("xml", {}).inspect([content]).rejections
    assert 'write encoding="UTF-8" where it sends UTF-8' in rejection.message


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1), max_size=5)
)
def test_places_in_utf_16_are_exact(texts: list[str]) -> None:
    content = ("<r>" + "".join(f"<Order>{escape(text)}</Order>\n" for text in texts) + "</r>").encode(
        "utf-16-be"
    )
    for frame in format_named("xml", DIALECT).frames(cut(content, 7)):
        assert frame.fault is None
        assert content[frame.offset : frame.end.offset] == frame.data


def test_a_large_file_of_small_records() -> None:
    body = b"".join(b"<Order><n>%d</n></Order>" % at for at in range(20_000))
    records = read(format_named("xml", {"record": "Order"}), b"<r>" + body + b"</r>", 4096)
    assert [record.value for record in records] == [{"n": str(at)} for at in range(20_000)]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (ENVELOPE[:-30], "format.half_written"),
        (b"<r><Order></r>", "format.xml_malformed"),
        (b'<!DOCTYPE r [<!ENTITY a "b">]><r><Order>&a;</Order></r>', "format.xml_refused"),
        (b'<!DOCTYPE r SYSTEM "http://127.0.0.1:1/x.dtd"><r/>', "format.xml_refused"),
        (b"<r>" * 100, "format.xml_refused"),
        ("<r/>".encode("utf-32"), "format.xml_refused"),
        ("<r/>".encode("utf-32-be"), "format.xml_refused"),
        (b'<?xml version="1.0" encoding="utf-16"?><r/>', "format.xml_refused"),
        ("<r><Order>x</Order></r>".encode("utf-16")[:-1], "format.half_written"),
        ("<r><Order>x</Order>".encode("utf-16"), "format.half_written"),
        ("<r><Order>".encode("utf-16-le") + b"\x00\xdc" * 80 + b"</r>", "format.xml_malformed"),
        (b"<r><Order>" + b"x" * 3_000_000, "format.too_long_for_file"),
    ],
)
def test_what_is_dangerous_or_cut_off_rejects_the_file(content: bytes, code: str) -> None:
    xml = format_named("xml", {"record": "Order", "max_record_bytes": 1 << 20})
    assert [rejection.code for rejection in xml.inspect(cut(content, 65536)).rejections] == [code]


def test_an_oversized_record_is_left_out() -> None:
    content = b"<r><Order>1</Order><Order>" + b"x" * 300 + b"</Order><Order>3</Order></r>"
    xml = format_named("xml", {"record": "Order", "max_record_bytes": 128, "frame_bytes": 256})
    assert codes(read(xml, content, 50)) == ["ok", "format.too_long", "ok"]


LEAF = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1).filter(
    lambda text: text == text.strip()
)


@given(
    st.lists(
        st.fixed_dictionaries({"@id": LEAF, "Name": LEAF, "Line": st.lists(LEAF, min_size=1)}), max_size=4
    )
)
def test_what_is_written_is_read_again(given_documents: list[dict[str, object]]) -> None:
    xml = format_named("xml", {**DIALECT, "namespace": "urn:x"})
    content = b"".join(xml.write(given_documents))  # type: ignore[arg-type]
    assert documents(read(xml, content)) == given_documents


@pytest.mark.parametrize("record", [{"a b": "x"}, {"a": "\x01"}, {"@a b": "x"}, {"a": 1.5}])
def test_what_xml_can_not_hold_is_not_written(record: dict[str, object]) -> None:
    with pytest.raises(RecordRejectedError):
        list(format_named("xml", DIALECT).write([record]))  # type: ignore[list-item]
