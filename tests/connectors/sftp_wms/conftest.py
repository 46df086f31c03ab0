from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from crossdock.sdk.clock import ManualClock
from crossdock.sdk.files import FolderConfig
from tests.connectors.sftp_wms.builders import FOLDERS, config
from tests.connectors.sftp_wms.hub import NOW, MiniHub
from tests.servers.sshd import Sshd, sshd

__all__ = ["Connect", "sshd"]

Connect = Callable[..., MiniHub]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that the warehouse sees, with all its folders."""
    for folder in FOLDERS:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    return tmp_path


@pytest.fixture
def hub(root: Path, clock: ManualClock) -> Connect:
    """Make a connection to a local folder: ``hub(settle_seconds=10, orders={...})``."""

    def make(settle_seconds: float = 0, done_marker: str | None = None, **changes: object) -> MiniHub:
        files = FolderConfig(path=str(root), settle_seconds=settle_seconds, done_marker=done_marker)
        return MiniHub(config(files, **changes), clock)

    return make


@pytest.fixture(params=["folder", "sftp"])
def anywhere(request: pytest.FixtureRequest, root: Path, hub: Connect, clock: ManualClock) -> Connect:
    """Like ``hub``, once in a folder and once over SFTP to the same folder."""
    if request.param == "folder":
        return hub
    server: Sshd = request.getfixturevalue("sshd")

    def make(settle_seconds: float = 0, done_marker: str | None = None, **changes: object) -> MiniHub:
        files = server.config(root=str(root), settle_seconds=settle_seconds, done_marker=done_marker)
        return MiniHub(config(files, **changes), clock)

    return make
