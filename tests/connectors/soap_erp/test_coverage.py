"""Every element of NetSuite's records is written or read, or left out for a reason that somebody gave."""

from __future__ import annotations

import pytest

from tests.connectors.coverage import reasons_of
from tests.connectors.soap_erp.samples import PAGE, RECORDS, Record, left, text, used


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.types[0])
def test_nothing_is_left_out_without_a_reason(record: Record) -> None:
    found = left(record, reasons_of("soap_erp")[f"soap_erp/netsuite/{record.mapping}"])
    silent = [path for path, reason in found.items() if reason is None]
    assert silent == [], "write or read them, or say why not in coverage.yaml"


def test_no_reason_is_given_for_what_is_used_or_never_comes() -> None:
    for mapping, reasons in reasons_of("soap_erp").items():
        given = {
            reason
            for record in RECORDS
            if f"soap_erp/netsuite/{record.mapping}" == mapping
            for reason in left(record, reasons).values()
        }
        assert set(reasons.values()) - given == set(), mapping


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.types[0])
def test_the_mapping_touches_nothing_that_netsuite_does_not_have(record: Record) -> None:
    known = used(record)
    # attributes of records and lists, the type, and what the connector makes of its own questions
    beside = ("externalId", "internalId", "type", "replaceAll", "name")
    strange = [
        path
        for path in record.paths
        if not path.startswith("@")
        and path.rpartition(".")[2] not in beside
        and not any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in known)
    ]
    assert strange == []


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == text(), "run python -m tests.connectors.soap_erp.samples"
