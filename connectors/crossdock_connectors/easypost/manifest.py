"""The manifest, for the modules that go by it."""

from __future__ import annotations

from importlib.resources import files

from crossdock.sdk.manifest_file import load_manifest

__all__ = ["MANIFEST", "STREAM_OF_TOPIC"]

MANIFEST = load_manifest(files("crossdock_connectors.easypost") / "connector.yaml")
STREAM_OF_TOPIC = {topic: name for name, stream in MANIFEST.streams.items() for topic in stream.topics}
"""The webhooks that are read here; EasyPost sends all others to the same address."""
