"""A profile: how one kind of ERP is spoken to, as data. README.md explains it, ``profiles/`` has two.

Paths in an answer are by local names (``status.statusDetail.code``), go through lists, and begin inside: an outer
element that can hold nothing but one other is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from crossdock.sdk.errors import MisconfiguredError
from crossdock_connectors.soap_erp.manifest import MANIFEST
from crossdock_connectors.soap_erp.templates import references

__all__ = [
    "PROFILES",
    "Answers",
    "Codes",
    "CommandProfile",
    "Condition",
    "Meaning",
    "Paging",
    "Profile",
    "Question",
    "StreamProfile",
    "TableProfile",
    "load_profile",
]

PROFILES = Path(__file__).with_name("profiles")
"""The profiles that come with Crossdock: a folder each, with ``profile.yaml``."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


Template = Mapping[str, object]


class Meaning(StrEnum):
    """What a code of the ERP means for us."""

    ALREADY_EXISTS = "already_exists"
    ABSENT = "absent"
    THROTTLED = "throttled"
    UNAUTHORISED = "unauthorised"
    FORBIDDEN = "forbidden"
    UNCERTAIN = "uncertain"


class Codes(_Strict):
    """The codes that are no mere refusals: of answers, of faults, or the names of elements in a fault's detail."""

    already_exists: tuple[str, ...] = ()
    """It was posted before, under the same external id."""
    absent: tuple[str, ...] = ()
    """What was asked for is not there."""
    throttled: tuple[str, ...] = ()
    """Too much at once; nothing was done."""
    unauthorised: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    uncertain: tuple[str, ...] = ()
    """The ERP failed, and does not say whether before or after the effect."""

    def meaning(self, codes: Iterable[str]) -> Meaning | None:
        """What the first known code means."""
        return next(
            (
                meaning
                for code in codes
                for meaning in Meaning
                if code and code in getattr(self, meaning.value)
            ),
            None,
        )


class Condition(_Strict):
    """The value at ``path`` of an answer is one of ``values``, compared as text (``true``, ``false``)."""

    path: str
    values: tuple[str, ...]


class Problems(_Strict):
    """Where an answer lists its reasons, and what is what inside of one."""

    at: str
    code: str = "code"
    message: str = "message"
    path: str | None = None


class FaultDetail(_Strict):
    """Local names of the elements in a fault's detail."""

    code: str = "code"
    message: str = "message"
    path: str | None = "path"


class Answers(_Strict):
    """How an answer is read."""

    refused: Condition | None = None
    """When an answer without a fault is a refusal; left out: never."""
    problems: Problems | None = None
    fault: FaultDetail = FaultDetail()


class Question(_Strict):
    """One call."""

    operation: str
    arguments: Template = Field(default_factory=dict)
    headers: Mapping[str, Template] = Field(default_factory=dict)
    """SOAP header blocks of this call, beside those of the profile."""


class ProbeProfile(Question):
    """How to ask for what may have been posted."""

    reference: str
    """Path of the document's number in the answer; no value there means that it is not posted."""


class CommandProfile(Question):
    """How a command is carried out. ``${document}`` is what its mapping makes."""

    external_id: str
    """Template of our id, such as ``${document.externalId}``: the ERP keeps it, and knows it again."""
    reference: str
    """Path of the document's number in the answer."""
    already: Condition | None = None
    """When an answer says that it was posted before."""
    probe: ProbeProfile | None = None


class TableProfile(_Strict):
    """A table of the connection in which a document's ``{"@table": NAME, "@keys": [word, ...]}`` is looked up."""

    value: Template
    """What stands in its place, with ``${id}``."""
    required: bool = False
    """Whether the connection must have it; without one that it need not have, documents leave the value out."""
    lenient: bool = False
    """Whether documents leave out what the table does not have, instead of being rejected."""
    ask: ProbeProfile | None = None
    """How the ERP is asked for ``${key}``."""
    create: ProbeProfile | None = None
    """How it is made: ``${new}`` is what the document has as ``@new.record``, for the word ``@new.key``."""


class Paging(_Strict):
    """How the next page is asked for: until ``total_pages`` is reached, or while ``more`` or a ``token`` is there.

    ``${page}`` counts from 1, ``${token}`` is what the last answer had at ``token``.
    """

    operation: str | None = None
    """Of further pages, where it is another one."""
    arguments: Template | None = None
    total_pages: str | None = None
    more: str | None = None
    token: str | None = None

    @model_validator(mode="after")
    def _one_end(self) -> Paging:
        if not (self.total_pages or self.more or self.token):
            raise ValueError("say how the last page is known: total_pages, more or token")
        return self


