"""The AsyncAPI 3.0 document of the topics, made of the code that fills and reads them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from typing import Any

from crossdock.compiling import compile_hub
from crossdock.config.model import Config
from crossdock.geography import locate
from crossdock.streams import topics
from crossdock.streams.edges.entities import DESTINATIONS
from crossdock.streams.edges.intake import RawPart
from crossdock.streams.kafka.records import CLAIM_CHECK_BYTES, MESSAGE_ID
from crossdock.streams.kafka.settings import KafkaTopic, kafka_settings
from crossdock.streams.processors.declared import processors
from crossdock_schemas.registry import ENTITIES, current

__all__ = ["asyncapi_document"]

_ABOUT = f"""The topics of a Crossdock hub with `runtime: kafka` (docs/operating.md).

Others may read them, in consumer groups of their own. A message may come again: its id is in the header `{MESSAGE_ID}`.
Order holds for each key. A body above {CLAIM_CHECK_BYTES // 1024} KiB stays in the hub's database; its record is empty
and has the header `claim_check`.
"""


@dataclass(frozen=True, slots=True)
class _Own:
    """What is no canonical document: its topic, what it is, and the types of its fields."""

    topic: str
    about: str
    fields: Mapping[str, object]

    @property
    def document(self) -> dict[str, object]:
        return {"type": "object", "description": self.about, "properties": self.fields}


_TEXT, _WHOLE = {"type": "string"}, {"type": "integer"}
_MAYBE = {"type": ["string", "null"]}
_OWN = {
    "raw/1": _Own(
        topics.RAW,
        "A raw record is in: normalise its bytes, which lie in the database, or the part of them that is named.",
        {name: {} for name in RawPart.__struct_fields__},
    ),
    "reroute/1": _Own(
        topics.ORDERS,
        "The hub's own note that an order has to be looked at again.",
        {
            "order": _TEXT,
            "exclude_nodes": {"type": "array", "items": _TEXT},
            "why": _TEXT,
            "unreleased": {"type": "boolean"},
        },
    ),
    "outcome/1": _Own(
        topics.OUTCOMES,
        "What became of a command to a partner: applied, rejected, or parked where nobody knows.",
        {
            "command": _TEXT,
            "connection": _TEXT,
            "id": _WHOLE,
            "state": {"type": "string", "enum": ["applied", "rejected", "parked"]},
            "refs": {"type": "object", "additionalProperties": _TEXT},
            "ref": _MAYBE,
            "code": _MAYBE,
            "message": _MAYBE,
            "schema": _MAYBE,
            "document": {"description": "The canonical answer of `schema`, if there is one."},
        },
    ),
}


def asyncapi_document() -> dict[str, Any]:
    """As docs/asyncapi.json holds it."""
    on_topics = {f"{_topic(name)}\0{name}": name for name in (*_canonical(), *_OWN)}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Crossdock", "version": version("crossdock"), "description": _ABOUT},
        "defaultContentType": "application/json",
        "servers": {"kafka": {"host": "localhost:9092", "protocol": "kafka"}},
        "channels": {
            topic.name: _channel(
                topic, [name for at, name in on_topics.items() if at.startswith(f"{topic.name}\0")]
            )
            for topic in kafka_settings(Config()).topics
        },
        "operations": dict(_operations()),
        "components": {"messages": dict(_messages(on_topics.values())), "schemas": dict(_schemas())},
    }


def _canonical() -> list[str]:
    return [current(entity.value) for entity in DESTINATIONS]


def _topic(schema: str) -> str:
    if schema in _OWN:
        return _OWN[schema].topic
    return next(each.topic for entity, each in DESTINATIONS.items() if current(entity.value) == schema)


def _channel(topic: KafkaTopic, schemas: list[str]) -> dict[str, Any]:
    return {
        "address": f"{{prefix}}{topic.name}",
        "title": topic.name,
        "description": _descriptions()[topic.name],
        "parameters": {"prefix": {"description": "`kafka.prefix`: by default the hub's name and a dot."}},
        "messages": {_name(each): {"$ref": f"#/components/messages/{_name(each)}"} for each in schemas},
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": ["delete"],
                    "retention.ms": int(topic.retention.total_seconds() * 1000),
                },
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """What the hub does: each processor reads its topic, the relay fills them all."""
    readers = {"normalise": topics.RAW}
    readers |= {each.name: each.topic for each in processors(compile_hub(Config(), {}, locate))}
    for name, topic in readers.items():
        summary = f"Processor `{name}`, in the consumer group of the prefix and this name."
        yield name, {"action": "receive", "channel": {"$ref": f"#/channels/{topic}"}, "summary": summary}
    for topic in topics.TOPICS:
        summary = "The relay, in the order of the message log."
        yield (
            f"relay.{topic}",
            {"action": "send", "channel": {"$ref": f"#/channels/{topic}"}, "summary": summary},
        )


def _messages(schemas: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for schema in schemas:
        about = _OWN[schema].about if schema in _OWN else inspect.getdoc(ENTITIES[schema]) or ""
        yield (
            _name(schema),
            {
                "name": schema,
                "summary": about.partition("\n\n")[0],
                "headers": _headers(schema),
                "payload": {"$ref": f"#/components/schemas/{_name(schema)}"},
            },
        )


def _headers(schema: str) -> dict[str, Any]:
    known: dict[str, Any] = {
        MESSAGE_ID: {"type": "string", "description": "The same message has the same id."},
        "connection": {"type": "string", "description": "Whose it is."},
        "correlation_id": {"type": "string", "description": "Shared by all that one record has caused."},
    }
    if schema != "raw/1":
        known["schema"] = {"type": "string", "const": schema}
    return {"type": "object", "required": [MESSAGE_ID, "connection"], "properties": known}


def _schemas() -> Iterator[tuple[str, Any]]:
    """Each document, and the parts that only it has, by names that begin with its own."""
    for schema in _canonical():
        name = _name(schema)
        document = ENTITIES[schema].model_json_schema(ref_template=f"#/components/schemas/{name}.{{model}}")
        yield from ((f"{name}.{part}", body) for part, body in document.pop("$defs", {}).items())
        yield name, document
    yield from ((_name(schema), each.document) for schema, each in _OWN.items())


def _name(schema: str) -> str:
    return schema.replace("/", ".")


def _descriptions() -> dict[str, str]:
    """What stands below each topic in the module that names it."""
    body = ast.parse(inspect.getsource(topics)).body
    found = {}
    for statement, after in pairwise(body):
        match statement, after:
            case ast.Assign(value=ast.Constant(value=str(topic))), ast.Expr(
                value=ast.Constant(value=str(about))
            ):
                found[topic] = about
    return found
