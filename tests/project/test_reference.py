"""The generated pages: what they say of a model, and that the committed ones have not drifted."""

from __future__ import annotations

from datetime import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, SecretStr

from crossdock.sdk.manifest_file import parse_manifest
from tools.connectors import connector_page, readme
from tools.docs import drifted, pages
from tools.reference import reference


class Zone(StrEnum):
    EAST = "east"
    WEST = "west"


class Documented(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class Door(Documented):
    """One dock door, as ``Hub.doors`` lists them."""

    number: Annotated[int, Field(ge=1, le=99)]
    """Painted above it."""
    kind: Literal["inbound", "outbound"] = "inbound"


class Hub(Documented):
    """A building."""

    password: SecretStr
    zone: Zone = Zone.EAST
    doors: tuple[Door, ...] = ()
    """A table | cell, and
    a second line."""
    spare: Door | int | None = None
    rates: dict[str, int] = Field(default_factory=dict)
    open: bool = True
    opens_at: Annotated[time, PlainSerializer(lambda value: f"{value:%H:%M}")] = time(8)
    first: Door = Door(number=1)


HUB = """\
## Hub

A building.

| field | type | default | meaning |
| --- | --- | --- | --- |
| `password` | secret | **required** |  |
| `zone` | `east` or `west` | `"east"` |  |
| `doors` | list of [Door](#door) | `[]` | A table \\| cell, and a second line. |
| `spare` | [Door](#door) or integer |  |  |
| `rates` | names to integer |  |  |
| `open` | true or false | `true` |  |
| `opens_at` | time | `"08:00"` |  |
| `first` | [Door](#door) | its defaults |  |

## Door

One dock door, as `Hub.doors` lists them.

| field | type | default | meaning |
| --- | --- | --- | --- |
| `number` | integer | **required** | Painted above it. (≥ 1, ≤ 99) |
| `kind` | `inbound` or `outbound` | `"inbound"` |  |
"""

MANIFEST = """\
id: acme
title: Acme warehouse
version: 1.2.0
sdk: ">=1,<2"
status: experimental
hosts: ["${config.host}"]
auth: {kind: basic}
streams:
  orders: {role: poll, emits: order, key: id, mapping: acme/order, cursor: {field: updated_at}}
commands:
  stock.publish: {mapping: acme/stock, idempotency: natural_key, coalesce: sku, batch: 50}
"""


def test_a_reference_tells_every_field_of_every_model_once() -> None:
    assert reference([Hub, Door]) == HUB


def test_a_connector_page_tells_what_the_manifest_declares() -> None:
    page = connector_page(parse_manifest(MANIFEST), Hub)
    assert page.startswith("# Acme warehouse\n")
    assert "| connector | `acme` 1.2.0, experimental |" in page
    assert "| hosts it may reach | `${config.host}` |" in page
    assert "| `orders` | poll | order | `acme/order` | cursor `updated_at` |" in page
    assert "| `stock.publish` | `acme/stock` | natural_key | 50 | only the newest by `sku` |" in page
    assert "### Hub" in page


def test_the_generated_part_of_a_readme_is_made_anew() -> None:
    text = "# Acme\n\n<!-- generated -->\nold\n<!-- /generated -->\n\n## Set-up\n"
    made = readme(text, parse_manifest(MANIFEST))
    assert made.startswith("# Acme\n\n<!-- generated -->\n\n")
    assert made.endswith("<!-- /generated -->\n\n## Set-up\n")
    assert "| `stock.publish` | `acme/stock` |" in made
    assert "old" not in made
    assert readme(made, parse_manifest(MANIFEST)) == made
    with pytest.raises(ValueError, match="the README of acme has no lines"):
        readme("# Acme\n", parse_manifest(MANIFEST))


def test_drift_is_found(tmp_path: Path) -> None:
    (tmp_path / "same.md").write_text("a")
    (tmp_path / "old.md").write_text("a")
    written = {"same.md": lambda: "a", "old.md": lambda: "b", "new.md": lambda: "c"}
    assert drifted(written, tmp_path) == {"old.md": "b", "new.md": "c"}


@pytest.mark.parametrize("name", pages())
def test_the_committed_page_is_what_make_docs_would_write(name: str) -> None:
    assert not drifted({name: pages()[name]}), f"{name} has drifted: run make docs"
