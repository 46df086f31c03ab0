"""``crossdock run`` and ``crossdock check``."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossdock.cli.output import ConfigFile, database_errors
from crossdock.errors import MisconfiguredError

if TYPE_CHECKING:
    from crossdock.app import Application
    from crossdock.sdk.connector import CheckReport

__all__ = ["check", "run"]


_SWITCH_SECONDS = 0.001
"""How long a thread that computes may keep the others waiting. A webhook changes threads ten times until its answer;
with Python's 5 ms each time, a processor beside it would cost it 50 ms."""


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"


def run(
    config: ConfigFile = Path("crossdock.yaml"),
    log_json: Annotated[bool, typer.Option(help="Write log lines as JSON.")] = False,
    log_level: Annotated[LogLevel, typer.Option(help="The least that is logged.")] = LogLevel.INFO,
) -> None:
    """Run the hub in this process: webhooks, API, pollers, processors, deliverers. Stop it with Ctrl-C."""
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
            application = Application.open(loaded)
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
