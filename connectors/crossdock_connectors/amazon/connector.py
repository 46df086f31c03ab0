"""The connector: a client whose roles are the functions of a module each."""

from __future__ import annotations

from crossdock_connectors.amazon import checks, commands, polls
from crossdock_connectors.amazon.client import AmazonClient

__all__ = ["Amazon"]


class Amazon(AmazonClient):
    """One seller in one region: polls orders, confirms shipments, publishes stock."""

    check = checks.check
    poll = polls.poll
    execute = commands.execute
    probe = commands.probe
