"""Processes that begin at once: forked from one that has imported the hub already.

There is one such server for all tests of a session, so what it imports stands here, and nobody asks ``multiprocessing``
for another.
"""

from __future__ import annotations

import multiprocessing

__all__ = ["processes"]

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(
    ["__main__", "tests.streams.crashing_worker", "tests.edges.crashing_hub", "tests.demo.prepared_hub"]
)
