"""What routing knows of the world: nodes, services, tariffs, the demand to place and the plan that places it.

Weights are whole grams, volumes whole cubic centimetres, money is ``Decimal`` in a named currency. Everything here
is immutable and holds no behaviour beyond reading itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from msgspec import Struct

from crossdock_schemas.product import NodeKind, NodeStatus

__all__ = [
    "Address",
    "AssignedLine",
    "Assignment",
    "Calendar",
    "Capacity",
    "Demand",
    "DemandLine",
    "Destination",
    "HandlingCost",
    "Money",
    "Node",
    "NodeKind",
    "NodeStatus",
    "OpeningHours",
    "Position",
    "PostalZone",
    "RateCard",
    "Service",
    "Surcharge",
    "UnfilledLine",
]

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in an ISO 4217 currency."""

    amount: Decimal
    currency: str


class Position(Struct, frozen=True):
    """A point on earth, WGS 84, in degrees."""

    latitude: float
    longitude: float


class Address(Struct, frozen=True):
    """The parts of an address that routing reads: ISO 3166-1 country, ISO 3166-2 region, postal code."""

    country: str
    region: str = ""
    postal_code: str = ""


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Local opening hours on one weekday (0 is Monday); a weekday without hours is closed."""

    weekday: int
    opens: time
    closes: time


def _business_week() -> tuple[OpeningHours, ...]:
    return tuple(OpeningHours(day, time(8), time(18)) for day in range(5))


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a node works, in its own time zone."""

    opening_hours: tuple[OpeningHours, ...] = field(default_factory=_business_week)
    holidays: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Capacity:
    """The most a node takes on a day of its own clock; ``None`` is without limit. A shipment counts as one order."""

    orders: int | None = None
    lines: int | None = None
    units: int | None = None


@dataclass(frozen=True, slots=True)
class HandlingCost:
    """What picking and packing costs at a node, in the currency of the network."""

    per_shipment: Decimal = ZERO
    per_line: Decimal = ZERO
    per_unit: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Node:
    """A place that can fulfil: warehouse, store, third party, supplier.

    Attributes:
        services: Ids of the carrier services that pick up here.
        handles: Product restrictions the node may handle (``hazmat``, ``cold``); a line with another is not for it.
        serves: Countries (``US``) and regions (``US-CA``) the node delivers to; empty means everywhere.
        time_zone: IANA name; calendar and cut-off are local to it.
        cut_off: Orders up to this local time start on the same opening day; ``None`` means until closing.
        processing_time: Opening hours between start and being ready for the carrier.
        priority: Lower is better; counts only where a policy names the term ``priority``.
    """

    id: str
    name: str
    kind: NodeKind
    position: Position
    address: Address
    tags: tuple[str, ...] = ()
    time_zone: str = "UTC"
    calendar: Calendar = field(default_factory=Calendar)
    cut_off: time | None = None
    processing_time: timedelta = timedelta(0)
    capacity: Capacity = field(default_factory=Capacity)
    handling_cost: HandlingCost = field(default_factory=HandlingCost)
    services: tuple[str, ...] = ()
    handles: tuple[str, ...] = ()
    serves: tuple[str, ...] = ()
    priority: int = 0
    status: NodeStatus = NodeStatus.ACTIVE


@dataclass(frozen=True, slots=True)
class Surcharge:
    """An addition to the base rate of every parcel.

    Attributes:
        percent: Of the base rate, such as a fuel surcharge.
        amount: Fixed, per parcel.
        restriction: If given, added only where a line of the shipment has this restriction (``oversize``).
    """

    name: str
    percent: Decimal = ZERO
    amount: Decimal = ZERO
    restriction: str = ""


@dataclass(frozen=True, slots=True)
class PostalZone:
    """The zone between an origin and a destination postal prefix; an empty origin means any node."""

    destination_prefix: str
    zone: int
    origin_prefix: str = ""


