"""What can't be normalised: the dead letter that says why, where, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from crossdock.sdk.errors import RecordRejectedError
from crossdock.store import raw
from crossdock.store.raw import Raw
from crossdock.streams.edges import metrics
from crossdock.streams.edges.canonical import mapping_label
from crossdock.streams.edges.reading import Item, Job
from crossdock.streams.edges.wording import wording
from crossdock.streams.processor import DeadLetter, Message, Transaction

__all__ = ["STAGE", "closed", "give_up"]

STAGE = "normalise"


def give_up(tx: Transaction, job: Job, error: RecordRejectedError, items: Sequence[Item]) -> None:
    """One dead letter: of ``items`` (one record, or the rows of one document), or of the whole part."""
    single = items[0] if len(items) == 1 and _stands_alone(job) else None
    first = error.rejections[0]
    path = first.path if not items or first.path.startswith("line ") else f"{_line_of(items[0])}{first.path}"
    data = b"".join(item.data for item in items) if items else _readable(job)
    metrics.RECORDS_REJECTED.labels(job.connection.name, job.stream.name).inc()
    tx.dead_letter(
        DeadLetter(
            stage=STAGE,
            code=first.code,
            message=wording(job, error, items[0].record.line if items else None),
            path=path,
            body=data,
            original=job.original(single) if first.code != "raw.pruned" else None,
            raw_id=job.raw_id,
            mapping=mapping_label(job.stream.mapping),
            connection=job.connection.name,
        )
    )


def _stands_alone(job: Job) -> bool:
    """Whether one record can be read without the others: not a set of an X12 interchange, nor a lone document."""
    dialect = getattr(job.stream.format, "dialect", None)
    lone = job.stream.format.name == "json" and getattr(dialect, "layout", "") == "document"
    return job.stream.cut and job.stream.format.name != "x12" and not lone


def _line_of(item: Item) -> str:
    return f"line {item.record.line}: " if item.record.line > 1 or item.record.number > 1 else ""


def _readable(job: Job) -> bytes:
    try:
        return job.data()[: raw.INLINE_BYTES]
    except RecordRejectedError:
        return job.message.body


def closed(tx: Transaction, message: Message, found: Raw | None, why: str) -> None:
    """The dead letter of a record whose connection or stream is not there any more."""
    body = (found.body if found else None) or message.body
    tx.dead_letter(
        DeadLetter(
            stage=STAGE,
            code="connection.closed",
            message=f"{why}: correct the configuration, start the hub again, and replay this",
            path="",
            body=body,
            original=message,
            raw_id=message.headers["raw_id"],
            connection=message.headers["connection"],
        )
    )
