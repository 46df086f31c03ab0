"""The manifest, for the modules that go by it: how far polls overlap."""

from __future__ import annotations

from importlib.resources import files

from crossdock.sdk.manifest_file import load_manifest

__all__ = ["MANIFEST"]

MANIFEST = load_manifest(files("crossdock_connectors.amazon") / "connector.yaml")
