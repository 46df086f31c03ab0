"""``crossdock map``: run, test, measure and compare mappings before they meet real documents."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from crossdock.mapping import CompiledMapping, MappingDefinitionError, MappingError, MappingFault
from crossdock.mapping.analysis import Change, changes, coverage, reads
from crossdock.mapping.cases import decode_sample, run_cases
from crossdock.mapping.faults import shorten
from crossdock.mapping.files import FolderReader
from crossdock.mapping.library import MappingEntry, MappingLibrary
from crossdock.mapping.yaml_text import read_yaml
from crossdock_schemas.registry import ENTITIES

map_app = typer.Typer(no_args_is_help=True, help="Run, test, measure and compare mappings.")

_JSON = msgspec.json.Encoder(decimal_format="number")
_SAMPLES = "JSON, NDJSON, YAML or CSV files, folders of them, or - for JSON on standard input"
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
    mapping: Reference,
    mappings: Mappings = None,
    as_json: AsJson = False,
) -> None:
    """Map a document and show the result, or every reason why it can't be mapped. Exit code 1 on a fault."""
    compiled = _load(mapping, mappings)
    documents: list[Any] = []
    faults: list[MappingFault] = []
    omitted: dict[str, int] = {}
    for _, sample in _samples([file], compiled):
        try:
            result = compiled.map(sample)
        except MappingError as error:
            faults.extend(error.faults)
            continue
        documents.append(result.output)
        for name, count in result.omitted.items():
            omitted[name] = omitted.get(name, 0) + count
    if as_json:
        _write({"documents": documents, "omitted": omitted, "faults": [asdict(fault) for fault in faults]})
    else:
        for document in documents:
            Console().print_json(_JSON.encode(document).decode())
        for name, count in omitted.items():
            _note(f"left out by 'where': {count} at {name}")
        _show_faults(faults)
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
        _show_cases(rows, failed)
    raise typer.Exit(1 if failed else 0)


@map_app.command("coverage")
def show_coverage(
    mapping: Reference, files: Samples, mappings: Mappings = None, as_json: AsJson = False
) -> None:
    """Show what is in sample documents and never read, and which canonical fields are never set."""
    compiled = _load(mapping, mappings)
    entity = ENTITIES.get(compiled.target)
    schema = None if entity is None else entity.model_json_schema()
    found = coverage(compiled, (sample for _, sample in _samples(files, compiled)), schema)
    if as_json:
        _write(asdict(found))
        return
    console = Console()
    console.print(f"[bold]{escape(compiled.name)} v{compiled.version}[/]")
    unread = tuple(f"{path}  ({count})" for path, count in found.unread.items())
    _show_paths(console, "in the samples, but never read (how often)", unread)
    _show_paths(console, "read, but in none of the samples", found.absent)
    _show_paths(console, f"in {compiled.target or 'the target'}, but never set", found.unset)


@map_app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help=_REFERENCE)],
    new: Annotated[str, typer.Argument(metavar="NEW", help=_REFERENCE)],
    on: Annotated[list[str], typer.Option("--on", metavar="FILE", help=_SAMPLES)],
    mappings: Mappings = None,
    as_json: AsJson = False,
) -> None:
    """Show what another version of a mapping changes for sample documents. Exit code 1 if anything."""
    before, after = _load(old, mappings), _load(new, mappings)
    differences: dict[str, list[Change]] = {}
    total = 0
    for name, sample in _samples(on, before):
        total += 1
        if found := list(changes(_outcome(before, sample), _outcome(after, sample))):
            differences[name] = found
    if as_json:
        rows = {name: [asdict(change) for change in found] for name, found in differences.items()}
        _write({"documents": total, "changed": len(rows), "differences": rows})
    else:
        _show_differences(differences, total)
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


