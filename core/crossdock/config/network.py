"""Nodes, carrier services and tariffs as people write them, and the network that routing makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from crossdock.routing import model as routing
from crossdock.sdk.manifest import Duration
from crossdock.sdk.tariff_sheet import TariffSheet

__all__ = [
    "AddressConfig",
    "CapacityConfig",
    "FeedConfig",
    "HandlingConfig",
    "HoursConfig",
    "NodeConfig",
    "PostalZoneConfig",
    "RateCardConfig",
    "ServiceConfig",
    "SurchargeConfig",
    "routing_node",
    "routing_rate_card",
    "routing_service",
    "with_tariff",
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class AddressConfig(_Strict):
    """Where a node stands."""

    name: str | None = None
    company: str | None = None
    lines: tuple[str, ...] = ()
    city: str | None = None
    region: str = ""
    postal_code: str = ""
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    phone: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    """Without a position the post code's is taken."""


class HoursConfig(_Strict):
    """Local opening hours; ``weekday`` 0 is Monday."""

    weekday: Annotated[int, Field(ge=0, le=6)]
    opens: time
    closes: time


class CapacityConfig(_Strict):
    """The most a node takes on a day of its own time zone; absent is without limit."""

    orders: Annotated[int, Field(ge=0)] | None = None
    lines: Annotated[int, Field(ge=0)] | None = None
    units: Annotated[int, Field(ge=0)] | None = None


class HandlingConfig(_Strict):
    """Cost of picking and packing, in the hub's currency."""

    per_shipment: Decimal = Decimal(0)
    per_line: Decimal = Decimal(0)
    per_unit: Decimal = Decimal(0)


class FeedConfig(_Strict):
    """What the hub may believe of this node's stock."""

    max_age: Duration | None = None
    """An older count makes the node stale."""
    backorder_cap: Annotated[int, Field(ge=0)] = 0
    """Units of each SKU that may be promised beyond stock."""


class NodeConfig(_Strict):
    """A place that holds stock and fulfils."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    name: str = ""
    kind: routing.NodeKind
    status: routing.NodeStatus = routing.NodeStatus.ACTIVE
    address: AddressConfig
    time_zone: str = "UTC"
    """IANA name."""
    tags: tuple[str, ...] = ()
    hours: tuple[HoursConfig, ...] = ()
    """Empty: Monday to Friday, 8 to 18."""
    holidays: tuple[date, ...] = ()
    cut_off: time | None = None
    processing_time: Duration = timedelta(0)
    capacity: CapacityConfig = CapacityConfig()
    handling: HandlingConfig = HandlingConfig()
    services: tuple[str, ...] = ()
    accepts_returns: bool | None = None
    """Whether buyers may be told to send goods back here; left out: warehouses take returns, others do not."""
    handles: tuple[str, ...] = ()
    """Product restrictions it may handle: ``hazmat``, ``oversize``, ``cold``, ..."""
    serves: tuple[str, ...] = ()
    """Countries (``US``) and regions (``US-CA``); empty: everywhere."""
    priority: int = 0
    connection: str | None = None
    """Where its fulfilment orders go; without one they stay open for people."""
    external_id: str | None = None
    """What the connection calls this node; by default its id."""
    feed: FeedConfig = FeedConfig()


class SurchargeConfig(_Strict):
    """An addition to the base rate."""

    name: str
    percent: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)
    restriction: str = ""
    """Only where a line of the shipment has this restriction."""


class PostalZoneConfig(_Strict):
    """A declared zone by postal prefixes."""

    destination_prefix: str
    zone: Annotated[int, Field(ge=0)]
    origin_prefix: str = ""


class RateCardConfig(_Strict):
    """A carrier's tariff: zone by billed weight, written here or in a CSV file."""

    id: str
    file: Path | None = None
    """A tariff sheet (docs/formats.md), relative to the configuration file; it holds all the rest but ``dialect``."""
    dialect: Mapping[str, object] = Field(default_factory=dict)
    """The file's settings where it has not comma, decimal point and UTF-8: ``{delimiter: ";", decimal_sign: ","}``."""
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "USD"
    weight_breaks_grams: tuple[int, ...] = ()
    rates: tuple[tuple[Decimal, ...], ...] = ()
    """One row a zone, one amount a weight step."""
    transit_days: tuple[int, ...] = ()
    """By zone, for services that do not say; or one value for all."""
    distance_bands_km: tuple[float, ...] = ()
    postal_zones: tuple[PostalZoneConfig, ...] = ()
    dim_divisor_cm3_per_kg: Annotated[int, Field(ge=0)] = 0
    surcharges: tuple[SurchargeConfig, ...] = ()

    @model_validator(mode="after")
    def _one_source(self) -> RateCardConfig:
        if self.file is None and not (self.weight_breaks_grams and self.rates):
            raise ValueError("give weight_breaks_grams and rates, or a file that holds them")
        if self.file is not None and (written := self.model_fields_set - {"id", "file", "dialect"}):
            raise ValueError(f"file holds the whole tariff; move {', '.join(sorted(written))} into it")
        return self


