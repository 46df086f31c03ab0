"""OAuth2 access tokens: fetched once however many workers ask, rotated refresh tokens saved before they are
used.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

import httpx
import msgspec

from crossdock.sdk.answers import json_of
from crossdock.sdk.errors import UnauthorisedError, UnknownOutcomeError, UnreachableError
from crossdock.sdk.http import NO_AUTH
from crossdock.sdk.services import Clock, Http, TokenStore

__all__ = ["MemoryTokenStore", "TokenAuth", "TokenService"]

_MARGIN = timedelta(seconds=60)
_LEASE_SECONDS = 60
_POLL_SECONDS = 0.25
_USUAL_LIFETIME_SECONDS = 300
"""For an answer without ``expires_in``."""


class _Stored(msgspec.Struct, frozen=True):
    """What lies in the store. ``seed`` tells whether the operator has configured other credentials since."""

    access_token: str
    expires_at: datetime
    seed: str
    refresh_token: str | None = None


@dataclass(frozen=True, slots=True)
class _Grant:
    """How a token is asked for; ``seed`` is a digest of the configured credentials."""

    name: str
    token_url: str
    form: Mapping[str, str]
    refresh_token: str | None = None

    @property
    def seed(self) -> str:
        configured = repr((self.token_url, sorted(self.form.items()), self.refresh_token))
        return hashlib.sha256(configured.encode()).hexdigest()


class MemoryTokenStore:
    """Tokens of one process; lost with it."""

    def __init__(self, clock: Clock) -> None:
        """Start empty; the clock ends leases."""
        self._clock = clock
        self._values: dict[str, tuple[bytes, int]] = {}
        self._leases: dict[str, tuple[str, datetime]] = {}

    async def load(self, name: str) -> tuple[bytes, int] | None:
        """The stored value and its version."""
        return self._values.get(name)

    async def save(self, name: str, value: bytes, expected_version: int) -> bool:
        """Store the value if the version is still ``expected_version``."""
        current = self._values.get(name)
        if (current[1] if current else 0) != expected_version:
            return False
        self._values[name] = (value, expected_version + 1)
        return True

    async def lease(self, name: str, owner: str, seconds: float) -> bool:
        """Take or extend the right to refresh ``name``."""
        holder = self._leases.get(name)
        if holder and holder[0] != owner and holder[1] > self._clock.now():
            return False
        self._leases[name] = (owner, self._clock.now() + timedelta(seconds=seconds))
        return True

    async def release(self, name: str, owner: str) -> None:
        """Give the right back."""
        if self._leases.get(name, ("", None))[0] == owner:
            del self._leases[name]


class TokenService:
    """``Tokens`` over a ``TokenStore`` that all workers share.

    ``owner`` names this worker in leases: two workers must not have the same.
    """

    def __init__(self, store: TokenStore, http: Http, clock: Clock, owner: str, prefix: str = "") -> None:
        """Keep the parts; ``http`` must be permitted to reach the token URL, ``prefix`` tells connections
        apart.
        """
        self._prefix = prefix
        self._store = store
        self._http = http
        self._clock = clock
        self._owner = owner
        self._locks: dict[str, asyncio.Lock] = {}

    async def client_credentials(
        self, name: str, token_url: str, client_id: str, client_secret: str, scope: str = ""
    ) -> str:
        """An access token by client credentials (RFC 6749, 4.4), cached until a minute before it expires."""
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        return await self._token(
            _Grant(self._prefix + name, token_url, form | ({"scope": scope} if scope else {}))
        )

    async def refreshed(
        self, name: str, token_url: str, client_id: str, client_secret: str, refresh_token: str
    ) -> str:
        """An access token by refresh token (RFC 6749, 6); ``refresh_token`` is the configured one.

        Where the partner rotates it, the newest stored one is used, until the operator configures another.
        """
        form = {"grant_type": "refresh_token", "client_id": client_id, "client_secret": client_secret}
        return await self._token(_Grant(self._prefix + name, token_url, form, refresh_token))

    async def forget(self, name: str) -> None:
        """Drop the access token that the partner refused; a rotated refresh token is kept."""
        key = self._prefix + name
        while (loaded := await self._store.load(key)) is not None:
            stored, version = msgspec.json.decode(loaded[0], type=_Stored), loaded[1]
            expired = msgspec.structs.replace(stored, access_token="", expires_at=self._clock.now())
            if await self._store.save(key, msgspec.json.encode(expired), version):
                return

    async def _token(self, grant: _Grant) -> str:
        # within this worker a lock; between workers the lease
        async with self._locks.setdefault(grant.name, asyncio.Lock()):
            return await self._token_of_worker(grant)

    async def _token_of_worker(self, grant: _Grant) -> str:
        deadline = self._clock.now() + timedelta(seconds=2 * _LEASE_SECONDS)
        while True:
            stored, version = await self._stored(grant)
            if stored is not None and self._good(stored):
                return stored.access_token
            if await self._store.lease(grant.name, self._owner, _LEASE_SECONDS):
                break
            if self._clock.now() > deadline:
                raise UnreachableError(
                    f"token {grant.name!r}: another worker has been refreshing it too long"
                )
            await self._clock.sleep(_POLL_SECONDS)
        try:
            # another worker may have refreshed between our look and our lease
            stored, version = await self._stored(grant)
            if stored is not None and self._good(stored):
                return stored.access_token
            return await self._refresh(grant, stored, version)
        finally:
            await self._store.release(grant.name, self._owner)

    async def _stored(self, grant: _Grant) -> tuple[_Stored | None, int]:
        """What lies there and its version; ``None`` where it was made from other credentials."""
        loaded = await self._store.load(grant.name)
        if loaded is None:
            return None, 0
        stored = msgspec.json.decode(loaded[0], type=_Stored)
        return (stored if stored.seed == grant.seed else None), loaded[1]

    def _good(self, stored: _Stored) -> bool:
        return self._clock.now() + _MARGIN < stored.expires_at

    async def _refresh(self, grant: _Grant, stored: _Stored | None, version: int) -> str:
        refresh_token = (stored.refresh_token if stored else None) or grant.refresh_token
        fresh = await self._ask(grant, refresh_token)
        if not await self._store.save(grant.name, msgspec.json.encode(fresh), version):
            # our lease had run out and another worker was faster: its token counts
            newer, _ = await self._stored(grant)
            if newer is None or not self._good(newer):
                raise UnreachableError(f"token {grant.name!r}: lost a race with another worker; ask again")
            return newer.access_token
        return fresh.access_token

    async def _ask(self, grant: _Grant, refresh_token: str | None) -> _Stored:
        form = {**grant.form, **({"refresh_token": refresh_token} if refresh_token else {})}
        try:
            response = await self._http.request(
                "POST",
                grant.token_url,
                headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
                content=urlencode(form).encode(),
                auth=NO_AUTH,
                safe=refresh_token is None,
                expect={401, 403},
            )
            answer = json_of(response)
        except UnknownOutcomeError as error:
            # the caller's own request was not sent, so for it nothing has happened
            raise UnreachableError(f"token {grant.name!r}: {error.message}", detail=error.detail) from error
        if not response.is_success:
            raise _refused(grant, response.status_code, answer)
        return self._read(grant, answer, refresh_token)

    def _read(self, grant: _Grant, answer: object, refresh_token: str | None) -> _Stored:
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(answer, dict) or not isinstance(token, str) or not token:
            raise UnauthorisedError(
                f"token {grant.name!r}: {grant.token_url} answered without an access_token"
            )
        try:
            seconds = int(answer.get("expires_in", _USUAL_LIFETIME_SECONDS))
        except (TypeError, ValueError):
            seconds = _USUAL_LIFETIME_SECONDS
        rotated = answer.get("refresh_token")
        return _Stored(
            access_token=token,
            expires_at=self._clock.now() + timedelta(seconds=seconds),
            seed=grant.seed,
            refresh_token=rotated if isinstance(rotated, str) and rotated else refresh_token,
        )


def _refused(grant: _Grant, status: int, answer: object) -> UnauthorisedError | UnreachableError:
    """The words of RFC 6749, 5.2, without the description, which may quote the credentials."""
    code = answer.get("error") if isinstance(answer, dict) else None
    where = f"token {grant.name!r}: {grant.token_url} answered {status} {code or ''}".rstrip()
    remedy = {
        "invalid_client": "client id or secret are wrong; correct them in the configuration",
        "invalid_grant": "the refresh token has expired or was revoked; authorise the connection anew",
        "invalid_scope": "the scope is not granted; grant it at the partner",
        "unauthorized_client": "the partner has not permitted this grant to the client; permit it there",
    }.get(str(code), "check the credentials and the token URL")
    if code == "temporarily_unavailable":
        return UnreachableError(where)
    return UnauthorisedError(f"{where}: {remedy}")


class TokenAuth(httpx.Auth):
    """Puts a token on each attempt; a token that is refused is dropped and fetched anew, once.

    Example:
        ``TokenAuth(lambda: tokens.client_credentials("acme", url, id, secret), forget=lambda:
        tokens.forget("acme"))``
    """

    def __init__(
        self,
        token: Callable[[], Awaitable[str]],
        *,
        forget: Callable[[], Awaitable[None]],
        header: str = "authorization",
        prefix: str = "Bearer ",
    ) -> None:
        """Keep how to get and drop the token, and where it goes (LWA: header ``x-amz-access-token``, no
        prefix).
        """
        self._token = token
        self._forget = forget
        self._header = header
        self._prefix = prefix

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send with the token; after a 401 once more with a fresh one."""
        request.headers[self._header] = self._prefix + await self._token()
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            await self._forget()
            request.headers[self._header] = self._prefix + await self._token()
            yield request
