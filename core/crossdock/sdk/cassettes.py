"""Recordings of a partner's real answers, without secrets: written by ``crossdock record``, played back in tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import httpx
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.http import Exchange
from crossdock.sdk.redaction import REDACTED

__all__ = ["Interaction", "Replay", "read_cassette", "write_cassette"]

_DESCRIBING = frozenset(
    {"content-encoding", "content-length", "transfer-encoding", "date", "connection", "set-cookie"}
)
"""Headers that are untrue of the recorded body, or of no use later."""


class Interaction(BaseModel):
    """One request and its answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str
    url: str
    request_body: str = ""
    status: int
    headers: dict[str, str] = {}
    body: str = ""


def write_cassette(path: Path, exchanges: Iterable[Exchange]) -> int:
    """Write what a recorder got, secrets replaced already; returns how many interactions.

    Raises:
        MisconfiguredError: The file is there already.
    """
    made = [_interaction(each).model_dump(exclude_defaults=True) for each in exchanges]
    text = yaml.dump({"interactions": made}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    try:
        with path.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError as error:
        raise MisconfiguredError(f"{path} is there already; name another file") from error
    return len(made)


def read_cassette(path: Path) -> list[Interaction]:
    """The interactions of a cassette, in their order.

    Raises:
        MisconfiguredError: It is no cassette.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return [Interaction.model_validate(each) for each in content["interactions"]]
    except (yaml.YAMLError, ValidationError, KeyError, TypeError) as error:
        raise MisconfiguredError(f"{path} is no cassette; `crossdock record` writes them: {error}") from error


class Replay(httpx.AsyncBaseTransport):
    """Answers as recorded: each request by the first unused interaction of the same method and URL.

    A part of a URL that was redacted stands for anything.

    Attributes:
        unused: What has not been asked for yet.
    """

    def __init__(self, interactions: Sequence[Interaction]) -> None:
        """Play ``interactions``."""
        self.unused = list(interactions)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request.

        Raises:
            AssertionError: Nothing like it is left in the recording.
        """
        for index, each in enumerate(self.unused):
            if each.method == request.method and _alike(httpx.URL(each.url), request.url):
                del self.unused[index]
                return httpx.Response(each.status, headers=each.headers, content=each.body.encode())
        left = "\n".join(f"  {each.method} {each.url}" for each in self.unused) or "  nothing"
        raise AssertionError(f"{request.method} {request.url} is not in the recording; left are:\n{left}")


def _alike(recorded: httpx.URL, asked: httpx.URL) -> bool:
    if (recorded.host, recorded.path) != (asked.host, asked.path):
        return False
    wanted, given = sorted(recorded.params.multi_items()), sorted(asked.params.multi_items())
    return len(wanted) == len(given) and all(
        one[0] == other[0] and (REDACTED in one[1] or one[1] == other[1])
        for one, other in zip(wanted, given, strict=True)
    )


def _interaction(exchange: Exchange) -> Interaction:
    return Interaction(
        method=exchange.method,
        url=exchange.url,
        request_body=exchange.request_body,
        status=exchange.status,
        headers={name: value for name, value in exchange.response_headers.items() if name not in _DESCRIBING},
        body=exchange.response_body,
    )


class _Dumper(yaml.SafeDumper):
    """Writes texts of many lines as such."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)
