"""``crossdock map``: run, test, measure and compare mappings before they meet real documents."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from crossdock.cli.letter_samples import DEAD_LETTERS, letter_samples
from crossdock.cli.map_output import show_cases, show_differences, show_faults, show_paths
from crossdock.cli.output import ConfigFile
from crossdock.cli.samples import DialectFile, FormatName, Sample, StreamName, Wording, samples, wording_of
from crossdock.mapping import CompiledMapping, MappingDefinitionError, MappingError, MappingFault
from crossdock.mapping.analysis import Change, changes, coverage
from crossdock.mapping.cases import run_cases
from crossdock.mapping.files import FolderReader
from crossdock.mapping.library import MappingEntry, MappingLibrary
from crossdock.mapping.yaml_text import read_yaml
from crossdock.sdk.errors import CrossdockError
from crossdock_schemas.registry import ENTITIES

map_app = typer.Typer(no_args_is_help=True, help="Run, test, measure and compare mappings.")

_JSON = msgspec.json.Encoder(decimal_format="number")
_SAMPLES = "JSON, NDJSON, YAML, CSV, fixed width, XML or X12 files, folders of them, or - for standard input"
_REFERENCE = "A mapping's id (shopify/order) or its file (mine/shopify/order.yaml)"

Mappings = Annotated[
    list[Path] | None, typer.Option("--mappings", help="A folder with your own mappings; may be repeated.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON document instead of text.")]
Samples = Annotated[list[str], typer.Argument(metavar="FILE...", help=_SAMPLES)]
Reference = Annotated[str, typer.Argument(metavar="MAPPING", help=_REFERENCE)]


@map_app.command()
def run(
    file: Annotated[str, typer.Argument(metavar="FILE", help=_SAMPLES)],
    mapping: Annotated[
        str | None, typer.Argument(metavar="MAPPING", help=f"{_REFERENCE}; that of --stream if none.")
    ] = None,
    mappings: Mappings = None,
    stream: StreamName = None,
    format_name: FormatName = None,
    dialect: DialectFile = None,
    config: ConfigFile = Path("crossdock.yaml"),
    as_json: AsJson = False,
) -> None:
    """Map a document and show the result, or every reason why it can't be mapped. Exit code 1 on a fault."""
    wording = _wording(stream, format_name, dialect, config)
    compiled = _load(
        mapping or wording.mapping or _fail("name a mapping, or a --stream that has one"), mappings
    )
    documents: list[Any] = []
    faults: list[MappingFault] = []
    omitted: Counter[str] = Counter()
    for sample in _read([file], compiled, wording, config):
        faults.extend(sample.mapping_faults(compiled))
        if sample.faults:
            continue
        try:
            result = compiled.map(sample.value)
        except MappingError as error:
            faults.extend(error.faults)
            continue
        documents.append(result.output)
        omitted.update(result.omitted)
    if as_json:
        _write({"documents": documents, "omitted": omitted, "faults": [asdict(fault) for fault in faults]})
    else:
        for document in documents:
            Console().print_json(_JSON.encode(document).decode())
        for name, count in omitted.items():
            _note(f"left out by 'where': {count} at {name}")
        show_faults(faults)
    raise typer.Exit(1 if faults else 0)


@map_app.command("test")
def run_tests(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[MAPPING]...", help="Ids; all if none.")
    ] = None,
    mappings: Mappings = None,
    as_json: AsJson = False,
) -> None:
    """Compile mappings and run the cases in NAME.tests.yaml beside each. Exit code 1 if anything fails."""
    library = _library(mappings)
    rows: list[dict[str, Any]] = []
    for entry in _chosen(library, names):
        try:
            library.get(entry.name)
            results = run_cases(library, entry.name, entry.reader)
        except MappingDefinitionError as error:
            rows.append(
                {"mapping": entry.name, "case": "(file)", "problems": [str(p) for p in error.problems]}
            )
            continue
        rows.extend({"mapping": r.mapping, "case": r.name, "problems": list(r.problems)} for r in results)
        if not results and entry.target:
            rows.append({"mapping": entry.name, "case": "(no tests file)", "problems": []})
    failed = sum(bool(row["problems"]) for row in rows)
    if as_json:
        _write({"cases": rows, "failed": failed})
    else:
        show_cases(rows, failed)
    raise typer.Exit(1 if failed else 0)


@map_app.command("coverage")
def show_coverage(
    mapping: Reference,
    files: Samples,
    mappings: Mappings = None,
    stream: StreamName = None,
    format_name: FormatName = None,
    dialect: DialectFile = None,
    config: ConfigFile = Path("crossdock.yaml"),
    as_json: AsJson = False,
) -> None:
    """Show what is in sample documents and never read, and which canonical fields are never set."""
    compiled = _load(mapping, mappings)
    wording = _wording(stream, format_name, dialect, config)
    entity = ENTITIES.get(compiled.target)
    schema = None if entity is None else entity.model_json_schema()
    found = coverage(compiled, _documents(_read(files, compiled, wording, config)), schema)
    if as_json:
        _write(asdict(found))
        return
    console = Console()
    console.print(f"[bold]{escape(compiled.name)} v{compiled.version}[/]")
    unread = tuple(f"{path}  ({count})" for path, count in found.unread.items())
    show_paths(console, "in the samples, but never read (how often)", unread)
    show_paths(console, "read, but in none of the samples", found.absent)
    show_paths(console, f"in {compiled.target or 'the target'}, but never set", found.unset)


