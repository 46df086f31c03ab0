from __future__ import annotations

from tests.servers.sshd import sshd

__all__ = ["sshd"]
