"""Sample documents for mappings, read as the hub reads them: in the format and dialect of a stream."""

from __future__ import annotations

import csv
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from crossdock.errors import MisconfiguredError
from crossdock.mapping import CompiledMapping, MappingFault
from crossdock.mapping.analysis import reads
from crossdock.mapping.cases import decode_sample
from crossdock.mapping.yaml_text import read_yaml
from crossdock.sdk.clock import SystemClock
from crossdock.sdk.errors import Rejection
from crossdock.sdk.formats import Format, RecordFault, format_named
from crossdock.sdk.formats.records import Record

__all__ = [
    "DialectFile",
    "FormatName",
    "Sample",
    "StreamName",
    "Wording",
    "formatted",
    "of_stream",
    "samples",
    "wording_of",
]

FormatName = Annotated[
    str | None,
    typer.Option("--format", help="json, ndjson, csv, fixed_width, xml or x12; else by the file's name."),
]
DialectFile = Annotated[
    Path | None, typer.Option("--dialect", help="A YAML file with the format's dialect, as under a stream.")
]
StreamName = Annotated[
    str | None,
    typer.Option(
        "--stream", metavar="CONNECTION/STREAM", help="Format, dialect and defaults of this stream."
    ),
]

_BY_SUFFIX = {".xml": "xml", ".x12": "x12", ".edi": "x12"}
_ACKNOWLEDGEMENTS = ("997", "TA1")
"""Read by the hub itself, not by a mapping."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How files are to be read.

    Attributes:
        format: Name of a format; ``None``: by the file's name.
        dialect: As in the configuration.
        hub: What mappings see as ``_hub`` beside what is known of the file.
        mapping: That of the stream, where one was named.
    """

    format: str | None = None
    dialect: Mapping[str, Any] = field(default_factory=dict)
    hub: Mapping[str, Any] = field(default_factory=dict)
    mapping: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One document, or why it is none."""

    name: str
    value: Any = None
    faults: tuple[Rejection, ...] = ()

    def mapping_faults(self, mapping: CompiledMapping) -> list[MappingFault]:
        """The faults in the words of a mapping."""
        return [
            MappingFault(
                mapping.name, mapping.version, each.code, each.path or self.name, "", each.value, each.message
            )
            for each in self.faults
        ]


def wording_of(stream: str | None, format_name: str | None, dialect: Path | None, config: Path) -> Wording:
    """What the options say.

    Raises:
        MisconfiguredError: They contradict each other, or name what is not there.
    """
    if stream is not None and (format_name or dialect):
        raise MisconfiguredError("--stream says format and dialect: leave --format and --dialect out")
    if stream is not None:
        return of_stream(stream, config)
    if dialect is not None and format_name is None:
        raise MisconfiguredError("--dialect needs --format")
    given: Mapping[str, Any] = {}
    if dialect is not None:
        given = read_yaml(dialect.read_text("utf-8-sig"), str(dialect)).value
        if not isinstance(given, Mapping):
            raise MisconfiguredError(f"{dialect}: a dialect is keys and values, see docs/formats.md")
    if format_name is not None:
        format_named(format_name, given)
    return Wording(format_name, given)


def of_stream(named: str, path: Path) -> Wording:
    """How the stream ``CONNECTION/STREAM`` of the configuration at ``path`` is read.

    Raises:
        MisconfiguredError: There is no such stream.
    """
    from crossdock.config.load import load_config
    from crossdock.sdk.registry import discover

    connection, _, stream = named.partition("/")
    config = load_config(path)
    declared = config.connections.get(connection)
    if declared is None:
        known = ", ".join(sorted(config.connections)) or "none"
        raise MisconfiguredError(
            f"--stream {named}: {path} has no connection {connection!r}; it has: {known}"
        )
    spec = discover().get(declared.connector).manifest.stream(stream)
    own = declared.streams.get(stream)
    format_name = (own and own.format) or spec.format or ("xml" if spec.answers else "json")
    dialect = own.dialect if own else {}
    format_named(format_name, dialect)
    hub = {**(own.defaults if own else {}), "connection": connection, "stream": stream}
    return Wording(format_name, dialect, hub, (own and own.mapping) or spec.mapping)


def samples(files: Sequence[str], mapping: CompiledMapping, wording: Wording) -> Iterator[Sample]:
    """All documents in ``files``, folders of them, or standard input (``-``).

    Raises:
        MisconfiguredError: A file is not there, or can't be read in its format.
    """
    for file in files:
        if file == "-":
            yield from _read("standard input", sys.stdin.buffer.read(), ".json", mapping, wording)
            continue
        path = Path(file)
        if not path.exists():
            raise MisconfiguredError(f"there is no file {file}")
        for one in sorted(path.iterdir()) if path.is_dir() else [path]:
            if one.is_file():
                yield from _read(str(one), one.read_bytes(), one.suffix, mapping, wording)


def _read(
    name: str, data: bytes, suffix: str, mapping: CompiledMapping, wording: Wording
) -> Iterator[Sample]:
    format_name = wording.format or _BY_SUFFIX.get(suffix)
    if format_name is not None:
        form = format_named(format_name, wording.dialect)
        if rejections := form.inspect([data]).rejections:
            yield Sample(name, faults=rejections)
        yield from formatted(
            name, form.name, _records(form, data), mapping, wording, _hub(name, data, wording)
        )
        return
    try:
        text = data.decode("utf-8-sig")
        if suffix == ".csv":
            yield from _plain_rows(name, text, mapping)
        elif suffix in (".ndjson", ".jsonl"):
            for number, line in enumerate(text.splitlines(), start=1):
                if line.strip():
                    yield Sample(f"{name}:{number}", decode_sample("x.json", line))
        else:
            yield Sample(name, decode_sample(f"x{suffix}", text))
    except ValueError as error:
        raise MisconfiguredError(
            f"{name} can't be read as {suffix or 'JSON'}: {error}; say what it is with --format or --stream"
        ) from error


def _plain_rows(name: str, text: str, mapping: CompiledMapping) -> Iterator[Sample]:
    """Give a CSV file as one list where the mapping reads a list of rows, else row by row."""
    rows = list(csv.DictReader(text.splitlines(keepends=True), strict=True))
    if any(path.startswith("$[*]") for path in reads(mapping)):
        yield Sample(name, rows)
    elif _reads(mapping, "rows"):
        yield Sample(name, {"rows": rows, "_hub": _hub(name, text.encode(), Wording())})
    else:
        yield from (Sample(f"{name}: row {number}", row) for number, row in enumerate(rows, start=1))


def _records(form: Format, data: bytes) -> Iterator[Record]:
    for frame in form.frames([data]):
        yield from form.parse(frame)


def formatted(
    name: str,
    format_name: str,
    records: Iterable[Record],
    mapping: CompiledMapping,
    wording: Wording,
    hub: Mapping[str, Any],
) -> Iterator[Sample]:
    """The documents that the hub would give to ``mapping``, and the faults of records; rows make one document."""
    rows = []
    beside = {"_hub": hub} if wording.hub or _reads(mapping, "_hub") else {}
    for record in records:
        place, value = f"{name}: line {record.line}", record.value
        if isinstance(value, RecordFault):
            yield Sample(place, faults=(value.rejection, *value.others))
        elif format_name == "x12" and value.get("set") in _ACKNOWLEDGEMENTS:
            continue
        elif _reads(mapping, "rows") and "rows" not in value:
            rows.append(value)
        else:
            yield Sample(place, {**value, **beside})
    if rows:
        yield Sample(name, {"rows": rows, "_hub": hub})


def _reads(mapping: CompiledMapping, member: str) -> bool:
    return any(path.startswith((f"$.{member}.", f"$.{member}[")) for path in reads(mapping))


def _hub(name: str, data: bytes, wording: Wording) -> dict[str, Any]:
    """What the hub says of a file beside its content."""
    identity = hashlib.sha256(data).hexdigest()[:32]
    now = SystemClock().now().isoformat().replace("+00:00", "Z")
    known = {"raw_id": identity, "feed_id": identity, "received_at": now, "occurred_at": None,
             "file_name": Path(name).name, "file_modified_at": None, "part": 1, "last": True,
             "first_line": 1}  # fmt: skip
    return {**known, **wording.hub}
