"""The warehouse's documents from which the page on what is not read is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crossdock.sdk.formats import RecordFault
from crossdock.sdk.formats.x12 import X12Dialect, X12Format
from tests.connectors.coverage import page
from tests.connectors.sftp_wms.dictionary import CONTRACTS
from tests.servers.requirement import missing

__all__ = ["PAGE", "samples", "text"]

PAGE = Path(__file__).parents[3] / "docs/coverage/sftp_wms.md"
FIXTURES = Path(__file__).parent / "fixtures"
VENDOR = CONTRACTS / "x12-types" / "v004010-945-1.edi"
OWN = "our own fixture; no vendor's sample is to be had"


def sets(path: Path) -> list[Any]:
    """The transaction sets of a file, whose wrong counts are let pass."""
    read = X12Format(X12Dialect(tolerate=frozenset({"x12.set_count"})))
    found = [record.value for frame in read.frames([path.read_bytes()]) for record in read.parse(frame)]
    assert found
    assert not [one for one in found if isinstance(one, RecordFault)], found
    return found


def samples() -> dict[str, tuple[str, list[Any]]]:
    """By mapping, where the samples come from and the documents."""
    if not VENDOR.is_file():
        missing(f"the vendors' samples ({VENDOR})", "they are not part of the project")
    return {
        "sftp_wms/shipment_945": (
            "a 3PL's 945 and our own fixture with cartons",
            [*sets(VENDOR), *sets(FIXTURES / "945_cartons.x12")],
        ),
        "sftp_wms/movement_947": (OWN, sets(FIXTURES / "947.x12")),
        "sftp_wms/receipt_944": (OWN, sets(FIXTURES / "944.x12")),
        "sftp_wms/stock_846": (OWN, sets(FIXTURES / "846.x12")),
    }


def text() -> str:
    """The page as it would be written now."""
    return page("sftp_wms", samples())


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text(), encoding="utf-8")
