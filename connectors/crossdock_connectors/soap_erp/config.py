"""The configuration of one connection to an ERP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

__all__ = ["CallerConfig", "SoapErpConfig", "TableConfig"]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(
            f"there is no time zone {name!r}; write an IANA name such as America/Chicago"
        ) from error
    return name


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", hide_input_in_errors=True, frozen=True, use_attribute_docstrings=True
    )


class CallerConfig(_Strict):
    """Who may call our SOAP endpoint, by a WS-Security UsernameToken or HTTP basic authentication."""

    username: Annotated[str, Field(min_length=1)]
    passwords: Annotated[tuple[SecretStr, ...], Field(min_length=1)]
    """Each is good: while rotating there are two."""


class TableConfig(_Strict):
    """The ERP's ids of one kind of thing, by our words for it: customers, currencies, tax codes."""

    entries: Mapping[str, str] = Field(default_factory=dict)
    """Our word to the ERP's id."""
    ask: bool = False
    """Ask the ERP for a word that is not among ``entries``: whether it knows it as an external id."""
    create: bool = False
    """Make what the ERP was asked for and does not have, under the word as its external id; needs ``ask``."""
    default: str | None = None
    """The ERP's id for all others."""


class SoapErpConfig(_Strict):
    """One ERP."""

    profile: str = "plain_erp"
    """How the ERP is spoken to: ``plain_erp``, ``netsuite``, or the path of a profile of your own (ending in .yaml)."""
    wsdl: Path | None = None
    """The ERP's WSDL, vendored with the schemas that it imports; not needed where the profile brings one."""
    endpoint: Annotated[str, Field(pattern=r"^https?://[^\s]+$")]
    """Where calls go; replaces the WSDL's own address."""
    service: str | None = None
    port: str | None = None
    """Needed where the WSDL has several."""
    zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """Time zone of the ERP's instants without an offset."""
    username: str | None = None
    password: SecretStr | None = None
    """For profiles whose ``auth`` is ``basic``, ``wsse`` or ``wsse_digest``."""
    settings: Mapping[str, str] = Field(default_factory=dict)
    """What the profile asks for, such as NetSuite's ``account``."""
    secrets: Mapping[str, SecretStr] = Field(default_factory=dict)
    """What the profile signs with."""
    tables: Mapping[str, TableConfig] = Field(default_factory=dict)
    """What the profile's tables hold, such as NetSuite's ``customers``."""
    nodes: Mapping[str, str] = Field(default_factory=dict)
    """The ERP's stock locations to our nodes. Where there are any, other locations are left out; where there are
    none, a location's id is the node's. The other way round it is the table ``nodes``."""
    start: AwareDatetime = datetime(2000, 1, 1, tzinfo=UTC)
    """The first poll asks for what changed since."""
    page_size: Annotated[int, Field(ge=5, le=1000)] = 200
    caller: CallerConfig | None = None
    """Set where the ERP calls us."""
