"""What commands share: options, the database they look into, and how things are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from crossdock.errors import UnreachableError

if TYPE_CHECKING:
    from crossdock.config.model import Config
    from crossdock.store.engine import Database

__all__ = [
    "AsJson",
    "ConfigFile",
    "console",
    "database_errors",
    "grid",
    "instant",
    "opened",
    "pretty_json",
    "state_text",
    "write_json",
]

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", help="The hub's configuration.", envvar="CROSSDOCK_CONFIG")
]
AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON document, for programs.")]

_STYLES = {
    "green": "shipped closed applied delivered done ok replayed",
    "yellow": "pending sending unknown on_hold partly_routed received open requested "
    "starting throttled retrying stopped",
    "red": "rejected parked failed short incomplete exception unauthorised misconfigured circuit_open",
    "dim": "cancelled discarded",
}
_STYLE = {state: style for style, states in _STYLES.items() for state in states.split()}


def console() -> Console:
    """Standard output; as wide as the terminal, or 120 columns where it is none."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=max(120, plain.width))


@contextmanager
def opened(path: Path) -> Iterator[tuple[Config, Database]]:
    """The configuration and its database.

    Raises:
        MisconfiguredError: The configuration is wrong, or there is no database yet.
        UnreachableError: The database does not answer.
    """
    from crossdock.config.load import load_config
    from crossdock.opening import open_existing

    config = load_config(path)
    with database_errors():
        database = open_existing(config)
        try:
            yield config, database
        finally:
            database.close()


@contextmanager
def database_errors() -> Iterator[None]:
    """What the database refuses, in words.

    Raises:
        UnreachableError: It does not answer, or does not let this user do it.
    """
    from sqlalchemy.exc import OperationalError, ProgrammingError

    try:
        yield
    except (OperationalError, ProgrammingError) as error:
        said = str(error.orig).strip()
        raise UnreachableError(
            f"the database does not answer as it should: {said}\nCheck hub.database, or that this user may read and "
            "write the files in hub.data_dir"
        ) from error


def write_json(value: object) -> None:
    """One JSON document on standard output."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def pretty_json(value: object) -> str:
    """JSON as people read it."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def grid(*columns: str, rows: Iterable[Iterable[object]], title: str | None = None) -> Table:
    """A table; columns that begin with ``#`` hold numbers."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        number = column.startswith("#")
        table.add_column(column.removeprefix("#"), justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(_shown(cell)) for cell in row))
    return table


def state_text(state: str) -> Text:
    """A state in its colour."""
    return Text(state, style=_STYLE.get(state, ""))


def instant(at: datetime | None) -> str:
    """An instant for people: UTC, to the second."""
    return at.strftime("%Y-%m-%d %H:%M:%SZ") if at else ""


def _shown(value: object) -> str:
    if value is None:
        return ""
    return instant(value) if isinstance(value, datetime) else str(value)
