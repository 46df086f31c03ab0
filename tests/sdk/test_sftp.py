"""What is particular to SFTP, against real OpenSSH servers."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import paramiko
import pytest
from paramiko import sftp, ssh_exception

from crossdock.sdk import ssh
from crossdock.sdk.clock import ManualClock
from crossdock.sdk.errors import (
    MisconfiguredError,
    RecordRejectedError,
    RetryableError,
    UnauthorisedError,
    UnknownOutcomeError,
    UnreachableError,
)
from crossdock.sdk.files import SftpConfig
from crossdock.sdk.sftp import SftpFiles
from tests.servers.sshd import Sshd, free_port, running_sshd

_T = TypeVar("_T")


def run(config: SftpConfig, story: Callable[[SftpFiles], Coroutine[Any, Any, _T]]) -> _T:
    async def told() -> _T:
        files = SftpFiles(config, ManualClock(), Random(1))
        try:
            return await story(files)
        finally:
            await files.close()

    return asyncio.run(told())


def look(config: SftpConfig) -> object:
    return run(config, lambda files: files.list_files("stock", "", "*"))


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


OTHER = "SHA256:" + "A" * 43


def test_another_host_key_is_refused_before_any_credential_is_sent(sshd: Sshd) -> None:
    with pytest.raises(MisconfiguredError, match="somebody may be in the middle") as caught:
        look(sshd.config(host_keys=(OTHER,)))
    assert sshd.fingerprint in caught.value.message


def test_two_keys_are_good_while_the_partner_rotates(sshd: Sshd) -> None:
    look(sshd.config(host_keys=(OTHER, sshd.fingerprint)))
    look(sshd.config(host_keys=(f"ssh-ed25519 {sshd.fingerprint}",)))


def test_no_host_key_is_no_configuration(sshd: Sshd) -> None:
    with pytest.raises(ValueError, match="host_keys"):
        sshd.config(host_keys=())
    with pytest.raises(ValueError, match="host_keys"):
        sshd.config(host_keys=("*",))


def test_the_fingerprint_is_shown(sshd: Sshd) -> None:
    assert [str(key) for key in ssh.fingerprint(sshd.host, sshd.port)] == [f"ssh-ed25519 {sshd.fingerprint}"]


def test_a_refused_key_asks_for_credentials(sshd: Sshd) -> None:
    stranger = paramiko.ECDSAKey.generate()
    import io

    text = io.StringIO()
    stranger.write_private_key(text)
    with pytest.raises(UnauthorisedError, match="refused user, key or password"):
        look(sshd.config(private_key=text.getvalue()))
    with pytest.raises(UnauthorisedError):
        look(sshd.config(private_key=None, password="wrong"))


def test_an_unreadable_key_is_told(sshd: Sshd) -> None:
    with pytest.raises(MisconfiguredError, match="can't be read as an ed25519"):
        look(sshd.config(private_key="-----BEGIN NONSENSE-----"))


def test_nobody_there() -> None:
    config = SftpConfig(host="127.0.0.1", port=free_port(), username="x", password="y", host_keys=(OTHER,))  # type: ignore[arg-type]
    with pytest.raises(UnreachableError, match="nothing answers there"):
        look(config)


def test_an_old_server_is_told_in_words(tmp_path: Path) -> None:
    old = "KexAlgorithms diffie-hellman-group14-sha1\nHostKeyAlgorithms ssh-rsa"
    from tests.servers.sshd import make_key

    with running_sshd(tmp_path, host_key=make_key(tmp_path / "rsa", "rsa"), extra=old) as server:
        with pytest.raises(MisconfiguredError, match="offer only SHA-1"):
            look(server.config())
        with pytest.raises(MisconfiguredError, match="ask the partner to enable"):
            ssh.fingerprint(server.host, server.port)


def test_a_cut_connection_is_opened_anew(tmp_path: Path) -> None:
    port = free_port()

    async def story(files: SftpFiles) -> int:
        before = await files.list_files("stock", "", "*")
        cut_sessions(server)
        after = await files.list_files("stock", "", "*")
        return len(before) + len(after)

    with running_sshd(tmp_path, port=port) as server:
        (server.root / "a.csv").write_text("x")
        assert run(server.config(), story) == 2


def cut_sessions(server: Sshd) -> None:
    """Kill the processes that serve the open sessions, and only those."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGKILL)


def test_a_cut_while_reading_is_tried_again_later(tmp_path: Path) -> None:
    async def story(files: SftpFiles) -> None:
        (file,) = await files.list_files("stock", "", "*.csv")
        reader = files.read(file)
        await anext(reader)
        cut_sessions(server)
        with pytest.raises(RetryableError):
            _ = [part async for part in reader]
        data = b"".join([part async for part in files.read(file)])
        assert len(data) == 8_000_000

    with running_sshd(tmp_path) as server:
        (server.root / "a.csv").write_bytes(b"x" * 8_000_000)
        run(server.config(), story)


def test_a_cut_while_writing_shows_nothing_to_the_partner(tmp_path: Path) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield b"x" * 100_000
        cut_sessions(server)
        yield b"y" * 5_000_000

    async def story(files: SftpFiles) -> None:
        with pytest.raises(UnreachableError):
            await files.put("", "a.csv", half())
        assert [path.name for path in server.root.iterdir() if not path.name.startswith(".")] == []
        await files.put("", "a.csv", chunks(b"again"))

    with running_sshd(tmp_path) as server:
        run(server.config(), story)
        assert (server.root / "a.csv").read_bytes() == b"again"


def test_without_posix_rename_a_taken_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: paramiko.SFTPClient, old: str, new: str) -> None:
        raise OSError("Operation unsupported")

    monkeypatch.setattr(paramiko.SFTPClient, "posix_rename", refuse)

    async def story(files: SftpFiles) -> None:
        await files.put("", "a.csv", chunks(b"old"))
        with pytest.raises(RecordRejectedError, match="this name is taken"):
            await files.put("", "a.csv", chunks(b"new"))

    with running_sshd(tmp_path) as server:
        run(server.config(), story)
        assert {path.name: path.read_bytes() for path in server.root.iterdir()} == {"a.csv": b"old"}


def test_a_cut_during_the_rename_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = paramiko.SFTPClient.posix_rename

    def cut_after(self: paramiko.SFTPClient, old: str, new: str) -> None:
        rename(self, old, new)
        raise EOFError

    monkeypatch.setattr(paramiko.SFTPClient, "posix_rename", cut_after)
    with (
        running_sshd(tmp_path) as server,
        pytest.raises(UnknownOutcomeError, match="look whether it is there"),
    ):
        run(server.config(), lambda files: files.put("", "a.csv", chunks(b"x")))


def test_every_exception_of_paramiko_has_its_place() -> None:
    """A new one upstream must be put into one of the tables."""
    there = {
        kind
        for module in (paramiko, ssh_exception, sftp)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Exception) and kind.__module__.startswith("paramiko")
    }
    tables = (ssh.AUTHENTICATION, ssh.CONFIGURATION, ssh.CONNECTION)
    assert there == frozenset().union(*tables)
    assert sum(map(len, tables)) == len(there)
