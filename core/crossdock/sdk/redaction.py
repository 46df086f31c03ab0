"""Takes secrets out of whatever is logged or recorded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from pydantic import BaseModel, SecretBytes, SecretStr

__all__ = ["REDACTED", "Redactor", "looks_secret", "secrets_of"]

REDACTED = "•••"

_SECRET_NAME = re.compile(
    r"secret|token|passw|passphrase|private_?key|api[-_]?key|authoriz|cookie|signature|hmac|credential|bearer",
    re.IGNORECASE,
)
_HARMLESS_NAME = re.compile(
    r"(token_(url|type)|expires|_id$|next_?token|page_?token|signature_?(confirmation|required))",
    re.IGNORECASE,
)
_PAIR = re.compile(
    r"""(?P<before>["']?(?P<name>[\w.:-]*(?:secret|token|passw|api[-_]?key|authoriz|credential|signature)[\w-]*)["']?"""
    r"""\s*(?:=|:|>)\s*["']?)(?P<value>[^"'&<>\s,}]+)""",
    re.IGNORECASE,
)
_SHORTEST_SECRET = 4


def looks_secret(name: str) -> bool:
    """Whether a field or header of that name usually holds a secret."""
    return bool(_SECRET_NAME.search(name)) and not _HARMLESS_NAME.search(name)


def secrets_of(config: BaseModel) -> Iterator[str]:
    """All values of ``SecretStr`` and ``SecretBytes`` fields, however deep."""
    for name in type(config).model_fields:
        yield from _secrets_in(getattr(config, name))


def _secrets_in(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, SecretBytes):
        yield value.get_secret_value().decode(errors="replace")
    elif isinstance(value, BaseModel):
        yield from secrets_of(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secrets_in(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _secrets_in(item)


class Redactor:
    """Replaces known secret values, and the values of fields that look secret."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Know the ``secrets`` of a connection; very short ones are not looked for in text."""
        known = sorted({s for s in secrets if len(s) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, text: str) -> str:
        """The text without secrets: JSON, form and XML values of telling names, and all known values."""
        if self._known:
            text = self._known.sub(REDACTED, text)
        return _PAIR.sub(self._pair, text)

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers with lower-case names, secrets replaced."""
        return {
            name.lower(): REDACTED if looks_secret(name) else self.text(value)
            for name, value in headers.items()
        }

    @staticmethod
    def _pair(match: re.Match[str]) -> str:
        return match["before"] + REDACTED if looks_secret(match["name"]) else match[0]