class ServiceConfig(_Strict):
    """A carrier's service."""

    id: str
    carrier: str
    rate_card: str
    transit_days: tuple[int, ...] = ()
    """By zone, or one value for all; by default what the rate card says."""
    pick_up_days: tuple[int, ...] = (0, 1, 2, 3, 4)
    delivery_days: tuple[int, ...] = (0, 1, 2, 3, 4)
    levels: tuple[str, ...] = ("standard",)
    """Service levels of orders that it satisfies."""
    countries: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()
    holidays: tuple[date, ...] = ()
    """Days on which the carrier neither collects nor delivers."""


def routing_node(node: NodeConfig, position: routing.Position, cut_off: time | None) -> routing.Node:
    """The node as routing sees it; ``cut_off`` is the hub's, for nodes that name none."""
    hours = tuple(routing.OpeningHours(h.weekday, h.opens, h.closes) for h in node.hours)
    calendar = routing.Calendar(hours, node.holidays) if hours else routing.Calendar(holidays=node.holidays)
    return routing.Node(
        id=node.id,
        name=node.name or node.id,
        kind=node.kind,
        position=position,
        address=routing.Address(node.address.country, node.address.region, node.address.postal_code),
        tags=node.tags,
        time_zone=node.time_zone,
        calendar=calendar,
        cut_off=node.cut_off or cut_off,
        processing_time=node.processing_time,
        capacity=routing.Capacity(node.capacity.orders, node.capacity.lines, node.capacity.units),
        handling_cost=routing.HandlingCost(
            node.handling.per_shipment, node.handling.per_line, node.handling.per_unit
        ),
        services=node.services,
        handles=node.handles,
        serves=node.serves,
        priority=node.priority,
        status=node.status,
    )


def routing_service(service: ServiceConfig) -> routing.Service:
    """The service as routing sees it."""
    return routing.Service(
        id=service.id,
        carrier=service.carrier,
        rate_card=service.rate_card,
        transit_days=service.transit_days,
        pick_up_days=service.pick_up_days,
        delivery_days=service.delivery_days,
        levels=service.levels,
        countries=service.countries,
        refuses=service.refuses,
        holidays=service.holidays,
    )


def routing_rate_card(card: RateCardConfig) -> routing.RateCard:
    """The tariff as routing sees it."""
    return routing.RateCard(
        id=card.id,
        currency=card.currency,
        weight_breaks_grams=card.weight_breaks_grams,
        rates=card.rates,
        distance_bands_km=card.distance_bands_km,
        postal_zones=tuple(
            routing.PostalZone(z.destination_prefix, z.zone, z.origin_prefix) for z in card.postal_zones
        ),
        dim_divisor_cm3_per_kg=card.dim_divisor_cm3_per_kg,
        surcharges=tuple(
            routing.Surcharge(s.name, s.percent, s.amount, s.restriction) for s in card.surcharges
        ),
    )


def with_tariff(card: RateCardConfig, sheet: TariffSheet) -> RateCardConfig:
    """``card`` with what stands in its file."""
    return RateCardConfig(
        id=card.id,
        currency=sheet.currency,
        weight_breaks_grams=sheet.weight_breaks_grams,
        rates=sheet.rates,
        transit_days=sheet.transit_days,
        distance_bands_km=tuple(float(band) for band in sheet.distance_bands_km),
        postal_zones=tuple(
            PostalZoneConfig(
                destination_prefix=each.destination_prefix, zone=each.zone, origin_prefix=each.origin_prefix
            )
            for each in sheet.postal_zones
        ),
        dim_divisor_cm3_per_kg=sheet.dim_divisor_cm3_per_kg,
        surcharges=tuple(
            SurchargeConfig(
                name=each.name, percent=each.percent, amount=each.amount, restriction=each.restriction
            )
            for each in sheet.surcharges
        ),
    )
