"""``crossdock connector``: which connectors there are, what they can do, whether their manifests hold; a new one."""

from __future__ import annotations

import json as json_format
import os
from collections.abc import Collection, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from crossdock.cli.scaffolding import write_connector
from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.lint import LintFinding, Severity, lint
from crossdock.sdk.registry import ConnectorPlugin, Registry, discover

__all__ = ["PATH_VARIABLE", "connector_app"]

PATH_VARIABLE = "CROSSDOCK_CONNECTOR_PATH"
"""Folders of connectors that are not installed as packages, separated as in ``PATH``."""

connector_app = typer.Typer(help="Connectors: list, show, lint, begin a new one.", no_args_is_help=True)

_Folders = Annotated[
    list[Path] | None,
    typer.Option("--path", help=f"A folder of connectors, again for more; also {PATH_VARIABLE}."),
]
_Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@connector_app.command("list")
def list_connectors(path: _Folders = None, json: _Json = False) -> None:
    """List installed connectors, and those that are broken with the reason."""
    registry = _registry(path)
    if json:
        entries = [_summary(plugin) for plugin in _sorted(registry)]
        failures = [{"id": b.name, "where": b.where, "error": b.error} for b in registry.broken]
        typer.echo(json_format.dumps({"connectors": entries, "broken": failures}, indent=2))
        return
    table = Table("connector", "version", "status", "streams", "commands")
    for plugin in _sorted(registry):
        manifest = plugin.manifest
        table.add_row(
            manifest.id,
            manifest.version,
            _status(plugin),
            "\n".join(manifest.streams),
            "\n".join(manifest.commands),
        )
    Console().print(table)
    for broken in registry.broken:
        typer.echo(f"broken: {broken.name} ({broken.where}): {broken.error}", err=True)


@connector_app.command()
def show(name: str, path: _Folders = None, json: _Json = False) -> None:
    """Show a connector's manifest and configuration."""
    plugin = _plugin(_registry(path), name)
    manifest, config = plugin.manifest, plugin.config.model_json_schema()
    if json:
        typer.echo(
            json_format.dumps({"manifest": manifest.model_dump(mode="json"), "config": config}, indent=2)
        )
        return
    typer.echo(f"{manifest.id} {manifest.version} ({_status(plugin)}), package {plugin.package}")
    typer.echo(f"hosts: {', '.join(manifest.hosts) or 'none'}\nauth: {manifest.auth.kind}")
    for stream_name, stream in manifest.streams.items():
        typer.echo(
            f"stream {stream_name}: {stream.role}, emits {stream.emits} by {stream.mapping or 'no mapping'}"
        )
    for command_name, command in manifest.commands.items():
        typer.echo(f"command {command_name}: by {command.mapping or 'no mapping'}, {command.idempotency}")
    required = config.get("required", [])
    for field, described in config.get("properties", {}).items():
        kind = "required" if field in required else "optional"
        typer.echo(f"config {field} ({kind}): {described.get('description') or described.get('title', '')}")


@connector_app.command("lint")
def lint_connectors(
    names: Annotated[list[str] | None, typer.Argument(help="Connectors; all where none is named.")] = None,
    path: _Folders = None,
    mappings: Annotated[list[Path] | None, typer.Option(help="A folder of mappings, again for more.")] = None,
    json: _Json = False,
) -> None:
    """Check manifests; ends with 1 where one has an error."""
    registry = _registry(path)
    plugins = [_plugin(registry, name) for name in names] if names else _sorted(registry)
    brought = [plugin.mappings.root for plugin in registry.plugins.values() if plugin.mappings is not None]
    available = _mappings([*brought, *(mappings or [])])
    findings = {plugin.manifest.id: lint(plugin.manifest, plugin.config, available) for plugin in plugins}
    broken = () if names else registry.broken
    if json:
        report: dict[str, object] = {name: [_finding(f) for f in found] for name, found in findings.items()}
        report |= {
            b.name: [{"severity": "error", "rule": "broken", "path": "", "message": b.error}] for b in broken
        }
        typer.echo(json_format.dumps(report, indent=2))
    else:
        for name, found in findings.items():
            for finding in found:
                typer.echo(f"{name}: {finding.severity}: {finding.path}: {finding.message} [{finding.rule}]")
            if not found:
                typer.echo(f"{name}: good")
        for entry in broken:
            typer.echo(f"{entry.name}: error: {entry.error} [broken]")
    if broken or any(f.severity is Severity.ERROR for found in findings.values() for f in found):
        raise typer.Exit(1)


