"""The configuration of one Shopify connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

__all__ = ["ApiVersion", "Gid", "ShopifyConfig"]

ApiVersion = Literal["2026-01", "2026-04", "2026-07"]
"""The Admin API versions that the GraphQL documents are validated against."""
Gid = Annotated[str, Field(pattern=r"^gid://shopify/[A-Za-z]+/[0-9]+$")]


class ShopifyConfig(BaseModel):
    """One shop.

    Either ``client_id`` (an app of the Dev Dashboard: tokens by client credentials, renewed daily) or
    ``access_token`` (a legacy custom app of the admin: one permanent token) is given, not both.
    """

    model_config = ConfigDict(
        extra="forbid", hide_input_in_errors=True, frozen=True, use_attribute_docstrings=True
    )

    shop: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", examples=["acme-outdoor"])]
    """The shop's name: what stands before ``.myshopify.com``."""
    client_secret: SecretStr
    """Signs the webhooks, and gets tokens together with ``client_id``."""
    previous_client_secret: SecretStr | None = None
    """Set while rotating: for an hour webhooks may still be signed with it."""
    client_id: str | None = None
    access_token: SecretStr | None = None
    api_version: ApiVersion = "2026-07"
    locations: Mapping[str, Gid] = Field(default_factory=dict)
    """Our node or stock location to the shop's location, such as ``{dc-east: gid://shopify/Location/1}``."""
    default_location: Gid | None = None
    """Where stock is published that names no location."""
    backfill_days: Annotated[int, Field(ge=0, le=60)] = 1
    """How far back the first poll reaches. Beyond 60 days Shopify asks for the scope ``read_all_orders``."""
    orders_per_page: Annotated[int, Field(ge=1, le=250)] = 10
    """Halved by itself where the query would cost more than Shopify permits."""
    lines_per_page: Annotated[int, Field(ge=1, le=250)] = 20
    """Order lines read with the order; the rest of a longer order takes further requests."""
    notify_customer: bool = True
    """Whether Shopify mails the buyer about a shipment or a cancellation."""
    base_url: Annotated[str | None, Field(pattern=r"^https?://[^/]+$")] = None
    """Another address of the API, for a test double on the loopback."""

    @model_validator(mode="after")
    def _one_way_in(self) -> ShopifyConfig:
        if (self.client_id is None) == (self.access_token is None):
            raise ValueError("give either client_id (Dev Dashboard app) or access_token (legacy custom app)")
        return self

    @property
    def domain(self) -> str:
        """The shop's permanent domain, as webhooks name it."""
        return f"{self.shop}.myshopify.com"

    @property
    def origin(self) -> str:
        """Scheme and host of the API."""
        return self.base_url or f"https://{self.domain}"
