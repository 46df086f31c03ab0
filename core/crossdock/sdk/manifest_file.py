"""Reads ``connector.yaml`` so that each mistake is told with file, line and what to write."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from pathlib import Path

from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.manifest import Manifest
from crossdock.yaml_model import validate, yaml_document

__all__ = ["load_manifest", "parse_manifest"]


def load_manifest(source: Path | Traversable) -> Manifest:
    """Read a ``connector.yaml``.

    Raises:
        MisconfiguredError: With a line for each mistake: file, line number, where, what to write.
    """
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MisconfiguredError(f"{source}: can't be read ({error}); it must be a UTF-8 file") from error
    return parse_manifest(text, str(source))


def parse_manifest(text: str, name: str = "connector.yaml") -> Manifest:
    """Like ``load_manifest``, from text; ``name`` appears in the errors."""
    document = yaml_document(text, name, "a manifest is a mapping that starts with `id:`")
    return validate(document, Manifest)
