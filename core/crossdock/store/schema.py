"""The whole schema: importing this module fills ``metadata`` with every table there is."""

from __future__ import annotations

from crossdock.store import order_tables, plumbing, return_tables, stock_tables
from crossdock.store.metadata import metadata

__all__ = ["metadata", "order_tables", "plumbing", "return_tables", "stock_tables"]
