"""A real OpenSSH server on a free port of the loopback.

Use: ``from tests.servers.sshd import sshd`` in a conftest.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path

import pytest

from crossdock.sdk.files import SftpConfig
from tests.servers.requirement import missing

_SSHD = Path("/usr/sbin/sshd")


@dataclass(frozen=True, slots=True)
class Sshd:
    """A running server; ``root`` is the folder that an SFTP session starts in."""

    host: str
    port: int
    fingerprint: str
    user: str
    client_key: str
    root: Path
    process: subprocess.Popen[bytes]

    def config(self, **changes: object) -> SftpConfig:
        """A configuration that reaches it."""
        values: dict[str, object] = {
            "host": self.host,
            "port": self.port,
            "username": self.user,
            "private_key": self.client_key,
            "host_keys": (self.fingerprint,),
            "root": str(self.root),
            "settle_seconds": 0,
            "timeout_seconds": 10,
        }
        return SftpConfig.model_validate(values | changes)


def free_port() -> int:
    """A port on which nobody listens right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_listening(port: int, process: subprocess.Popen[bytes], log: Path, seconds: float = 30) -> None:
    """Wait for a server to accept connections; fail with its log where it ends or stays silent."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(
                f"{process.args!r} ended with {process.returncode}:\n{log.read_text(errors='replace')}"
            )
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    process.kill()
    pytest.fail(f"{process.args!r} does not listen on {port}:\n{log.read_text(errors='replace')}")


def make_key(path: Path, kind: str = "ed25519") -> Path:
    """A new key pair without passphrase, as ``path`` and ``path.pub``."""
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path)], check=True)
    return path


def _fingerprint(public_key: Path) -> str:
    digest = hashlib.sha256(base64.b64decode(public_key.read_text().split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


@contextmanager
def running_sshd(
    folder: Path, *, host_key: Path | None = None, extra: str = "", port: int | None = None
) -> Iterator[Sshd]:
    """Start sshd with its files in ``folder``; ``extra`` goes into its configuration."""
    if not _SSHD.exists() or shutil.which("ssh-keygen") is None:
        missing("OpenSSH's sshd", "apt-get install openssh-server")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    host_key = host_key or make_key(folder / "host_key")
    client_key = folder / "client_key"
    if not client_key.exists():
        make_key(client_key)
    root = folder / "root"
    root.mkdir(exist_ok=True)
    port = port or free_port()
    config, log = folder / "sshd_config", folder / "sshd.log"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\nAuthorizedKeysFile {client_key}.pub\n"
        "StrictModes no\nUsePAM no\nPasswordAuthentication no\nPidFile none\nPermitRootLogin yes\n"
        f"Subsystem sftp internal-sftp\nForceCommand internal-sftp -d {root}\n{extra}\n"
    )
    with log.open("wb") as output:
        process = subprocess.Popen([str(_SSHD), "-D", "-e", "-f", str(config)], stderr=output, stdout=output)
    try:
        wait_until_listening(port, process, log)
        fingerprint = _fingerprint(host_key.with_suffix(".pub"))
        yield Sshd("127.0.0.1", port, fingerprint, getuser(), client_key.read_text(), root, process)
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """One server for the whole session."""
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server
