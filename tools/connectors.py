"""The page of a connector, made from its manifest and the model of its configuration; a part of it for its README."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydantic import BaseModel

from crossdock.sdk.manifest import CommandSpec, Manifest, StreamSpec
from tools.reference import reference, table

__all__ = ["connector_page", "readme"]

_BEGIN: Final = "<!-- generated -->\n"
_END: Final = "<!-- /generated -->\n"


def connector_page(manifest: Manifest, config: type[BaseModel]) -> str:
    """What the connector can do, what it needs, and which hosts it may reach, as Markdown."""
    return "\n".join(_lines(manifest, config)).rstrip() + "\n"


def readme(text: str, manifest: Manifest) -> str:
    """The README of a connector with its generated part made anew.

    Raises:
        ValueError: It has no place for that.
    """
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"the README of {manifest.id} has no lines {_BEGIN.strip()} and {_END.strip()}")
    lines = [
        *_abilities(manifest, headed=False),
        f"Its configuration, field by field: `docs/connectors/{manifest.id}.md`.",
    ]
    return "".join((before, begin, "\n", "\n".join(lines), "\n\n", end, after))


def _lines(manifest: Manifest, config: type[BaseModel]) -> Iterator[str]:
    yield from (f"# {manifest.title or manifest.id}", "")
    yield from (f"<!-- Made by `make docs` from connector.yaml of {manifest.id}; edit that. -->", "")
    yield from _abilities(manifest, headed=True)
    yield from ("## Configuration", "")
    yield reference([config], heading="###")


def _abilities(manifest: Manifest, *, headed: bool) -> Iterator[str]:
    yield from _facts(manifest)
    if manifest.streams:
        yield from ("## What comes in", "") if headed else ()
        rows = (_stream(name, stream) for name, stream in manifest.streams.items())
        yield from table(("stream", "how", "becomes", "mapping", "notes"), rows)
        yield ""
    if manifest.commands:
        yield from ("## What it can be asked to do", "") if headed else ()
        rows = (_command(name, command) for name, command in manifest.commands.items())
        yield from table(("command", "mapping", "repeated safely by", "batch", "notes"), rows)
        yield ""
    if manifest.exempt:
        yield from ("## Exempt from", "") if headed else ()
        yield from table(("rule", "reason"), manifest.exempt.items())
        yield ""


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
