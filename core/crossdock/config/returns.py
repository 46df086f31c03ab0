"""Returns as people configure them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from crossdock_schemas.returns import Condition

__all__ = ["ReturnRuleConfig", "ReturnsConfig"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ReturnRuleConfig(_Strict):
    """Which node takes a return. The first rule that fits wins; without one, the nearest that accepts returns."""

    channels: tuple[str, ...] = ()
    """Of the order; empty: all."""
    countries: tuple[str, ...] = ()
    """From where it is sent; empty: all."""
    nodes: tuple[str, ...] = ()
    """Ids or tags of nodes; empty: all that accept returns."""
    decline: str | None = None
    """Why such returns are not taken: the channel is told to decline them (``return.decline``)."""
    prefer: Literal["nearest", "shipped_from"] = "nearest"
    """``shipped_from``: the node that has shipped the goods, where it is among them; else the nearest."""


class ReturnsConfig(_Strict):
    """What happens to goods that buyers send back."""

    rules: tuple[ReturnRuleConfig, ...] = ()
    authorise: bool = True
    """Have the channel approve a return once a node takes it, where its connection can (``return.authorise``); else
    people do that at the channel."""
    refund: bool = True
    """Have the channel refund what came back, where its connection can (``return.refund``)."""
    no_refund: tuple[Condition, ...] = ()
    """Conditions in which nothing is refunded."""
