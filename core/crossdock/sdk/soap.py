"""``SoapClient``: zeep makes and reads the messages, the connection's ``Http`` carries them.

So a SOAP partner has the same allow-list, budgets, circuit breaker and errors as any other. The WSDL is a
file that the integrator has vendored with the schemas beside it; nothing is fetched, and it is read in a
thread at the first call.
"""

from __future__ import annotations

import asyncio
import email
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx
import zeep
import zeep.exceptions
from zeep.proxy import ServiceProxy
from zeep.wsdl.bindings.soap import SoapBinding
from zeep.wsdl.wsdl import Document

from crossdock.sdk.errors import (
    BugError,
    MisconfiguredError,
    RecordRejectedError,
    Rejection,
    SoapFaultError,
    UnauthorisedError,
)
from crossdock.sdk.http_errors import lost
from crossdock.sdk.services import Clock, Http
from crossdock.sdk.soap_envelope import Envelope, fault_of, plain_xml, read_envelope
from crossdock.sdk.soap_errors import REFUSED_CREDENTIALS, UNREADABLE, UNSENDABLE
from crossdock.sdk.soap_transport import Message, NoNetwork, Wsse
from crossdock.sdk.soap_values import plain, typed
from crossdock.sdk.soap_versions import foreign_namespaces, in_known_version

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

