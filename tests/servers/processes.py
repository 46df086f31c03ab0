"""Processes that begin at once: forked from one that has imported the hub already.

There is one such server for all tests of a session, so what it imports stands here.
"""

from __future__ import annotations

import multiprocessing

__all__ = ["processes"]

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["__main__", "tests.edges.crashing_hub", "tests.demo.killed_hub"])
