"""Reference pages made from pydantic models, so that they can't drift from what is accepted.

A page is made from the models' JSON Schema: what the schema can't say, the page can't claim. A field is
described by its ``Field(description=…)`` or, with ``ConfigDict(use_attribute_docstrings=True)``, by the
docstring below it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from inspect import cleandoc

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

__all__ = ["reference", "table"]

Schema = Mapping[str, object]

_NULL = {"type": "null"}
_BOUNDS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "minLength": "length ≥ {}",
    "maxLength": "length ≤ {}",
    "minItems": "entries ≥ {}",
    "maxItems": "entries ≤ {}",
    "pattern": "matches `{}`",
}


def reference(models: Sequence[type[BaseModel]], heading: str = "##") -> str:
    """A Markdown section for each of ``models`` and for each model inside them, in the order they are met."""
    references, schema = models_json_schema(
        [(model, "validation") for model in models], schema_generator=_DefaultsAsWritten
    )
    definitions = _mapping(schema["$defs"])
    sections: list[str] = []
    done: set[str] = set()
    waiting = [str(_referred(references[model, "validation"])) for model in models]
    while waiting:
        name = waiting.pop(0)
        if name not in done:
            done.add(name)
            sections += _section(f"{heading} {name}", _mapping(definitions[name]), definitions)
            waiting = [*_models_in(definitions[name], definitions), *waiting]
    return "\n".join(sections).rstrip() + "\n"


class _DefaultsAsWritten(GenerateJsonSchema):
    """Shows a default the way a person writes it (``1d``), where a field has a serialiser of its own."""

    def get_default_value(self, schema: core_schema.WithDefaultSchema) -> object:
        default = super().get_default_value(schema)
        serialiser = _mapping(schema["schema"].get("serialization"))
        function = serialiser.get("function")
        if default is None or serialiser.get("info_arg") or not callable(function):
            return default
        return function(default)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a Markdown table."""
    for cells in (header, ["---"] * len(header), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _section(heading: str, schema: Schema, definitions: Schema) -> Iterator[str]:
    yield from (heading, "")
    if description := schema.get("description"):
        yield from (_prose(description), "")
    required = schema.get("required")
    rows = []
    for field, value in _mapping(schema.get("properties")).items():
        entry = _mapping(value)
        is_required = isinstance(required, list) and field in required
        default = "**required**" if is_required else _default(entry)
        rows.append((f"`{field}`", _type(entry, definitions), default, _meaning(entry)))
    yield from table(("field", "type", "default", "meaning"), rows)
    yield ""


def _type(entry: Schema, definitions: Schema) -> str:
    """The type of a field in words; a model is a link to its section."""
    if name := _referred(entry):
        target = _mapping(definitions[name])
        if "enum" in target or "const" in target:
            return _type(target, definitions)
        return f"[{name}](#{name.lower()})" if "properties" in target else _type(target, definitions)
    for union in ("anyOf", "oneOf"):
        if isinstance(options := entry.get(union), list):
            kinds = dict.fromkeys(
                _type(_mapping(option), definitions) for option in options if option != _NULL
            )
            return " or ".join(kinds)
    if isinstance(values := entry.get("enum"), list):
        return " or ".join(f"`{value}`" for value in values)
    if "const" in entry:
        return f"`{entry['const']}`"
    if entry.get("writeOnly"):
        return "secret"
    if entry.get("type") == "array":
        return f"list of {_type(_mapping(entry.get('items')), definitions)}"
    if entry.get("type") == "object":
        inner = entry.get("additionalProperties") or next(
            iter(_mapping(entry.get("patternProperties")).values()), None
        )
        return f"names to {_type(_mapping(inner), definitions)}" if isinstance(inner, dict) else "object"
    kind = str(entry.get("format") or entry.get("type") or "any")
    return "true or false" if kind == "boolean" else kind


def _default(entry: Schema) -> str:
    default = entry.get("default")
    if default is None:
        return ""
    if isinstance(default, dict) and _referred(entry):
        return "its defaults"
    return f"`{json.dumps(default, ensure_ascii=False)}`"


def _meaning(entry: Schema) -> str:
    bounds = [text.format(entry[key]) for key, text in _BOUNDS.items() if key in entry]
    description = _prose(entry.get("description", "")).replace("\n", " ")
    return f"{description} ({', '.join(bounds)})".strip() if bounds else description


def _models_in(node: object, definitions: Schema) -> Iterator[str]:
    """Names of the models that ``node`` refers to, in order."""
    if isinstance(node, dict):
        if (name := _referred(node)) and "properties" in _mapping(definitions[name]):
            yield name
        for key, value in node.items():
            if key != "$defs":
                yield from _models_in(value, definitions)
    elif isinstance(node, list):
        for value in node:
            yield from _models_in(value, definitions)


def _referred(node: Schema) -> str | None:
    target = node.get("$ref")
    return target.removeprefix("#/$defs/") if isinstance(target, str) else None


def _prose(text: object) -> str:
    """A docstring as Markdown: its double backticks become single ones."""
    return cleandoc(str(text)).replace("``", "`")


def _mapping(value: object) -> dict[str, object]:
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else {}
