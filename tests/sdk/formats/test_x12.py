from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.sdk.errors import RecordRejectedError
from crossdock.sdk.formats import Document, format_named
from crossdock.sdk.formats.x12 import (
    Envelope,
    X12Dialect,
    X12Format,
    read_acknowledgement,
    standard_map,
    standard_sets,
)
from tests.sdk.formats.builders import codes, cut, documents, fault, read

X12 = X12Format(X12Dialect())
ENVELOPE = Envelope(sender="ACME", receiver="WAREHOUSE", usage="T")
AT = datetime(2026, 11, 23, 5, 30, tzinfo=UTC)
ORDER: Document = {
    "set": "940",
    "control": "0001",
    "W05": {"01": "N", "02": "SO-1"},
    "N1": [
        {
            "01": "ST",
            "02": "Jane Doe",
            "N3": [{"01": "1 Main St"}],
            "N4": {"01": "Ames", "02": "IA", "03": "50010"},
        }
    ],
    "G62": [{"01": "10", "02": "20261124"}],
    "LX": [
        {
            "01": "1",
            "W01": [{"01": "2", "02": "EA", "04": "VN", "05": "SKU-1", "N9": [{"01": "LI", "02": "1"}]}],
        },
        {"01": "2", "W01": [{"01": "1", "02": "EA", "04": "VN", "05": "SKU-2"}]},
    ],
    "W76": {"01": "3"},
}
ISA = (
    "ISA*00*          *00*          *ZZ*WAREHOUSE      *ZZ*ACME           *261123*0530*U*00401*{:09}*0*P*>~\n"
)


def enveloped(document: Document, group_control: int = 7, control: int = 1) -> Document:
    transaction = standard_map(str(document["set"]))
    assert transaction is not None
    return {
        **ENVELOPE.keys(transaction.group, control=control, group_control=group_control, at=AT),
        **document,
    }


def interchange(
    *groups: str, control: int = 1, count: int | None = None, trailer: int | None = None
) -> bytes:
    iea = f"IEA*{len(groups) if count is None else count}*{control if trailer is None else trailer:09}~\n"
    return (ISA.format(control) + "".join(groups) + iea).encode()


def group(*sets: str, control: str = "1", count: str = "", trailer: str = "", function: str = "SW") -> str:
    header = f"GS*{function}*WAREHOUSE*ACME*20261123*0530*{control}*X*004010~\n"
    return header + "".join(sets) + f"GE*{count or len(sets)}*{trailer or control}~\n"


LINES = "LX*1~\nW12*CC*3*3**EA**VN*SKU-1~\n"


def advice(
    control: str = "0001",
    *,
    count: int = 6,
    trailer: str = "",
    lines: str = LINES,
) -> str:
    return f"ST*945*{control}~\nW06*F*SO-1*20261123~\n{lines}W03*3~\nSE*{count}*{trailer or control}~\n"


def test_an_order_is_written_as_an_interchange_with_right_counts() -> None:
    content = b"".join(X12.write([enveloped(ORDER), enveloped({**ORDER, "control": "0002"})])).decode()
    lines = content.split("\n")
    assert len(lines[0]) == 106
    assert lines[0] == (
        "ISA*00*          *00*          *ZZ*ACME           *ZZ*WAREHOUSE      "
        "*261123*0530*U*00401*000000001*0*T*>~"
    )
    assert lines[1] == "GS*OW*ACME*WAREHOUSE*20261123*0530*7*X*004010~"
    assert lines[2:15] == [
        "ST*940*0001~",
        "W05*N*SO-1~",
        "N1*ST*Jane Doe~",
        "N3*1 Main St~",
        "N4*Ames*IA*50010~",
        "G62*10*20261124~",
        "LX*1~",
        "W01*2*EA**VN*SKU-1~",
        "N9*LI*1~",
        "LX*2~",
        "W01*1*EA**VN*SKU-2~",
        "W76*3~",
        "SE*13*0001~",
    ]
    assert lines[-3:-1] == ["GE*2*7~", "IEA*1*000000001~"]


