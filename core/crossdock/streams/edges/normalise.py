"""The ``normalise`` processor: raw bytes are decoded, mapped, validated, and become messages of canonical documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

import structlog
from sqlalchemy import select

from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.sdk.formats.records import RecordFault
from crossdock.sdk.manifest import Entity
from crossdock.store import raw
from crossdock.store.plumbing import messages as message_log
from crossdock.store.raw import BodyStore, Raw
from crossdock.streams.edges import metrics
from crossdock.streams.edges.acknowledging import ACKNOWLEDGING_SETS, acknowledge, acknowledgements
from crossdock.streams.edges.canonical import CanonicalDocument, canonical_documents, mapping_label
from crossdock.streams.edges.connections import Connections, Stream
from crossdock.streams.edges.entities import DESTINATIONS, message_id
from crossdock.streams.edges.intake import MENDED, OMITTED, WOKEN
from crossdock.streams.edges.mapping_process import Mapped, MappedDocument
from crossdock.streams.edges.outcomes import ANSWER, complete_outcome
from crossdock.streams.edges.preparing import Preparation
from crossdock.streams.edges.reading import Item, Job, read_part
from crossdock.streams.edges.refusing import STAGE, closed, give_up
from crossdock.streams.edges.rows import row_documents
from crossdock.streams.processor import Message, Processor, Transaction
from crossdock.streams.topics import RAW

__all__ = ["normalise_processor"]


def normalise_processor(
    connections: Connections, bodies: BodyStore, *, batch: int = 200, preparation: Preparation | None = None
) -> Processor:
    """Turns raw records of ``connections`` into canonical documents; what can't be is a dead letter."""
    polled = {
        (name, spec.reconciled_by)
        for name, connection in connections.open.items()
        for spec in connection.manifest.streams.values()
        if spec.reconciled_by is not None and spec.wakes is None
    }
    handler = partial(_handle, connections, bodies, polled, preparation)
    return Processor(STAGE, RAW, handler, batch=batch, prepare=preparation.prepare if preparation else None)


@dataclass(slots=True)
class _Batch:
    """One batch: what comes out of it."""

    tx: Transaction
    bodies: BodyStore
    ready: Mapping[str, Mapped]
    emitted: list[Message] = field(default_factory=list)
    healing: list[tuple[Stream, Message]] = field(default_factory=list)


def _handle(
    connections: Connections,
    bodies: BodyStore,
    polled: set[tuple[str, str]],
    preparation: Preparation | None,
    tx: Transaction,
    messages: Sequence[Message],
) -> None:
    ready = preparation.ready if preparation else {}
    ids = {message.headers["raw_id"] for message in messages if message.id not in ready}
    raws = raw.load(tx.connection, list(ids))
    batch = _Batch(tx, bodies, ready)
    for message in messages:
        _message(connections, polled, batch, message, raws)
    tx.emit(*batch.emitted)
    _count_gap(batch)


def _message(
    connections: Connections,
    polled: set[tuple[str, str]],
    batch: _Batch,
    message: Message,
    raws: Mapping[str, Raw],
) -> None:
    name, stream_name = message.headers["connection"], message.headers["stream"]
    connection = connections.open.get(name)
    found = raws.get(message.headers["raw_id"])
    if connection is None:
        closed(batch.tx, message, found, f"connection {name} is not open")
        return
    if stream_name.startswith(ANSWER):
        complete_outcome(batch.tx, connection, batch.bodies, message, found)
        return
    stream = connection.streams.get(stream_name)
    if stream is None:
        closed(batch.tx, message, found, f"connection {name} has no stream {stream_name}")
        return
    job = Job(message, connection, stream, read_part(message), found, batch.bodies, batch.tx.now)
    first = len(batch.emitted)
    mapped = batch.ready.get(message.id)
    try:
        if mapped is not None:
            _write_down(batch, job, mapped)
        else:
            _job(batch, job)
    except RecordRejectedError as error:
        del batch.emitted[first:]
        give_up(batch.tx, job, error, [])
    if (name, stream_name) in polled and WOKEN not in message.headers:
        batch.healing.extend((stream, each) for each in batch.emitted[first:])


