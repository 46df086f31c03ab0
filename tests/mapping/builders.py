"""Short ways to compile a mapping from YAML text and to run it on every path it has."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from crossdock.mapping import CompiledMapping, MappingError, MappingFault, MappingResult, compile_mapping
from crossdock.mapping.yaml_text import read_yaml

FIXTURES = Path(__file__).parent / "fixtures" / "mappings"


def decode(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def compile_text(text: str, **more: Any) -> CompiledMapping:
    return compile_mapping(read_yaml(text, "test").value, **more)


def compile_rule(rule: str, source_format: str = "json", **more: Any) -> CompiledMapping:
    """Compile a mapping whose only target, ``x``, has ``rule`` (flow YAML)."""
    header = f"mapping: test/rule\nversion: 7\nfrom: {{format: {source_format}}}\ncurrency: {{const: USD}}\n"
    return compile_text(f"{header}fields:\n  x: {rule}\n", **more)


def map_every_way(mapping: CompiledMapping, document: Any) -> MappingResult:
    """Map on the fast and on the slow path, which must agree."""
    fast, slow = mapping.map_fast(document), mapping.map_slowly(document)
    assert fast == slow
    assert strictly(fast.output) == strictly(slow.output)
    return mapping.map(document)


def strictly(value: Any) -> Any:
    """Make types part of a comparison: 1, True and Decimal(1) are equal in Python."""
    if isinstance(value, dict):
        return {key: strictly(item) for key, item in value.items()}, list(value)
    if isinstance(value, list):
        return [strictly(item) for item in value]
    return type(value).__name__, str(value)


def faults_of(mapping: CompiledMapping, document: Any) -> tuple[MappingFault, ...]:
    try:
        result = mapping.map(document)
    except MappingError as error:
        return error.faults
    raise AssertionError(f"mapped to {result.output}")
