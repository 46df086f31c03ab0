"""What a dead letter says: which file or record, where in it, what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.streams.edges.reading import Job

__all__ = ["wording"]

_FAULTS = 10
"""So many are told; who mends these mends the others, or sees them next."""


def wording(job: Job, error: RecordRejectedError, line: int | None) -> str:
    """The text for the operator; ``line`` is where the record begins, in a file."""
    first = error.rejections[0]
    where = f"{job.connection.name}/{job.stream.name} {job.part.file_name or f'record {job.raw_id}'}"
    if line is not None and job.part.file_name and not first.path.startswith("line "):
        where += f", line {line}"
    return f"{where}: {_faults(error.rejections)}\n{_remedy(first.code)}"


def _faults(rejections: Sequence[Rejection]) -> str:
    told = [
        f"{each.message} [{each.code}]"
        if not each.path or each.message.startswith(each.path)
        else f"{each.path}: {each.message} [{each.code}]"
        for each in rejections[:_FAULTS]
    ]
    more = len(rejections) - len(told)
    return "\n".join([*told, *([f"and {more} more faults"] if more else [])])


def _remedy(code: str) -> str:
    if code.startswith("mapping."):
        return "Correct the mapping, or the document here, and replay this dead letter."
    if code.startswith("schema."):
        return "Correct the value at the partner or in the document here, or the mapping, and replay."
    if code.startswith("raw."):
        return "Ask the partner for it again."
    return "Correct the bytes here and replay, or ask the partner to send it again."
