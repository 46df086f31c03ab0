"""What the hub gives a connector: every clock, socket, token and log goes through here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import httpx
    from structlog.typing import FilteringBoundLogger

    from crossdock.sdk.connector import FileRef, Receipt

__all__ = ["Clock", "Files", "Http", "Services", "SoapClient", "SoapFactory", "TokenStore", "Tokens"]


class Clock(Protocol):
    """The only source of the present instant."""

    def now(self) -> datetime:
        """The present instant, aware UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; a test's clock returns at once and moves on."""
        ...


class Http(Protocol):
    """httpx behind the manifest's host allow-list, budgets, auth per attempt, retries and a circuit breaker.

    Raises the tree of ``crossdock.sdk.errors``; an answer of any status below 500 other than 401, 403 and
    429 is returned.
    """

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        json: object | None = None,
        content: bytes | None = None,
        auth: httpx.Auth | None = None,
        safe: bool | None = None,
        timeout_seconds: float | None = None,
        expect: Collection[int] = (),
    ) -> httpx.Response:
        """Send, with retries as far as they are harmless.

        ``safe`` says that repeating the request has no second effect; it defaults to true for GET, HEAD,
        OPTIONS. ``json`` may hold ``Decimal`` and is written without floats. A status in ``expect`` is
        returned, whatever it is: for protocols that answer with content where HTTP sees an error (SOAP
        faults are a 500).
        """
        ...


class TokenStore(Protocol):
    """Where tokens live: compare-and-set and a lease, because refresh tokens are single-use."""

    async def load(self, name: str) -> tuple[bytes, int] | None:
        """The stored value and its version."""
        ...

    async def save(self, name: str, value: bytes, expected_version: int) -> bool:
        """Store the value if the version is still ``expected_version`` (0: none stored yet)."""
        ...

    async def lease(self, name: str, owner: str, seconds: float) -> bool:
        """Take or extend the right to refresh ``name``."""
        ...

    async def release(self, name: str, owner: str) -> None:
        """Give the right back."""
        ...


class Tokens(Protocol):
    """OAuth2 access tokens, refreshed once however many workers ask."""

    async def client_credentials(
        self, name: str, token_url: str, client_id: str, client_secret: str, scope: str = ""
    ) -> str:
        """An access token by client credentials, cached until shortly before it expires."""
        ...

    async def refreshed(
        self, name: str, token_url: str, client_id: str, client_secret: str, refresh_token: str
    ) -> str:
        """An access token by refresh token; a rotated refresh token is saved before it is used.

        Also Amazon's LWA.
        """
        ...

    async def forget(self, name: str) -> None:
        """Drop a token that the partner refused."""
        ...


class Files(Protocol):
    """Files at a partner: SFTP with pinned host keys, or a local folder.

    Paths are relative to the connection's root.
    """

    async def list_files(self, stream: str, folder: str, pattern: str) -> Sequence[FileRef]:
        """The files of ``folder`` matching the glob ``pattern`` that have settled, oldest first."""
        ...

    def read(self, file: FileRef) -> AsyncIterator[bytes]:
        """The bytes of a file, prefetched within bounds."""
        ...

    async def move(self, file: FileRef, folder: str) -> None:
        """Move to a folder, never overwriting: a second file of the name gets a suffix.

        A missing file is no error.
        """
        ...

    async def delete(self, file: FileRef) -> None:
        """Delete; a missing file is no error."""
        ...

    async def put(
        self, folder: str, name: str, content: AsyncIterator[bytes], *, marker: str | None = None
    ) -> Receipt:
        """Write under a temporary name, then (posix-)rename; then the done-marker file, where one is asked
        for."""
        ...

    async def stat(self, folder: str, name: str) -> FileRef | None:
        """The file as it lies there now, or ``None``."""
        ...


class SoapClient(Protocol):
    """A partner's SOAP service, described by a vendored WSDL."""

    async def call(
        self,
        operation: str,
        arguments: Mapping[str, object],
        *,
        headers: Mapping[str, Mapping[str, object]] | None = None,
        safe: bool = False,
    ) -> Mapping[str, object]:
        """Call an operation; the answer is plain dictionaries, lists, ``Decimal``, aware instants and
        strings.

        ``headers`` are SOAP header blocks by the name of their element in the WSDL's schemas, such as
        ``{"{urn:messages_2023_2.platform.webservices.netsuite.com}tokenPassport": {...}}``; ``safe`` as for
        ``Http``.

        Raises ``SoapFaultError`` (a ``RecordRejectedError``) for a fault of content and the usual tree for
        the rest.
        """
        ...

    async def operations(self) -> Sequence[str]:
        """The names of the operations that the WSDL has; sends nothing."""
        ...


class SoapFactory(Protocol):
    """Makes SOAP clients whose traffic goes through the connection's ``Http``."""

    def __call__(
        self,
        wsdl: Path,
        *,
        endpoint: str | None = None,
        service: str | None = None,
        port: str | None = None,
        username: str | None = None,
        password: str | None = None,
        password_digest: bool = False,
        auth: httpx.Auth | None = None,
        zone: str = "UTC",
    ) -> SoapClient:
        """Describe a service by a vendored WSDL file; it is read at the first call, off the event loop.

        ``endpoint`` replaces the WSDL's own address; ``username`` and ``password`` go into a WS-Security
        UsernameToken, ``auth`` is HTTP's (``httpx.BasicAuth``); ``zone`` is that of instants without an
        offset.
        """
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """All that a connector may use."""

    clock: Clock
    http: Http
    tokens: Tokens
    files: Files
    soap: SoapFactory
    log: FilteringBoundLogger
    connection: str
