"""Which of the offered rates is bought. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from crossdock.sdk.outcomes import Rejected
from crossdock_connectors.easypost.client import Node
from crossdock_connectors.easypost.config import EasyPostConfig, Offer

__all__ = ["choose"]


def choose(
    config: EasyPostConfig, shipment: Node, carrier: str | None, service: str | None
) -> Node | Rejected:
    """The cheapest rate that is good for what was asked.

    A service of ``config.services`` means the offers listed there; any other name must be EasyPost's own. Without a
    service the rates of ``carrier``, or of ``config.allowed``, compete. Nothing else is ever bought instead: a parcel
    that was promised for tomorrow does not go by ground because that is what there is.
    """
    wanted = _wanted(config, carrier, service)
    good = [rate for rate in shipment["rates"] if not wanted or any(_is(rate, offer) for offer in wanted)]
    if not good:
        unmapped = service if service not in config.services else None
        return _nothing(shipment, wanted, unmapped)
    if len(currencies := {str(rate["currency"]) for rate in good}) > 1:
        return Rejected(
            "easypost.currencies",
            f"the rates are in {', '.join(sorted(currencies))} and can't be compared: narrow `services` or `allowed` "
            "to carriers of one currency",
        )
    cheapest: Node = min(good, key=lambda rate: (Decimal(rate["rate"]), str(rate["id"])))
    return cheapest


def _wanted(config: EasyPostConfig, carrier: str | None, service: str | None) -> Sequence[Offer]:
    if service is not None and service in config.services:
        return config.services[service]
    if service is not None:
        carriers = [carrier] if carrier else sorted({offer.carrier for offer in config.allowed})
        return [Offer(carrier=each, service=service) for each in carriers] or [
            Offer(carrier="", service=service)
        ]
    return [Offer(carrier=carrier)] if carrier else config.allowed


def _is(rate: Node, offer: Offer) -> bool:
    """Whether a rate is of the offer; an empty carrier is any."""
    carrier, service = str(rate["carrier"]).casefold(), str(rate["service"]).casefold()
    return offer.carrier.casefold() in ("", carrier) and (offer.service or service).casefold() == service


def _nothing(shipment: Node, wanted: Iterable[Offer], unmapped: str | None) -> Rejected:
    """Say what was asked for, what there is, and what to change.

    Args:
        shipment: With the rates that were offered.
        wanted: What would have been good.
        unmapped: The service that was asked for, if ``services`` does not have it.
    """
    offers = sorted({(str(rate["carrier"]), str(rate["service"])) for rate in shipment["rates"]})
    asked = " or ".join(f"{offer.carrier} {offer.service or '(any service)'}".strip() for offer in wanted)
    said = [f"{each.get('carrier')}: {each.get('message')}" for each in shipment.get("messages") or []]
    parts = [
        f"no rate for {asked or 'this parcel'}",
        f"offered are: {', '.join(' '.join(offer) for offer in offers) or 'none'}",
        *(f"the carriers say: {'; '.join(said)}" for _ in said[:1]),
        _remedy(offers, unmapped),
    ]
    return Rejected("easypost.no_rate", "; ".join(parts), "service" if offers else "")


def _remedy(offers: Sequence[tuple[str, str]], unmapped: str | None) -> str:
    if not offers:
        return "correct the address or weight, or connect a carrier's account at EasyPost"
    carrier, service = offers[0]
    if unmapped is not None:
        return (
            f"config.services does not say what is good for {unmapped!r}: list it, such as "
            f"services: {{{unmapped}: [{{carrier: {carrier}, service: {service}}}]}}"
        )
    return (
        "correct the address or weight, or list more of what is offered in config.services or config.allowed"
    )
