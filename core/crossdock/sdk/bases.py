"""Bases that take the usual code out of usual connectors: auth, paging, idempotent posting, file exchange.

A connector derives from the one that fits and adds what is the partner's own. None of them maps, stores or
retries.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

import httpx
from pydantic import BaseModel

from crossdock.sdk.answers import json_of, malformed
from crossdock.sdk.checks import check_each
from crossdock.sdk.connector import CheckReport, Disposal, FileRef, Receipt
from crossdock.sdk.errors import MisconfiguredError, RecordRejectedError, Rejection
from crossdock.sdk.outcomes import Rejected
from crossdock.sdk.services import Services, SoapClient

__all__ = [
    "BaseConnector",
    "FileConnector",
    "GraphqlConnector",
    "RestConnector",
    "SoapConnector",
    "graphql_rejections",
    "rejected_by",
]

_Config = TypeVar("_Config", bound=BaseModel)


class BaseConnector(Generic[_Config]):
    """Keeps configuration and services; ``config`` has the type that the subclass names."""

    Config: ClassVar[type[BaseModel]]

    def __init__(self, config: BaseModel, services: Services) -> None:
        """Keep both; no I/O."""
        if not isinstance(config, self.Config):
            raise MisconfiguredError(
                f"{type(self).__name__} wants {self.Config.__name__} as its configuration"
            )
        self.config: _Config = config  # type: ignore[assignment]  # Config and the type parameter are the same class
        self.services = services


class RestConnector(BaseConnector[_Config]):
    """JSON over HTTP: one place for the base address, headers and auth of all requests."""

    def base_url(self) -> str:
        """Where paths begin, without a slash at the end."""
        raise NotImplementedError

    def headers(self) -> Mapping[str, str]:
        """Sent with every request."""
        return {}

    def auth(self) -> httpx.Auth | None:
        """Put on every attempt of every request."""
        return None

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: object | None = None,
        headers: Mapping[str, str] | None = None,
        safe: bool | None = None,
    ) -> httpx.Response:
        """Send to ``base_url() + path``; errors as of ``Http``, statuses from 400 on are the caller's to
        judge.
        """
        return await self.services.http.request(
            method,
            self.base_url() + path,
            params=params,
            json=json,
            headers={"accept": "application/json", **self.headers(), **(headers or {})},
            auth=self.auth(),
            safe=safe,
        )

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> object:
        """The JSON at ``path``.

        Raises:
            MisconfiguredError: The partner answered 4xx to a question: address, version or parameters are
            wrong.
        """
        response = await self.request("GET", path, params=params)
        if not response.is_success:
            raise MisconfiguredError(
                f"GET {self.base_url()}{path} answered {response.status_code}; check address, API version, "
                "parameters",
                detail=response.text[:500],
            )
        return json_of(response)


class GraphqlConnector(RestConnector[_Config]):
    """GraphQL over HTTP: a path, and the errors of an answer of status 200."""

    def graphql_path(self) -> str:
        """Below ``base_url``."""
        raise NotImplementedError

    async def graphql(
        self, document: str, variables: Mapping[str, object], *, safe: bool
    ) -> Mapping[str, object]:
        """The ``data`` of an answer; ``safe`` for queries, not for mutations.

        Throttling is handled before, where the manifest has a budget of kind ``cost``.

        Raises:
            RecordRejectedError: The answer has ``errors``: all of them, with their codes and paths.
        """
        response = await self.request(
            "POST", self.graphql_path(), json={"query": document, "variables": variables}, safe=safe
        )
        answer = json_of(response)
        found = answer if isinstance(answer, Mapping) else {}
        if errors := found.get("errors"):
            raise RecordRejectedError(graphql_rejections(errors))
        data = found.get("data")
        if not response.is_success:
            raise MisconfiguredError(
                f"{self.base_url()}{self.graphql_path()}: answered {response.status_code} without errors of "
                "GraphQL; check address and API version"
            )
        if not isinstance(data, Mapping):
            raise malformed(response, f"GraphQL was expected, status {response.status_code} brought no data")
        return data


def graphql_rejections(errors: object) -> tuple[Rejection, ...]:
    """The ``errors`` of a GraphQL answer (GraphQL specification, 7.1.2), in our form."""
    found = []
    for error in errors if isinstance(errors, Sequence) and not isinstance(errors, str) else [errors]:
        entry = error if isinstance(error, Mapping) else {"message": str(error)}
        extensions = entry.get("extensions")
        code = extensions.get("code") if isinstance(extensions, Mapping) else None
        path = ".".join(str(step) for step in entry.get("path") or ())
        found.append(
            Rejection(f"graphql.{str(code or 'error').lower()}", str(entry.get("message", "")), path)
        )
    return tuple(found) or (Rejection("graphql.error", "an empty list of errors"),)


class SoapConnector(BaseConnector[_Config]):
    """SOAP by a vendored WSDL: one client for all operations, and which of them exist."""

    def __init__(self, config: BaseModel, services: Services) -> None:
        """Describe the service; the WSDL is read at the first call."""
        super().__init__(config, services)
        self.soap = self.soap_client()

    def soap_client(self) -> SoapClient:
        """By default from ``config.wsdl`` (a path) and ``config.endpoint``."""
        wsdl, endpoint = getattr(self.config, "wsdl", None), getattr(self.config, "endpoint", None)
        if wsdl is None:
            raise MisconfiguredError("name the WSDL file in config.wsdl", path="config.wsdl")
        return self.services.soap(Path(wsdl), endpoint=None if endpoint is None else str(endpoint))


class FileConnector(BaseConnector[_Config]):
    """Files in folders: the whole role ``Drops``, from three answers about folders.

    A subclass says ``inbound(stream)``, and may change where files go once they are read.
    """

    archive_folder: ClassVar[str] = "archive"
    error_folder: ClassVar[str] = "error"

    def inbound(self, stream: str) -> tuple[str, str]:
        """Folder and glob pattern of a stream."""
        raise NotImplementedError

    def streams(self) -> Sequence[str]:
        """The streams of role drop, for ``check``."""
        raise NotImplementedError

    def outbound(self, name: str) -> str:
        """The folder that a file of that name goes to."""
        return "out"

    def marker(self, name: str) -> str | None:
        """The done-marker that the partner wants beside a file."""
        return None

    async def check(self) -> CheckReport:
        """List the folder of each stream."""
        return await check_each({stream: partial(self.list_files, stream) for stream in self.streams()})

    async def list_files(self, stream: str) -> Sequence[FileRef]:
        """The settled files of a stream."""
        folder, pattern = self.inbound(stream)
        return await self.services.files.list_files(stream, folder, pattern)

    def read(self, file: FileRef) -> AsyncIterator[bytes]:
        """The bytes of a file."""
        return self.services.files.read(file)

    async def dispose(self, file: FileRef, how: Disposal) -> None:
        """Move to ``archive_folder`` or ``error_folder`` beside the stream's folder, delete, or keep."""
        folder, _ = self.inbound(file.stream)
        match how:
            case Disposal.ARCHIVE:
                await self.services.files.move(file, f"{folder}/{self.archive_folder}")
            case Disposal.ERROR:
                await self.services.files.move(file, f"{folder}/{self.error_folder}")
            case Disposal.DELETE:
                await self.services.files.delete(file)
            case Disposal.KEEP:
                pass

    async def put(self, name: str, content: AsyncIterator[bytes]) -> Receipt:
        """Write a file whole."""
        return await self.services.files.put(self.outbound(name), name, content, marker=self.marker(name))


def rejected_by(response: httpx.Response, code: str = "partner.rejected") -> Rejected:
    """A refusal of content with the partner's own words, shortened, for an answer of 4xx."""
    return Rejected(f"{code}.{response.status_code}", response.text[:500] or f"status {response.status_code}")
