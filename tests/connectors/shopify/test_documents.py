"""Our GraphQL documents against every version of the vendor's schema that a connection may choose."""

from __future__ import annotations

from typing import get_args

import pytest
from graphql import NoDeprecatedCustomRule, OperationDefinitionNode, parse, validate

from crossdock_connectors.shopify import documents
from crossdock_connectors.shopify.config import ApiVersion
from tests.connectors.shopify.shop import VERSIONS, schema_of


def test_the_versions_offered_are_those_that_are_tested() -> None:
    assert get_args(ApiVersion) == VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", documents.__all__)
def test_is_valid_and_asks_for_nothing_deprecated(name: str, version: str) -> None:
    document = parse(getattr(documents, name))
    schema = schema_of(version)
    assert validate(schema, document) == []
    assert validate(schema, document, [NoDeprecatedCustomRule]) == []


def test_stock_is_published_under_an_idempotency_key() -> None:
    operation = parse(documents.PUBLISH_STOCK).definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    (field,) = operation.selection_set.selections
    assert [directive.name.value for directive in field.directives or ()] == ["idempotent"]
