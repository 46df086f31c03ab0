"""What a benchmark reports."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, computed_field

__all__ = ["Measurement"]


class Measurement(BaseModel):
    """One row: ours beside something else, measured in the same run."""

    model_config = ConfigDict(frozen=True)

    name: str
    unit: str
    ours: float
    other: float
    other_name: str

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ratio(self) -> float:
        """Ours divided by other."""
        return self.ours / self.other
