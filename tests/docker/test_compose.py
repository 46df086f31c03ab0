"""The Compose file is valid, and what it says of the hub's own services runs, without any container engine."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.kafka import KAFKA, KafkaCluster
from tests.servers.sshd import free_port

DOCKER = Path(__file__).parents[2] / "docker"
COMPOSE = DOCKER / "compose.yaml"
_OWN = "crossdock"
_WAIT_SECONDS = 300.0
_FOLDER = "/var/lib/crossdock"


def services() -> dict[str, dict[str, Any]]:
    document: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return document["services"]


def test_it_is_what_compose_takes() -> None:
    validator = Path(sys.executable).with_name("check-jsonschema")
    command = [str(validator), "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_every_image_is_of_a_version_and_every_file_is_there() -> None:
    images = {name: service["image"] for name, service in services().items() if service["image"] != _OWN}
    assert set(images) == {"kafka", "postgres", "prometheus", "grafana"}
    assert [image for image in images.values() if not re.search(r":v?\d+\.\d+(\.\d+)?(-\w+)?$", image)] == []
    mounted = [
        volume.split(":")[0] for service in services().values() for volume in service.get("volumes", ())
    ]
    assert [each for each in mounted if each.startswith(".") and not (DOCKER / each).exists()] == []


def test_prometheus_asks_every_process() -> None:
    prometheus = yaml.safe_load((DOCKER / "prometheus/prometheus.yml").read_text(encoding="utf-8"))
    asked = {
        name
        for job in prometheus["scrape_configs"]
        for sd in job["dns_sd_configs"]
        for name in sd["names"]
        if sd["port"] == 8080
    }
    running = {
        name
        for name, each in services().items()
        if each["image"] == _OWN and each["command"][0] in ("serve", "worker")
    }
    assert asked == running


@dataclass(frozen=True, slots=True)
class Machine:
    """Runs services of the file on this machine: ``places`` is what stands for its names and folders here."""

    folder: Path
    places: Mapping[str, str]

    @contextmanager
    def running(self, name: str, *more: str, port: int = 0) -> Iterator[Running]:
        """A service, killed in the end; ``port`` is where it listens instead of on 8080 of a machine of its own."""
        service = services()[name]
        environment = {key: self.here(value) for key, value in service["environment"].items()}
        if port:
            environment["CROSSDOCK_CONFIG"] = self._on(port, Path(environment["CROSSDOCK_CONFIG"]))
        log = self.folder / f"{name}-{port}.log"
        main = "from crossdock.cli import main; main()"
        command = [sys.executable, "-c", main, *map(self.here, service["command"]), *more]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=output, env=self._environment | environment
            )
        try:
            yield Running(process, self._health(service, port), log)
        finally:
            process.kill()
            process.wait()

    def here(self, text: str) -> str:
        """``text`` with what it names as it is called here."""
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
        for name, place in self.places.items():
            text = text.replace(name, place)
        return text

    @property
    def _environment(self) -> dict[str, str]:
        return {
            name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME", "LANG") if name in os.environ
        }

    def _on(self, port: int, path: Path) -> str:
        """The configuration for a machine on which others listen too."""
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert config["web"] == config["worker"]
        assert config["web"]["port"] == 8080
        config["web"]["port"] = config["worker"]["port"] = port
        own = path.with_name(f"crossdock-{port}.yaml")
        own.write_text(yaml.safe_dump(config), encoding="utf-8")
        return str(own)

    def _health(self, service: Mapping[str, Any], port: int) -> list[str]:
        """The check of the service, or that of the image."""
        own = service.get("healthcheck", {})
        if own.get("disable"):
            return []
        if "test" in own:
            assert own["test"][0] == "CMD"
            return [self.here(word) for word in own["test"][1:]]
        image = re.search(
            r"HEALTHCHECK .*\\\n\s+CMD (\[.*\])", (DOCKER / "Dockerfile").read_text(encoding="utf-8")
        )
        assert image
        command: list[str] = json.loads(image[1])
        assert any(":8080/" in word for word in command)
        return [sys.executable, *(word.replace(":8080/", f":{port}/") for word in command[1:])]


@dataclass(frozen=True, slots=True)
class Running:
    """A service's process."""

    process: subprocess.Popen[bytes]
    health: list[str]
    log: Path

    def until_healthy(self) -> None:
        """Wait until its check passes."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while subprocess.run(self.health, capture_output=True, check=False).returncode:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.5)

    def until_over(self) -> None:
        """Wait until it has ended well."""
        assert self.process.wait(_WAIT_SECONDS) == 0, self.log.read_text()

    def stop(self) -> None:
        """Stop it as an engine does."""
        self.process.send_signal(signal.SIGTERM)
        self.until_over()


@KAFKA
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_services_run_a_day_together(
    tmp_path: Path, kafka_broker: KafkaCluster, empty_postgres_url: str
) -> None:
    hub_port = free_port()
    database = "postgresql://crossdock:crossdock@postgres/crossdock"
    places = {
        _FOLDER: str(tmp_path),
        "//hub:8080": f"//127.0.0.1:{hub_port}",
        "--host=partners": "--host=127.0.0.1",
        "--orders=200": "--orders=5",
        database: empty_postgres_url,
        "kafka:9092": kafka_broker.bootstrap,
    }
    machine = Machine(tmp_path, places)
    with ExitStack() as stack:
        quick = ("--products=250", "--speed=3", "--exit-when-done")
        partners = stack.enter_context(machine.running("partners", *quick))
        partners.until_healthy()
        for once in ("migrate", "topics"):
            stack.enter_context(machine.running(once)).until_over()
        hub = stack.enter_context(machine.running("hub", port=hub_port))
        replicas = range(services()["worker"]["deploy"]["replicas"])
        workers = [stack.enter_context(machine.running("worker", port=free_port())) for _ in replicas]
        for each in (hub, *workers):
            each.until_healthy()
        partners.until_over()
        for each in (*workers, hub):
            each.stop()
    assert len(workers) == 2
    assert "Traceback" not in partners.log.read_text()
