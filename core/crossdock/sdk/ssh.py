"""An SSH session with pinned host keys, and paramiko's exceptions in our words.

There is no way to accept any host key: a server is known by the SHA256 fingerprints in the configuration, or
refused.
"""

from __future__ import annotations

import io
import logging
import socket
from dataclasses import dataclass

import paramiko
from paramiko import ssh_exception
from paramiko.auth_strategy import AuthFailure
from paramiko.pkey import UnknownKeyType

from crossdock.sdk.errors import (
    BugError,
    CrossdockError,
    MisconfiguredError,
    RetryableError,
    UnauthorisedError,
    UnreachableError,
)
from crossdock.sdk.files import SftpConfig

__all__ = [
    "AUTHENTICATION",
    "CONFIGURATION",
    "CONNECTION",
    "HostKey",
    "SshSession",
    "fingerprint",
    "translate_ssh",
]

# paramiko logs tracebacks of what we tell ourselves
logging.getLogger("paramiko").setLevel(logging.CRITICAL)

AUTHENTICATION: frozenset[type[Exception]] = frozenset(
    {
        paramiko.AuthenticationException,
        AuthFailure,
        paramiko.BadAuthenticationType,
        paramiko.PasswordRequiredException,
        ssh_exception.PartialAuthentication,
        ssh_exception.UnableToAuthenticate,
    }
)
CONFIGURATION: frozenset[type[Exception]] = frozenset(
    {
        paramiko.BadHostKeyException,
        paramiko.ConfigParseError,
        paramiko.CouldNotCanonicalize,
        UnknownKeyType,
        ssh_exception.IncompatiblePeer,
    }
)
CONNECTION: frozenset[type[Exception]] = frozenset(
    {
        paramiko.ChannelException,
        paramiko.ProxyCommandFailure,
        paramiko.SSHException,
        ssh_exception.MessageOrderError,
        ssh_exception.NoValidConnectionsError,
        paramiko.SFTPError,
    }
)
_MODERN_KEY_TYPES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512")


@dataclass(frozen=True, slots=True)
class HostKey:
    """A server's key as it shows it: type and SHA256 fingerprint."""

    type: str
    fingerprint: str

    def __str__(self) -> str:
        """As it is pinned in the configuration."""
        return f"{self.type} {self.fingerprint}"


class SshSession:
    """One SFTP session, opened when it is needed. Not for several threads at once."""

    def __init__(self, config: SftpConfig) -> None:
        """Keep the configuration."""
        self._config = config
        self._transport: paramiko.Transport | None = None
        self._sftp: paramiko.SFTPClient | None = None

    @property
    def alive(self) -> bool:
        """Whether there is a session, as far as one can know without asking the server."""
        channel = self._sftp.get_channel() if self._sftp else None
        open_channel = channel is not None and not channel.closed
        return open_channel and self._transport is not None and self._transport.is_active()

    def sftp(self) -> paramiko.SFTPClient:
        """The session.

        Raises:
            MisconfiguredError: An unknown host key, a server that speaks only old algorithms, an unreadable
                key.
            UnauthorisedError: The server refused user, key or password.
            UnreachableError: No connection.
        """
        if self._sftp is None or not self.alive:
            self.close()
            self._sftp = self._open()
        return self._sftp

    def close(self) -> None:
        """Close, if open."""
        if self._transport is not None:
            self._transport.close()
        self._transport = self._sftp = None

    def _open(self) -> paramiko.SFTPClient:
        where = f"sftp://{self._config.host}:{self._config.port}"
        try:
            return self._authenticated(where)
        except Exception as error:
            self.close()
            translated = translate_ssh(error, where)
            if translated is error:
                raise
            raise translated from error

    def _authenticated(self, where: str) -> paramiko.SFTPClient:
        config = self._config
        key = _private_key(config)
        types = _pinned_types(config)
        self._transport = _connected(config.host, config.port, config.timeout_seconds, types)
        self._check_host_key(self._transport, where)
        if key is not None:
            self._transport.auth_publickey(config.username, key)
        elif config.password is not None:
            self._transport.auth_password(config.username, config.password.get_secret_value())
        sftp = paramiko.SFTPClient.from_transport(self._transport)
        channel = sftp.get_channel() if sftp else None
        if sftp is None or channel is None:
            raise UnreachableError(f"{where}: the server opens no SFTP session")
        channel.settimeout(config.timeout_seconds)
        return sftp

    def _check_host_key(self, transport: paramiko.Transport, where: str) -> None:
        key = transport.get_remote_server_key()
        pinned = {pin.split(" ")[-1].rstrip("=") for pin in self._config.host_keys}
        if key.fingerprint.rstrip("=") not in pinned:
            raise MisconfiguredError(
                f"{where}: shows host key {key.get_name()} {key.fingerprint}, which is not in host_keys. If "
                "the partner "
                "has announced a new key, add it there beside the old one; otherwise somebody may be in the "
                "middle",
                path="files.host_keys",
            )


