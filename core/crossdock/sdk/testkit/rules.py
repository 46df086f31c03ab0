"""What all groups of rules have: the connector, its partner, and exemptions with their reasons."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from crossdock.sdk.manifest import Role
from crossdock.sdk.registry import ConnectorPlugin
from crossdock.sdk.testkit.partner import Partner
from crossdock.sdk.testkit.rigs import Rigs

__all__ = ["PREFIX", "Rules"]

PREFIX = "test_"


class Rules:
    """A group of rules. A rule is a test whose name, without ``test_``, is what ``exempt`` in the manifest names."""

    plugin: ClassVar[ConnectorPlugin]
    partner: ClassVar[type[Partner]]

    @pytest.fixture
    def rigs(self, tmp_path: Path) -> Rigs:
        """Makes fresh rigs."""
        return Rigs(self.plugin, self.partner, tmp_path)

    @pytest.fixture(autouse=True)
    def _exempt(self, request: pytest.FixtureRequest) -> None:
        reason = self.plugin.manifest.exempt.get(request.function.__name__.removeprefix(PREFIX))
        if reason is not None:
            pytest.skip(f"exempt: {reason}")

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Each rule for each stream of its role, each command, each mapping."""
        manifest = self.plugin.manifest
        streams = {role: [n for n, s in manifest.streams.items() if s.role is role] for role in Role}
        bound = {
            "polled": streams[Role.POLL],
            "called": streams[Role.RECEIVE],
            "dropped": streams[Role.DROP],
            "ordered": list(manifest.commands),
            "mapping": self.mappings(),
        }
        for fixture, names in bound.items():
            if fixture in metafunc.fixturenames:
                metafunc.parametrize(fixture, [self._case(name) for name in names])

    def _case(self, name: str) -> object:
        reason = self.partner.absent.get(name)
        marks = [pytest.mark.skip(reason=reason)] if reason else []
        return pytest.param(name, marks=marks, id=name)

    @classmethod
    def mappings(cls) -> list[str]:
        """All mappings that the manifest names, each once."""
        manifest = cls.plugin.manifest
        named = [stream.mapping for stream in manifest.streams.values()]
        for command in manifest.commands.values():
            named += [command.mapping, command.result]
        return list(dict.fromkeys(name for name in named if name is not None))