@pytest.mark.parametrize("chunk", [1, 13, 4096])
@pytest.mark.parametrize(
    "delimiters", [{}, {"element": "|", "component": ":", "segment": "\n"}, {"line_per_segment": False}]
)
def test_what_is_written_is_read_again(delimiters: dict[str, object], chunk: int) -> None:
    x12 = format_named("x12", {**delimiters, "frame_bytes": 64})
    given_documents = [
        enveloped(ORDER),
        enveloped({**ORDER, "control": "0002"}),
        enveloped({**ORDER, "control": "0003"}, group_control=8),
        enveloped(ORDER, control=2),
    ]
    content = b"".join(x12.write(given_documents))
    records = read(x12, content, chunk)
    assert documents(records) == given_documents
    assert [record.number for record in records] == [1, 2, 3, 4]
    for record in records:
        assert content[record.offset :].startswith(b"ST")
        assert record.line == content[: record.offset].count(b"\n") + 1


TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="*~>\r\n", exclude_categories=["Cs"]), min_size=1
).filter(lambda text: text == text.strip("\r\n"))
ELEMENTS = st.dictionaries(st.integers(1, 12).map(lambda at: f"{at:02}"), TEXT, max_size=4)
SEGMENTS = st.lists(ELEMENTS, min_size=1, max_size=3)


@given(st.fixed_dictionaries({"W06": ELEMENTS, "N9": SEGMENTS, "NTE": SEGMENTS}), SEGMENTS)
def test_any_text_survives_the_round_trip(body: Document, lines: list[dict[str, str]]) -> None:
    loops: Document = {"LX": [{"01": "1", "W12": [dict(line) for line in lines]}]}
    given_document = enveloped({"set": "945", "control": "0001", **body, **loops})
    content = b"".join(X12.write([given_document]))
    assert documents(read(X12, content)) == [given_document]


def test_paths_of_a_shipping_advice() -> None:
    document = documents(read(X12, interchange(group(advice()))))[0]
    assert document["W06"] == {"01": "F", "02": "SO-1", "03": "20261123"}
    assert document["LX"] == [
        {"01": "1", "W12": [{"01": "CC", "02": "3", "03": "3", "05": "EA", "07": "VN", "08": "SKU-1"}]}
    ]
    assert document["W03"] == {"01": "3"}
    assert isinstance(document["interchange"], dict)
    assert document["interchange"]["sender"] == "WAREHOUSE"


GOOD = interchange(group(advice()))


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b"\n", b""),
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.replace(b"~\n", b"\n"),
        GOOD.replace(b"~\n", b"\r\n"),
        GOOD.replace(b"~\n", b"\r"),
        GOOD.rstrip(b"~\n"),
        re.sub(rb"(.{30})", rb"\1\n", GOOD.replace(b"\n", b"")[106:]).join([GOOD[:106], b""]),
        b"\n\n " + GOOD + b"\x1a",
        re.sub(rb" +\*", b" *", GOOD),
        re.sub(rb" +\*", b"*", GOOD),
        GOOD.replace(b">~", b"~~", 1),
        GOOD.replace(b">~", b"~", 1),
        GOOD.replace(b">~", "§~".encode(), 1),
        GOOD.replace(b"GE*1*1~", b"GE*1*0001~"),
        GOOD.replace(b"*261123*", b"*269999*", 1),
    ],
)
def test_harmless_defects_are_tolerated(content: bytes) -> None:
    for chunk in (3, 1000):
        assert codes(read(X12, content, chunk)) == ["ok"]
    assert X12.inspect([content]).ok


