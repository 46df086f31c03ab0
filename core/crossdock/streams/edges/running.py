"""All services of the edges, for a runtime to run."""

from __future__ import annotations

from crossdock.sdk.manifest import Role
from crossdock.streams.edges.connections import Connections
from crossdock.streams.edges.delivering import DeliverySettings, delivery_service
from crossdock.streams.edges.dropping import drop_service
from crossdock.streams.edges.polling import Surroundings, poll_service
from crossdock.streams.edges.reporting import reporting_service
from crossdock.streams.services import Service

__all__ = ["edge_services"]


def edge_services(
    connections: Connections,
    around: Surroundings,
    delivery: DeliverySettings | None = None,
    *,
    alone: bool = True,
) -> list[Service]:
    """A poller for each poll stream, a fetcher for each drop stream, a deliverer for each connection with commands;
    and what writes down how they all stand, of which this process does all when it is ``alone``."""
    services = [reporting_service(connections, around, alone=alone)]
    for connection in connections.open.values():
        services += [poll_service(connection, each, around) for each in connection.of_role(Role.POLL)]
        services += [drop_service(connection, each, around) for each in connection.of_role(Role.DROP)]
        if connection.commands:
            services.append(delivery_service(connection, around, delivery))
    return services
