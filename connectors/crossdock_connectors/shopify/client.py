"""GraphQL over HTTP: authentication, errors inside answers of status 200, connections page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, ClassVar, TypeAlias

import httpx
from pydantic import BaseModel

from crossdock.sdk.answers import json_of, malformed
from crossdock.sdk.bases import BaseConnector
from crossdock.sdk.errors import (
    BugError,
    ForbiddenError,
    MisconfiguredError,
    UnauthorisedError,
    UnknownOutcomeError,
    UnreachableError,
)
from crossdock.sdk.services import Services, Tokens
from crossdock.sdk.tokens import TokenAuth
from crossdock_connectors.shopify.config import ShopifyConfig

__all__ = ["Node", "ShopifyClient", "TooCostlyError"]

Node: TypeAlias = dict[str, Any]
"""A decoded object of an answer; what is in it is stated by the document that asked."""


class TooCostlyError(MisconfiguredError):
    """One query would cost more points than Shopify permits; ask for less at once."""


class ShopifyClient(BaseConnector[ShopifyConfig]):
    """The Admin API of one shop."""

    Config: ClassVar[type[BaseModel]] = ShopifyConfig

    def __init__(self, config: BaseModel, services: Services) -> None:
        """Keep the parts; no I/O."""
        super().__init__(config, services)
        self.clock = services.clock
        self.log = services.log
        self._http = services.http
        self._auth = _auth(self.config, services.tokens)
        self._url = f"{self.config.origin}/admin/api/{self.config.api_version}/graphql.json"

    async def query(self, document: str, **variables: object) -> Node:
        """The ``data`` of a query; it may be repeated without effect."""
        return await self._post(document, variables, safe=True)

    async def mutate(
        self, document: str, variables: Mapping[str, object], *, repeatable: bool = False
    ) -> Node:
        """The payload of the only field of a mutation; ``repeatable``: a second time has no second effect."""
        data = await self._post(document, variables, safe=repeatable)
        (payload,) = data.values()
        if not isinstance(payload, dict):
            raise UnknownOutcomeError(f"{self.config.domain} answered a mutation with {payload!r}")
        return payload

    async def pages(self, document: str, **variables: object) -> AsyncIterator[Node]:
        """The connections that the only field of ``document`` gives, page by page."""
        after: str | None = None
        while True:
            data = await self.query(document, after=after, **variables)
            (connection,) = data.values()
            yield connection
            if not connection["pageInfo"]["hasNextPage"]:
                return
            after = connection["pageInfo"]["endCursor"]

    async def complete(self, connection: Node, document: str, **variables: object) -> None:
        """Read the rest of a connection inside a node, in place; ``document`` gives it as ``node.page``."""
        while connection["pageInfo"]["hasNextPage"]:
            data = await self.query(document, after=connection["pageInfo"]["endCursor"], **variables)
            if data["node"] is None:
                raise UnreachableError(f"{variables.get('id')} vanished between two pages; read it again")
            connection["nodes"] += data["node"]["page"]["nodes"]
            connection["pageInfo"] = data["node"]["page"]["pageInfo"]

    async def _post(self, document: str, variables: Mapping[str, object], *, safe: bool) -> Node:
        response = await self._http.request(
            "POST",
            self._url,
            json={"query": document, "variables": variables},
            auth=self._auth,
            safe=safe,
        )
        if response.status_code == httpx.codes.NOT_FOUND:
            raise MisconfiguredError(
                f"there is no Admin API {self.config.api_version} at {self.config.origin}: correct `shop` or "
                "`api_version`",
                path="shop",
            )
        if response.status_code in (httpx.codes.PAYMENT_REQUIRED, httpx.codes.LOCKED):
            raise UnauthorisedError(f"{self.config.domain} is frozen or locked ({response.status_code})")
        answer = json_of(response)
        found = answer if isinstance(answer, dict) else {}
        for error in _errors(found):
            raise self._translated(error, safe=safe)
        data = found.get("data")
        if not isinstance(data, dict):
            raise malformed(response, f"GraphQL was expected, status {response.status_code} brought no data")
        return data

    def _translated(self, error: Mapping[str, Any], *, safe: bool) -> Exception:
        """Our error for one of ``errors``; THROTTLED never gets here, the cost budget deals with it."""
        extensions = error.get("extensions") or {}
        message = f"{self.config.domain}: {error.get('message', error)}"
        match extensions.get("code"):
            case "ACCESS_DENIED":
                needed = extensions.get("requiredAccess")
                return ForbiddenError(f"{message} (needed: {needed})" if needed else message)
            case "SHOP_INACTIVE":
                return UnauthorisedError(f"{message}: the shop is closed or frozen")
            case "MAX_COST_EXCEEDED":
                return TooCostlyError(f"{message}; lower `lines_per_page`", path="lines_per_page")
            case "INTERNAL_SERVER_ERROR" | "TIMEOUT":
                return UnreachableError(message) if safe else UnknownOutcomeError(message)
            case _:
                version = self.config.api_version
                return BugError(f"{message}: Admin API {version} refused our query", detail=str(error))


def _auth(config: ShopifyConfig, tokens: Tokens) -> httpx.Auth:
    """The permanent token of a legacy custom app, or a day's token of an app of the Dev Dashboard."""
    name, url = "admin", f"{config.origin}/admin/oauth/access_token"

    async def token() -> str:
        if config.access_token is not None:
            return config.access_token.get_secret_value()
        secret = config.client_secret.get_secret_value()
        return await tokens.client_credentials(name, url, config.client_id or "", secret)

    async def forget() -> None:
        if config.client_id is not None:
            await tokens.forget(name)

    return TokenAuth(token, forget=forget, header="x-shopify-access-token", prefix="")


def _errors(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The top-level errors; Shopify writes a text for the list where it refuses the whole request."""
    errors = answer.get("errors") or []
    yield from [{"message": errors}] if isinstance(errors, str) else errors