def _pinned_types(config: SftpConfig) -> tuple[str, ...]:
    """The key types to ask for, where every pin names its own."""
    types = [pin.split(" ")[0] for pin in config.host_keys if " " in pin]
    if len(types) < len(config.host_keys):
        return ()
    return tuple(name for kind in types for name in _algorithms(kind))


def _algorithms(kind: str) -> tuple[str, ...]:
    return (
        ("rsa-sha2-512", "rsa-sha2-256") if kind in ("ssh-rsa", "rsa-sha2-512", "rsa-sha2-256") else (kind,)
    )


def _connected(
    host: str, port: int, timeout_seconds: float, key_types: tuple[str, ...]
) -> paramiko.Transport:
    connection = socket.create_connection((host, port), timeout=timeout_seconds)
    try:
        transport = paramiko.Transport(connection)
        transport.banner_timeout = transport.auth_timeout = transport.channel_timeout = timeout_seconds
        if key_types:
            transport.get_security_options().key_types = key_types
        transport.start_client(timeout=timeout_seconds)
    except BaseException:
        connection.close()
        raise
    return transport


def _private_key(config: SftpConfig) -> paramiko.PKey | None:
    if config.private_key is None:
        return None
    text = config.private_key.get_secret_value()
    passphrase = config.passphrase.get_secret_value() if config.passphrase else None
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text), password=passphrase)
        except paramiko.PasswordRequiredException as error:
            raise MisconfiguredError(
                "files.private_key is encrypted; give files.passphrase", path="files.passphrase"
            ) from error
        except (paramiko.SSHException, ValueError, IndexError):
            continue
    raise MisconfiguredError(
        "files.private_key can't be read as an ed25519, ECDSA or RSA key; paste the whole file (or its "
        "passphrase is wrong)",
        path="files.private_key",
    )


def fingerprint(host: str, port: int = 22, timeout_seconds: float = 10) -> tuple[HostKey, ...]:
    """The keys that a server shows right now, one of each type; for pinning after comparing with the
    partner's word.

    Raises:
        MisconfiguredError: The server offers only algorithms that are not safe any more.
        UnreachableError: No SSH server answers.
    """
    found: list[HostKey] = []
    refusal: CrossdockError | None = None
    for kind in _MODERN_KEY_TYPES:
        try:
            transport = _connected(host, port, timeout_seconds, _algorithms(kind))
        except Exception as error:
            refusal = translate_ssh(error, f"sftp://{host}:{port}")
            if not isinstance(refusal, MisconfiguredError):
                raise refusal from error
            continue
        key = transport.get_remote_server_key()
        found.append(HostKey(key.get_name(), key.fingerprint))
        transport.close()
    if not found and refusal is not None:
        raise refusal
    return tuple(found)


def translate_ssh(error: Exception, where: str, *, alive: bool = False) -> CrossdockError:
    """Our error for what paramiko or the socket raised; one of ours comes back as it is.

    ``alive`` says that the session goes on: then an error without a number is the server's own answer.
    """
    if isinstance(error, CrossdockError):
        return error
    kind = type(error)
    if kind in AUTHENTICATION:
        return UnauthorisedError(
            f"{where}: the server refused user, key or password; compare them with what the partner set up",
            detail=f"{kind.__name__}: {error}",
        )
    if isinstance(error, ssh_exception.IncompatiblePeer):
        return MisconfiguredError(
            f"{where}: no algorithm in common ({error}). Servers of before about 2016 offer only SHA-1 (ssh-rsa, "
            "diffie-hellman-group14-sha1), which is not safe any more; ask the partner to enable an ed25519 or "
            "rsa-sha2-256 host key and curve25519 or diffie-hellman-group14-sha256",
        )
    if kind in CONFIGURATION:
        return MisconfiguredError(f"{where}: {error}", detail=kind.__name__)
    if isinstance(error, PermissionError):
        return MisconfiguredError(
            f"{where}: the server does not permit this ({error}); ask for the right on the folder"
        )
    if isinstance(error, FileNotFoundError):
        return MisconfiguredError(f"{where}: {error}; create the folder at the partner or correct the path")
    if kind in CONNECTION or isinstance(error, OSError | EOFError):
        return _of_network(error, where, alive=alive)
    return BugError(f"{where}: {kind.__name__}: {error}")


def _of_network(error: Exception, where: str, *, alive: bool) -> CrossdockError:
    if isinstance(error, socket.gaierror):
        return UnreachableError(f"{where}: the host name does not resolve; check it and the DNS")
    if isinstance(error, ConnectionRefusedError):
        return UnreachableError(
            f"{where}: nothing answers there; check host and port, and whether it is running"
        )
    if isinstance(error, TimeoutError) and not alive:
        return UnreachableError(
            f"{where}: no answer in time; check host and port, and the firewalls on the way"
        )
    if alive and isinstance(error, OSError) and error.errno is None:
        return RetryableError(f"{where}: the server answered {str(error)!r}; is its disk or our quota full?")
    kind = type(error).__name__
    return UnreachableError(f"{where}: {error or kind}", detail=kind)
