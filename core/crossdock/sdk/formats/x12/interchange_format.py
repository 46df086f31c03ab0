"""X12 as a file format: one record a transaction set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from crossdock.sdk.errors import Rejection
from crossdock.sdk.formats.records import (
    START,
    Document,
    FileVerdict,
    Frame,
    Position,
    Record,
    RecordFault,
    blocks,
)
from crossdock.sdk.formats.rows import KEPT_OF_FAULT, inspect_records
from crossdock.sdk.formats.x12.acknowledgements import SetOutcome, acknowledgement
from crossdock.sdk.formats.x12.dialect import X12Dialect
from crossdock.sdk.formats.x12.documents import read_body
from crossdock.sdk.formats.x12.envelope_keys import group_keys, interchange_keys
from crossdock.sdk.formats.x12.envelopes import Group, Interchange, Note, SetSpan, survey
from crossdock.sdk.formats.x12.framing import interchange_frames
from crossdock.sdk.formats.x12.interchange_acknowledgements import interchange_acknowledgement, is_requested
from crossdock.sdk.formats.x12.problems import Problem
from crossdock.sdk.formats.x12.segments import segments
from crossdock.sdk.formats.x12.writing import write_interchanges

__all__ = ["X12Format"]


class X12Format:
    """Transaction sets as documents.

    A document has the keys ``set``, ``control``, ``interchange`` and ``group`` beside its segments and loops. A TA1
    is a document too, of set ``TA1`` and without a group.
    A defect of an interchange or a group is one fault in place of its sets; a defect of a set is the fault of
    that set.
    """

    name = "x12"

    def __init__(self, dialect: X12Dialect) -> None:
        """Take the declared dialect."""
        self.dialect = dialect

    def inspect(self, chunks: Iterable[bytes]) -> FileVerdict:
        """Read the whole file.

        One that is cut off within an interchange, or holds none, is rejected as a whole.
        """
        return inspect_records(self, chunks)

    def frames(self, chunks: Iterable[bytes], start: Position = START) -> Iterator[Frame]:
        """Give each interchange as one frame."""
        return interchange_frames(
            blocks(chunks, self.dialect.frame_bytes), start, self.dialect.max_interchange_bytes
        )

    def parse(self, frame: Frame) -> Iterator[Record]:
        """Read the sets of an interchange."""
        start = frame.start
        if frame.fault and frame.fault.code not in self.dialect.tolerate:
            yield Record(start.number, start.line, start.offset, RecordFault(frame.fault, frame.data))
            return
        interchange = survey(frame.data)
        if problems := self._intolerable(interchange.problems):
            yield Record(start.number, start.line, start.offset, _fault(problems, frame.data))
            return
        number = start.number
        line, counted = start.line, 0
        for note in interchange.notes:
            line, counted = line + frame.data.count(b"\n", counted, note.offset), note.offset
            yield Record(number, line, start.offset + note.offset, _note(interchange, note))
            number += 1
        for group in interchange.groups:
            problems = self._intolerable(group.problems)
            first = group.sets[0].start if group.sets else 0
            if problems:
                last = group.sets[-1].end if group.sets else 0
                yield Record(number, line, start.offset + first, _fault(problems, frame.data[first:last]))
            for span in group.sets:
                line, counted = line + frame.data.count(b"\n", counted, span.start), span.start
                if not problems:
                    value = self._set(frame.data, interchange, group, span)
                    yield Record(number, line, start.offset + span.start, value)
                number += 1

    def write(self, records: Iterable[Document]) -> Iterator[bytes]:
        """Write sets in their envelopes; see ``write_interchanges``."""
        return write_interchanges(records, self.dialect)

    def acknowledge(self, frame: Frame) -> Iterator[Document]:
        """Build a 997 for each group of a received interchange, but none for acknowledgements, and a TA1.

        The documents lack ``control``, ``interchange`` and ``group``, which the caller adds before writing.
        There is a TA1 where ISA14 asks for it, and for an interchange that is rejected as a whole, which has no
        997. One that ends in the middle, or has no ISA that can be read, has neither.
        """
        if frame.fault:
            return
        interchange = survey(frame.data)
        if problems := self._intolerable(interchange.problems):
            yield interchange_acknowledgement(interchange, problems)
            return
        yield from self._of_groups(frame, interchange)
        if is_requested(interchange):
            yield interchange_acknowledgement(interchange, ())

    def _of_groups(self, frame: Frame, interchange: Interchange) -> Iterator[Document]:
        for group in interchange.groups:
            if group.header[0] == "FA":
                continue
            outcomes = [
                SetOutcome(
                    span.name, span.control, tuple(self._read(frame.data, interchange, group, span)[1])
                )
                for span in group.sets
            ]
            yield acknowledgement(
                group, self._intolerable(group.problems), outcomes, group.stated or str(len(outcomes))
            )

    def _intolerable(self, problems: Iterable[Problem]) -> list[Problem]:
        return [problem for problem in problems if problem.code not in self.dialect.tolerate]

    def _set(
        self, data: bytes, interchange: Interchange, group: Group, span: SetSpan
    ) -> Document | RecordFault:
        body, problems = self._read(data, interchange, group, span)
        if problems:
            return _fault(problems, data[span.start : span.end])
        return {
            "set": span.name,
            "control": span.control,
            "interchange": interchange_keys(interchange.header),
            "group": group_keys(group.header),
            **body,
        }

    def _read(
        self, data: bytes, interchange: Interchange, group: Group, span: SetSpan
    ) -> tuple[Document, list[Problem]]:
        path = f"interchange {interchange.control}, group {group.control}, set {span.control}"
        transaction = self.dialect.map_of(span.name)
        problems = self._intolerable(span.problems)
        if transaction is None:
            message = f"there is no map of set {span.name!r}: add it to dialect.maps"
            rejection = Rejection(
                "x12.unknown_set", message, f"{path}, segment 1 (ST), element 01", value=span.name
            )
            return {}, [*problems, Problem(rejection, "ST", 1)]
        if transaction.group != group.header[0]:
            message = f"a {span.name} stands in a group {transaction.group}, this one is {group.header[0]}"
            rejection = Rejection(
                "x12.set_header", message, f"{path}, segment 1 (ST), element 01", value=span.name
            )
            return {}, [*problems, Problem(rejection, "ST", 1)]
        held = data[span.start : span.end]
        inner = islice(segments(held, interchange.delimiters), 1, span.count - span.closed)
        body, found = read_body(
            inner,
            transaction,
            path=path,
            component=interchange.delimiters.component,
            encoding=self.dialect.encoding,
            keep_unknown=self.dialect.unknown_segments == "keep",
        )
        return body, problems + found


def _note(interchange: Interchange, note: Note) -> Document:
    return {
        "set": "TA1",
        "control": interchange.control,
        "interchange": interchange_keys(interchange.header),
        "TA1": {f"{at:02}": text for at, text in enumerate(note.elements, 1)},
    }


def _fault(problems: list[Problem], raw: bytes) -> RecordFault:
    first, *others = [problem.rejection for problem in problems]
    return RecordFault(first, raw[:KEPT_OF_FAULT], tuple(others))
