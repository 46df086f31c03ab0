"""The vendor's recordings as samples; ``python -m tests.connectors.easypost.samples`` writes what is not read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.connectors.coverage import page
from tests.connectors.easypost.builders import objects

PAGE = Path(__file__).parents[3] / "docs/coverage/easypost.md"


def samples() -> dict[str, tuple[str, list[Any]]]:
    """What the page is made from."""
    shipments = objects("Shipment")
    return {
        "easypost/rates": ("every shipment in the vendor's recordings of its live API", shipments),
        "easypost/label": (
            "every bought shipment in them",
            [shipment for shipment in shipments if shipment["postage_label"]],
        ),
        "easypost/tracker": ("every tracker in them", objects("Tracker")),
    }


def text() -> str:
    """The page as it would be written now."""
    return page("easypost", samples())


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text(), encoding="utf-8")
