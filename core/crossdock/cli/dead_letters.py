"""``crossdock dead-letter``: what could not be handled, mended and replayed."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossdock.cli.output import AsJson, ConfigFile, console, grid, instant, opened, state_text, write_json
from crossdock.errors import RecordRejectedError, Rejection
from crossdock.sdk.clock import SystemClock

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from crossdock.store.dead_letters import StoredDeadLetter

__all__ = ["dead_letter_app"]

dead_letter_app = typer.Typer(help="What could not be handled: mend and replay it.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="As `crossdock dead-letter list` shows it.")]


@dead_letter_app.command("list")
def list_letters(
    config: ConfigFile = Path("crossdock.yaml"),
    stage: Annotated[str | None, typer.Option(help="Only of this stage.")] = None,
    connection: Annotated[str | None, typer.Option(help="Only of this connection.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also what was replayed or discarded.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="The most to list.")] = 50,
    json: AsJson = False,
) -> None:
    """List dead letters, the oldest first."""
    from crossdock.store import dead_letters
    from crossdock.store.dead_letters import DeadLetterState

    state = None if every else DeadLetterState.OPEN
    with opened(config) as (_, database):
        found = database.read_now(
            lambda c: dead_letters.list_letters(c, state=state, stage=stage, partner=connection, limit=limit)
        )
    if json:
        write_json(found)
        return
    rows = (
        (
            each.id,
            state_text(each.state.value),
            each.stage,
            each.connection,
            each.code,
            each.path,
            each.message,
        )
        for each in found
    )
    console().print(grid("#id", "state", "stage", "connection", "code", "where", "what", rows=rows))


@dead_letter_app.command()
def show(letter: Number, config: ConfigFile = Path("crossdock.yaml"), json: AsJson = False) -> None:
    """Show a dead letter with the bytes that were given up."""
    with opened(config) as (_, database):
        found, source = database.read_now(lambda c: _with_source(c, letter))
    if json:
        write_json({**asdict(found), "source": source})
        return
    out = console()
    facts = (
        ("state", found.state.value),
        ("stage", found.stage),
        ("connection", found.connection),
        ("code", found.code),
        ("where", found.path),
        ("mapping", found.mapping),
        ("raw record", found.raw_id),
        ("came in as", source),
        ("topic", found.original_topic),
        ("key", found.original_key),
        ("since", instant(found.created_at)),
        ("replays", found.replays),
    )
    out.print(
        grid(
            "", "", rows=[fact for fact in facts if fact[1] not in (None, "")], title=f"dead letter {letter}"
        )
    )
    out.print(found.message, markup=False)
    out.rule("given up")
    out.print(found.body.decode(errors="backslashreplace"), markup=False)
    if found.original_body is not None and found.original_body != found.body:
        out.rule("replay would send")
        out.print(found.original_body.decode(errors="backslashreplace"), markup=False)


@dead_letter_app.command()
def edit(
    letter: Number,
    config: ConfigFile = Path("crossdock.yaml"),
    file: Annotated[
        Path | None,
        typer.Option(help="Take the new body from here (- is standard input); else $EDITOR opens it."),
    ] = None,
) -> None:
    """Mend what a replay will send; what was given up stays as it was."""
    from crossdock.store import dead_letters

    with opened(config) as (_, database):
        found = database.read_now(lambda c: _load(c, letter))
        body = _new_body(found, file)
        if body is None:
            typer.echo("nothing changed")
            return
        database.transact_now(lambda c: dead_letters.edit(c, letter, body, SystemClock().now()))
    typer.echo(f"dead letter {letter} is mended; `crossdock dead-letter replay {letter}` sends it")


@dead_letter_app.command()
def replay(
    letters: Annotated[list[int], typer.Argument()], config: ConfigFile = Path("crossdock.yaml")
) -> None:
    """Send dead letters through the hub again."""
    from crossdock.store import dead_letters

    _each(config, letters, dead_letters.replay, "replayed")


@dead_letter_app.command()
def discard(
    letters: Annotated[list[int], typer.Argument()], config: ConfigFile = Path("crossdock.yaml")
) -> None:
    """Give dead letters up for good."""
    from crossdock.store import dead_letters

    _each(config, letters, dead_letters.discard, "discarded")


def _each(
    config: Path, letters: list[int], work: Callable[[Connection, int, datetime], object], done: str
) -> None:
    now = SystemClock().now()
    with opened(config) as (_, database):
        for letter in letters:
            database.transact_now(partial(_apply, work, letter, now))
            typer.echo(f"dead letter {letter} is {done}")


def _apply(
    work: Callable[[Connection, int, datetime], object], letter: int, now: datetime, connection: Connection
) -> None:
    work(connection, letter, now)


def _with_source(connection: Connection, letter: int) -> tuple[StoredDeadLetter, str | None]:
    """A dead letter, and what it came in as: stream, file or the partner's key, instant."""
    from crossdock.store import raw

    found = _load(connection, letter)
    received = raw.load(connection, [found.raw_id]).get(found.raw_id) if found.raw_id else None
    if received is None:
        return found, None
    return found, f"{received.stream} {received.key}, received {instant(received.received_at)}"


def _load(connection: Connection, letter: int) -> StoredDeadLetter:
    from crossdock.store import dead_letters

    found = dead_letters.load(connection, letter)
    if found is None:
        raise RecordRejectedError(
            Rejection(
                "dead_letter.missing", f"there is no dead letter {letter}: `crossdock dead-letter list`"
            )
        )
    return found


def _new_body(found: StoredDeadLetter, file: Path | None) -> bytes | None:
    if file is not None:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    before = found.original_body or b""
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "body.json"
        draft.write_bytes(before)
        subprocess.run([*shlex.split(os.environ.get("EDITOR", "vi")), str(draft)], check=False)
        after = draft.read_bytes()
    return None if after == before else after
