"""The page of a connector, made from its manifest and the model of its configuration."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from crossdock.sdk.manifest import CommandSpec, Manifest, StreamSpec
from tools.reference import reference, table

__all__ = ["connector_page"]


def connector_page(manifest: Manifest, config: type[BaseModel]) -> str:
    """What the connector can do, what it needs, and which hosts it may reach, as Markdown."""
    return "\n".join(_lines(manifest, config)).rstrip() + "\n"


def _lines(manifest: Manifest, config: type[BaseModel]) -> Iterator[str]:
    yield from (f"# {manifest.title or manifest.id}", "")
    yield from (f"<!-- Made by `make docs` from connector.yaml of {manifest.id}; edit that. -->", "")
    yield from _facts(manifest)
    if manifest.streams:
        yield from ("## What comes in", "")
        rows = (_stream(name, stream) for name, stream in manifest.streams.items())
        yield from table(("stream", "how", "becomes", "mapping", "notes"), rows)
        yield ""
    if manifest.commands:
        yield from ("## What it can be asked to do", "")
        rows = (_command(name, command) for name, command in manifest.commands.items())
        yield from table(("command", "mapping", "repeated safely by", "batch", "notes"), rows)
        yield ""
    if manifest.exempt:
        yield from ("## Exempt from", "")
        yield from table(("rule", "reason"), manifest.exempt.items())
        yield ""
    yield from ("## Configuration", "")
    yield reference([config], heading="###")


def _facts(manifest: Manifest) -> Iterator[str]:
    status = manifest.status if isinstance(manifest.status, str) else "deprecated"
    facts = [
        ("connector", f"`{manifest.id}` {manifest.version}, {status}"),
        ("SDK", f"`{manifest.sdk}`"),
        ("authentication", str(manifest.auth.kind)),
        ("hosts it may reach", ", ".join(f"`{host}`" for host in manifest.hosts) or "none"),
    ]
    facts += [("budget", f"{budget.kind}: `{budget.match}`") for budget in manifest.budgets]
    yield from table(("", ""), facts)
    yield ""


def _stream(name: str, stream: StreamSpec) -> tuple[str, ...]:
    notes = [stream.description] if stream.description else []
    if stream.topics:
        notes.append("topics " + ", ".join(f"`{topic}`" for topic in stream.topics))
    if stream.reconciled_by:
        notes.append(f"reconciled by `{stream.reconciled_by}`")
    if stream.cursor:
        notes.append(f"cursor `{stream.cursor.field}`")
    mapping = f"`{stream.mapping}`" if stream.mapping else ""
    return f"`{name}`", str(stream.role), str(stream.emits), mapping, "; ".join(notes)


def _command(name: str, command: CommandSpec) -> tuple[str, ...]:
    notes = [command.description] if command.description else []
    if command.coalesce:
        notes.append(f"only the newest by `{command.coalesce}`")
    if command.emits:
        notes.append(f"answers with {command.emits}")
    mapping = f"`{command.mapping}`" if command.mapping else ""
    return f"`{name}`", mapping, str(command.idempotency), str(command.batch), "; ".join(notes)
