"""The connector: reads tariff sheets, answers from them, calls nobody and writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from pydantic import BaseModel

from crossdock.sdk.bases import BaseConnector
from crossdock.sdk.checks import check_each
from crossdock.sdk.connector import CheckReport, Command
from crossdock.sdk.errors import BugError
from crossdock.sdk.outcomes import Applied, NotApplied, Outcome, Rejected, Response
from crossdock.sdk.tariff_sheet import TariffSheet, load_tariff_sheet
from crossdock_connectors.rate_card.config import RateCardCarrierConfig
from crossdock_connectors.rate_card.numbering import tracking_number
from crossdock_connectors.rate_card.pricing import Parcel, Place, Quote, price

__all__ = ["RateCardCarrier"]

_encode = msgspec.json.Encoder().encode


class RateCardCarrier(BaseConnector[RateCardCarrierConfig]):
    """One carrier that is paid by tariff."""

    Config: ClassVar[type[BaseModel]] = RateCardCarrierConfig

    async def check(self) -> CheckReport:
        """Read each service's sheet."""
        services = self.config.services.items()
        return await check_each({name: partial(self._sheet, path) for name, path in services})

    async def execute(self, command: Command, key: str) -> Outcome:
        """Price the parcel by each service, or number it."""
        document = command.document
        parcel, service = _parcel(document), document.get("service")
        if service is not None and service not in self.config.services:
            return Rejected(
                "rate_card.no_service",
                f"{self.config.carrier} has no service {service!r}; there are: {', '.join(self.config.services)}",
                "service",
            )
        names = [str(service)] if service is not None else list(self.config.services)
        quotes = {name: price(await self._sheet(self.config.services[name]), parcel) for name in names}
        offers = [self._offer(name, quote) for name, quote in quotes.items() if isinstance(quote, Quote)]
        if not offers:
            reasons = [(name, quote) for name, quote in quotes.items() if isinstance(quote, Rejected)]
            first = reasons[0][1]
            return Rejected(
                first.code, "; ".join(f"{name}: {each.message}" for name, each in reasons), first.path
            )
        match command.name:
            case "rate.shop":
                return Applied(str(document["id"]), Response(_encode({"rates": offers})))
            case "label.buy":
                return self._label(str(document["id"]), offers)
        raise BugError(f"{command.name} is not in the manifest of rate_card")

    async def probe(self, command: Command, key: str) -> Outcome:
        """Nothing to look for: it may simply be done again, and gives the same."""
        return NotApplied()

    def _offer(self, service: str, quote: Quote) -> dict[str, object]:
        return {
            "carrier": self.config.carrier,
            "service": service,
            "zone": quote.zone,
            "amount": f"{quote.amount:f}",
            "currency": quote.currency,
            "transit_days": quote.transit_days,
        }

    def _label(self, parcel_id: str, offers: list[dict[str, object]]) -> Outcome:
        """The cheapest offer (of one named service there is but one), with a number."""
        if len({offer["currency"] for offer in offers}) > 1:
            return Rejected(
                "rate_card.currencies",
                "the services' tariffs are in several currencies and can't be compared: name the service",
                "service",
            )
        cheapest = min(offers, key=lambda offer: (Decimal(str(offer["amount"])), offer["service"]))
        number = tracking_number(self.config.tracking_number, self.config.carrier, parcel_id)
        url = self.config.tracking_url.replace("{number}", number) or None
        label = {**cheapest, "id": parcel_id, "tracking_number": number, "tracking_url": url}
        return Applied(number, Response(_encode(label)))

    async def _sheet(self, path: Path) -> TariffSheet:
        """Read anew each time: a sheet is small, and a new price list counts at once."""
        return await asyncio.to_thread(load_tariff_sheet, path, self.config.dialect)


def _parcel(document: Mapping[str, Any]) -> Parcel:
    sides = document.get("dimensions_mm")
    volume = Decimal(1)
    for side in sides or (0,):
        volume *= Decimal(side)
    return Parcel(
        origin=_place(document["origin"]),
        destination=_place(document["destination"]),
        weight_grams=Decimal(document["weight_grams"]),
        volume_cm3=volume / 1000,
    )


def _place(node: Mapping[str, Any]) -> Place:
    latitude, longitude = node.get("latitude"), node.get("longitude")
    known = latitude is not None and longitude is not None
    return Place(
        node.get("postal_code", ""), (float(str(latitude)), float(str(longitude))) if known else None
    )