def _write_down(batch: _Batch, job: Job, mapped: Mapped) -> None:
    """Emit what another process has made of a record."""
    entity = job.stream.spec.emits
    for document in mapped.documents:
        _put(batch, job, entity, document, mapped.omitted)
    if mapped.omitted:
        _count_omitted(job, mapped.omitted)


def _job(batch: _Batch, job: Job) -> None:
    stream = job.stream
    if stream.by_rows:
        omitted: dict[str, int] = {}
        for document in row_documents(job, partial(give_up, batch.tx, job), omitted):
            _emit(batch, job, stream.spec.emits, document)
        _count_omitted(job, omitted)
        return
    items = list(job.items())
    if not items:
        raise RecordRejectedError(
            Rejection("format.empty", "nothing in it is a record; ask the partner what it should hold")
        )
    acknowledge(batch.tx, job)
    for item in items:
        try:
            _record(batch, job, item)
        except RecordRejectedError as error:
            give_up(batch.tx, job, error, [item])


def _record(batch: _Batch, job: Job, item: Item) -> None:
    value = item.record.value
    if isinstance(value, RecordFault):
        raise RecordRejectedError((value.rejection, *value.others))
    if job.stream.format.name == "x12" and value.get("set") in ACKNOWLEDGING_SETS:
        for document in acknowledgements(value):
            _emit(batch, job, Entity.ACKNOWLEDGEMENT, document)
        return
    document_of = {**value, "_hub": job.hub()}
    omitted: dict[str, int] = {}
    for document in canonical_documents(job.stream.mapping, job.stream.spec.emits, document_of, omitted):
        _emit(batch, job, job.stream.spec.emits, document, omitted)
    if omitted:
        _count_omitted(job, omitted)


def _emit(
    batch: _Batch,
    job: Job,
    entity: Entity,
    document: CanonicalDocument,
    omitted: Mapping[str, int] | None = None,
) -> None:
    destination = DESTINATIONS[entity]
    name = job.connection.name
    identity = message_id(entity, destination, name, document.model, document.body)
    key = destination.key(name, document.model)
    _put(batch, job, entity, MappedDocument(document.schema, identity, key, document.body), omitted)


def _put(
    batch: _Batch,
    job: Job,
    entity: Entity,
    document: MappedDocument,
    omitted: Mapping[str, int] | None,
) -> None:
    identity = document.id
    headers = {**job.headers, "schema": document.schema}
    if job.is_replay and entity is Entity.STOCK_FEED:
        # A mended row is news beside the part it was left out of, which has gone out under this id.
        row = job.message.id.partition("#")[2]
        identity += f"#{row}"
        if row:
            headers[MENDED] = "1"
    if omitted:
        headers[OMITTED] = ", ".join(f"{path}: {count}" for path, count in sorted(omitted.items()))
    label = mapping_label(job.stream.mapping)
    if label is not None:
        headers["mapping"] = label
    batch.emitted.append(Message(identity, DESTINATIONS[entity].topic, document.key, document.body, headers))


def _count_omitted(job: Job, omitted: Mapping[str, int]) -> None:
    """Say what the mapping has left out by its conditions: it is no fault, but nobody should have to guess it."""
    connection, stream = job.connection.name, job.stream.name
    for path, count in omitted.items():
        metrics.ITEMS_OMITTED.labels(connection, stream, path).inc(count)
        # Of single documents the order's story tells it; files have none.
        log = structlog.get_logger(__name__)
        (log.info if job.part.file_name else log.debug)(
            "left out by the mapping",
            connection=connection,
            stream=stream,
            record=job.part.file_name or job.raw_id,
            mapping=mapping_label(job.stream.mapping),
            path=path,
            count=count,
        )


def _count_gap(batch: _Batch) -> None:
    """Count what polls brought that no webhook had: documents that are on no topic yet."""
    log = message_log.c
    by_topic = groupby(sorted(batch.healing, key=lambda each: each[1].topic), key=lambda each: each[1].topic)
    for topic, group in by_topic:
        brought = {message.id: stream for stream, message in group}
        known = batch.tx.connection.execute(
            select(log.message_id).where(log.topic == topic, log.message_id.in_(list(brought)))
        )
        for missing in brought.keys() - set(known.scalars()):
            stream = brought[missing]
            metrics.WEBHOOK_GAP.labels(stream.connection, stream.name).inc()
