"""Where the cluster is and how it is reached, for Faust and aiokafka alike; the names of topics and groups there."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import faust

from crossdock.config.kafka import KafkaSecurityConfig
from crossdock.config.load import resolve_secrets
from crossdock.config.model import Config
from crossdock.errors import MisconfiguredError
from crossdock.streams.topics import EVENTS, TOPICS

__all__ = ["KafkaSettings", "KafkaTopic", "kafka_settings"]

_MOST_REPLICAS = 3
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True, slots=True)
class KafkaTopic:
    """How a topic is to be: ``name`` as processors know it."""

    name: str
    partitions: int
    retention: timedelta
    compacted: bool = False


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How the cluster is reached.

    Attributes:
        bootstrap: Addresses of brokers, by comma.
        prefix: Begins the names of topics and groups.
        topics: All of the hub.
        replication: Copies of each partition; none: 3, or as many as there are brokers.
        session_seconds: A worker not heard of for so long has its partitions taken away.
        instance: The name of this worker where it is the same after a restart: its partitions then wait for it.
        protocol: ``PLAINTEXT``, ``SSL``, ``SASL_PLAINTEXT`` or ``SASL_SSL``.
        ssl_context: Where the line is encrypted.
    """

    bootstrap: str
    prefix: str
    topics: tuple[KafkaTopic, ...] = ()
    replication: int | None = None
    session_seconds: float = 15.0
    instance: str | None = None
    protocol: str = "PLAINTEXT"
    mechanism: str = "PLAIN"
    username: str | None = None
    password: str | None = None
    ssl_context: ssl.SSLContext | None = None

    def topic(self, name: str) -> str:
        """The name of a topic on the cluster."""
        return self.prefix + name

    def group(self, processor: str) -> str:
        """The consumer group of a processor: each has its own, so that any worker may run any of them."""
        return self.prefix + processor

    def replicas(self, brokers: int) -> int:
        """Copies of each partition on a cluster of so many ``brokers``."""
        return self.replication or min(_MOST_REPLICAS, brokers)

    def client(self) -> dict[str, Any]:
        """What aiokafka's clients are made with."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "client_id": "crossdock",
            "security_protocol": self.protocol,
        }
        if self.ssl_context is not None:
            options["ssl_context"] = self.ssl_context
        if self.username is not None:
            options |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return options

    def credentials(self) -> faust.SASLCredentials | faust.SSLCredentials | None:
        """What Faust is given instead."""
        if self.username is not None:
            return faust.SASLCredentials(
                username=self.username,
                password=self.password,
                mechanism=self.mechanism,
                ssl_context=self.ssl_context,
            )
        return None if self.ssl_context is None else faust.SSLCredentials(self.ssl_context)


def kafka_settings(config: Config, instance: str | None = None) -> KafkaSettings:
    """The settings of a configuration.

    Raises:
        MisconfiguredError: It names a topic that there is not, compacts one that is work, or a secret can't be read.
    """
    kafka = config.kafka
    for name, topic in kafka.topics.items():
        where = f"kafka.topics.{name}"
        if name not in TOPICS:
            raise MisconfiguredError(
                f"{where}: there is no such topic; there are: {', '.join(TOPICS)}", path=where
            )
        if topic.cleanup == "compact" and name != EVENTS:
            raise MisconfiguredError(
                f"{where}.cleanup: only {EVENTS} may be compacted; of {name} every message has to be handled",
                path=f"{where}.cleanup",
            )
    prefix = kafka.prefix or f"{config.hub.name}."
    if not _NAME.fullmatch(prefix):
        said = f"kafka.prefix: topics can't be called {prefix}…: write a prefix of A-Z, a-z, 0-9, dot, dash, underscore"
        raise MisconfiguredError(said, path="kafka.prefix")
    settings = KafkaSettings(
        bootstrap=kafka.bootstrap,
        prefix=prefix,
        topics=tuple(_topic(config, name) for name in TOPICS),
        replication=kafka.replication,
        session_seconds=kafka.session.total_seconds(),
        instance=instance,
    )
    return settings if kafka.security is None else _secured(settings, kafka.security)


def _topic(config: Config, name: str) -> KafkaTopic:
    kafka, own = config.kafka, config.kafka.topics.get(name)
    if own is None:
        return KafkaTopic(name, kafka.partitions, kafka.retention)
    return KafkaTopic(
        name,
        own.partitions or kafka.partitions,
        own.retention or kafka.retention,
        compacted=own.cleanup == "compact",
    )


def _secured(settings: KafkaSettings, security: KafkaSecurityConfig) -> KafkaSettings:
    where = "kafka.security"
    context = None
    if security.protocol != "SASL_PLAINTEXT":
        try:
            context = ssl.create_default_context(cafile=security.ca_file)
            if security.certificate_file is not None:
                context.load_cert_chain(security.certificate_file)
        except OSError as error:
            raise MisconfiguredError(f"{where}: a certificate can't be read: {error}", path=where) from error
    settings = replace(settings, protocol=security.protocol, ssl_context=context)
    if security.protocol == "SSL":
        return settings
    if not security.username or security.password is None:
        raise MisconfiguredError(
            f"{where}: {security.protocol} needs username and password", path=f"{where}.username"
        )
    password = resolve_secrets(security.password.get_secret_value(), f"{where}.password")
    return replace(settings, mechanism=security.mechanism, username=security.username, password=str(password))
