"""``crossdock run`` and ``crossdock check``."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossdock.cli.output import ConfigFile, database_errors
from crossdock.errors import MisconfiguredError

if TYPE_CHECKING:
    from crossdock.app import Application
    from crossdock.part import Part
    from crossdock.sdk.connector import CheckReport

__all__ = ["check", "migrate", "run", "serve", "worker"]


_SWITCH_SECONDS = 0.001
"""How long a thread that computes may keep the others waiting. A webhook changes threads ten times until its answer;
with Python's 5 ms each time, a processor beside it would cost it 50 ms."""


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"


NameOption = Annotated[
    str | None,
    typer.Option(
        help="A name that stays the same when this process is started again, and that no other has: it then goes on "
        "where it was, without its partitions being given to others. By default host and process number."
    ),
]


def run(
    config: ConfigFile = Path("crossdock.yaml"),
    log_json: Annotated[bool, typer.Option(help="Write log lines as JSON.")] = False,
    log_level: Annotated[LogLevel, typer.Option(help="The least that is logged.")] = LogLevel.INFO,
) -> None:
    """Run the hub in this process: webhooks, API, pollers, processors, deliverers. Stop it with Ctrl-C."""
    from crossdock.part import EVERYTHING, everything

    _run(config, lambda kafka: everything() if kafka else EVERYTHING, log_json, log_level)


def worker(
    config: ConfigFile = Path("crossdock.yaml"),
    processors: Annotated[
        str,
        typer.Option(
            help="Only these processors, by comma; all without. Timers and edges run in every worker."
        ),
    ] = "",
    name: NameOption = None,
    log_json: Annotated[bool, typer.Option(help="Write log lines as JSON.")] = False,
    log_level: Annotated[LogLevel, typer.Option(help="The least that is logged.")] = LogLevel.INFO,
) -> None:
    """Run one worker of many, on Kafka: processors, timers, pollers, deliverers. Stop it with Ctrl-C."""
    from crossdock import part

    only = frozenset(filter(None, (each.strip() for each in processors.split(","))))
    _run(config, lambda _: part.worker(name, only or None), log_json, log_level)


def serve(
    config: ConfigFile = Path("crossdock.yaml"),
    name: NameOption = None,
    log_json: Annotated[bool, typer.Option(help="Write log lines as JSON.")] = False,
    log_level: Annotated[LogLevel, typer.Option(help="The least that is logged.")] = LogLevel.INFO,
) -> None:
    """Answer webhooks and the API of a hub whose workers are other processes. Stop it with Ctrl-C."""
    from crossdock import part

    _run(config, lambda _: part.server(name), log_json, log_level)


def migrate(config: ConfigFile = Path("crossdock.yaml")) -> None:
    """Bring the database to the schema of this program, or make it. A running hub may go on meanwhile."""
    from crossdock.config.load import load_config
    from crossdock.opening import database_url
    from crossdock.store.engine import create_store_engine
    from crossdock.store.migrations import current_revision
    from crossdock.store.migrations import migrate as bring

    engine = create_store_engine(database_url(load_config(config)))
    with database_errors():
        before = current_revision(engine)
        bring(engine)
        after = current_revision(engine)
    engine.dispose()
    said = (
        f"from revision {before or 'none'} to {after}"
        if before != after
        else f"is at revision {after} already"
    )
    typer.echo(f"the database {'was brought ' if before != after else ''}{said}")


def _run(config: Path, part_of: Callable[[bool], Part], log_json: bool, log_level: LogLevel) -> None:
    """Run the part of the hub that ``part_of`` makes, told whether the hub is on Kafka, until a signal."""
    import uvloop

    from crossdock.app import Application
    from crossdock.cli.logs import configure_logs
    from crossdock.collecting import calm_collector
    from crossdock.config.load import file_and_line, load_config

    configure_logs(as_json=log_json, level=log_level)
    sys.setswitchinterval(_SWITCH_SECONDS)
    loaded = load_config(config)
    try:
        with database_errors():
            application = Application.open(loaded, part=part_of(loaded.hub.runtime == "kafka"))
        calm_collector()
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_until_signalled(application))
        finally:
            application.close()
    except MisconfiguredError as error:
        if not error.path.startswith("policies."):
            raise
        raise MisconfiguredError(f"{file_and_line(config, error.path)}: {error.located}") from error


async def _until_signalled(application: Application) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    await application.run(stop)


def check(
    config: ConfigFile = Path("crossdock.yaml"),
    connection: Annotated[list[str] | None, typer.Argument(help="Only these connections.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask every connection whether it would work: credentials, rights, reach. Changes nothing anywhere."""
    from rich.console import Console
    from rich.table import Table

    from crossdock.app import Application
    from crossdock.config.load import load_config

    with database_errors():
        application = Application.open(load_config(config))
    if unknown := set(connection or ()) - application.config.connections.keys():
        known = ", ".join(sorted(application.config.connections)) or "none"
        raise MisconfiguredError(f"there is no connection {', '.join(sorted(unknown))}; there are: {known}")
    try:
        reports = asyncio.run(_reports(application, connection or []))
    finally:
        application.close()
    broken = [each for each in application.connections.broken if not connection or each.name in connection]
    good = not broken and all(report.ok for report in reports.values())
    if as_json:
        found = {name: [asdict(each) for each in report.checks] for name, report in reports.items()}
        typer.echo(
            json.dumps(
                {"ok": good, "connections": found, "broken": [asdict(each) for each in broken]}, indent=2
            )
        )
    else:
        table = Table("Connection", "Capability", "Verdict", "What to do")
        for each in broken:
            table.add_row(each.name, "open", "[red]misconfigured[/]", f"{each.path}: {each.error}")
        for name, report in reports.items():
            for one in report.checks:
                colour = "green" if one.verdict == "ok" else "red"
                table.add_row(name, one.capability, f"[{colour}]{one.verdict}[/]", one.message)
        Console().print(table)
    raise typer.Exit(0 if good else 1)


async def _reports(application: Application, wanted: list[str]) -> dict[str, CheckReport]:
    try:
        chosen = {
            name: each for name, each in application.connections.open.items() if not wanted or name in wanted
        }
        found = await asyncio.gather(*(each.connector.check() for each in chosen.values()))
        return dict(zip(chosen, found, strict=True))
    finally:
        await application.connections.close()
