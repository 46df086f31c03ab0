"""Calls: header blocks and signature, arguments, and what the ERP's answer means."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import ClassVar, NoReturn
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from crossdock.sdk.bases import BaseConnector
from crossdock.sdk.errors import (
    ForbiddenError,
    MisconfiguredError,
    SoapFaultError,
    ThrottledError,
    UnauthorisedError,
    UnknownOutcomeError,
    UnreachableError,
)
from crossdock.sdk.services import Services, SoapClient
from crossdock_connectors.soap_erp.config import SoapErpConfig
from crossdock_connectors.soap_erp.profile import Meaning, Profile, Question, load_profile
from crossdock_connectors.soap_erp.reading import RefusedError, find, refusal_in, refusal_of, text
from crossdock_connectors.soap_erp.tables import looked_up, table_faults
from crossdock_connectors.soap_erp.templates import Scope, render

__all__ = ["SoapErpClient"]


class SoapErpClient(BaseConnector[SoapErpConfig]):
    """One ERP, spoken to as its profile says."""

    Config: ClassVar[type[BaseModel]] = SoapErpConfig

    def __init__(self, config: BaseModel, services: Services) -> None:
        """Keep the parts; profile and WSDL are read when they are first needed."""
        super().__init__(config, services)
        self.clock = services.clock
        self.log = services.log
        self._count = count()
        self._profile: Profile | None = None
        self._folder = Path()
        self._soap: SoapClient | None = None

    @property
    def profile(self) -> Profile:
        """The profile, with all that it asks for in place.

        Raises:
            MisconfiguredError: It is not there, has mistakes, or the configuration lacks what it asks for.
        """
        if self._profile is None:
            profile, self._folder = load_profile(self.config.profile)
            _complete(profile, self.config)
            self._profile = profile
        return self._profile

    async def operations(self) -> frozenset[str]:
        """What the WSDL offers; sends nothing."""
        return frozenset(await self._client().operations())

    async def read(self, question: Question, scope: Scope) -> Mapping[str, object]:
        """Ask something that has no effect; see ``write`` for what is raised."""
        try:
            return await self._call(question, scope, safe=True)
        except UnknownOutcomeError as error:
            raise UnreachableError(error.message, detail=error.detail) from error

    async def write(self, question: Question, scope: Scope) -> Mapping[str, object]:
        """Call an operation that has an effect.

        Raises:
            RefusedError: The ERP said no, in its answer or by a fault.
            ThrottledError, UnauthorisedError, ForbiddenError: It said no by a code that means this.
            UnknownOutcomeError: No whole answer came, or a code that leaves it open.
            RecordRejectedError: The arguments don't fit the WSDL, or the document lacks what the profile refers to.
        """
        return await self._call(question, scope, safe=False)

    async def _call(self, question: Question, scope: Scope, *, safe: bool) -> Mapping[str, object]:
        profile = self.profile
        known = {**scope, "settings": self._settings(), "secrets": self._secrets()}
        made = await looked_up(render(question.arguments, known), profile, self.config, self._ask, self._make)
        arguments = self._qualified(made)
        assert isinstance(arguments, Mapping)
        headers = self._headers(question, known)
        # a signed message is never repeated as it is: its nonce is good once
        repeatable = safe and profile.signature is None
        try:
            answer = await self._client().call(
                question.operation, arguments, headers=headers, safe=repeatable
            )
        except SoapFaultError as fault:
            self._raise(refusal_of(fault, profile.answers, profile.codes))
        if (refusal := refusal_in(answer, profile.answers, profile.codes)) is not None:
            self._raise(refusal)
        return answer

    async def _ask(self, table: str, key: str) -> str:
        """The ERP's id for a word of a table; empty where it does not know it."""
        question = self.profile.tables[table].ask
        assert question is not None
        try:
            answer = await self.read(question, {"key": key})
        except RefusedError as error:
            if error.meaning is Meaning.ABSENT:
                return ""
            raise
        return text(find(answer, question.reference))

    async def _make(self, table: str, key: str, record: object) -> str:
        """The ERP's id of a new record, or of the one that somebody else has made under the same word meanwhile."""
        question = self.profile.tables[table].create
        assert question is not None
        try:
            answer = await self.write(question, {"key": key, "new": record})
        except RefusedError as error:
            if error.meaning is Meaning.ALREADY_EXISTS:
                return await self._ask(table, key)
            raise
        return text(find(answer, question.reference))

    def _raise(self, refusal: RefusedError) -> NoReturn:
        message = f"{self.profile.title}: {refusal.message}"
        match refusal.meaning:
            case Meaning.THROTTLED:
                until = self.clock.now() + timedelta(seconds=self.profile.throttle_seconds)
                raise ThrottledError(message, until=until) from refusal
            case Meaning.UNAUTHORISED:
                raise UnauthorisedError(message) from refusal
            case Meaning.FORBIDDEN:
                raise ForbiddenError(message) from refusal
            case Meaning.UNCERTAIN:
                raise UnknownOutcomeError(message) from refusal
            case _:
                raise refusal

    def _client(self) -> SoapClient:
        if self._soap is None:
            profile, config = self.profile, self.config
            wsse = profile.auth in ("wsse", "wsse_digest")
            password = config.password.get_secret_value() if config.password else ""
            basic = httpx.BasicAuth(config.username or "", password) if profile.auth == "basic" else None
            self._soap = self.services.soap(
                self._wsdl(),
                endpoint=config.endpoint,
                service=config.service,
                port=config.port,
                username=config.username if wsse else None,
                password=password if wsse else None,
                password_digest=profile.auth == "wsse_digest",
                auth=basic,
                zone=config.zone,
            )
        return self._soap

    def _wsdl(self) -> Path:
        profile = self.profile
        if self.config.wsdl is not None:
            return self.config.wsdl
        if profile.wsdl is not None:
            return self._folder / profile.wsdl
        raise MisconfiguredError(
            f"profile {self.config.profile} brings no WSDL: download the ERP's with all files that it imports, and "
            "name it in `wsdl`",
            path="config.wsdl",
        )

    def _settings(self) -> Mapping[str, str]:
        defaults = {name: value for name, value in self.profile.settings.items() if value is not None}
        return {**defaults, **self.config.settings}

    def _headers(self, question: Question, scope: Scope) -> Mapping[str, Mapping[str, object]]:
        blocks = {**self.profile.headers, **question.headers}
        signed = {**scope, **self._signed(question.operation, scope)}
        made = {self._name(name): self._qualified(render(block, signed)) for name, block in blocks.items()}
        return {name: block for name, block in made.items() if isinstance(block, Mapping)}

    def _secrets(self) -> Mapping[str, str]:
        return {name: secret.get_secret_value() for name, secret in self.config.secrets.items()}

    def _signed(self, operation: str, scope: Scope) -> Mapping[str, object]:
        """Nonce, seconds since 1970 and signature for one message.

        The nonce only has to differ from call to call, since the signature covers it; so it is made of the
        connection, the instant and a counter.
        """
        signature = self.profile.signature
        if signature is None:
            return {}
        now = self.clock.now()
        seed = f"{self.services.connection}|{operation}|{now.isoformat()}|{next(self._count)}"
        nonce = hashlib.sha256(seed.encode()).hexdigest()[:32]
        once: dict[str, object] = {"nonce": nonce, "timestamp": int(now.timestamp())}
        secrets = self._secrets()
        base = "&".join(quote(str(render(part, {**scope, **once})), safe="") for part in signature.parts)
        key = "&".join(quote(secrets[name], safe="") for name in signature.secrets)
        digest = hmac.digest(key.encode(), base.encode(), signature.algorithm)
        return {**once, "signature": base64.b64encode(digest).decode()}

    def _qualified(self, value: object) -> object:
        """``@type: sales:Invoice`` with the profile's namespace in place of its prefix."""
        if isinstance(value, Mapping):
            return {
                key: self._name(str(item)) if key == "@type" else self._qualified(item)
                for key, item in value.items()
            }
        return [self._qualified(item) for item in value] if isinstance(value, list | tuple) else value

    def _name(self, name: str) -> str:
        prefix, colon, local = name.partition(":")
        if not colon or name.startswith("{"):
            return name
        if prefix not in self.profile.namespaces:
            known = ", ".join(sorted(self.profile.namespaces)) or "none"
            raise MisconfiguredError(
                f"profile {self.config.profile} declares no namespace {prefix!r} (for {name}); it has: {known}",
                path="config.profile",
            )
        namespace = render(self.profile.namespaces[prefix], {"settings": self._settings()})
        return f"{{{namespace}}}{local}"


def _complete(profile: Profile, config: SoapErpConfig) -> None:
    """Refuse a configuration that lacks what the profile asks for, or has what nobody reads."""
    needed = {name for name, default in profile.settings.items() if default is None}
    faults = [f"settings.{name}: is missing; add it" for name in sorted(needed - config.settings.keys())]
    faults += [
        f"secrets.{name}: is missing; add it" for name in profile.secrets if name not in config.secrets
    ]
    for kind, given, known in (
        ("settings", set(config.settings), set(profile.settings)),
        ("secrets", set(config.secrets), set(profile.secrets)),
    ):
        there = ", ".join(sorted(known)) or "none"
        faults += [
            f"{kind}.{name}: the profile reads no such thing; it reads: {there}"
            for name in sorted(given - known)
        ]
    faults += table_faults(profile, config)
    if profile.auth != "none" and not (config.username and config.password):
        faults.append(f"username, password: the profile authenticates by {profile.auth}; add both")
    if faults:
        raise MisconfiguredError(
            "\n".join(f"profile {config.profile}: config.{fault}" for fault in faults), path="config.settings"
        )
