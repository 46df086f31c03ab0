"""``crossdock`` in a process of its own, forked from one that has imported, compiled and read what a hub needs.

What a test kills is a hub at work, not one that starts.
"""

from __future__ import annotations

import os
import sys
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.servers.processes import processes

__all__ = ["start_crossdock"]


def start_crossdock(arguments: list[str], log: Path) -> ForkServerProcess:
    """Run the command line; what it prints goes to the end of the file ``log``."""
    process = processes.Process(target=_crossdock, args=(arguments, str(log)))
    process.start()
    return process


def _crossdock(arguments: list[str], log: str) -> None:
    # In the server of forks this is there already; in the process of the tests it would only cost time.
    from tests.demo.prepared_hub import main

    printed = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for descriptor in (sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(printed, descriptor)
    sys.argv = ["crossdock", *arguments]
    main()