@pytest.mark.parametrize(
    ("content", "expected", "path", "says"),
    [
        (
            group(advice(count=9)),
            ["x12.set_count"],
            "set 0001, segment 6 (SE), element 01",
            "SE01 says 9, the set has 6",
        ),
        (
            group(advice(trailer="0002")),
            ["x12.set_control"],
            "segment 6 (SE), element 02",
            "SE02 is 0002, ST02 is 0001",
        ),
        (
            group(advice(), count="3"),
            ["x12.group_count"],
            "group 1, segment 9 (GE), element 01",
            "GE01 says 3",
        ),
        (
            group(advice(), trailer="9"),
            ["x12.group_control"],
            "segment 9 (GE), element 02",
            "GE02 is 9, GS06 is 1",
        ),
        (group(advice(), advice()), ["ok", "x12.duplicate_set"], "segment 9 (ST), element 02", "0001 twice"),
        (group(advice()) + group(advice()), ["ok", "x12.duplicate_group"], "(GS), element 06", "1 twice"),
        (group(advice(count=9), advice("0002")), ["x12.set_count", "ok"], "", ""),
        (group(advice(), count="3") + group(advice(), control="2"), ["x12.group_count", "ok"], "", ""),
        (group(advice(lines="")[:-12], advice("0002")), ["x12.set_trailer", "ok"], "", "another set begins"),
        (
            group(advice(count=5, lines="W12*CC~\n")),
            ["x12.segment_order"],
            "segment 3 (W12)",
            "can't stand here",
        ),
        (
            group(advice(count=5, lines="ZZZ*1~\n")),
            ["x12.unknown_segment"],
            "segment 3 (ZZZ)",
            "not in the map",
        ),
        (group(advice(count=5, lines="W06*F~\n")), ["x12.repeated_segment"], "segment 3 (W06)", "once"),
        (group("ST*945*0001~\nSE*2*0001~\n"), ["x12.missing_segment"], "(W06)", "needs W06"),
        (group("ST*123*0001~\nSE*2*0001~\n"), ["x12.unknown_set"], "(ST)", "no map"),
        (group(advice(), function="PO"), ["x12.set_header"], "(ST)", "group SW"),
        ("W06*1~\n" + group(advice()), ["x12.stray_segment"], "segment 2 (W06)", "outside of a set"),
    ],
)
def test_wrong_counts_and_numbers_are_rejected_and_the_rest_goes_on(
    content: str, expected: list[str], path: str, says: str
) -> None:
    groups = content.count("GS*")
    records = read(X12, interchange(content, count=groups))
    assert codes(records) == expected
    rejection = next(
        fault(record).rejection for record, code in zip(records, expected, strict=True) if code != "ok"
    )
    assert path in rejection.path
    assert says in rejection.message


def test_an_interchange_that_does_not_add_up_is_rejected_and_the_next_goes_on() -> None:
    content = interchange(group(advice()), count=2) + interchange(group(advice()), trailer=9, control=2)
    content += interchange(group(advice()), control=3) + interchange(group(advice()), control=3)
    content += b"rubbish\n" + interchange(group(advice()), control=4).replace(b"IEA*1*000000004~", b"")
    content += interchange(group(advice()), control=5)
    assert codes(read(X12, content)) == [
        "x12.interchange_count",
        "x12.interchange_control",
        "ok",
        "x12.duplicate_interchange",
        "x12.no_interchange",
        "x12.interchange_trailer",
        "ok",
    ]


@pytest.mark.parametrize("missing", range(10, len(GOOD) - 40, 7))
def test_a_cut_off_file_is_rejected_as_a_whole(missing: int) -> None:
    verdict = X12.inspect([GOOD, GOOD[:-missing].replace(b"000000001*0", b"000000002*0")])
    assert [rejection.code for rejection in verdict.rejections] == ["x12.truncated"]


@pytest.mark.parametrize(
    "isa",
    [
        ISA.replace("*P*>~", "*P*>>~"),
        ISA.replace("*P*>~", "*P*>*X~"),
        ISA.replace("*P*>~", "*P*\n"),
        ISA.replace("*00*          *00", "*00*          |00"),
        ISA.replace("*0*P*>~", "~"),
        ISA.replace("*P*>", "*X*>"),
    ],
)
def test_an_isa_that_leaves_the_delimiters_open_is_rejected(isa: str) -> None:
    content = (isa.format(1) + group(advice()) + "IEA*1*000000001~\n").encode() + GOOD.replace(
        b"000000001", b"000000002"
    )
    found = codes(read(X12, content))
    assert found[0] in {"x12.isa_elements", "x12.isa_terminator"}
    assert found[1:] == ["ok"]


def test_known_defects_of_a_partner_are_let_pass_by_declaration() -> None:
    x12 = format_named("x12", {"tolerate": ["x12.set_count"], "unknown_segments": "keep"})
    records = read(x12, interchange(group(advice(count=9, lines="ZZZ*1~\n"))))
    assert documents(records)[0]["ZZZ"] == [{"01": "1"}]


