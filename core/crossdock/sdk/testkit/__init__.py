"""The conformance kit: one suite that proves a connector, whoever wrote it.

::

    # tests/test_conformance.py of the connector
    from crossdock.sdk.testkit import CommandSample, Partner, conformance

    class AcmePartner(Partner):
        ...                                             # how to stand the partner up: what it answers, what it counts

    TestAcme = conformance(acme.CONNECTOR, AcmePartner)

The manifest decides which rules apply. A rule that can't hold is named in the manifest's ``exempt`` with the reason.
Needs pytest; no network.
"""

from __future__ import annotations

from crossdock.sdk.manifest import Role
from crossdock.sdk.registry import ConnectorPlugin
from crossdock.sdk.testkit.commanding import CommandRules
from crossdock.sdk.testkit.declaring import ManifestRules
from crossdock.sdk.testkit.dropping import DropRules
from crossdock.sdk.testkit.partner import CommandSample, Partner, Setting, StreamSettings
from crossdock.sdk.testkit.polling import PollRules
from crossdock.sdk.testkit.receiving import ReceiveRules
from crossdock.sdk.testkit.rules import Rules
from crossdock.sdk.testkit.upgrading import CursorRules, UpgradeRules

__all__ = ["CommandSample", "Partner", "Setting", "StreamSettings", "conformance"]


def conformance(plugin: ConnectorPlugin, partner: type[Partner]) -> type[Rules]:
    """A class of tests for pytest, to be kept under a name that begins with ``Test``."""
    manifest = plugin.manifest
    roles = {stream.role for stream in manifest.streams.values()}
    groups: list[type[Rules]] = [ManifestRules, UpgradeRules]
    groups += [PollRules, CursorRules] if Role.POLL in roles else []
    groups += [ReceiveRules] if Role.RECEIVE in roles else []
    groups += [DropRules] if Role.DROP in roles else []
    groups += [CommandRules] if manifest.commands else []
    return type(f"Conformance_{manifest.id}", tuple(groups), {"plugin": plugin, "partner": partner})