class Details(Question):
    """A second call for each page, that gets ``${records}`` of the first and whose records are taken instead."""

    records: str


class StreamProfile(Question):
    """How a stream is asked for. ``${since}`` is the instant from which on changes are wanted."""

    records: str
    """Path of the records in the answer."""
    key: str
    """Path of the partner's id in a record."""
    paging: Paging | None = None
    details: Details | None = None
    group_by: str | None = None
    """Path in a record: one record for each value, with the rows of a page that have it (stock by location)."""
    as_of: str | None = None
    """Path in the answer of the instant that it is true for; left out: when we asked."""


class Signature(_Strict):
    """HMAC over ``parts``, keyed by the secrets; both percent-encoded and joined by ``&`` (RFC 5849, 3.4.2)."""

    algorithm: Literal["sha256"] = "sha256"
    parts: tuple[str, ...]
    secrets: tuple[str, ...]


class Profile(_Strict):
    """How one kind of ERP is spoken to."""

    title: str
    wsdl: str | None = None
    """A WSDL beside the profile; left out: the integrator's own."""
    auth: Literal["none", "basic", "wsse", "wsse_digest"] = "none"
    settings: Mapping[str, str | None] = Field(default_factory=dict)
    """What the connection may set, with a default; null: it has to."""
    secrets: tuple[str, ...] = ()
    """What the connection has to give in ``secrets``."""
    namespaces: Mapping[str, str] = Field(default_factory=dict)
    """Prefixes for the names of header blocks and for ``@type``."""
    headers: Mapping[str, Template] = Field(default_factory=dict)
    """SOAP header blocks of every call, such as ``messages:tokenPassport``."""
    signature: Signature | None = None
    """Gives ``${nonce}``, ``${timestamp}`` and ``${signature}`` to header blocks."""
    answers: Answers = Answers()
    codes: Codes = Codes()
    throttle_seconds: Annotated[int, Field(gt=0)] = 10
    """How long to wait after a code of ``throttled``."""
    check: Question | None = None
    """A harmless call that proves address and credentials."""
    tables: Mapping[str, TableProfile] = Field(default_factory=dict)
    streams: Mapping[str, StreamProfile] = Field(default_factory=dict)
    commands: Mapping[str, CommandProfile] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_are_known(self) -> Profile:
        polled = {name for name, stream in MANIFEST.streams.items() if not stream.topics}
        for kind, named, known in (
            ("stream", self.streams, polled),
            ("command", self.commands, set(MANIFEST.commands)),
        ):
            if unknown := sorted(set(named) - known):
                raise ValueError(f"there is no {kind} {unknown[0]!r}; there are: {', '.join(sorted(known))}")
        for path in references([question.model_dump() for question in self._questions()]):
            if path.startswith("settings.") and path.removeprefix("settings.") not in self.settings:
                raise ValueError(f"${{{path}}} is used, but not declared in `settings`")
        return self

    def _questions(self) -> Iterator[Question]:
        yield from self.streams.values()
        yield from self.commands.values()
        if self.check is not None:
            yield self.check

    def operations(self) -> Mapping[str, frozenset[str]]:
        """The operations that each stream and command needs."""
        needed: dict[str, frozenset[str]] = {}
        for name, stream in self.streams.items():
            further = stream.paging.operation if stream.paging else None
            details = stream.details.operation if stream.details else None
            needed[name] = frozenset(filter(None, (stream.operation, further, details)))
        for name, command in self.commands.items():
            probe = command.probe.operation if command.probe else None
            needed[name] = frozenset(filter(None, (command.operation, probe)))
        return needed


def load_profile(name: str) -> tuple[Profile, Path]:
    """A profile by the name of one that comes with Crossdock, or by its path; and the folder that it lies in.

    Raises:
        MisconfiguredError: There is none, or it has mistakes: each with its place.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else PROFILES / name / "profile.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        known = ", ".join(sorted(folder.name for folder in PROFILES.iterdir() if folder.is_dir()))
        raise MisconfiguredError(
            f"there is no profile {name!r}; name one of {known}, or the path of your own (.yaml)",
            path="config.profile",
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise MisconfiguredError(f"{path}: can't be read: {error}", path="config.profile") from error
    try:
        return Profile.model_validate(content), path.parent
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        lines = [
            f"{path}: {'.'.join(map(str, fault['loc'])) or 'profile'}: {_words(fault['msg'])}"
            for fault in faults
        ]
        raise MisconfiguredError("\n".join(lines), path="config.profile") from error


def _words(message: str) -> str:
    return message.removeprefix("Value error, ")
