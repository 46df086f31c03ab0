"""REST over HTTP: authentication, what an error says, lists page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar, Final, TypeAlias

import httpx
from pydantic import BaseModel

from crossdock.sdk.answers import json_of, malformed
from crossdock.sdk.bases import BaseConnector
from crossdock.sdk.errors import (
    MisconfiguredError,
    RecordRejectedError,
    Rejection,
    UnauthorisedError,
    UnknownOutcomeError,
)
from crossdock.sdk.services import Services
from crossdock_connectors.easypost.config import EasyPostConfig

__all__ = ["Answer", "EasyPostClient", "Node"]

Node: TypeAlias = dict[str, Any]
"""A decoded object of an answer; the vendor's documentation states what is in it."""

_CARRIER_SECONDS: Final = 60.0
"""EasyPost asks its carriers while we wait."""
_UNDECIDED: Final = frozenset(
    {"SHIPMENT.POSTAGE.TIMED_OUT", "SHIPMENT.POSTAGE.NO_RESPONSE", "SHIPMENT.PURCHASE.IN_PROGRESS"}
)
"""Codes that leave open whether the carrier has made the label."""


class Answer:
    """An object of EasyPost's, with the bytes it came in."""

    def __init__(self, response: httpx.Response, wanted: str = "id") -> None:
        """Decode it; without the member ``wanted`` it is not what was asked for."""
        node = json_of(response)
        if not isinstance(node, dict) or (response.is_success and wanted not in node):
            raise malformed(response, f"an object with {wanted!r} was expected: is the address EasyPost's?")
        self.node: Node = node
        self.body = response.content

    @property
    def id(self) -> str:
        """EasyPost's id."""
        return str(self.node["id"])


class EasyPostClient(BaseConnector[EasyPostConfig]):
    """The API of one account."""

    Config: ClassVar[type[BaseModel]] = EasyPostConfig

    def __init__(self, config: BaseModel, services: Services) -> None:
        """Keep the parts; no I/O."""
        super().__init__(config, services)
        self.clock = services.clock
        self._http = services.http
        self._auth = httpx.BasicAuth(self.config.api_key.get_secret_value(), "")

    async def get(self, path: str, params: Mapping[str, str] | None = None, wanted: str = "id") -> Answer:
        """The object at ``path``."""
        return Answer(await self._send("GET", path, params=params), wanted)

    async def find(self, path: str) -> Answer | None:
        """The object at ``path``, or ``None`` where there is none."""
        response = await self._send("GET", path, absent=True)
        return None if response.status_code == httpx.codes.NOT_FOUND else Answer(response)

    async def post(self, path: str, body: object, *, safe: bool = False, wanted: str = "id") -> Answer:
        """What the request made; ``safe``: a second time has no second effect."""
        return Answer(await self._send("POST", path, json=body, safe=safe), wanted)

    async def patch(self, path: str, body: object) -> Answer:
        """The object as changed."""
        return Answer(await self._send("PATCH", path, json=body, safe=True))

    async def pages(
        self, collection: str, page_size: int, before_id: str | None = None, **filters: str
    ) -> AsyncIterator[tuple[list[Node], bool]]:
        """The objects of a collection, newest first, page by page, and whether there is a further page."""
        while True:
            params = {"page_size": str(page_size), **filters}
            if before_id is not None:
                params["before_id"] = before_id
            node = (await self.get(f"/{collection}", params, collection)).node
            found: list[Node] = node[collection]
            more = bool(found) and bool(node.get("has_more"))
            yield found, more
            if not more:
                return
            before_id = str(found[-1]["id"])

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: object | None = None,
        safe: bool | None = None,
        absent: bool = False,
    ) -> httpx.Response:
        response = await self._http.request(
            method,
            f"{self.config.origin}/v2{path}",
            params=params,
            json=json,
            auth=self._auth,
            safe=safe,
            timeout_seconds=_CARRIER_SECONDS,
        )
        if response.is_success or (absent and response.status_code == httpx.codes.NOT_FOUND):
            return response
        raise _refusal(response)


def _refusal(response: httpx.Response) -> Exception:
    """Our error for an answer of 4xx, with the partner's code, words and fields."""
    where = f"{response.request.method} {response.request.url.path}"
    node = json_of(response)
    error = node.get("error") if isinstance(node, dict) else None
    if not isinstance(error, dict):
        return MisconfiguredError(
            f"{where} answered {response.status_code} without an error of EasyPost's: is the address right?",
            detail=response.text[:500],
        )
    code, message = str(error.get("code")), str(error.get("message"))
    if code in _UNDECIDED:
        return UnknownOutcomeError(f"{where}: {code}: {message}; the label may or may not have been made")
    if response.status_code == httpx.codes.PAYMENT_REQUIRED:
        return UnauthorisedError(f"{where}: {message} (402); add funds to the EasyPost account")
    fields = [_field(field) for field in error.get("errors") or []]
    name = f"easypost.{code.lower()}"
    if not fields:
        return RecordRejectedError(Rejection(name, message))
    return RecordRejectedError(tuple(Rejection(name, f"{message} {said}", path) for path, said in fields))


def _field(field: object) -> tuple[str, str]:
    """Path and words of one of ``errors``: an object, or in older corners of the API a text."""
    if not isinstance(field, dict):
        return "", str(field)
    path = str(field.get("field") or "")
    said = f"{path}: {field.get('message')}" if path else str(field.get("message"))
    hint = field.get("suggestion")
    return path, f"{said} (suggested: {hint})" if hint else said
