"""How long the hub keeps what it is done with, as people configure it."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from crossdock.sdk.manifest import Duration

__all__ = ["Retention"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Retention(_Strict):
    """How long what is no longer needed for deciding is kept: whole days, at least one."""

    messages: Duration = timedelta(days=14)
    """Messages and their inbox entries; never shorter than a partner may repeat itself."""
    raw: Duration = timedelta(days=90)
    """Bytes as received, also the large ones in ``data_dir``; those of an open dead letter are kept longer."""
    commands: Duration = timedelta(days=90)
    """Finished commands with what became of them."""
    dead_letters: Duration = timedelta(days=180)
    """Dead letters that were replayed or discarded; open ones are kept."""
    api_requests: Duration = timedelta(days=30)
    """``Idempotency-Key`` values of API callers: as long a repeated request is known to be one."""
    work_items: Duration = timedelta(days=400)
    """Work items that are done; open ones are kept. The exception rate of the KPIs reaches back no further."""
    files: Duration = timedelta(days=180)
    """Which files were read: as long one that comes again with the same name and content is known. Files that stay
    at the partner (``read_files: keep``) are always known."""
    reservations: Duration = timedelta(days=30)
    """Reservations that were released or have expired: as long a repeated request finds them."""
