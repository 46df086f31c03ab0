"""X12 acknowledgements: those of partners (997, TA1) become canonical, the 997s that we owe become commands."""

from __future__ import annotations

from collections.abc import Iterator

from crossdock.sdk.formats import encode_json
from crossdock.sdk.formats.records import Document
from crossdock.sdk.formats.x12.acknowledgements import read_acknowledgement
from crossdock.sdk.formats.x12.interchange_acknowledgements import read_interchange_acknowledgement
from crossdock.sdk.formats.x12.interchange_format import X12Format
from crossdock.sdk.manifest import Entity
from crossdock.store.commands import CommandRow, enqueue
from crossdock.streams.edges.canonical import CanonicalDocument, canonical_documents
from crossdock.streams.edges.reading import Job
from crossdock.streams.processor import Transaction

__all__ = ["ACKNOWLEDGING_SETS", "COMMAND", "acknowledge", "acknowledgements"]

ACKNOWLEDGING_SETS = ("997", "TA1")
"""What is read here and not by a mapping."""

COMMAND = "acknowledgement.send"
"""A connection with this command owes its partner a 997 for every group it sends."""

_STATUS = {"accepted": "accepted", "partial": "accepted_with_errors", "rejected": "rejected"}


def acknowledgements(document: Document) -> Iterator[CanonicalDocument]:
    """A parsed 997: one ``acknowledgement/1`` for the group, and one for each set that it names. A TA1: one.

    Raises:
        RecordRejectedError: It is no good 997 or TA1.
    """
    if document.get("set") == "TA1":
        yield from _of_interchange(document)
        return
    found = read_acknowledgement(document)
    interchange = document.get("interchange")
    control = interchange.get("control") if isinstance(interchange, dict) else ""
    name = f"{control}/{document.get('control')}/{found.control}"
    group = {"external_id": name, "group_control": found.control, "document_kind": found.function}
    yield from canonical_documents(
        None,
        Entity.ACKNOWLEDGEMENT,
        {**group, "status": _STATUS[found.status], "errors": [reason[:512] for reason in found.reasons]},
    )
    for each in found.sets:
        yield from canonical_documents(
            None,
            Entity.ACKNOWLEDGEMENT,
            {
                **group,
                "external_id": f"{name}/{each.control}",
                "document_control": each.control,
                "document_kind": each.name,
                "status": "accepted" if each.accepted else "rejected",
                "errors": [reason[:512] for reason in each.reasons],
            },
        )


def _of_interchange(document: Document) -> Iterator[CanonicalDocument]:
    """Our control numbers of interchange and group are the same, so that a TA1 speaks of the one group in it."""
    found = read_interchange_acknowledgement(document)
    said = {
        "external_id": f"{document.get('control')}/TA1/{found.control}",
        "group_control": str(int(found.control)),
        "document_kind": "TA1",
        "status": found.status,
        "errors": [found.reason] if found.reason else [],
    }
    yield from canonical_documents(None, Entity.ACKNOWLEDGEMENT, said)


def acknowledge(tx: Transaction, job: Job) -> None:
    """Owe the partner a 997 for each group that was read; once, however often it is read."""
    format_ = job.stream.format
    if not isinstance(format_, X12Format) or COMMAND not in job.connection.commands or job.is_replay:
        return
    rows = [
        CommandRow(
            connection=job.connection.name,
            name=COMMAND,
            order_key=f"acknowledgement:{job.raw_id}",
            idempotency_key=f"{COMMAND}:{job.raw_id}:{frame.offset}:{number}",
            payload=encode_json(document),
            refs={"raw": job.raw_id},
            correlation_id=job.message.headers["correlation_id"],
            created_at=tx.now,
        )
        for frame in job.frames()
        for number, document in enumerate(format_.acknowledge(frame))
    ]
    enqueue(tx.connection, rows)
