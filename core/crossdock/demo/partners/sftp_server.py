"""An SFTP server in this process: accounts with a folder each."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)
from paramiko.sftp import SFTP_FAILURE, SFTP_OK

__all__ = ["SftpServer"]


class SftpServer:
    """Serves folders until it is stopped. ``fingerprint`` is what clients pin."""

    def __init__(self, accounts: Mapping[str, tuple[str, Path]], key_file: Path, address: str) -> None:
        """``accounts`` by user name: password and folder. The host key is kept in ``key_file``. Listens on
        ``address``.
        """
        self._accounts = accounts
        self._key = _host_key(key_file)
        self._listener = socket.create_server((address, 0), backlog=64)
        self._transports: list[paramiko.Transport] = []
        self._open = True
        self.port: int = self._listener.getsockname()[1]
        self.fingerprint = f"{self._key.get_name()} {self._key.fingerprint}"
        self._thread = threading.Thread(target=self._accept, name="sftp-server", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close everything."""
        self._open = False
        self._listener.close()
        for transport in self._transports:
            transport.close()
        self._thread.join(timeout=5)

    def _accept(self) -> None:
        while self._open:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(self._key)
            session = _Session(self._accounts)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Folder, session)
            self._transports.append(transport)
            with contextlib.suppress(paramiko.SSHException, EOFError):
                transport.start_server(server=session, event=threading.Event())


def _host_key(path: Path) -> paramiko.PKey:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        paramiko.ECDSAKey.generate().write_private_key_file(str(path))
    return paramiko.ECDSAKey.from_private_key_file(str(path))


class _Session(paramiko.ServerInterface):
    """One login: who it is, and so which folder is theirs."""

    def __init__(self, accounts: Mapping[str, tuple[str, Path]]) -> None:
        self._accounts = accounts
        self.folder: Path | None = None

    def check_auth_password(self, username: str, password: str) -> int:
        account = self._accounts.get(username)
        if account is None or account[0] != password:
            return AUTH_FAILED
        self.folder = account[1]
        return AUTH_SUCCESSFUL

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED


class _Handle(paramiko.SFTPHandle):
    """An open file."""

    def __init__(self, file: Any, flags: int) -> None:
        super().__init__(flags)
        self.readfile = self.writefile = file

    def stat(self) -> paramiko.SFTPAttributes | int:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))


class _Folder(paramiko.SFTPServerInterface):
    """The files of one account."""

    def __init__(self, server: paramiko.ServerInterface, session: _Session) -> None:
        super().__init__(server)
        assert session.folder is not None
        self._root = session.folder

    def _path(self, path: str) -> Path:
        # canonicalize makes it absolute and removes "..", so that nobody leaves the folder
        return self._root / self.canonicalize(path).lstrip("/")

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes] | int:
        found = []
        try:
            for entry in os.scandir(self._path(path)):
                with contextlib.suppress(FileNotFoundError):
                    found.append(paramiko.SFTPAttributes.from_stat(entry.stat(), entry.name))
        except OSError as error:
            return _code(error)
        return found

    def stat(self, path: str) -> paramiko.SFTPAttributes | int:
        try:
            return paramiko.SFTPAttributes.from_stat(self._path(path).stat())
        except OSError as error:
            return _code(error)

    lstat = stat

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle | int:
        writing = flags & (os.O_WRONLY | os.O_RDWR)
        try:
            descriptor = os.open(self._path(path), flags, 0o644)
        except OSError as error:
            return _code(error)
        return _Handle(os.fdopen(descriptor, "wb" if writing else "rb"), flags)

    def remove(self, path: str) -> int:
        return _done(lambda: self._path(path).unlink())

    def rename(self, oldpath: str, newpath: str) -> int:
        if self._path(newpath).exists():
            return SFTP_FAILURE
        return self.posix_rename(oldpath, newpath)

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        return _done(lambda: self._path(oldpath).replace(self._path(newpath)))

    def mkdir(self, path: str, attr: paramiko.SFTPAttributes) -> int:
        return _done(lambda: self._path(path).mkdir())


def _done(work: Any) -> int:
    try:
        work()
    except OSError as error:
        return _code(error)
    return SFTP_OK


def _code(error: OSError) -> int:
    return paramiko.SFTPServer.convert_errno(error.errno or errno.EIO)
