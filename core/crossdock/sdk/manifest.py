"""``connector.yaml``: what a connector can do, as data.

The hub asks the manifest, never ``isinstance``. The JSON Schema made from these models is committed beside
this module as ``manifest.schema.json`` and gives editors completion; ``crossdock.sdk.lint`` checks what a
schema can't say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from crossdock.sdk.errors import MisconfiguredError

__all__ = [
    "SDK_VERSION",
    "Auth",
    "AuthKind",
    "Breaking",
    "Budget",
    "CommandSpec",
    "CostBudget",
    "CursorSpec",
    "DailyQuotaBudget",
    "Deprecated",
    "Entity",
    "Idempotency",
    "Manifest",
    "Role",
    "Status",
    "StreamSpec",
    "TokenBucketBudget",
    "WindowBudget",
    "manifest_json_schema",
]

SDK_VERSION = "1.0.0"
"""The version that a manifest's ``sdk`` range is compared with."""

_DURATION = re.compile(r"(\d+)(ms|s|m|h|d)")
_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: object) -> object:
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        return timedelta(seconds=int(match[1]) * _UNIT_SECONDS[match[2]])
    if isinstance(value, timedelta):
        return value
    raise ValueError("write a number and a unit: 500ms, 30s, 5m, 2h or 1d")


def _duration_text(value: timedelta) -> str:
    milliseconds = value // timedelta(milliseconds=1)
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(milliseconds, int(_UNIT_SECONDS[unit] * 1000))
        if count and not rest:
            return f"{count}{unit}"
    return f"{milliseconds}ms"


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(_duration_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": rf"^{_DURATION.pattern}$", "examples": ["30s", "5m", "1d"]}),
]


def _version(value: str) -> str:
    try:
        Version(value)
    except InvalidVersion as error:
        raise ValueError("write a semantic version such as 1.4.0") from error
    return value


def _range(value: str) -> str:
    try:
        SpecifierSet(value)
    except InvalidSpecifier as error:
        raise ValueError('write a range such as ">=1,<2"') from error
    return value


