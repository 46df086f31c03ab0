"""The part of ``crossdock status`` about many processes: who they are, who may do what, how far topics are read."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from crossdock.cli.output import console, grid
from crossdock.errors import UnreachableError
from crossdock.store.activities import HUB
from crossdock.store.leases import Lease, list_leases
from crossdock.store.relaying import read_by

if TYPE_CHECKING:
    from crossdock.config.model import Config
    from crossdock.store.engine import Database
    from crossdock.streams.kafka.lag import PartitionLag

__all__ = ["Cluster", "load_cluster", "print_cluster"]


@dataclass(frozen=True, slots=True)
class Cluster:
    """The processes of a hub.

    Attributes:
        processes: Those that have given a sign of life, and until when it holds.
        leases: Who may do what, now.
        lags: On Kafka, by processor and partition.
        trouble: Why there are none.
    """

    processes: tuple[Lease, ...]
    leases: tuple[Lease, ...]
    lags: tuple[PartitionLag, ...]
    trouble: str = ""


def load_cluster(config: Config, database: Database, now: datetime) -> Cluster:
    """What the database and the brokers say."""
    held = [each for each in database.read_now(list_leases) if each.until > now]
    processes = tuple(replace(each, name=each.name.removeprefix(HUB)) for each in held if _is_process(each))
    others = tuple(each for each in held if not _is_process(each))
    if config.hub.runtime != "kafka":
        return Cluster(processes, others, ())
    from crossdock.streams.kafka.lag import load_lags
    from crossdock.streams.kafka.settings import kafka_settings

    try:
        lags = asyncio.run(load_lags(kafka_settings(config), database.read_now(read_by)))
    except UnreachableError as error:
        return Cluster(processes, others, (), error.message)
    return Cluster(processes, others, tuple(lags))


def print_cluster(cluster: Cluster) -> None:
    """On Kafka a table of each; one process alone has nothing to show."""
    out = console()
    if cluster.trouble:
        out.print(cluster.trouble, style="red", markup=False)
    if not cluster.lags:
        return
    rows = ((each.name, each.until) for each in cluster.processes)
    out.print(grid("process", "seen until", rows=rows))
    held = ((each.name, each.owner, each.until) for each in cluster.leases)
    out.print(grid("lease", "held by", "until", rows=held))
    out.print(grid("processor", "topic", "#lag", "#partitions", "by partition", rows=_lags(cluster.lags)))


def _lags(lags: Sequence[PartitionLag]) -> list[tuple[object, ...]]:
    """A row by processor; partitions that wait are named."""
    by_processor: dict[tuple[str, str], list[PartitionLag]] = defaultdict(list)
    for each in lags:
        by_processor[(each.processor, each.topic)].append(each)
    return [
        (
            processor,
            topic,
            sum(each.lag for each in found),
            len(found),
            ", ".join(f"{each.partition}: {each.lag}" for each in found if each.lag),
        )
        for (processor, topic), found in by_processor.items()
    ]


def _is_process(lease: Lease) -> bool:
    return lease.name.startswith(HUB)
