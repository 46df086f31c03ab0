"""What zeep is given in place of a network: its messages are handed back, and nothing but files is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from lxml import etree
from zeep.transports import Transport
from zeep.wsse.username import UsernameToken

from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.services import Clock

__all__ = ["Message", "NoNetwork", "Wsse"]


@dataclass(frozen=True, slots=True)
class Message:
    """What zeep wants to send."""

    address: str
    content: bytes
    headers: Mapping[str, str]


class NoNetwork(Transport):
    """Hands zeep's message back instead of sending it, and loads nothing but files."""

    def __init__(self) -> None:
        """Open nothing."""
        # zeep's own initialisation would open a session of requests
        self.cache = None
        self._close_session = False

    def _load_remote_data(self, url: str) -> NoReturn:
        raise MisconfiguredError(
            f"the WSDL imports {url}; vendor that file beside the WSDL and make the import relative"
        )

    def post_xml(self, address: str, envelope: etree._Element, headers: Mapping[str, str]) -> Message:
        """Give the message to the caller."""
        content = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        return Message(address, content, headers)


@dataclass(frozen=True, slots=True)
class Wsse:
    """A UsernameToken made anew for each message, so that nonce and instant are."""

    username: str
    password: str
    digest: bool
    clock: Clock

    def apply(
        self, envelope: etree._Element, headers: dict[str, str]
    ) -> tuple[etree._Element, dict[str, str]]:
        """Put the token into a message's header."""
        token = UsernameToken(
            self.username,
            self.password,
            use_digest=self.digest,
            created=self.clock.now(),
            zulu_timestamp=True,
        )
        signed: tuple[etree._Element, dict[str, str]] = token.apply(envelope, headers)
        return signed

    def verify(self, envelope: etree._Element) -> None:
        """A UsernameToken is one-way."""
