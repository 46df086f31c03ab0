"""``crossdock cursor``: where polls stand, and setting them back or forth."""

from __future__ import annotations

import getpass
import json as json_format
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossdock.cli.output import AsJson, ConfigFile, console, grid, instant, opened, write_json
from crossdock.errors import MisconfiguredError, RecordRejectedError, Rejection
from crossdock.sdk.clock import SystemClock

if TYPE_CHECKING:
    from crossdock.config.model import Config
    from crossdock.store.poll_cursors import CursorChange, CursorRow

__all__ = ["cursor_app"]

cursor_app = typer.Typer(help="Where polls stand; set one back or forth.", no_args_is_help=True)

_BEGINNING = "(the beginning)"


@cursor_app.command()
def show(
    connection: Annotated[str | None, typer.Argument(help="Only of this connection.")] = None,
    stream: Annotated[str | None, typer.Argument(help="Only of this stream.")] = None,
    changes: Annotated[
        bool, typer.Option("--changes", help="When they were set by people, instead.")
    ] = False,
    config: ConfigFile = Path("crossdock.yaml"),
    json: AsJson = False,
) -> None:
    """Show where each poll stream stands: its cursor, and up to when nothing is missing."""
    from crossdock.store import poll_cursors

    with opened(config) as (loaded, database):
        if connection is not None and stream is not None:
            _polled(loaded, connection, stream)
        if changes:
            _show_changes(
                database.read_now(lambda c: poll_cursors.list_changes(c, connection, stream)), json=json
            )
        else:
            _show_cursors(
                database.read_now(lambda c: poll_cursors.list_cursors(c, connection, stream)), json=json
            )


def _show_cursors(found: list[CursorRow], *, json: bool) -> None:
    if json:
        write_json([each._asdict() for each in found])
        return
    rows = (
        (c.connection, c.stream, _text(c.cursor), instant(c.watermark), instant(c.updated_at)) for c in found
    )
    console().print(grid("connection", "stream", "cursor", "nothing missing until", "polled at", rows=rows))


def _show_changes(made: list[CursorChange], *, json: bool) -> None:
    if json:
        write_json([each._asdict() for each in made])
        return
    rows = (
        (c.connection, c.stream, _text(c.before), _text(c.after), c.changed_by, instant(c.changed_at))
        for c in made
    )
    console().print(grid("connection", "stream", "before", "after", "by", "at", rows=rows))


@cursor_app.command("set")
def set_cursor(
    connection: Annotated[str, typer.Argument(help="Its name in the configuration.")],
    stream: Annotated[str, typer.Argument(help="A stream of role poll.")],
    cursor: Annotated[
        str | None,
        typer.Argument(help='A JSON object as `crossdock cursor show` shows it: \'{"since": "…"}\'.'),
    ] = None,
    beginning: Annotated[bool, typer.Option("--beginning", help="As if it had never polled.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    config: ConfigFile = Path("crossdock.yaml"),
    json: AsJson = False,
) -> None:
    """Set where the next poll begins: back, what comes again is known by its delivery; forth, some is skipped."""
    from crossdock.store import poll_cursors

    wanted = _wanted(cursor, beginning=beginning)
    with opened(config) as (loaded, database):
        _polled(loaded, connection, stream)
        known = database.read_now(lambda c: poll_cursors.list_cursors(c, connection, stream))
        before = known[0].cursor if known else None
        if not yes:
            typer.echo(f"{connection}/{stream}\n  now:  {_text(before)}\n  then: {_text(wanted)}", err=True)
            typer.confirm("Set it?", abort=True, err=True)
        now, by = SystemClock().now(), getpass.getuser()
        database.transact_now(lambda c: poll_cursors.set_cursor(c, connection, stream, wanted, by, now))
    if json:
        write_json({"connection": connection, "stream": stream, "before": before, "after": wanted, "by": by})
    else:
        typer.echo(f"{connection}/{stream} begins at {_text(wanted)}")


def _wanted(cursor: str | None, *, beginning: bool) -> dict[str, Any] | None:
    if (cursor is None) is not beginning:
        raise MisconfiguredError("give either a cursor or --beginning")
    if cursor is None:
        return None
    try:
        value = json_format.loads(cursor)
    except ValueError as error:
        raise MisconfiguredError(
            f"the cursor is no JSON ({error}); write one as `crossdock cursor show` shows it"
        ) from error
    if not isinstance(value, dict) or any(isinstance(each, float | list | dict) for each in value.values()):
        raise MisconfiguredError("a cursor is a JSON object of texts, integers, true, false or null")
    return value


def _polled(config: Config, connection: str, stream: str) -> None:
    """See that there is such a stream."""
    from crossdock.sdk.manifest import Role
    from crossdock.sdk.registry import discover

    declared = config.connections.get(connection)
    if declared is None:
        known = ", ".join(sorted(config.connections)) or "none"
        raise _missing(f"there is no connection {connection!r}; there are: {known}")
    manifest = discover().get(declared.connector).manifest
    polled = [name for name, spec in manifest.streams.items() if spec.role is Role.POLL]
    if stream not in polled:
        raise _missing(f"{connection} polls no stream {stream!r}; it polls: {', '.join(polled) or 'none'}")


def _missing(said: str) -> RecordRejectedError:
    return RecordRejectedError(Rejection("cursor.missing", said))


def _text(cursor: Mapping[str, Any] | None) -> str:
    return _BEGINNING if cursor is None else json_format.dumps(dict(cursor), ensure_ascii=False)
