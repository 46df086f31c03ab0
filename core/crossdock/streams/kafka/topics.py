"""Makes the topics of a hub on its cluster, and brings them to what the configuration says; takes nothing away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from crossdock.errors import UnreachableError
from crossdock.streams.kafka.settings import KafkaSettings, KafkaTopic

__all__ = ["Change", "TopicState", "Topics", "days", "open_topics"]

_RETENTION = "retention.ms"
_CLEANUP = "cleanup.policy"
_IN_SYNC = "min.insync.replicas"


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it is on the cluster; ``name`` as processors know it."""

    name: str
    partitions: int
    replicas: int
    retention: timedelta | None
    compacted: bool


@dataclass(frozen=True, slots=True)
class Change:
    """What differs between the cluster and the configuration, in one point of one topic.

    Attributes:
        topic: As processors know it.
        what: ``topic``, ``partitions``, ``retention`` or ``cleanup``.
        before: As it is; empty where there is no such topic.
        after: As it is to be.
        refused: Why it is not done; empty where it is.
    """

    topic: str
    what: str
    before: str
    after: str
    refused: str = ""


@asynccontextmanager
async def open_topics(settings: KafkaSettings) -> AsyncIterator[Topics]:
    """The topics of the cluster.

    Raises:
        UnreachableError: No broker answers, or one refuses what is asked.
    """
    admin = AIOKafkaAdminClient(**settings.client())
    try:
        await admin.start()
        yield Topics(admin, settings)
    except KafkaError as error:
        raise UnreachableError(
            f"Kafka at {settings.bootstrap} does not do it: {error!r}\nCheck kafka.bootstrap and kafka.security"
        ) from error
    finally:
        await admin.close()


class Topics:
    """What is there, and what is to be done about it."""

    def __init__(self, admin: AIOKafkaAdminClient, settings: KafkaSettings) -> None:
        """Use ``open_topics``."""
        self._admin = admin
        self._settings = settings

    async def states(self) -> list[TopicState]:
        """The hub's topics that there are, in the order of the settings."""
        wanted = {self._settings.topic(each.name): each.name for each in self._settings.topics}
        there = sorted(set(await self._admin.list_topics()) & set(wanted))
        if not there:
            return []
        configs = await self._configs(there)
        states = {}
        for topic in await self._admin.describe_topics(there):
            name, config = wanted[topic["topic"]], configs[topic["topic"]]
            states[name] = TopicState(
                name,
                len(topic["partitions"]),
                len(topic["partitions"][0]["replicas"]),
                _retention(config),
                compacted="compact" in config[_CLEANUP],
            )
        return [states[each.name] for each in self._settings.topics if each.name in states]

    async def changes(self) -> list[Change]:
        """What would have to be done; what can't be has its reason."""
        there = {state.name: state for state in await self.states()}
        changes = []
        for topic in self._settings.topics:
            state = there.get(topic.name)
            if state is None:
                changes.append(Change(topic.name, "topic", "", _described(topic)))
            else:
                changes += _differences(topic, state)
        return changes

    async def apply(self, changes: Sequence[Change]) -> None:
        """Do what is not refused.

        Raises:
            KafkaError: The cluster does not.
        """
        topics = {each.name: each for each in self._settings.topics}
        done = [change for change in changes if not change.refused]
        new = [topics[change.topic] for change in done if change.what == "topic"]
        if new:
            await self._create(new)
        grown = {c.topic: topics[c.topic].partitions for c in done if c.what == "partitions"}
        if grown:
            wanted = {self._settings.topic(name): NewPartitions(count) for name, count in grown.items()}
            _raise_errors(await self._admin.create_partitions(wanted))
        for name in sorted({c.topic for c in done if c.what in ("retention", "cleanup")}):
            await self._configure(topics[name])

    async def remove(self) -> None:
        """Delete all topics of the hub with everything on them: where a demo or a test is over."""
        there = [self._settings.topic(state.name) for state in await self.states()]
        if there:
            await self._admin.delete_topics(there)

    async def _create(self, topics: Sequence[KafkaTopic]) -> None:
        brokers = len((await self._admin.describe_cluster())["brokers"])
        replicas = self._settings.replicas(brokers)
        new = [
            NewTopic(
                self._settings.topic(each.name),
                each.partitions,
                replicas,
                topic_configs={**_config(each), _IN_SYNC: str(max(1, replicas - 1))},
            )
            for each in topics
        ]
        _raise_errors(await self._admin.create_topics(new))

    async def _configure(self, topic: KafkaTopic) -> None:
        """The cluster takes a topic's configuration as a whole: what somebody else has set is set again."""
        name = self._settings.topic(topic.name)
        own = (await self._configs([name], own_only=True))[name]
        resource = ConfigResource(ConfigResourceType.TOPIC, name, own | _config(topic))
        response: Any
        for response in await self._admin.alter_configs([resource]):
            for code, message, *_ in response.resources:
                if code:
                    raise for_code(code)(message)

    async def _configs(self, names: Sequence[str], *, own_only: bool = False) -> dict[str, dict[str, str]]:
        """The configuration of topics; with ``own_only`` without what they have from the cluster."""
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        found: dict[str, dict[str, str]] = {}
        response: Any
        for response in await self._admin.describe_configs(resources):
            for code, message, _, name, entries in response.resources:
                if code:
                    raise for_code(code)(message)
                found[name] = {each[0]: each[1] for each in entries if not own_only or _is_own(each)}
        return found


_TOPIC_SOURCE = 1


def _is_own(entry: Sequence[Any]) -> bool:
    """Whether a value was set on the topic: (name, value, read only, source, …)."""
    return bool(entry[3] == _TOPIC_SOURCE)


def _raise_errors(response: Any) -> None:
    for name, code, message, *_ in response.topic_errors:
        if code:
            raise for_code(code)(f"{name}: {message}")


def _config(topic: KafkaTopic) -> dict[str, str]:
    return {
        _RETENTION: str(int(topic.retention.total_seconds() * 1000)),
        _CLEANUP: "compact" if topic.compacted else "delete",
    }


def _retention(config: dict[str, str]) -> timedelta | None:
    milliseconds = int(config[_RETENTION])
    return None if milliseconds < 0 else timedelta(milliseconds=milliseconds)


def _differences(topic: KafkaTopic, state: TopicState) -> list[Change]:
    changes = []
    if state.partitions != topic.partitions:
        refused = ""
        if topic.partitions < state.partitions:
            refused = (
                f"Kafka can't take partitions away: write {state.partitions}, "
                f"or let workers empty the topic, stop them all, delete it and apply again"
            )
        changes.append(
            Change(topic.name, "partitions", str(state.partitions), str(topic.partitions), refused)
        )
    if not topic.compacted and state.retention != topic.retention:
        changes.append(Change(topic.name, "retention", days(state.retention), days(topic.retention)))
    if state.compacted != topic.compacted:
        changes.append(Change(topic.name, "cleanup", _cleanup(state.compacted), _cleanup(topic.compacted)))
    return changes


def _cleanup(compacted: bool) -> str:
    return "compact" if compacted else "delete"


def _described(topic: KafkaTopic) -> str:
    kept = "the last message of each key" if topic.compacted else f"messages for {days(topic.retention)}"
    return f"{topic.partitions} partitions, keeps {kept}"


def days(kept: timedelta | None) -> str:
    """How long messages are kept, in words."""
    if kept is None:
        return "ever"
    return f"{kept.days} d" if kept == timedelta(days=kept.days) else str(kept)
