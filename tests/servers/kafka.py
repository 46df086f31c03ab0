"""A real Apache Kafka (KRaft) for the tests: one broker a session, three where a test needs them.

The broker is the class ``kafka.Kafka`` of the jars that Maven brings (``tests/kafka/pom.xml``, ``make servers``), on
a small heap and free ports of the loopback. Tests share it: each takes a prefix of its own for topics and groups.
Mark them ``KAFKA``, and all run in one process of a parallel run, which so needs one broker.
"""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from itertools import count
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from crossdock.sdk.clock import SystemClock
from tests.servers.requirement import missing
from tests.servers.sshd import free_port, wait_until_listening

__all__ = [
    "KAFKA",
    "PASSWORD",
    "USER",
    "KafkaCluster",
    "kafka_broker",
    "kafka_brokers",
    "kafka_prefix",
    "running_kafka",
]

KAFKA = pytest.mark.xdist_group("kafka")
_POM = Path(__file__).parents[1] / "kafka/pom.xml"
_JARS = _POM.parent / "jars"
_JAVA = ("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
_START_SECONDS = 180.0
_STOP_SECONDS = 30.0
_numbers = count()
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
USER, PASSWORD = "hub", "only-for-tests"


@dataclass(slots=True)
class Broker:
    """One broker, which is a controller too."""

    number: int
    folder: Path
    port: int
    controller_port: int
    secure_port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def settings(self) -> Path:
        return self.folder / "server.properties"

    @property
    def certificate(self) -> Path:
        """Its own, which clients of ``secure_port`` have to trust."""
        return self.folder / "certificate.pem"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def start(self) -> None:
        """Start, also again after ``stop`` or ``kill``."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*_java(), "kafka.Kafka", str(self.settings)], stdout=log, stderr=log, cwd=self.folder
            )

    def wait(self) -> None:
        """Wait until it listens."""
        assert self.process is not None
        wait_until_listening(self.port, self.process, self.log, seconds=_START_SECONDS)

    def stop(self) -> None:
        """Stop in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As when the machine fails."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


@dataclass(slots=True)
class KafkaCluster:
    """Brokers that run."""

    brokers: list[Broker]

    @property
    def bootstrap(self) -> str:
        """What clients are given."""
        return ",".join(each.address for each in self.brokers)

    def start(self) -> None:
        for each in self.brokers:
            each.start()
        for each in self.brokers:
            each.wait()

    def close(self) -> None:
        """Kill all: what they hold is thrown away, and without a quorum they would not stop in order."""
        for each in self.brokers:
            each.kill()


def _java() -> list[str]:
    java = shutil.which("java")
    if java is None:
        missing("Java", "apt-get install openjdk-17-jre-headless")
    if not any(_JARS.glob("kafka_*.jar")):
        missing("Apache Kafka", f"run `make servers` (mvn -f {_POM} dependency:copy-dependencies)")
    return [java, *_JAVA, "-cp", f"{_JARS}/*"]


def _write_settings(broker: Broker, brokers: list[Broker]) -> None:
    replicas = min(3, len(brokers))
    settings = {
        "process.roles": "broker,controller",
        "node.id": broker.number,
        "controller.quorum.voters": ",".join(f"{b.number}@127.0.0.1:{b.controller_port}" for b in brokers),
        "listeners": f"PLAINTEXT://{broker.address},SASL_SSL://127.0.0.1:{broker.secure_port},"
        f"CONTROLLER://127.0.0.1:{broker.controller_port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f"{_SCRAM} required;",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": broker.folder / "keystore.pem",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": broker.folder / "data",
        "auto.create.topics.enable": "false",
        "default.replication.factor": replicas,
        "min.insync.replicas": max(1, replicas - 1),
        "offsets.topic.replication.factor": replicas,
        "offsets.topic.num.partitions": 3,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
        "num.network.threads": 2,
        "num.io.threads": 2,
        "log.cleaner.dedupe.buffer.size": 2_097_152,
    }
    broker.settings.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


def _write_keys(broker: Broker) -> None:
    """A certificate for the loopback, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = SystemClock().now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(broker.number)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate = made.public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    broker.certificate.write_bytes(certificate)
    (broker.folder / "keystore.pem").write_bytes(secret + certificate)


def _cluster(folder: Path, size: int) -> KafkaCluster:
    """Brokers with formatted storage, not started."""
    brokers = [
        Broker(number, folder / f"broker{number}", free_port(), free_port(), free_port())
        for number in range(1, size + 1)
    ]
    cluster_id = base64.urlsafe_b64encode(uuid.UUID(int=1).bytes).decode().rstrip("=")
    formatting = []
    for each in brokers:
        each.folder.mkdir()
        _write_settings(each, brokers)
        _write_keys(each)
        command = [*_java(), "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(each.settings)]
        command += ["--add-scram", f'SCRAM-SHA-512=[name="{USER}",password="{PASSWORD}"]']
        formatting.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
    for process in formatting:
        said, _ = process.communicate()
        if process.returncode:
            pytest.fail(f"Kafka's storage can't be formatted:\n{said.decode(errors='replace')}")
    return KafkaCluster(brokers)


@contextmanager
def running_kafka(size: int = 1) -> Iterator[KafkaCluster]:
    """So many brokers; skips where Java or the jars are missing."""
    _java()
    folder = Path(tempfile.mkdtemp(prefix="crossdock-kafka-", dir="/tmp"))
    cluster = _cluster(folder, size)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[KafkaCluster]:
    """One broker for the whole session; skips where Java or the jars are missing."""
    with running_kafka() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def kafka_brokers() -> Iterator[KafkaCluster]:
    """Three brokers, for the tests of one module; a topic survives the loss of one."""
    with running_kafka(3) as cluster:
        yield cluster


@pytest.fixture
def kafka_prefix() -> str:
    """Begins the names of a test's topics and groups."""
    return f"t{os.getpid()}-{next(_numbers)}-"
