"""Every sample: accepted whole, and nothing left unread without a reason."""

from __future__ import annotations

import pytest

from crossdock.mapping.cases import run_cases
from crossdock.mapping.files import packaged_mappings
from crossdock.sdk.lint import lint
from crossdock_connectors.sftp_wms import CONNECTOR
from tests.connectors.coverage import reasons_of, unread
from tests.connectors.sftp_wms.hub import LIBRARY, map_document
from tests.connectors.sftp_wms.samples import PAGE, samples, text

HUB = {"feed_id": "x", "node": "DC-EAST", "file_name": "f", "received_at": "2026-11-23T10:00:00Z"}
MAPPINGS = [entry.name for entry in LIBRARY.entries() if entry.name.startswith("sftp_wms/")]


def test_the_manifest_is_sound() -> None:
    assert lint(CONNECTOR.manifest, CONNECTOR.config, MAPPINGS) == []


@pytest.mark.parametrize("name", MAPPINGS)
def test_the_cases_beside_a_mapping_hold(name: str) -> None:
    results = run_cases(LIBRARY, name, packaged_mappings())
    assert [(result.name, result.problems) for result in results if not result.passed] == []
    if LIBRARY.get(name).target:
        assert results, f"{name} needs cases in {name}.tests.yaml"


def test_every_sample_is_accepted() -> None:
    for mapping, (_, documents) in samples().items():
        for document in documents:
            (made,) = map_document(mapping, {**document, "_hub": HUB})
            assert made


def test_a_license_plate_and_all_references_of_a_vendors_945_are_kept() -> None:
    document = samples()["sftp_wms/shipment_945"][1][0]
    (shipment,) = map_document("sftp_wms/shipment_945", {**document, "_hub": HUB})
    found = shipment.model_dump()
    assert found["parcels"][0]["external_id"] == "LPN6569"
    assert [(one["kind"], one["value"]) for one in found["references"]] == [
        ("shipment", "BOL12345"),
        ("purchase_order", "PO9865"),
    ]


def test_nothing_is_left_unread_without_a_reason() -> None:
    reasons = reasons_of("sftp_wms")
    for mapping, (_, documents) in samples().items():
        silent = [one.path for one in unread(mapping, documents, reasons[mapping]) if one.reason is None]
        assert silent == [], f"{mapping}: read them, or say why not in coverage.yaml"


def test_no_reason_is_given_for_what_is_read_or_never_comes() -> None:
    found = samples()
    for mapping, reasons in reasons_of("sftp_wms").items():
        used = {one.reason for one in unread(mapping, found[mapping][1], reasons)}
        assert set(reasons.values()) - used == set(), mapping


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == text(), "run python -m tests.connectors.sftp_wms.samples"
