"""JSON over HTTP with an access token of Login with Amazon."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any, ClassVar, TypeAlias

import httpx
import msgspec
from pydantic import BaseModel

from crossdock.sdk.answers import json_of
from crossdock.sdk.bases import BaseConnector
from crossdock.sdk.errors import BugError, MisconfiguredError
from crossdock.sdk.services import Services, Tokens
from crossdock_connectors.amazon.calls import Call
from crossdock_connectors.amazon.config import AmazonConfig

__all__ = ["AmazonClient", "LwaAuth", "Node", "refusal"]

Node: TypeAlias = dict[str, Any]
"""A decoded object of an answer, as Amazon's model describes it."""

_TOKEN = "lwa"


class AmazonClient(BaseConnector[AmazonConfig]):
    """The Selling Partner API as one seller's app sees it."""

    Config: ClassVar[type[BaseModel]] = AmazonConfig

    def __init__(self, config: BaseModel, services: Services) -> None:
        """Keep the parts; no I/O."""
        super().__init__(config, services)
        self.clock = services.clock
        self.log = services.log
        self._http = services.http
        self._auth = LwaAuth(self.config, services.tokens)

    async def send(self, call: Call) -> httpx.Response:
        """Any answer below 500 but 401, 403 and 429, which are raised."""
        return await self._http.request(
            call.method,
            self.config.origin + call.path,
            params=call.params,
            json=call.json,
            # Amazon asks every app to name itself and its language
            headers={"accept": "application/json", "user-agent": "Crossdock/1.0 (Language=Python)"},
            auth=self._auth,
            safe=call.safe,
        )

    async def ask(self, call: Call) -> Node:
        """The object that answers a question.

        Raises:
            MisconfiguredError: Amazon refused the question.
        """
        return self.read(call, await self.send(call))

    def read(self, call: Call, response: httpx.Response) -> Node:
        """The object in an answer; see ``ask``."""
        if not response.is_success:
            raise MisconfiguredError(
                f"{call.method} {self.config.origin}{call.path}: {refusal(response)}; check `region`, "
                "`marketplace_ids` and `seller_id`"
            )
        answer = json_of(response)
        if not isinstance(answer, dict):
            raise BugError(f"{call.path} answered {response.status_code}, but not with an object")
        return answer


class LwaAuth(httpx.Auth):
    """Puts the token on each attempt. Amazon answers 403 both to an old token and to a missing role: only a
    token that it calls bad is fetched anew, once.
    """

    def __init__(self, config: AmazonConfig, tokens: Tokens) -> None:
        """Keep both."""
        self._config = config
        self._tokens = tokens

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send; once more where the token was refused."""
        request.headers["x-amz-access-token"] = await self._token()
        response = yield request
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            await response.aread()
            if response.status_code == httpx.codes.UNAUTHORIZED or _names_token(response):
                await self._tokens.forget(_TOKEN)
                request.headers["x-amz-access-token"] = await self._token()
                yield request

    async def _token(self) -> str:
        config = self._config
        return await self._tokens.refreshed(
            _TOKEN,
            config.lwa_url,
            config.client_id,
            config.client_secret.get_secret_value(),
            config.refresh_token.get_secret_value(),
        )


def _names_token(response: httpx.Response) -> bool:
    return "access token" in " ".join(_words(error) for error in _errors(response)).lower()


def refusal(response: httpx.Response) -> str:
    """Amazon's own words, and the id of the request that its support asks for."""
    words = (
        "; ".join(_words(error) for error in _errors(response)) or response.text[:300] or "no reason given"
    )
    request_id = response.headers.get("x-amzn-requestid")
    return f"{response.status_code} {words}" + (f" (request {request_id})" if request_id else "")


def _errors(response: httpx.Response) -> list[Mapping[str, object]]:
    try:
        answer = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        return []
    errors = answer.get("errors") if isinstance(answer, dict) else None
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _words(error: Mapping[str, object]) -> str:
    said = [str(error[name]) for name in ("code", "message", "details") if error.get(name)]
    return ": ".join(dict.fromkeys(said))