def _samples(files: list[str], mapping: CompiledMapping) -> Iterator[tuple[str, Any]]:
    for file in files:
        if file == "-":
            yield "standard input", decode_sample("stdin.json", sys.stdin.read())
            continue
        path = Path(file)
        if not path.exists():
            _fail(f"there is no file {file}")
        for one in sorted(path.iterdir()) if path.is_dir() else [path]:
            if one.is_file():
                yield from _decoded(one, mapping)


def _decoded(path: Path, mapping: CompiledMapping) -> Iterator[tuple[str, Any]]:
    try:
        text = path.read_text("utf-8-sig")
        if path.suffix == ".csv":
            yield from _rows(path, text, mapping)
        elif path.suffix in (".ndjson", ".jsonl"):
            for number, line in enumerate(text.splitlines(), start=1):
                if line.strip():
                    yield f"{path}:{number}", decode_sample(path.name, line)
        else:
            yield str(path), decode_sample(path.name, text)
    except (ValueError, MappingDefinitionError) as error:
        _fail(f"{path} can't be read as {path.suffix or 'JSON'}: {error}")


def _rows(path: Path, text: str, mapping: CompiledMapping) -> Iterator[tuple[str, Any]]:
    """Give a CSV file as one list where the mapping reads a list of rows, else row by row."""
    rows = list(csv.DictReader(text.splitlines(keepends=True), strict=True))
    if any(path.startswith("$[*]") for path in reads(mapping)):
        yield str(path), rows
        return
    for number, row in enumerate(rows, start=1):
        yield f"{path}: row {number}", row


# --- writing ------------------------------------------------------------------------------------------------


def _fail(message: str) -> NoReturn:
    Console(stderr=True).print(f"[red]error:[/] {escape(message)}", soft_wrap=True)
    raise typer.Exit(2)


def _note(message: str) -> None:
    Console(stderr=True).print(f"[yellow]{escape(message)}[/]")


def _write(value: Any) -> None:
    sys.stdout.write(msgspec.json.format(_JSON.encode(value), indent=2).decode() + "\n")


def _show_faults(faults: list[MappingFault]) -> None:
    console = Console(stderr=True)
    for fault in faults:
        place = f"{escape(fault.source_path)} -> [bold]{escape(fault.target_path)}[/]"
        mapping = f"{escape(fault.mapping)} v{fault.version}"
        console.print(f"[red]{escape(fault.code)}[/] {place} in {mapping}", soft_wrap=True)
        value = f" (value: {fault.value})" if fault.value else ""
        console.print(f"    {escape(fault.message + value)}", soft_wrap=True)
    if faults:
        console.print(f"[red]{len(faults)} fault{'s' if len(faults) > 1 else ''}[/]")


def _show_cases(rows: list[dict[str, Any]], failed: int) -> None:
    console = Console()
    for row in rows:
        untested = row["case"] == "(no tests file)"
        mark = "[red]fail[/]" if row["problems"] else "[yellow]none[/]" if untested else "[green]pass[/]"
        console.print(f"{mark} {escape(row['mapping'])}: {escape(row['case'])}", soft_wrap=True)
        for problem in row["problems"]:
            console.print(f"       {escape(problem)}", soft_wrap=True)
    console.print(f"{len(rows) - failed} good, {failed} failed")


def _show_paths(console: Console, title: str, paths: tuple[str, ...]) -> None:
    if paths:
        console.print(f"\n[bold]{escape(title)}[/]")
        for path in paths:
            console.print(f"  {escape(path)}", soft_wrap=True)


def _show_differences(differences: dict[str, list[Change]], total: int) -> None:
    console = Console()
    for name, found in differences.items():
        console.print(f"[bold]{escape(name)}[/]", soft_wrap=True)
        for change in found:
            before, after = escape(shorten(change.old)), escape(shorten(change.new))
            console.print(f"  {escape(change.path)}: [red]{before}[/] -> [green]{after}[/]", soft_wrap=True)
    console.print(f"{len(differences)} of {total} documents change")
