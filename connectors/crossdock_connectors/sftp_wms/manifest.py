"""The manifest, for the modules that go by it."""

from __future__ import annotations

from importlib.resources import files

from crossdock.sdk.manifest import Entity
from crossdock.sdk.manifest_file import load_manifest

__all__ = ["ACKNOWLEDGED", "MANIFEST"]

MANIFEST = load_manifest(files("crossdock_connectors.sftp_wms") / "connector.yaml")
ACKNOWLEDGED = frozenset(
    name
    for name, stream in MANIFEST.streams.items()
    if stream.format == "x12" and stream.emits is not Entity.ACKNOWLEDGEMENT
)
"""The streams whose files are answered by a 997: a 997 never is."""
