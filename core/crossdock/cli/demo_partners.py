"""``crossdock demo-partners``: the demo without its hub, which is other processes."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from crossdock.cli.demo_output import log_to, watching, write_report

__all__ = ["demo_partners"]


def demo_partners(
    folder: Annotated[Path, typer.Argument(help="For the hub's configuration and all files; an empty one.")],
    hub: Annotated[str, typer.Option(help="Where the hub will answer, as partners call it.")],
    database: Annotated[str, typer.Option(help="URL of an empty PostgreSQL database.")],
    bootstrap: Annotated[str, typer.Option(help="Addresses of Kafka's brokers.")],
    host: Annotated[
        str, typer.Option(help="What the hub calls this machine; partners then listen on all its addresses.")
    ] = "127.0.0.1",
    orders: Annotated[int, typer.Option(min=1, max=100_000, help="How many orders buyers place.")] = 100,
    seed: Annotated[int, typer.Option(help="The same seed makes the same world.")] = 1,
    products: Annotated[int, typer.Option(min=100, help="How many products the retailer sells.")] = 2_000,
    speed: Annotated[float, typer.Option(min=0.01, help="With 2 the partners take half their time.")] = 1.0,
    partitions: Annotated[int, typer.Option(min=1, help="Of each topic.")] = 6,
    limit_seconds: Annotated[float, typer.Option(min=1, help="End the day after so long.")] = 3600.0,
    exit_when_done: Annotated[bool, typer.Option("--exit-when-done", help="Close at the end.")] = False,
) -> None:
    """Run the demo's partners and buyers for a hub of several processes, and compare all books at the end.

    Write the hub's configuration to FOLDER, wait for the hub, let the day happen, and stay for whoever wants to look
    around. Exit code as of `crossdock demo`.
    """
    from rich.console import Console

    from crossdock.demo.on_kafka import OnKafka
    from crossdock.demo.session import Apart, Session, Settings

    console = Console()
    if (folder / "crossdock.yaml").exists():
        raise typer.BadParameter(f"{folder} holds an earlier demo: name another folder, or remove it")
    folder.mkdir(parents=True, exist_ok=True)
    log_to(folder / "partners.log")
    session = Session.open(
        Settings(
            folder.absolute(), orders, seed, speed, limit_seconds, not exit_when_done, products,
            OnKafka(database, bootstrap, "meridian.", partitions), keep=True, apart=Apart(hub, host),
        )
    )  # fmt: skip
    try:
        with watching(session, console, None), suppress(KeyboardInterrupt):
            session.run()
    finally:
        session.close()
    if session.report is not None and exit_when_done:
        write_report(session.report, console, None)
    raise typer.Exit(130 if session.report is None else 0 if session.report.good else 1)
