"""Python's garbage collector in a hub's process.

A hub loads much that lives as long as it (post codes, mappings, schemas, the network), and frees by reference counts
what a message makes. Left alone the collector walks through all of the former for every few hundred of the latter:
a tenth of the time, in pauses that every webhook waits for.
"""

from __future__ import annotations

import gc

__all__ = ["calm_collector"]

_YOUNG = 50_000
"""New objects before the collector looks at them; cycles are rare, so few of them are garbage."""


def calm_collector() -> None:
    """Take what is loaded now out of garbage collection, and collect less often. Call it once all is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 20)
