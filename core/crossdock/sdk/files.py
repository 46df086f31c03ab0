"""What all implementations of ``Files`` share: their configuration, names, and the one for connections
without files."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from crossdock.sdk.connector import FileRef, Receipt
from crossdock.sdk.errors import MisconfiguredError, RecordRejectedError, Rejection, RetryableError

__all__ = [
    "CHUNK_BYTES",
    "FilesConfig",
    "FolderConfig",
    "SftpConfig",
    "UnconfiguredFiles",
    "checked_name",
    "numbered",
    "relative_path",
    "vanished",
]

CHUNK_BYTES = 1024 * 1024
"""How much is read ahead, and the size of the chunks that ``read`` yields."""

_FINGERPRINT = r"^([a-z0-9-]+ )?SHA256:[A-Za-z0-9+/]{43}=?$"
_FORBIDDEN = re.compile(r"[/\\\x00-\x1f\x7f]")


class _FilesConfig(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    settle_seconds: Annotated[float, Field(ge=0)] = 10
    """How long a file must stand still before it is read; 0 where the partner renames into place."""
    done_marker: Annotated[str | None, Field(pattern=r"\{name\}", examples=["{name}.done"])] = None
    """Name of the marker that the partner puts beside a complete file."""


class FolderConfig(_FilesConfig):
    """Files in a folder of this machine."""

    kind: Literal["folder"] = "folder"
    path: str


class SftpConfig(_FilesConfig):
    """Files at an SFTP server.

    ``host_keys`` are SHA256 fingerprints, with or without the type before them (``ssh-ed25519 SHA256:…``);
    list the old and the new one while the partner changes keys. ``crossdock sftp fingerprint HOST`` shows
    them.
    """

    kind: Literal["sftp"] = "sftp"
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    username: str
    password: SecretStr | None = None
    private_key: SecretStr | None = None
    passphrase: SecretStr | None = None
    host_keys: Annotated[tuple[Annotated[str, Field(pattern=_FINGERPRINT)], ...], Field(min_length=1)]
    root: str = "."
    timeout_seconds: Annotated[float, Field(gt=0)] = 30

    @model_validator(mode="after")
    def _one_credential(self) -> SftpConfig:
        if self.password is None and self.private_key is None:
            raise ValueError("give private_key (better) or password")
        return self


FilesConfig = Annotated[FolderConfig | SftpConfig, Field(discriminator="kind")]


def checked_name(name: str) -> str:
    """A file name that can't leave its folder or hide itself.

    Raises:
        RecordRejectedError: It has a slash, a control character or a leading dot, or is empty or too long.
    """
    if not name or name.startswith(".") or _FORBIDDEN.search(name) or len(name.encode()) > 200:
        raise RecordRejectedError(
            Rejection(
                "file.name",
                "not a usable file name: up to 200 bytes, no slash, no control character, no leading dot",
                value=name[:80],
            )
        )
    return name


def relative_path(folder: str, name: str = "") -> str:
    """``folder/name`` below the connection's root.

    Raises:
        MisconfiguredError: It would leave the root.
    """
    parts = [part for part in [*folder.split("/"), name] if part not in ("", ".")]
    if ".." in parts or folder.startswith("~"):
        raise MisconfiguredError(
            f"folder {folder!r} leaves the connection's root; write it relative to the root"
        )
    return "/".join(parts)


def numbered(name: str, number: int) -> str:
    """``stock.csv`` becomes ``stock.2.csv``; number 1 is the name itself."""
    if number == 1:
        return name
    stem, dot, extension = name.rpartition(".")
    return f"{stem}.{number}.{extension}" if dot else f"{name}.{number}"


def vanished(file: FileRef) -> RetryableError:
    """A file that was listed and is not there any more."""
    return RetryableError(
        f"{file.path}: was listed and is gone; somebody else took it, or it will come again"
    )


class UnconfiguredFiles:
    """For a connection without files: every use says what is missing."""

    def __init__(self, connection: str) -> None:
        """Know the connection, to name it."""
        self._connection = connection

    def _refuse(self) -> NoReturn:
        path = f"connections.{self._connection}.config.files"
        raise MisconfiguredError(
            f"connection {self._connection!r} has no files configured; add {path} of kind sftp or folder",
            path=path,
        )

    async def list_files(self, stream: str, folder: str, pattern: str) -> Sequence[FileRef]:
        """Refuse."""
        self._refuse()

    def read(self, file: FileRef) -> AsyncIterator[bytes]:
        """Refuse."""
        self._refuse()

    async def move(self, file: FileRef, folder: str) -> None:
        """Refuse."""
        self._refuse()

    async def delete(self, file: FileRef) -> None:
        """Refuse."""
        self._refuse()

    async def put(
        self, folder: str, name: str, content: AsyncIterator[bytes], *, marker: str | None = None
    ) -> Receipt:
        """Refuse."""
        self._refuse()

    async def stat(self, folder: str, name: str) -> FileRef | None:
        """Refuse."""
        self._refuse()
