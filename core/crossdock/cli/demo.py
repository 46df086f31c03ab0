"""``crossdock demo``: a retailer's network with simulated partners on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossdock.cli.demo_output import log_to, watching, write_report

if TYPE_CHECKING:
    from crossdock.demo.on_kafka import OnKafka

__all__ = ["demo_app"]

demo_app = typer.Typer()


class Runtime(StrEnum):
    """What the demo runs on."""

    EMBEDDED = "embedded"
    KAFKA = "kafka"


@demo_app.command()
def demo(
    orders: Annotated[int, typer.Option(min=1, max=100_000, help="How many orders buyers place.")] = 100,
    seed: Annotated[int, typer.Option(help="The same seed makes the same world and the same decisions.")] = 1,
    exit_when_done: Annotated[
        bool, typer.Option("--exit-when-done", help="Stop the hub as soon as everything is done.")
    ] = False,
    json: Annotated[
        Path | None,
        typer.Option("--json", help="Write totals, KPIs, decisions and reconciliation to a file."),
    ] = None,
    speed: Annotated[float, typer.Option(min=0.01, help="With 2 the partners take half their time.")] = 1.0,
    keep: Annotated[
        Path | None, typer.Option(help="Folder for configuration, database and files; it is kept.")
    ] = None,
    limit_seconds: Annotated[float, typer.Option(min=1, help="End after so long, done or not.")] = 600.0,
    products: Annotated[int, typer.Option(min=100, help="How many products the retailer sells.")] = 2_000,
    runtime: Annotated[Runtime, typer.Option(help="kafka needs servers that are there.")] = Runtime.EMBEDDED,
    database: Annotated[str, typer.Option(help="With kafka: URL of an empty PostgreSQL database.")] = "",
    bootstrap: Annotated[str, typer.Option(help="With kafka: addresses of brokers.")] = "localhost:9092",
    picture: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run a retailer's hub with a simulated shop, marketplace, ERP, carrier and warehouses, and watch it.

    Exit code 0 means that every order is shipped, cancelled with a reason or on the worklist, that all partners' books
    agree with the hub's, and that the doctor finds nothing.
    """
    from rich.console import Console

    from crossdock.demo.session import Session as Demo
    from crossdock.demo.session import Settings

    console = Console()
    stay = not exit_when_done and console.is_terminal
    with _folder(keep) as folder:
        log_to(folder / "hub.log")
        console.print(f"Making the retailer and its partners in {folder} …", highlight=False)
        servers = _servers(runtime, database, bootstrap)
        session = Demo.open(
            Settings(folder, orders, seed, speed, limit_seconds, stay, products, servers, keep is not None)
        )
        try:
            with watching(session, console, picture), suppress(KeyboardInterrupt):
                session.run()
        finally:
            session.close()
        if session.report is not None:
            write_report(session.report, console, json)
            look = f"Look around: crossdock order list --config {session.config_path}"
            console.print(look if keep is not None else "", highlight=False)
    raise typer.Exit(130 if session.report is None else 0 if session.report.good else 1)


def _servers(runtime: Runtime, database: str, bootstrap: str) -> OnKafka | None:
    """Where the demo runs, if not on SQLite alone."""
    from crossdock.demo.on_kafka import OnKafka

    if runtime is Runtime.EMBEDDED:
        return None
    if not database:
        raise typer.BadParameter("--runtime kafka needs --database postgresql://user@host/name, an empty one")
    return OnKafka(database, bootstrap)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Where the demo's files go: a folder that stays, or one that is gone afterwards."""
    if keep is not None:
        if (keep / "var").exists():
            raise typer.BadParameter(f"{keep} holds an earlier demo: name another folder, or remove it")
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="crossdock-demo-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