__all__ = ["SoapClients", "ZeepSoapClient"]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A service read from its WSDL."""

    client: zeep.Client
    binding: SoapBinding
    proxy: ServiceProxy


class ZeepSoapClient:
    """One port of one service."""

    def __init__(
        self,
        http: Http,
        log: FilteringBoundLogger,
        wsdl: Path,
        *,
        endpoint: str | None,
        service: str | None,
        port: str | None,
        wsse: Wsse | None,
        auth: httpx.Auth | None,
        zone: ZoneInfo,
    ) -> None:
        """Keep the description; the file is read at the first call."""
        self._http = http
        self._log = log
        self._wsdl = wsdl
        self._endpoint = endpoint
        self._service = service
        self._port = port
        self._wsse = wsse
        self._auth = auth
        self._zone = zone
        self._loaded: _Loaded | None = None
        self._loading = asyncio.Lock()

    async def call(
        self,
        operation: str,
        arguments: Mapping[str, object],
        *,
        headers: Mapping[str, Mapping[str, object]] | None = None,
        safe: bool = False,
    ) -> Mapping[str, object]:
        """Call an operation; see ``SoapClient``.

        A dictionary with the key ``@type`` becomes a value of that type, where the WSDL declares an abstract
        one.

        Raises:
            SoapFaultError: The service answered a fault.
            RecordRejectedError: The arguments do not fit the WSDL; nothing was sent.
            MisconfiguredError: The WSDL can't be read or lacks the operation.
        """
        loaded = await self._load()
        message = self._message(loaded, operation, arguments, headers or {})
        response = await self._http.request(
            "POST",
            message.address,
            content=message.content,
            headers=message.headers,
            auth=self._auth,
            safe=safe,
            expect={400, 500},
        )
        envelope = self._envelope(response, operation, safe)
        if (fault := fault_of(envelope)) is not None:
            if fault.code in REFUSED_CREDENTIALS:
                raise UnauthorisedError(f"{operation}: the service refused the credentials ({fault.reason})")
            raise SoapFaultError(fault.code, fault.reason, operation=operation, detail=fault.detail)
        if not response.is_success:
            raise lost(f"{operation}: answered {response.status_code} without a fault", safe=safe)
        return self._answer(loaded, operation, response, envelope)

    async def operations(self) -> tuple[str, ...]:
        """The names of the operations, for ``check`` and for the operator."""
        return tuple(sorted((await self._load()).binding.all()))

    async def _load(self) -> _Loaded:
        async with self._loading:
            if self._loaded is None:
                self._loaded = await asyncio.to_thread(self._read_wsdl)
        return self._loaded

    def _read_wsdl(self) -> _Loaded:
        try:
            document = _document(self._wsdl, self._wsdl.stat().st_mtime_ns)
            client = zeep.Client(document, transport=NoNetwork(), settings=document.settings, wsse=self._wsse)
            service = client._get_service(self._service)
            port = client._get_port(service, self._port)
        except MisconfiguredError as error:
            raise MisconfiguredError(f"{self._wsdl}: {error.message}") from error
        except (zeep.exceptions.Error, OSError, ValueError) as error:
            raise MisconfiguredError(
                f"{self._wsdl}: can't be used as a WSDL ({error}); vendor the WSDL with all files that it "
                "imports"
            ) from error
        address = self._endpoint or port.binding_options["address"]
        return _Loaded(client, port.binding, ServiceProxy(client, port.binding, address=address))

    def _message(
        self,
        loaded: _Loaded,
        operation: str,
        arguments: Mapping[str, object],
        headers: Mapping[str, Mapping[str, object]],
    ) -> Message:
        if operation not in loaded.binding.all():
            known = ", ".join(sorted(loaded.binding.all()))
            raise MisconfiguredError(f"{self._wsdl} has no operation {operation!r}; it has: {known}")
        try:
            blocks = [
                loaded.client.get_element(name)(
                    **{key: typed(item, loaded.client) for key, item in block.items()}
                )
                for name, block in headers.items()
            ]
            values = {key: typed(item, loaded.client) for key, item in arguments.items()}
            message = loaded.proxy[operation](**values, **({"_soapheaders": blocks} if blocks else {}))
        except UNSENDABLE as error:
            path = ".".join(getattr(error, "path", None) or ())
            raise RecordRejectedError(
                Rejection("soap.invalid", f"{operation}: does not fit the WSDL: {str(error)[:500]}", path)
            ) from error
        if not isinstance(message, Message):
            raise BugError(f"zeep sent {operation} by itself")
        return message

    def _envelope(self, response: httpx.Response, operation: str, safe: bool) -> Envelope:
        try:
            return read_envelope(_root_part(response))
        except ValueError as error:
            raise lost(
                f"{operation}: answered {response.status_code} with {error}",
                safe=safe,
                detail=response.text[:200],
            ) from error

    def _answer(
        self, loaded: _Loaded, operation: str, response: httpx.Response, envelope: Envelope
    ) -> Mapping[str, object]:
        """Strictly by the WSDL; then tolerantly; then without the WSDL. What was tolerated is logged."""
        try:
            return self._read(loaded, operation, response)
        except UNREADABLE as strict:
            how, answer = "lenient", self._lenient(loaded, operation, response, envelope)
            if answer is None:
                how = "without the WSDL"
                answer = _mapping(None if envelope.payload is None else plain_xml(envelope.payload))
            self._log.warning("soap.tolerated", operation=operation, how=how, error=str(strict)[:300])
            return answer

    def _lenient(
        self, loaded: _Loaded, operation: str, response: httpx.Response, envelope: Envelope
    ) -> Mapping[str, object] | None:
        """By the WSDL, whatever the version in the namespaces and as far as possible; ``None``: not at all."""
        known = loaded.client.wsdl.types.namespaces
        if envelope.payload is not None and foreign_namespaces(envelope.payload, known):
            # zeep would leave out what it can't place
            same_version = in_known_version(response, envelope.payload, known)
            if same_version is None:
                return None
            response = same_version
        try:
            with loaded.client.settings(strict=False, xsd_ignore_sequence_order=True):
                return self._read(loaded, operation, response)
        except UNREADABLE:
            return None

    def _read(self, loaded: _Loaded, operation: str, response: httpx.Response) -> Mapping[str, object]:
        result = loaded.binding.process_reply(loaded.client, loaded.binding.get(operation), response)
        answer = plain(getattr(result, "root", result), self._zone)
        if isinstance(answer, Mapping) and set(answer) == {"header", "body"}:
            # zeep returns both where the WSDL declares header blocks of the answer, and then unwraps nothing
            answer = answer["body"]
            if isinstance(answer, Mapping) and len(answer) == 1:
                (answer,) = answer.values()
        return _mapping(answer)


def _mapping(answer: object) -> Mapping[str, object]:
    """zeep unwraps an answer of one element; a mapping wants a name for it."""
    if isinstance(answer, Mapping):
        return answer
    return {} if answer is None else {"result": answer}


@lru_cache(maxsize=8)
def _document(wsdl: Path, modified_ns: int) -> Document:
    """A WSDL with the schemas that it imports, read once a process: NetSuite's takes a second and 100 MB."""
    settings = zeep.Settings()
    settings.raw_response = settings.forbid_dtd = True
    settings.force_https = False
    transport: Any = NoNetwork()
    return Document(str(wsdl), transport, settings=settings)


def _root_part(response: httpx.Response) -> bytes:
    """The XML of an answer, also of one with attachments (MTOM)."""
    content_type = response.headers.get("content-type", "")
    if not content_type.lower().startswith("multipart/related"):
        return response.content
    message = email.message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + response.content)
    first = next(part for part in message.walk() if not part.is_multipart())
    content = first.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


class SoapClients:
    """The ``SoapFactory`` of one connection."""

    def __init__(self, http: Http, clock: Clock, log: FilteringBoundLogger) -> None:
        """Keep what all clients of the connection share."""
        self._http = http
        self._clock = clock
        self._log = log

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
    ) -> ZeepSoapClient:
        """Describe a service; see ``SoapFactory``."""
        wsse = None if username is None else Wsse(username, password or "", password_digest, self._clock)
        return ZeepSoapClient(
            self._http,
            self._log,
            wsdl,
            endpoint=endpoint,
            service=service,
            port=port,
            wsse=wsse,
            auth=auth,
            zone=ZoneInfo(zone),
        )
