"""The AsyncAPI document is valid, and says of the topics what the code says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from crossdock.streams.processors.outcomes import OutcomeDocument
from crossdock.streams.processors.outgoing import RerouteDocument
from crossdock.streams.topics import EVENTS, TOPICS
from crossdock_schemas.order import Order
from tests.schemas.builders import an_order
from tests.servers.requirement import missing
from tools.asyncapi import asyncapi_document

SPECIFICATION = Path(__file__).parents[1] / "node/node_modules/@asyncapi/specs/schemas/3.0.0.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return asyncapi_document()


def test_it_is_what_asyncapi_specifies(document: dict[str, Any]) -> None:
    if not SPECIFICATION.exists():
        missing("@asyncapi/specs", "run `make servers`")
    specification = json.loads(SPECIFICATION.read_text(encoding="utf-8"))
    assert [each.message for each in Draft7Validator(specification).iter_errors(document)] == []
    assert list(Draft7Validator(specification).iter_errors({**document, "asyncapi": "2.0.0"}))


def test_it_has_every_topic_with_what_is_on_it(document: dict[str, Any]) -> None:
    messages = {name: set(channel["messages"]) for name, channel in document["channels"].items()}
    assert list(messages) == list(TOPICS)
    assert {name for name, found in messages.items() if not found} == {EVENTS}
    assert messages["orders"] == {"order.1", "cancellation.1", "reroute.1"}
    read = {
        each["channel"]["$ref"].rpartition("/")[2]
        for each in document["operations"].values()
        if each["action"] == "receive"
    }
    # Rates and events wait for somebody who wants them.
    assert read == set(TOPICS) - {EVENTS, "rates"}


def test_what_the_hub_reads_of_its_own_messages_is_told(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name, kind in (("outcome.1", OutcomeDocument), ("reroute.1", RerouteDocument)):
        assert list(schemas[name]["properties"]) == list(kind.__struct_fields__)


def test_an_order_is_what_its_schema_says(document: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/order.1", "components": document["components"]}
    order = json.loads(Order.model_validate(an_order()).model_dump_json(exclude_defaults=True))
    validator = Draft202012Validator(schema)
    assert [each.message for each in validator.iter_errors(order)] == []
    assert list(validator.iter_errors({**order, "lines": "none"}))
