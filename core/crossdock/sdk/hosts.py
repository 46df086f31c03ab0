"""Which hosts a connector may talk to: the manifest's list with the configuration's values filled in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel

from crossdock.sdk.errors import MisconfiguredError

__all__ = ["AllowedHost", "AllowedHosts", "fill_in"]

_REFERENCE = re.compile(r"\$\{config\.([a-z0-9_.]+)\}")
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def fill_in(template: str, config: BaseModel) -> str | None:
    """Put the values of ``config`` into ``${config.field}``; ``None`` where a field is empty.

    Raises:
        MisconfiguredError: The configuration has no such field.
    """
    empty = False

    def value(match: re.Match[str]) -> str:
        nonlocal empty
        found: object = config
        for name in match[1].split("."):
            if not hasattr(found, name):
                raise MisconfiguredError(
                    f"{template!r} names {match[0]}, which {type(config).__name__} does not have",
                    path=match[1],
                )
            found = getattr(found, name)
        empty = empty or found in (None, "")
        return str(found)

    text = _REFERENCE.sub(value, template)
    return None if empty else text


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """One entry: a host glob, the port (``None``: the scheme's own), and whether plain http is permitted."""

    host: str
    port: int | None
    plain: bool

    @classmethod
    def parse(cls, entry: str) -> AllowedHost:
        """Read ``host``, ``*.host``, ``host:port`` or a whole URL; only an ``http://`` URL or the loopback
        permits plain http."""
        parts = urlsplit(entry if "://" in entry else f"//{entry}")
        if not parts.hostname:
            raise MisconfiguredError(f"{entry!r} is not a host; write host, host:port or a URL", path="hosts")
        plain = parts.scheme == "http" or parts.hostname in _LOOPBACK
        return cls(parts.hostname.lower(), parts.port, plain)

    def permits(self, url: httpx.URL) -> bool:
        """Whether a request may go to ``url``."""
        if url.scheme not in _DEFAULT_PORTS or (url.scheme == "http" and not self.plain):
            return False
        default = _DEFAULT_PORTS[url.scheme]
        return fnmatchcase(url.host.lower(), self.host) and (url.port or default) == (self.port or default)


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """The egress allow-list of a connection."""

    entries: tuple[AllowedHost, ...]

    @classmethod
    def of(cls, templates: Iterable[str], config: BaseModel) -> AllowedHosts:
        """The manifest's ``hosts``; entries whose configuration value is empty are left out."""
        filled = (fill_in(template, config) for template in templates)
        return cls(tuple(AllowedHost.parse(entry) for entry in filled if entry is not None))

    def check(self, url: httpx.URL) -> None:
        """Refuse a URL outside of the list.

        Raises:
            MisconfiguredError: Says which hosts are permitted.
        """
        if any(entry.permits(url) for entry in self.entries):
            return
        known = ", ".join(f"{e.host}:{e.port}" if e.port else e.host for e in self.entries) or "none"
        raise MisconfiguredError(
            f"a request to {url.scheme}://{url.netloc.decode()} was refused: the manifest permits {known}. "
            "Correct the address in the configuration, or add the host to `hosts` in connector.yaml "
            "(plain http only by a whole http:// URL)",
            path="hosts",
        )
