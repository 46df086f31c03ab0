"""Every X12 file among the vendors' samples: its sets are accepted, or have a clear rejection."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossdock.sdk.formats import Document, RecordFault
from crossdock.sdk.formats.x12 import X12Dialect, X12Format, read_acknowledgement
from crossdock.sdk.formats.x12.segments import read_isa, segments
from tests.sdk.formats.builders import cut

CONTRACTS = Path(__file__).parents[4] / "shared" / "contracts" / "x12"
NO_DATA = {".gz", ".xml", ".md"}
X12 = X12Format(X12Dialect())

EXPECTED: dict[str, list[str]] = {
    "asn856.txt": ["x12.truncated"],
    "po850.txt": ["x12.truncated"],
    "x12.base.txt": ["x12.group_count", "x12.set_count"],
    "x12.missing.ISA.txt": ["x12.no_interchange"],
    "x12.wrong.GS.txt": ["x12.stray_segment"],
    "invoice810_po850_dual.edi": ["810 000000001", "810 000000002", "850 000191240"],
    "simple810.edi": ["810 000000001", "810 000000002"],
    "simple997-multiple-interchanges.edi": ["997 0001", "997 0001", "997 0001"],
    "simple997.edi": ["997 0001"],
    "simple999.edi": ["x12.unknown_set"],
    "simple_with_binary_segment.edi": ["x12.unknown_set"],
    "850-lineBreak-LF.x12": ["850 0001"],
    "850-lineBreak.x12": ["850 0001"],
    "850.x12": ["850 0001"],
    "864.x12": ["x12.unknown_set"],
    "X12-interchanges.x12": ["850 0001", "x12.unknown_set", "850 0003"],
    "complete.x12": ["x12.unknown_set"],
    "multiple_transactions.x12": ["x12.unknown_set", "x12.unknown_set"],
    "004010_310.edi": ["x12.interchange_control"],
    "004010_315.edi": ["x12.unknown_set"],
    "004010_850.edi": ["850 000000001"],
    "005010_824.edi": ["x12.unknown_set"],
    "005010_837.edi": ["x12.unknown_set"],
    "v004010-214-1.edi": ["x12.interchange_control"],
    "v004010-214-2.edi": ["x12.set_control", "x12.unknown_set"],
    "v004010-810-1.edi": ["x12.set_count"],
    "v004010-810-2.edi": ["810 0001"],
    "v004010-810-3.edi": ["x12.no_interchange"],
    "v004010-856-1.edi": ["x12.set_count"],
    "v004010-856-2.edi": ["x12.set_count"],
    "v004010-856-3.edi": ["x12.group_count"],
    "v004010-856-4.edi": ["x12.set_count"],
    "v004010-940-1.edi": ["x12.interchange_control"],
    "v004010-940-10.edi": ["x12.set_count"],
    "v004010-940-11.edi": ["x12.truncated"],
    "v004010-940-12.edi": ["x12.truncated"],
    "v004010-940-15.edi": ["x12.set_count"],
    "v004010-940-2.edi": ["940 0001"],
    "v004010-940-20.edi": ["x12.set_count"],
    "v004010-940-3.edi": ["940 43110001"],
    "v004010-940-6.edi": ["x12.isa_elements"],
    "v004010-940-7.edi": ["x12.isa_elements"],
    "v004010-940-8.edi": ["x12.isa_elements"],
    "v004010-945-1.edi": ["x12.set_count"],
    "v004010-997-1.edi": ["x12.no_interchange"],
    "v004010-997-2.edi": ["x12.no_interchange"],
    "v005010-850-1.edi": ["850 105832797"],
    "v005010-850-2.edi": ["850 117148217"],
    "v005010-850-3.edi": ["850 001422073"],
    "v005010-850-4.edi": ["x12.set_count"],
    "v005010-850-5.edi": ["x12.no_interchange"],
    "v005010-850-6.edi": ["x12.no_interchange"],
    "v005010-850-7.edi": ["x12.no_interchange"],
    "v005010-850-8.edi": ["x12.no_interchange"],
    "v005010-855-1.edi": ["x12.set_count"],
}


def files() -> list[Path]:
    found = sorted(path for path in CONTRACTS.rglob("*") if path.is_file() and path.suffix not in NO_DATA)
    return [path for path in found if "LICENSE" not in path.name and path.name != "SOURCES.txt"]


pytestmark = pytest.mark.skipif(not CONTRACTS.is_dir(), reason=f"the vendors' samples are not at {CONTRACTS}")


def outcomes(content: bytes) -> list[str]:
    records = [record for frame in X12.frames(cut(content, 31)) for record in X12.parse(frame)]
    return [
        record.value.rejection.code
        if isinstance(record.value, RecordFault)
        else f"{record.value['set']} {record.value['control']}"
        for record in records
    ]


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_each_sample_is_accepted_or_rejected_as_known(path: Path) -> None:
    content = path.read_bytes()
    assert outcomes(content) == EXPECTED[path.name]
    for frame in X12.frames([content]):
        for record in X12.parse(frame):
            if isinstance(record.value, RecordFault):
                assert record.value.rejection.path
                assert record.value.raw


def test_the_table_names_no_other_files() -> None:
    assert sorted(EXPECTED) == sorted(path.name for path in files())


def accepted(content: bytes) -> list[Document]:
    records = [record for frame in X12.frames([content]) for record in X12.parse(frame)]
    return [record.value for record in records if not isinstance(record.value, RecordFault)]


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_what_was_accepted_survives_writing(path: Path) -> None:
    given = [one for one in accepted(path.read_bytes()) if "" not in _group(one).values()]
    plain = [_with_plain_envelope(one) for one in given]
    assert accepted(b"".join(X12.write(plain))) == plain


def _group(document: Document) -> dict[str, object]:
    found = document["group"]
    assert isinstance(found, dict)
    return dict(found)


def _with_plain_envelope(document: Document) -> Document:
    found = document["interchange"]
    assert isinstance(found, dict)
    return {**document, "interchange": {**found, "version": "00401", "standard": "U"}}


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_no_element_of_an_accepted_set_is_lost(path: Path) -> None:
    """The elements of the file, counted by plain splitting, are all in the documents."""
    content = path.read_bytes()
    known = outcomes(content)
    if not known or any("x12." in outcome for outcome in known):
        return
    for frame in X12.frames([content]):
        delimiters, _, after = read_isa(frame.data)
        envelope = {"ISA", "GS", "ST", "SE", "GE", "IEA"}
        body = [one for one in segments(frame.data, delimiters, after) if one.name not in envelope]
        expected = sum(bool(element) for one in body for element in one.elements[1:])
        sets = [record.value for record in X12.parse(frame)]
        assert sum(_leaves(one) for one in sets) == expected


def _leaves(value: object) -> int:
    if isinstance(value, dict):
        inner = [one for key, one in value.items() if key not in {"set", "control", "interchange", "group"}]
        return sum(map(_leaves, inner))
    return sum(map(_leaves, value)) if isinstance(value, list) else 1


def test_a_vendors_acknowledgement_is_read() -> None:
    content = (CONTRACTS / "staedi" / "simple997.edi").read_bytes()
    found = read_acknowledgement(accepted(content)[0])
    assert (found.function, found.control, found.status) == ("HC", "000001", "rejected")
    assert found.sets[0].reasons[1:] == (
        "segment 8 (NM1): segment has element errors",
        "segment 8 (NM1), element 8 'MI': invalid code",
    )
