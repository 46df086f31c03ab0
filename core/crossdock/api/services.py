"""What the API needs of the hub, handed over by the composition root; and who may call it."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Protocol, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from crossdock.api.problems import ProblemError
from crossdock.explaining import Explainer
from crossdock.sdk.connector import RawRequest
from crossdock.store import api_tokens
from crossdock.store.raw import BodyStore
from crossdock.streams.edges.receive import WebhookAnswer
from crossdock.streams.processors.hub import Hub
from crossdock.streams.transaction import Transactions

__all__ = ["ApiServices", "Caller", "Receives", "Scope", "Services", "allowed", "identified"]


class Scope(StrEnum):
    """What a token may do; ``write`` may also read, ``admin`` may do everything."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


_INCLUDES: Mapping[Scope, frozenset[Scope]] = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.WRITE: frozenset({Scope.READ, Scope.WRITE}),
    Scope.ADMIN: frozenset(Scope),
}


class Receives(Protocol):
    """Takes calls of partners in."""

    async def receive(self, connection_name: str, request: RawRequest) -> WebhookAnswer:
        """Answer 2xx only when what was sent is stored."""
        ...

    def refused_unread(self, connection_name: str, most_bytes: int) -> None:
        """Take note of a call that was too large to be read."""
        ...


@dataclass(frozen=True, slots=True)
class ApiServices:
    """The hub as the API sees it.

    Attributes:
        receiver: Of webhooks.
        explainer: Of decisions.
        bootstrap_token: May do everything; None where there is none.
        max_body_bytes: A larger body is answered 413.
    """

    transactions: Transactions
    hub: Hub
    receiver: Receives
    bodies: BodyStore
    explainer: Explainer
    bootstrap_token: str | None = None
    max_body_bytes: int = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, by the name of the token."""

    name: str
    scopes: frozenset[Scope]


async def services(request: Request) -> ApiServices:
    """The services of the application that answers ``request``."""
    return cast(ApiServices, request.state.services)


Services = Annotated[ApiServices, Depends(services)]

_bearer = HTTPBearer(auto_error=False, description="A token made by `crossdock token create`.")


async def caller(
    hub: Services, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    """Who calls.

    Raises:
        ProblemError: 401, there is no token or it is not in force.
    """
    if credentials is None:
        raise ProblemError(401, "unauthorised", "send a token: `Authorization: Bearer …`")
    return await identified(hub, credentials.credentials)


async def identified(hub: ApiServices, token: str) -> Caller:
    """Whose ``token`` it is.

    Raises:
        ProblemError: 401, it is not in force.
    """
    if hub.bootstrap_token is not None and _same(token, hub.bootstrap_token):
        return Caller("bootstrap", frozenset(Scope))
    found = await hub.transactions.database.read(lambda connection: api_tokens.find(connection, token))
    if found is None:
        raise ProblemError(401, "unauthorised", "the token is unknown, or was revoked")
    granted = frozenset(scope for name in found.scopes for scope in _INCLUDES[Scope(name)])
    return Caller(f"token:{found.name}", granted)


def allowed(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    """A dependency: the caller, who must have ``scope``."""

    async def check(who: Annotated[Caller, Depends(caller)]) -> Caller:
        if scope not in who.scopes:
            raise ProblemError(403, "forbidden", f"this needs a token with scope {scope}")
        return who

    return check


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(api_tokens.hash_of(left), api_tokens.hash_of(right))
