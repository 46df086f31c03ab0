"""Runs as people configure them."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from crossdock.orders.runs import RunSchedule
from crossdock.sdk.manifest import Duration

__all__ = ["RunsConfig"]


class RunsConfig(BaseModel):
    """When the orders of a channel are routed, together; by default each is routed when it comes."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    at: tuple[time, ...] = ()
    """Local times, such as ``["06:00", "14:30"]``."""
    every: Annotated[Duration, Field(ge=timedelta(minutes=1))] | None = None
    """Instead of ``at``: at every multiple of so long since midnight UTC; it divides a day."""
    weekdays: Annotated[tuple[Annotated[int, Field(ge=0, le=6)], ...], Field(min_length=1)] = tuple(range(7))
    """0 is Monday."""
    time_zone: str = "UTC"
    """IANA name."""

    @field_validator("time_zone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError) as error:
            raise ValueError(f"{value!r} is no IANA time zone, such as America/Chicago") from error
        return value

    @model_validator(mode="after")
    def _one_of_them(self) -> RunsConfig:
        if bool(self.at) is bool(self.every):
            raise ValueError("say when: either `at` with local times, or `every` with an interval")
        if self.every and timedelta(days=1) % self.every:
            raise ValueError("`every` must be an interval that divides a day, such as 30m or 6h")
        return self

    @property
    def schedule(self) -> RunSchedule:
        """The same for the pure part."""
        return RunSchedule(self.at, self.every or timedelta(0), self.weekdays, self.time_zone)
