"""The configuration of one Amazon connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

__all__ = ["AmazonConfig"]

MarketplaceId = Annotated[str, Field(pattern=r"^[A-Z0-9]{10,20}$", examples=["ATVPDKIKX0DER"])]


class AmazonConfig(BaseModel):
    """One seller account in one region."""

    model_config = ConfigDict(
        extra="forbid", hide_input_in_errors=True, frozen=True, use_attribute_docstrings=True
    )

    region: Literal["na", "eu", "fe"]
    """North America with Brazil, Europe with India and the Middle East, or the Far East with Australia."""
    seller_id: Annotated[str, Field(pattern=r"^[A-Z0-9]{10,20}$", examples=["A1EXAMPLESELLER"])]
    """The merchant token: Seller Central, Account Info."""
    marketplace_ids: Annotated[tuple[MarketplaceId, ...], Field(min_length=1, max_length=50)]
    """The marketplaces that orders come from and stock goes to; all of the one region."""
    client_id: str
    """Of the app, ``amzn1.application-oa2-client.…``."""
    client_secret: SecretStr
    refresh_token: SecretStr
    """What the seller granted the app, ``Atzr|…``."""
    sandbox: bool = False
    """Amazon's static sandbox: the same answers whatever was sent."""
    backfill_days: Annotated[int, Field(ge=0, le=730)] = 1
    """How far back the first poll reaches."""
    orders_per_page: Annotated[int, Field(ge=1, le=100)] = 100
    product_type: str = "PRODUCT"
    """Named when stock is published; ``PRODUCT`` is good for the attributes that every listing has."""
    supply_sources: Mapping[str, str] = Field(default_factory=dict)
    """Our node to Amazon's supply source, for sellers with Multi-Location Inventory."""
    base_url: Annotated[str | None, Field(pattern=r"^https?://[^/]+$")] = None
    """Another address of the API, for a test double on the loopback."""
    token_url: Annotated[str | None, Field(pattern=r"^https?://.+$")] = None
    """Another address of Login with Amazon, for a test double on the loopback."""

    @property
    def origin(self) -> str:
        """Scheme and host of the API."""
        prefix = "sandbox." if self.sandbox else ""
        return self.base_url or f"https://{prefix}sellingpartnerapi-{self.region}.amazon.com"

    @property
    def lwa_url(self) -> str:
        """Where tokens come from."""
        return self.token_url or "https://api.amazon.com/auth/o2/token"
