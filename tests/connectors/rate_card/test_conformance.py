"""The rate card proves itself."""

from __future__ import annotations

from decimal import Decimal

from crossdock.sdk.testkit import CommandSample, Partner, Setting, conformance
from crossdock_connectors.rate_card import CONNECTOR
from crossdock_schemas.base import Weight
from crossdock_schemas.fulfilment import LabelRequest
from tests.connectors.rate_card.test_rate_card import CHICAGO, SAN_FRANCISCO, SHEET


class Fleet(Partner):
    """A tariff sheet; nobody is asked, and a repeated label has the same number: there is no effect to count."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        (self.folder / "fleet.csv").write_text(SHEET)

    def config(self) -> dict[str, object]:
        return {"carrier": "Acme Fleet", "services": {"next_day": self.folder / "fleet.csv"}}

    def effects(self) -> int:
        return 0

    def command(self, name: str) -> CommandSample:
        facts = {
            "external_id": "S-1/1", "fulfilment_order": "FO-1", "order": "O-1", "ship_from": SAN_FRANCISCO,
            "ship_to": CHICAGO, "weight": Weight(grams=Decimal(900)),
        }  # fmt: skip
        request = LabelRequest.model_validate(facts)
        heavy = request.model_copy(update={"weight": Weight(grams=Decimal(40_000))})
        return CommandSample(document_of(request), refused=document_of(heavy), effects=0)


def document_of(request: LabelRequest) -> dict[str, object]:
    return request.model_dump(mode="json", exclude_none=True)


TestRateCard = conformance(CONNECTOR, Fleet)
