"""The manifest, for the modules that go by it: which call belongs to which stream, how far polls overlap."""

from __future__ import annotations

from pathlib import Path

from crossdock.sdk.manifest_file import load_manifest

__all__ = ["MANIFEST", "STREAM_OF_OPERATION"]

MANIFEST = load_manifest(Path(__file__).with_name("connector.yaml"))
STREAM_OF_OPERATION = {topic: name for name, stream in MANIFEST.streams.items() for topic in stream.topics}
