"""``crossdock import``: a hub outgrows its machine."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossdock.cli.output import ConfigFile, console, database_errors, grid, opened
from crossdock.errors import CrossdockError, MisconfiguredError

if TYPE_CHECKING:
    from crossdock.config.model import Config
    from crossdock.store.engine import Database

__all__ = ["import_hub"]


def import_hub(
    source: Annotated[Path, typer.Argument(help="The configuration of the hub on SQLite, which is stopped.")],
    config: ConfigFile = Path("crossdock.yaml"),
) -> None:
    """Move a hub on SQLite to the empty PostgreSQL database of another configuration, with all that it knows.

    All or nothing: the source is left as it is. Exit code 1 where the doctor then finds what it did not find before.
    """
    from crossdock.config.load import load_config
    from crossdock.opening import database_url
    from crossdock.store.engine import open_database
    from crossdock.store.migrations import migrate

    wanted = load_config(config)
    with opened(source) as (loaded, old), database_errors():
        _refuse_waiting(loaded, old)
        new = open_database(database_url(wanted))
        try:
            if (old.dialect, new.dialect) != ("sqlite", "postgresql"):
                said = "hub.database: a hub is imported from SQLite into PostgreSQL: name an empty database"
                raise MisconfiguredError(said, path="hub.database")
            migrate(new.engine)
            counts = _move(old, new)
            _copy_bodies(loaded, wanted)
            before, found = _findings(loaded, old), _findings(wanted, new)
        finally:
            new.close()
    out = console()
    out.print(grid("table", "#rows", rows=((name, count) for name, count in counts.items() if count)))
    for sentence in found:
        out.print(f"[red]✖[/] {sentence}{' (as before)' if sentence in before else ''}")
    worse = found - before
    out.print("imported; `crossdock doctor` says what is wrong" if worse else "imported: all is as it was")
    raise typer.Exit(1 if worse else 0)


def _findings(config: Config, database: Database) -> set[str]:
    """What should hold and does not."""
    from crossdock.doctor import Reporting, Situation, examine
    from crossdock.opening import manifests_of
    from crossdock.sdk.clock import SystemClock
    from crossdock.sdk.registry import discover

    situation = Situation(SystemClock().now(), Reporting.of(config, manifests_of(config, discover([]))))
    findings = database.read_now(lambda connection: examine(connection, situation))
    return {each.sentence for each in findings if not each.healthy}


def _move(old: Database, new: Database) -> dict[str, int]:
    """In one transaction each; nobody can write to the source meanwhile."""
    from crossdock.sdk.clock import SystemClock
    from crossdock.store.activities import hub_seen_until
    from crossdock.store.moving import copy_store

    with old.engine.begin() as source, new.engine.begin() as target:
        seen = hub_seen_until(source)
        if seen is not None and seen > SystemClock().now():
            raise CrossdockError("the hub to import runs: stop it, or wait a minute after it was killed")
        return dict(copy_store(source, target))


def _refuse_waiting(config: Config, old: Database) -> None:
    """Webhooks that are answered and not yet in the database would be lost."""
    journal = config.hub.data_dir / "arrivals.sqlite"
    if old.dialect != "sqlite" or not journal.exists():
        return
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
        (waiting,) = connection.execute("SELECT count(*) FROM entries").fetchone()
    if waiting:
        raise CrossdockError(
            f"{journal}: {waiting} webhooks are not in the database yet: start the hub once more, stop it with "
            "Ctrl-C, and import again"
        )


def _copy_bodies(loaded: Config, wanted: Config) -> None:
    """Large bodies lie in files, which all processes have to share from now on."""
    bodies, shared = loaded.hub.data_dir / "raw", wanted.hub.data_dir / "raw"
    if bodies.exists() and bodies.resolve() != shared.resolve():
        shutil.copytree(bodies, shared, dirs_exist_ok=True)