@dataclass(frozen=True, slots=True)
class RateCard:
    """A carrier's tariff: zone by billed weight.

    Attributes:
        weight_breaks_grams: Upper bounds of the weight steps, ascending. A heavier shipment is priced as several
            parcels: as many at the highest step as fit, and one for the rest.
        rates: One row a zone (from 0), one amount a weight step.
        distance_bands_km: Upper bounds of the zones by great-circle distance; the last zone has no upper bound if
            there is one zone more than bands. Used where no postal zone matches.
        postal_zones: Declared zones; the longest destination prefix wins, then the longest origin prefix.
        dim_divisor_cm3_per_kg: Dimensional weight is volume / divisor; 0 bills the actual weight only.
    """

    id: str
    currency: str
    weight_breaks_grams: tuple[int, ...]
    rates: tuple[tuple[Decimal, ...], ...]
    distance_bands_km: tuple[float, ...] = ()
    postal_zones: tuple[PostalZone, ...] = ()
    dim_divisor_cm3_per_kg: int = 0
    surcharges: tuple[Surcharge, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """A carrier's service.

    Attributes:
        rate_card: Id of the tariff.
        transit_days: Days under way by zone, counted on delivery days; one value means the same for every zone.
        pick_up_days: Weekdays (0 is Monday) on which the carrier collects.
        delivery_days: Weekdays on which the carrier moves and delivers.
        holidays: Days on which the carrier neither collects nor moves.
        levels: The service levels an order may ask for that this service satisfies.
        countries: Destination countries; empty means everywhere the rate card has a zone.
        refuses: Product restrictions the carrier does not carry.
    """

    id: str
    carrier: str
    rate_card: str
    transit_days: tuple[int, ...]
    pick_up_days: tuple[int, ...] = (0, 1, 2, 3, 4)
    delivery_days: tuple[int, ...] = (0, 1, 2, 3, 4)
    levels: tuple[str, ...] = ("standard",)
    countries: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()
    holidays: tuple[date, ...] = ()


class Destination(Struct, frozen=True):
    """Where the goods go; the position comes from the caller's own post code table."""

    address: Address
    position: Position


class DemandLine(Struct, frozen=True):
    """One order line with product facts per unit; lines of one ``group`` belong together if the policy keeps its
    ``group_kind`` together.
    """

    line_id: str
    sku: str
    quantity: int
    unit_value: Decimal = ZERO
    unit_weight_grams: int = 0
    unit_volume_cm3: int = 0
    restrictions: tuple[str, ...] = ()
    group: str = ""
    group_kind: str = ""


class Demand(Struct, frozen=True):
    """An order, or the rest of one, to be placed.

    Attributes:
        promise: Latest delivery date at the destination; ``None`` if nothing was promised.
        ship_by: Latest day on which the carrier has the goods, such as a marketplace demands; ``None`` if nobody does.
        service_level: ``""`` accepts every service.
        excluded_nodes: Nodes already tried, or forbidden by a person.
        fixed_node: The only node allowed, such as the store of a pick-up order.
        ready_from: Nothing may be shipped before this instant (aware), as of a pre-order; ``None`` if nothing keeps it.
        pick_up: The customer collects: no carrier, no freight; needs ``fixed_node``.
    """

    order_id: str
    channel: str
    channel_kind: str
    currency: str
    lines: tuple[DemandLine, ...]
    destination: Destination
    promise: date | None = None
    service_level: str = ""
    priority: int = 0
    tags: tuple[str, ...] = ()
    excluded_nodes: tuple[str, ...] = ()
    fixed_node: str = ""
    pick_up: bool = False
    ship_by: date | None = None
    ready_from: datetime | None = None


class AssignedLine(Struct, frozen=True):
    """So many units of one order line at one node."""

    line_id: str
    sku: str
    quantity: int


class Assignment(Struct, frozen=True):
    """One shipment of the plan.

    Attributes:
        service: Id of the carrier service; empty for a pick-up.
        lines: What it takes out of the node's stock, without what other shipments bring there.
        costs: The value of each term of the policy, and always shipping and handling, in the unit of the term.
        to_node: The node that sends it on, together with the rest of the order; empty where it goes to the destination.
    """

    node: str
    service: str
    lines: tuple[AssignedLine, ...]
    ship_date: date
    delivery_date: date
    costs: tuple[tuple[str, Decimal], ...]
    to_node: str = ""


class UnfilledLine(Struct, frozen=True):
    """An order line that the plan leaves out, and the code of the reason."""

    line_id: str
    sku: str
    quantity: int
    reason: str