def test_binary_segments_are_taken_by_their_length() -> None:
    maps = {"102": {"set": "102", "group": "AI", "title": "Data", "header": {"segments": ["BIN*"]}}}
    x12 = format_named("x12", {"maps": maps, "frame_bytes": 64})
    data = "BIN*21*~\nIEA*1*1~\nSE*3*0001~~\nBIN*2*ab~\n"
    content = interchange(group("ST*102*0001~\n" + data + "SE*4*0001~\n", function="AI"))
    assert documents(read(x12, content))[0]["BIN"] == [
        {"01": "21", "02": "~\nIEA*1*1~\nSE*3*0001~"},
        {"01": "2", "02": "ab"},
    ]


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"W05": {"02": "a*b"}}, "x12.delimiter", "segment 2 (W05), element 02"),
        ({"W05": {"02": "a\nb"}}, "x12.delimiter", "segment 2 (W05), element 02"),
        ({"W05": {"02": 1.5}}, "x12.element", "W05.02"),
        ({"W05": [{}, {}]}, "x12.repeated_segment", "W05"),
        ({"ZZZ": {"01": "1"}}, "x12.unknown_segment", "ZZZ"),
        ({"LX": [{"01": "1"}]}, "x12.missing_segment", "LX[0].W01"),
        ({"control": "1"}, "x12.set_control", "set 1"),
        ({"set": "999"}, "x12.unknown_set", "set 0001"),
        ({"group": {}}, "x12.envelope", "interchange 000000001"),
        ({"interchange": {}}, "x12.envelope", "interchange 1"),
    ],
)
def test_what_can_not_be_written_is_rejected_with_its_place(change: Document, code: str, path: str) -> None:
    with pytest.raises(RecordRejectedError) as caught:
        list(X12.write([{**enveloped(ORDER), **change}]))
    assert caught.value.rejections[0].code == code
    assert caught.value.rejections[0].path.endswith(path)


def acknowledge(content: bytes) -> Document:
    (frame,) = X12.frames([content])
    (found,) = X12.acknowledge(frame)
    body = {**enveloped({**found, "control": "0001"})}
    written = b"".join(X12.write([body]))
    return documents(read(X12, written))[0]


def test_a_good_group_is_acknowledged() -> None:
    document = acknowledge(interchange(group(advice(), advice("0002"), control="77")))
    assert document["AK1"] == {"01": "SW", "02": "77"}
    assert document["AK9"] == {"01": "A", "02": "2", "03": "2", "04": "2"}
    found = read_acknowledgement(document)
    assert (found.status, found.function, found.control) == ("accepted", "SW", "77")
    assert [(one.name, one.control, one.accepted) for one in found.sets] == [
        ("945", "0001", True),
        ("945", "0002", True),
    ]


def test_rejected_sets_are_acknowledged_with_segment_and_element() -> None:
    broken = advice("0002", count=5, lines="ZZZ*1~\n")
    undecodable = advice("0004", count=5, lines="NTE*WHI*M\u00fc~\n")
    content = (
        interchange(group(advice(), broken, advice("0003", count=4), undecodable)).decode().encode("latin-1")
    )
    document = acknowledge(content)
    assert document["AK9"] == {"01": "P", "02": "4", "03": "4", "04": "1"}
    found = read_acknowledgement(document)
    assert found.status == "partial"
    assert [one.accepted for one in found.sets] == [True, False, False, False]
    assert found.sets[1].reasons == ("segments in error", "segment 3 (ZZZ): unrecognised segment")
    assert found.sets[2].reasons == ("segment count doesn't match",)
    assert found.sets[3].reasons[-1] == "segment 3 (NTE), element 2: invalid character"


def test_a_group_that_does_not_add_up_is_rejected_in_its_acknowledgement() -> None:
    document = acknowledge(interchange(group(advice(), count="4")))
    assert document["AK9"] == {"01": "R", "02": "4", "03": "1", "04": "0", "05": "5"}
    found = read_acknowledgement(document)
    assert (found.status, found.reasons) == ("rejected", ("number of sets doesn't match",))


def test_acknowledgements_are_not_acknowledged() -> None:
    (found,) = X12.acknowledge(next(X12.frames([GOOD])))
    content = b"".join(X12.write([enveloped({**found, "control": "0001"})]))
    assert list(X12.acknowledge(next(X12.frames([content])))) == []


def test_every_map_that_comes_with_crossdock_loads() -> None:
    assert standard_sets() == ("810", "846", "850", "855", "856", "940", "943", "944", "945", "947", "997")
    for name in standard_sets():
        transaction = standard_map(name)
        assert transaction is not None
        assert transaction.set == name


def test_frames_can_be_taken_up_again() -> None:
    content = b"".join(interchange(group(advice()), control=at) for at in (1, 2, 3, 2))
    frames = list(X12.frames(cut(content, 50)))
    resumed = list(X12.frames([content[frames[1].end.offset :]], frames[1].end))
    assert resumed == frames[2:]
    assert codes(record for frame in resumed for record in X12.parse(frame)) == [
        "ok",
        "x12.duplicate_interchange",
    ]
