"""Write the generated pages of ``docs/`` (``python -m tools.docs``); ``--check`` names those that drifted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from crossdock.api import api_document
from crossdock.config.model import Config
from crossdock.routing.facts import LINE_FACTS, NODE_FACTS, ORDER_FACTS, Fact
from crossdock.routing.policy import TERMS, PolicyDefinition
from crossdock.scenarios.model import Scenario
from crossdock.sdk.manifest import Manifest
from crossdock.sdk.manifest_file import load_manifest
from crossdock_schemas.registry import ENTITIES
from tools.asyncapi import asyncapi_document
from tools.connectors import connector_page, readme
from tools.reference import reference, table

__all__ = ["drifted", "main", "pages"]

ROOT = Path(__file__).parents[1]
CONNECTORS = ROOT / "connectors/crossdock_connectors"
NOTICE = "<!-- Made by `make docs` from the models; edit those. -->"


def pages() -> Mapping[str, Callable[[], str]]:
    """Every generated page: its path from the project's root, and what writes its text."""
    found: dict[str, Callable[[], str]] = {
        "docs/asyncapi.json": _asyncapi,
        "docs/configuration.md": _configuration,
        "docs/openapi.json": _openapi,
        "docs/reference/manifest.md": _manifest,
        "docs/reference/policy.md": _policy,
        "docs/reference/scenario.md": _scenario,
        "docs/reference/scenario.schema.json": _scenario_schema,
        "docs/reference/schemas.md": _schemas,
    }
    for path in sorted(CONNECTORS.glob("*/connector.yaml")):
        found[f"docs/connectors/{path.parent.name}.md"] = partial(_connector, path)
        found[f"{CONNECTORS.relative_to(ROOT)}/{path.parent.name}/README.md"] = partial(_readme, path)
    return found


def drifted(written: Mapping[str, Callable[[], str]], root: Path = ROOT) -> Mapping[str, str]:
    """The pages that are not as they would be written now, with their new text."""
    texts = {name: page() for name, page in written.items()}
    return {
        name: text
        for name, text in texts.items()
        if not (root / name).is_file() or (root / name).read_text(encoding="utf-8") != text
    }


def _schemas() -> str:
    introduction = (
        "The canonical documents; JSON Schemas (2020-12) of them are in `schemas/crossdock_schemas/json`.\n"
        "Money and other decimals are strings in JSON, instants are UTC, ids are strings."
    )
    return f"# Canonical schemas\n\n{NOTICE}\n\n{introduction}\n\n{reference(list(ENTITIES.values()))}"


def _asyncapi() -> str:
    return json.dumps(asyncapi_document(), indent=2, ensure_ascii=False) + "\n"


def _openapi() -> str:
    return json.dumps(api_document(), indent=2, ensure_ascii=False) + "\n"


def _configuration() -> str:
    introduction = (
        "What `crossdock.yaml` may hold. A key that is not here is refused, with its line.\n"
        "Secrets are written as references: `${env:NAME}` or `${file:PATH}`."
    )
    return f"# Configuration, crossdock.yaml\n\n{NOTICE}\n\n{introduction}\n\n{reference([Config])}"


def _manifest() -> str:
    return f"# The manifest, connector.yaml\n\n{NOTICE}\n\n{reference([Manifest])}"


def _policy() -> str:
    tables = "\n\n".join(
        f"## {title}\n\n" + "\n".join(table(("name", "type", "meaning"), rows))
        for title, rows in (
            ("Facts of the order, in every condition", _facts("order", ORDER_FACTS)),
            ("Facts of a line: `order.lines.exists(line, …)`", _facts("line", LINE_FACTS)),
            ("Facts of a node, in fences and preferences", _facts("node", NODE_FACTS)),
        )
    )
    terms = "\n".join(
        table(("term", "what it counts"), [(f"`{name}`", text) for name, text in TERMS.items()])
    )
    introduction = (
        "A policy as it stands in `crossdock.yaml`; [routing](../routing.md#policy) says how it works.\n"
        "Conditions are CEL. `crossdock policy check` says what is wrong with them."
    )
    return (
        f"# Policies\n\n{NOTICE}\n\n{introduction}\n\n{reference([PolicyDefinition])}\n"
        f"## Terms of the objective\n\n{terms}\n\n{tables}\n"
    )


def _facts(root: str, facts: Mapping[str, Fact]) -> list[tuple[str, str, str]]:
    return [(f"`{root}.{name}`", fact.type, fact.meaning) for name, fact in sorted(facts.items())]


def _scenario() -> str:
    introduction = (
        "What `crossdock route` reads; [routing](../routing.md#scenarios) says what for, and names examples.\n"
        "[Its JSON Schema](scenario.schema.json) is for editors."
    )
    return f"# Scenarios\n\n{NOTICE}\n\n{introduction}\n\n{reference([Scenario])}"


def _scenario_schema() -> str:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Scenario.model_json_schema()}
    # The model keeps policies as they were written, to be compiled with their own errors; editors want their keys.
    policy = PolicyDefinition.model_json_schema()
    schema["$defs"] |= {**policy.pop("$defs"), "PolicyDefinition": policy}
    schema["properties"]["policies"]["anyOf"][0]["items"] = {"$ref": "#/$defs/PolicyDefinition"}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _connector(manifest_path: Path) -> str:
    manifest = load_manifest(manifest_path)
    (entry_point,) = entry_points(group="crossdock.connectors", name=manifest.id)
    return connector_page(manifest, entry_point.load().config)


def _readme(manifest_path: Path) -> str:
    text = manifest_path.with_name("README.md").read_text(encoding="utf-8")
    return readme(text, load_manifest(manifest_path))


def main(
    check: Annotated[bool, typer.Option(help="Write nothing; fail if a page has drifted.")] = False,
) -> None:
    """Write the generated pages that have drifted."""
    console = Console()
    stale = drifted(pages())
    for name, text in stale.items():
        if not check:
            (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / name).write_text(text, encoding="utf-8")
        console.print(f"{name} {'has drifted: run make docs' if check else 'written'}")
    if check and stale:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
