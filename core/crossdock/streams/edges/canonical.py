"""From a partner's decoded document to canonical ones: mapped, upcast, validated, with every fault at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from crossdock.mapping.compiled import CompiledMapping
from crossdock.mapping.faults import MappingError
from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.sdk.manifest import Entity
from crossdock_schemas.base import Canonical
from crossdock_schemas.registry import ENTITIES, current, upcast

__all__ = ["CanonicalDocument", "canonical_documents", "mapping_label"]

_SHOWN_CHARACTERS = 60
_current: dict[Entity, str] = {entity: current(entity) for entity in Entity}


class CanonicalDocument(NamedTuple):
    """A valid canonical document: its schema (``order/1``), its model, and its JSON."""

    schema: str
    model: Canonical
    body: bytes


def mapping_label(mapping: CompiledMapping | None) -> str | None:
    """Such as ``shopify/order@3``."""
    return None if mapping is None else f"{mapping.name}@{mapping.version}"


def canonical_documents(
    mapping: CompiledMapping | None,
    emits: Entity,
    value: dict[str, Any],
    omitted: dict[str, int] | None = None,
) -> list[CanonicalDocument]:
    """Map ``value`` and validate what comes out; without a mapping it is canonical already.

    How many items the mapping leaves out is added to ``omitted``, by their path in the canonical document.

    Raises:
        RecordRejectedError: With all faults. Of a mapping's, ``path`` is in the source; of a schema's, ``path`` is
            in the canonical document, since by then nobody knows the source.
    """
    schema = _current[emits]
    if mapping is None:
        value.pop("_hub", None)
        documents = [value]
    else:
        try:
            result = mapping.map(value)
        except MappingError as error:
            raise RecordRejectedError(_mapping_faults(error), detail=str(error)) from error
        schema, documents = mapping.target or schema, result.documents
        if omitted is not None:
            omitted.update({path: omitted.get(path, 0) + count for path, count in result.omitted.items()})
    return [_validated(schema, document, index) for index, document in enumerate(documents)]


def _validated(schema: str, document: dict[str, Any], index: int) -> CanonicalDocument:
    schema, document = upcast(schema, document)
    try:
        model = ENTITIES[schema].model_validate(document)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        raise RecordRejectedError(tuple(_schema_faults(schema, faults, index)), detail=str(error)) from error
    return CanonicalDocument(
        schema, model, model.__pydantic_serializer__.to_json(model, exclude_defaults=True)
    )


def _mapping_faults(error: MappingError) -> tuple[Rejection, ...]:
    return tuple(
        Rejection(fault.code, fault.message, fault.source_path, fault.target_path, fault.value)
        for fault in error.faults
    )


def _schema_faults(schema: str, faults: Iterable[ErrorDetails], index: int) -> Iterable[Rejection]:
    for fault in faults:
        path = "$"
        for step in fault["loc"]:
            path += f"[{step}]" if isinstance(step, int) else f".{step}"
        message = fault["msg"].removeprefix("Value error, ")
        shown = repr(fault["input"])[:_SHOWN_CHARACTERS]
        said = f"{path} of the {schema} that the mapping makes: {message} (value: {shown})"
        yield Rejection(f"schema.{fault['type']}", said, path, f"{index}", shown)