@connector_app.command()
def new(
    name: Annotated[str, typer.Argument(help="Its id: lower-case letters, digits, underscores.")],
    folder: Annotated[
        Path | None, typer.Option(help="Where; by default crossdock-NAME in this folder.")
    ] = None,
) -> None:
    """Write a package with a working connector, its mappings and its conformance test, to be changed."""
    place = folder or Path(f"crossdock-{name.replace('_', '-')}")
    for path in write_connector(name, place):
        typer.echo(path)
    typer.echo(f"\nNext: cd {place}; pip install -e .; pytest", err=True)


@connector_app.command()
def prove(
    tests: Annotated[
        list[Path], typer.Argument(help="The conformance tests: files or folders.", exists=True)
    ],
    result: Annotated[
        Path | None, typer.Option(help="Write what was proven to a file, for each connector.")
    ] = None,
    release: Annotated[
        Path | None,
        typer.Option(help="Write what this version is, to be kept as released.json beside the manifest."),
    ] = None,
) -> None:
    """Run the conformance kit, and say which tier follows from what it proved; ends with 1 where a rule fails."""
    try:
        import pytest

        from crossdock.sdk.testkit.recording import Recorder
    except ImportError as error:
        raise MisconfiguredError("the conformance kit needs pytest: pip install pytest") from error
    recorder = Recorder()
    ended = pytest.main(["--quiet", "-p", "no:cacheprovider", *map(str, tests)], plugins=[recorder])
    if not recorder.proofs:
        raise MisconfiguredError("there is no conformance(…) in these tests, or they can't be collected")
    for proof in recorder.proofs.values():
        typer.echo(proof.words)
    if result is not None:
        documents = [recorder.proofs[name].document() for name in sorted(recorder.proofs)]
        result.write_text(json_format.dumps(documents, indent=2) + "\n", encoding="utf-8")
    if release is not None:
        if len(recorder.proofs) > 1:
            raise MisconfiguredError(f"--release is for one connector, not for {', '.join(recorder.proofs)}")
        release.write_text(next(iter(recorder.proofs.values())).release.document(), encoding="utf-8")
    raise typer.Exit(int(ended != pytest.ExitCode.OK))


def _registry(folders: Sequence[Path] | None) -> Registry:
    named = [Path(part) for part in os.environ.get(PATH_VARIABLE, "").split(os.pathsep) if part]
    return discover([*(folders or []), *named])


def _plugin(registry: Registry, name: str) -> ConnectorPlugin:
    try:
        return registry.get(name)
    except MisconfiguredError as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(2) from error


def _sorted(registry: Registry) -> list[ConnectorPlugin]:
    return [registry.plugins[name] for name in sorted(registry.plugins)]


def _status(plugin: ConnectorPlugin) -> str:
    gone = plugin.manifest.deprecated
    return f"deprecated, goes after {gone.remove_after}" if gone else str(plugin.manifest.status)


def _summary(plugin: ConnectorPlugin) -> dict[str, object]:
    manifest = plugin.manifest
    return {
        "id": manifest.id,
        "version": manifest.version,
        "status": _status(plugin),
        "package": plugin.package,
        "streams": list(manifest.streams),
        "commands": list(manifest.commands),
    }


def _finding(finding: LintFinding) -> dict[str, str]:
    return {
        "severity": finding.severity.value,
        "rule": finding.rule,
        "path": finding.path,
        "message": finding.message,
    }


def _mappings(folders: Sequence[Traversable]) -> Collection[str]:
    """Names of the mappings that come with the hub and of those in ``folders``."""
    names: set[str] = set()
    for root in [files("crossdock_mappings"), *folders]:
        names.update(_named(root, ""))
    return names


def _named(folder: Traversable, prefix: str) -> list[str]:
    found: list[str] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found.extend(_named(entry, f"{prefix}{entry.name}/"))
        elif entry.name.endswith(".yaml") and not entry.name.endswith(".tests.yaml"):
            found.append(prefix + entry.name.removesuffix(".yaml"))
    return found
