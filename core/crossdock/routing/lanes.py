"""Lanes: a node and a service by which it may send. What an order costs is computed for every lane at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from crossdock.routing.freight import FreightTable
from crossdock.routing.model import Service
from crossdock.routing.tariff import Tariff

__all__ = ["Lanes", "lanes_of"]

Positions = NDArray[np.intp]


class Lanes(Struct, frozen=True, eq=False):
    """The lanes of one kind of order, in the order of their nodes, then of their services.

    What depends on the zone is found by adding the zone to a flat position.

    Attributes:
        services: The services of the lanes, with their tariffs.
        numbers: Position of each of the services in the network.
        node: Of each lane, shape (lanes,); ascending.
        service: Of each lane, as position in ``services``.
        chart: Flat position in ``Reach.zones``.
        arrival: Flat position of zone 0 in ``Timetable.delivery``.
        rate: Column of zone 0 in the table of ``freight``.
        freight: Freight by ``services``.
    """

    services: tuple[tuple[Service, Tariff], ...]
    numbers: tuple[int, ...]
    node: Positions
    service: Positions
    chart: Positions
    arrival: Positions
    rate: Positions
    freight: FreightTable

    def carrier(self, lane: int) -> tuple[Service, Tariff]:
        """The service of ``lane`` and its tariff."""
        return self.services[self.service.item(lane)]

    def of_node(self, node: int) -> range:
        """The lanes of ``node``."""
        first, last = self.node.searchsorted((node, node + 1))
        return range(int(first), int(last))


def lanes_of(
    offers: Sequence[tuple[int, Service, Tariff, NDArray[np.bool_]]],
    charts: Positions,
    nodes: int,
    zones: int,
) -> Lanes:
    """The lanes of some services.

    Args:
        offers: Of each service its position in the network, itself, its tariff, and the nodes that send by it.
        charts: Row in ``Reach.zones`` of every service of the network.
        nodes: Number of nodes.
        zones: Number of zones in the tables.
    """
    sends = np.array([mask for _, _, _, mask in offers], dtype=bool).reshape(len(offers), nodes)
    node, service = np.nonzero(sends.T)
    numbers = np.array([number for number, _, _, _ in offers], dtype=np.intp)
    pairs = tuple((each, tariff) for _, each, tariff, _ in offers)
    return Lanes(
        services=pairs,
        numbers=tuple(number for number, _, _, _ in offers),
        node=node,
        service=service,
        chart=charts[numbers][service] * nodes + node,
        arrival=(numbers[service] * nodes + node) * zones,
        rate=service * zones,
        freight=FreightTable(pairs, zones),
    )
