"""The parts ``kafka:`` and ``worker:`` of the configuration: the cluster, its topics, and what workers answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from crossdock.sdk.manifest import Duration

__all__ = ["KafkaConfig", "KafkaSecurityConfig", "KafkaTopicConfig", "WorkerConfig"]


class _Strict(BaseModel):
    """Unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class KafkaTopicConfig(_Strict):
    """What is different about one topic."""

    partitions: Annotated[int, Field(gt=0)] | None = None
    """Instead of ``kafka.partitions``."""
    retention: Duration | None = None
    """Instead of ``kafka.retention``."""
    cleanup: Literal["delete", "compact"] = "delete"
    """``compact`` keeps the last message of each key for ever. Only for ``events``: every other topic is work to be
    done, of which nothing may be left out."""


class KafkaSecurityConfig(_Strict):
    """How the hub shows the brokers who it is."""

    protocol: Literal["SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "SASL_SSL"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str = ""
    password: SecretStr | None = None
    """Only as ``${env:NAME}`` or ``${file:PATH}``."""
    ca_file: Path | None = None
    """Certificates of the authority that the brokers' are signed by; empty: those of the system."""
    certificate_file: Path | None = None
    """The hub's own certificate, with its key, where brokers ask for one."""


class KafkaConfig(_Strict):
    """The Kafka cluster of a hub with ``runtime: kafka``; see docs/operating.md."""

    bootstrap: str = "localhost:9092"
    """Addresses of some brokers: ``host:port,host:port``."""
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,100}$")] = ""
    """Begins the names of topics and consumer groups; empty is the hub's name and a dot."""
    partitions: Annotated[int, Field(gt=0, le=1000)] = 12
    """Of each topic: the most workers that can share its processor."""
    replication: Annotated[int, Field(gt=0)] | None = None
    """Copies of each partition; empty is 3, or as many as there are brokers."""
    retention: Duration = timedelta(days=7)
    """How long messages stay on a topic. Workers may be away no longer than this."""
    topics: Mapping[str, KafkaTopicConfig] = Field(default_factory=dict)
    """What is different, by topic."""
    session: Duration = timedelta(seconds=15)
    """A worker that is not heard of for so long has its partitions taken away."""
    security: KafkaSecurityConfig | None = None


class WorkerConfig(_Strict):
    """Where a worker says how it is: ``/healthz``, ``/readyz``, ``/metrics``. Processes that serve do it on ``web``."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Empty: nowhere, so that many workers of one machine may share a configuration. 0: any that is free, told in
    the log."""
