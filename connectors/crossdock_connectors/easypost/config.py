"""The configuration of one EasyPost connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

__all__ = ["EasyPostConfig", "Mode", "Offer"]

Mode = Literal["test", "production"]
_MODE_OF_PREFIX: Final[dict[str, Mode]] = {"EZTK": "test", "EZAK": "production"}


class Offer(BaseModel):
    """A carrier, or one service of it, as EasyPost names them; capitals do not matter."""

    model_config = ConfigDict(
        extra="forbid", hide_input_in_errors=True, frozen=True, use_attribute_docstrings=True
    )

    carrier: str
    service: str | None = None
    """Absent: any service of the carrier."""


class EasyPostConfig(BaseModel):
    """One EasyPost account, in one of its two modes."""

    model_config = ConfigDict(
        extra="forbid", hide_input_in_errors=True, frozen=True, use_attribute_docstrings=True
    )

    api_key: SecretStr
    mode: Mode = "production"
    """Labels of mode ``test`` cost nothing and carry no parcel. The key decides it; this guards against a mix-up."""
    webhook_secret: SecretStr | None = None
    """Signs the webhooks. Without it none is accepted."""
    previous_webhook_secret: SecretStr | None = None
    """Set while rotating: webhooks signed with either are accepted."""
    services: Mapping[str, tuple[Offer, ...]] = Field(default_factory=dict)
    """Our service ids and what is good for each, such as ``{ground: [{carrier: USPS, service: GroundAdvantage}]}``;
    of several the cheapest is bought. A service that is not here is taken for a name of EasyPost's own."""
    allowed: tuple[Offer, ...] = ()
    """What may be bought where the request names no service; empty: anything."""
    carrier_accounts: tuple[Annotated[str, Field(pattern="^ca_")], ...] = ()
    """Only these accounts are asked for rates; empty: all."""
    end_shipper_id: Annotated[str, Field(pattern="^es_")] | None = None
    """The end shipper that USPS and UPS want where labels are bought on behalf of others."""
    label_format: Literal["PNG", "PDF", "ZPL", "EPL2"] = "PDF"
    track_days: Annotated[int, Field(ge=1, le=180)] = 30
    """Trackers made earlier are not polled any more."""
    base_url: Annotated[str | None, Field(pattern=r"^https?://[^/]+$")] = None
    """Another address of the API, for a test double on the loopback."""

    @model_validator(mode="after")
    def _one_mode(self) -> EasyPostConfig:
        is_mode = _MODE_OF_PREFIX.get(self.api_key.get_secret_value()[:4], self.mode)
        if is_mode != self.mode:
            raise ValueError(f"api_key is a {is_mode} key: write mode: {is_mode}, or give a {self.mode} key")
        return self

    @property
    def origin(self) -> str:
        """Scheme and host of the API."""
        return self.base_url or "https://api.easypost.com"