@map_app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help=_REFERENCE)],
    new: Annotated[str, typer.Argument(metavar="NEW", help=_REFERENCE)],
    on: Annotated[
        list[str],
        typer.Option("--on", metavar="FILE", help=f"{_SAMPLES}; or dead-letters: those that OLD has left"),
    ],
    mappings: Mappings = None,
    stream: StreamName = None,
    format_name: FormatName = None,
    dialect: DialectFile = None,
    config: ConfigFile = Path("crossdock.yaml"),
    as_json: AsJson = False,
) -> None:
    """Show what another version of a mapping changes for sample documents. Exit code 1 if anything."""
    before, after = _load(old, mappings), _load(new, mappings)
    wording = _wording(stream, format_name, dialect, config)
    differences: dict[str, list[Change]] = {}
    total = 0
    for sample in _read(on, before, wording, config):
        if sample.faults:
            _note(f"{sample.name}: {sample.faults[0].message}")
            continue
        total += 1
        if found := list(changes(_outcome(before, sample.value), _outcome(after, sample.value))):
            differences[sample.name] = found
    if as_json:
        rows = {name: [asdict(change) for change in found] for name, found in differences.items()}
        _write({"documents": total, "changed": len(rows), "differences": rows})
    else:
        show_differences(differences, total)
    raise typer.Exit(1 if differences else 0)


def _outcome(mapping: CompiledMapping, sample: Any) -> dict[str, Any]:
    try:
        result = mapping.map(sample)
    except MappingError as error:
        return {"faults": [f"{f.source_path} -> {f.target_path}: {f.message}" for f in error.faults]}
    return {"output": result.output, "omitted": result.omitted}


# --- reading ------------------------------------------------------------------------------------------------


def _library(folders: list[Path] | None) -> MappingLibrary:
    for folder in folders or []:
        if not folder.is_dir():
            _fail(f"{folder} is not a folder; --mappings takes the folder that holds NAME/NAME.yaml files")
    return MappingLibrary.packaged(*(FolderReader(folder) for folder in folders or []))


def _load(reference: str, folders: list[Path] | None) -> CompiledMapping:
    try:
        if not reference.endswith((".yaml", ".yml")):
            return _library(folders).get(reference)
        path = Path(reference).resolve()
        if not path.is_file():
            _fail(f"there is no file {reference}")
        value = read_yaml(path.read_text("utf-8-sig"), reference).value
        name = str(value.get("mapping")) if isinstance(value, dict) else ""
        if not path.as_posix().endswith(f"/{name}.yaml"):
            _fail(f"{reference} says 'mapping: {name}', so its path must end with {name}.yaml")
        root = path.parents[name.count("/")]
        return _library([*(folders or []), root]).get(name)
    except MappingDefinitionError as error:
        _fail(str(error))


def _chosen(library: MappingLibrary, names: list[str] | None) -> list[MappingEntry]:
    try:
        entries = library.entries()
    except MappingDefinitionError as error:
        _fail(str(error))
    known = {entry.name for entry in entries}
    if unknown := [name for name in names or [] if name not in known]:
        _fail(f"there is no mapping {', '.join(unknown)}; there are: {', '.join(sorted(known)) or 'none'}")
    return [entry for entry in entries if not names or entry.name in names]


def _read(files: list[str], mapping: CompiledMapping, wording: Wording, config: Path) -> Iterator[Sample]:
    with _told():
        found = (
            letter_samples(mapping, config) if files == [DEAD_LETTERS] else samples(files, mapping, wording)
        )
        yield from found


def _wording(stream: str | None, format_name: str | None, dialect: Path | None, config: Path) -> Wording:
    with _told():
        return wording_of(stream, format_name, dialect, config)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except CrossdockError as error:
        _fail(error.message)


def _documents(found: Iterator[Sample]) -> Iterator[Any]:
    """The documents; what is none is told and left out."""
    for sample in found:
        if sample.faults:
            _note(f"{sample.name}: {sample.faults[0].message}")
        else:
            yield sample.value


# --- writing ------------------------------------------------------------------------------------------------


def _fail(message: str) -> NoReturn:
    Console(stderr=True).print(f"[red]error:[/] {escape(message)}", soft_wrap=True)
    raise typer.Exit(2)


def _note(message: str) -> None:
    Console(stderr=True).print(f"[yellow]{escape(message)}[/]")


def _write(value: Any) -> None:
    sys.stdout.write(msgspec.json.format(_JSON.encode(value), indent=2).decode() + "\n")
