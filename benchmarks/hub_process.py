"""A hub in a process of its own, started as an operator does: ``crossdock run --config crossdock.yaml``.

Its peak memory is its own then, and whoever loads it has the other core.
"""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = ["HubProcess", "doctor", "running_hub", "write_config"]

_START_SECONDS = 60
_STOP_SECONDS = 60
_LOOK_SECONDS = 0.05
_LISTENING = re.compile(r'"url": ?"(http://[^"]+)"')
_PROGRAM = (sys.executable, "-c", "from crossdock.cli import main; main()")


@dataclass(frozen=True, slots=True)
class HubProcess:
    """A running hub; ``database`` is its SQLite file."""

    pid: int
    url: str
    database: Path
    log: Path

    def ask(self, query: str) -> Any:
        """The first column of the first row, read from another connection than the hub's."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            row = connection.execute(query).fetchone()
        return None if row is None else row[0]

    def wait_for(self, query: str, wanted: object, seconds: float) -> None:
        """Ask ``query`` again and again until it answers ``wanted``.

        Raises:
            TimeoutError: It does not within ``seconds``.
        """
        deadline = time.perf_counter() + seconds
        while (found := self.ask(query)) != wanted:
            if time.perf_counter() > deadline:
                raise TimeoutError(
                    f"{query}: {found!r} instead of {wanted!r} after {seconds} s\n{_end_of(self.log)}"
                )
            time.sleep(_LOOK_SECONDS)

    def peak_megabytes(self) -> float:
        """The most memory it has held so far (``VmHWM``), in units of 10⁶ bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        kibibytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(kibibytes) * 1024 / 1e6

    def cpu_seconds(self) -> float:
        """Processor time it has used so far, of all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


def write_config(folder: Path, document: Mapping[str, Any]) -> Path:
    """Write a configuration whose data lie in ``folder``/hub and whose port is free."""
    path = folder / "crossdock.yaml"
    whole = {
        **document,
        "hub": {**document.get("hub", {}), "data_dir": str(folder / "hub")},
        "web": {"host": "127.0.0.1", "port": 0},
    }
    path.write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")
    return path


@contextmanager
def running_hub(config: Path) -> Iterator[HubProcess]:
    """Run the hub until the block is left, then stop it gracefully.

    Raises:
        RuntimeError: It does not start, or does not stop, with its log.
    """
    log = config.with_name("hub.log")
    command = [*_PROGRAM, "run", "--config", str(config), "--log-json"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        url = _url(process, log)
        yield HubProcess(process.pid, url, config.parent / "hub/crossdock.sqlite", log)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    if process.returncode:
        raise RuntimeError(f"the hub ended with {process.returncode}:\n{_end_of(log)}")


def doctor(config: Path) -> str:
    """What ``crossdock doctor`` says of the database of a hub that was stopped.

    Raises:
        RuntimeError: It has found something.
    """
    found = subprocess.run([*_PROGRAM, "doctor", "--config", str(config)], capture_output=True, text=True)
    if found.returncode:
        raise RuntimeError(f"doctor ended with {found.returncode}:\n{found.stdout}{found.stderr}")
    return found.stdout


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.perf_counter() + _START_SECONDS
    while time.perf_counter() < deadline and process.poll() is None:
        if said := _LISTENING.search(log.read_text(errors="replace")):
            return said[1]
        time.sleep(_LOOK_SECONDS)
    raise RuntimeError(f"the hub did not start:\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-40:])
