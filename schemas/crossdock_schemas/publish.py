"""Write the JSON Schemas of all entities: ``python -m crossdock_schemas.publish``."""

from __future__ import annotations

import json
from pathlib import Path

from crossdock_schemas.registry import ENTITIES, json_schema

__all__ = ["PUBLISHED", "file_name", "main", "text"]

PUBLISHED = Path(__file__).parent / "json"


def file_name(schema: str) -> str:
    """The file that ``schema`` is published in: ``order/1`` in ``order.1.json``."""
    return f"{schema.replace('/', '.')}.json"


def text(schema: str) -> str:
    """The published text of ``schema``."""
    return json.dumps(json_schema(schema), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every file anew, and remove those of entities that are gone."""
    PUBLISHED.mkdir(exist_ok=True)
    names = {file_name(schema) for schema in ENTITIES}
    for stale in PUBLISHED.glob("*.json"):
        if stale.name not in names:
            stale.unlink()
    for schema in ENTITIES:
        (PUBLISHED / file_name(schema)).write_text(text(schema), encoding="utf-8")


if __name__ == "__main__":
    main()