SemanticVersion = Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+"), AfterValidator(_version)]
VersionRange = Annotated[str, AfterValidator(_range)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$")]
MappingName = Annotated[str, Field(pattern=r"^[a-z0-9_]+(/[a-z0-9_]+)+$", examples=["shopify/order"])]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Role(StrEnum):
    """How a stream's records come in."""

    POLL = "poll"
    RECEIVE = "receive"
    DROP = "drop"


class Entity(StrEnum):
    """What a mapping makes: the canonical documents, and the answers to commands."""

    ORDER = "order"
    CANCELLATION = "cancellation"
    PRODUCT = "product"
    STOCK_FEED = "stock_feed"
    STOCK_MOVEMENT = "stock_movement"
    FULFILMENT_RESPONSE = "fulfilment_response"
    SHIPMENT = "shipment"
    TRACKING_EVENT = "tracking_event"
    RETURN_REQUEST = "return_request"
    RETURN_RECEIPT = "return_receipt"
    REFUND = "refund"
    ACKNOWLEDGEMENT = "acknowledgement"
    LABEL = "label"
    RATE = "rate"
    POSTING_RESULT = "posting_result"


class Status(StrEnum):
    """How far a connector is to be trusted."""

    EXPERIMENTAL = "experimental"
    STABLE = "stable"


class Deprecated(_Strict):
    """A connector on its way out."""

    since: date
    remove_after: date
    replaced_by: str | None = None


class _DeprecatedStatus(_Strict):
    deprecated: Deprecated


class AuthKind(StrEnum):
    """How the partner knows us; for people and for ``check``, the connector does it."""

    NONE = "none"
    ACCESS_TOKEN = "access_token"
    API_KEY = "api_key"
    BASIC = "basic"
    BEARER = "bearer"
    HMAC = "hmac"
    OAUTH2_CLIENT_CREDENTIALS = "oauth2_client_credentials"
    OAUTH2_REFRESH = "oauth2_refresh"
    LWA = "lwa"
    WSSE = "wsse"
    SOAP_HEADER = "soap_header"
    SSH = "ssh"


class Auth(_Strict):
    """The kind of credentials, and whether the partner rotates refresh tokens."""

    kind: AuthKind
    rotate: Literal["single_use"] | None = None


class _BudgetBase(_Strict):
    match: Annotated[
        str,
        Field(
            pattern=r"^(\*|[A-Z]+) /",
            description="Method (or *) and path glob; * also crosses slashes.",
            examples=["POST /admin/api/*/graphql.json", "* /*"],
        ),
    ]


class WindowBudget(_BudgetBase):
    """So many requests in each window; ``remaining`` and ``reset`` name the partner's headers that say how it
    stands."""

    kind: Literal["window"]
    limit: Annotated[int, Field(gt=0)]
    window: Duration
    remaining: Annotated[str | None, Field(description="header with the requests left")] = None
    reset: Annotated[
        str | None, Field(description="header with seconds until, or epoch of, the next window")
    ] = None


class TokenBucketBudget(_BudgetBase):
    """A bucket that refills steadily; ``feedback`` names the header with the rate that the partner really
    grants."""

    kind: Literal["token_bucket"]
    capacity: Annotated[float, Field(gt=0)]
    restore_per_second: Annotated[float, Field(gt=0)]
    feedback: Annotated[str | None, Field(pattern="^header:", examples=["header:x-amzn-RateLimit-Limit"])] = (
        None
    )


class CostBudget(_BudgetBase):
    """Points by the weight of the request.

    ``feedback`` is the path in the answer of an object with ``maximumAvailable``, ``currentlyAvailable``,
    ``restoreRate``; until the first answer ``capacity`` and ``restore_per_second`` hold. ``throttled`` is
    the path of a code that means "too much, nothing was done" in an answer of status 200.
    """

    kind: Literal["cost"]
    feedback: Annotated[str, Field(pattern=r"^\$\.", examples=["$.extensions.cost.throttleStatus"])]
    capacity: Annotated[float, Field(gt=0)] = 1000
    restore_per_second: Annotated[float, Field(gt=0)] = 50
    estimate: Annotated[float, Field(gt=0, description="points reserved before the cost is known")] = 50
    throttled: dict[str, str] = Field(default={"$.errors[*].extensions.code": "THROTTLED"})


class DailyQuotaBudget(_BudgetBase):
    """So many requests between two midnights of ``zone``."""

    kind: Literal["daily_quota"]
    limit: Annotated[int, Field(gt=0)]
    zone: str = "UTC"


Budget = Annotated[
    WindowBudget | TokenBucketBudget | CostBudget | DailyQuotaBudget, Field(discriminator="kind")
]


class CursorSpec(_Strict):
    """What the partner's answer is ordered by: it decides what may be missed and what comes twice."""

    field: str
    order: Literal["ascending", "descending", "none"] = "ascending"
    inclusive: bool = False
    overlap: Duration = timedelta(0)


class StreamSpec(_Strict):
    """One kind of record that comes in.

    ``mapping: null`` marks records that are already canonical or are read by the connector itself (a 997).
    """

    role: Role
    emits: Entity
    mapping: MappingName | None = None
    key: Annotated[
        str | None, Field(description="field or header of the partner's id; order is kept per key")
    ] = None
    cursor: CursorSpec | None = None
    interval: Annotated[Duration | None, Field(description="how often to poll or to look for files")] = None
    format: Annotated[
        str | None, Field(description="file format, such as csv, fixed_width, x12", examples=["csv"])
    ] = None
    topics: tuple[str, ...] = ()
    dedupe: Annotated[str | None, Field(examples=["header:X-Shopify-Webhook-Id"])] = None
    reconciled_by: Annotated[str | None, Field(description="poll stream that heals lost calls")] = None
    wakes: Annotated[
        str | None,
        Field(description="poll stream that is asked at once; the record is a mere bell and not mapped"),
    ] = None
    answers: Annotated[bool, Field(description="the connector words the answer itself (SOAP)")] = False
    description: str = ""


class Idempotency(StrEnum):
    """What makes a repeated command harmless at this partner."""

    NATIVE_KEY = "native_key"
    NATURAL_KEY = "natural_key"
    PROBE = "probe"
    NONE = "none"


class CommandSpec(_Strict):
    """One thing that the partner can be asked to do.

    ``mapping`` turns the canonical document into the partner's; ``result`` turns the answer into an
    ``emits``.
    """

    mapping: MappingName | None = None
    result: MappingName | None = None
    emits: Entity | None = None
    idempotency: Idempotency
    coalesce: Annotated[str | None, Field(description="field of which only the newest document is sent")] = (
        None
    )
    batch: Annotated[int, Field(ge=1)] = 1
    format: str | None = None
    description: str = ""


class Breaking(_Strict):
    """What changes for users at a version, and until when they must act."""

    message: str
    deadline: date
    guide: str | None = None


class Manifest(_Strict):
    """A connector's whole declaration."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="connector.yaml")

    id: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9_]*$", description="name of the entry point; never changes")
    ]
    version: SemanticVersion
    sdk: VersionRange
    title: str = ""
    status: Status | _DeprecatedStatus
    hosts: tuple[str, ...] = Field(default=(), description="egress allow-list; ${config.field} is filled in")
    auth: Auth = Auth(kind=AuthKind.NONE)
    budgets: tuple[Budget, ...] = ()
    streams: Mapping[Name, StreamSpec] = Field(default_factory=dict)
    commands: Mapping[Name, CommandSpec] = Field(default_factory=dict)
    breaking: Mapping[SemanticVersion, Breaking] = Field(default_factory=dict)
    exempt: Mapping[str, str] = Field(default_factory=dict, description="conformance rule: reason")

    @property
    def deprecated(self) -> Deprecated | None:
        """When it goes, or ``None``."""
        return self.status.deprecated if isinstance(self.status, _DeprecatedStatus) else None

    def stream(self, name: str) -> StreamSpec:
        """The stream of that name; raises ``MisconfiguredError`` naming those there are."""
        return _named(self, "stream", name, self.streams)

    def command(self, name: str) -> CommandSpec:
        """The command of that name; raises ``MisconfiguredError`` naming those there are."""
        return _named(self, "command", name, self.commands)


_Spec = TypeVar("_Spec", StreamSpec, CommandSpec)


def _named(manifest: Manifest, kind: str, name: str, specs: Mapping[str, _Spec]) -> _Spec:
    try:
        return specs[name]
    except KeyError as error:
        known = ", ".join(sorted(specs)) or "none"
        raise MisconfiguredError(
            f"connector {manifest.id} has no {kind} {name!r}; it has: {known}", path=f"{kind}s.{name}"
        ) from error


def manifest_json_schema() -> dict[str, object]:
    """The JSON Schema (2020-12) of ``connector.yaml``, as committed in ``manifest.schema.json``."""
    schema: dict[str, object] = Manifest.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


if __name__ == "__main__":
    Path(__file__).with_name("manifest.schema.json").write_text(
        json.dumps(manifest_json_schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
