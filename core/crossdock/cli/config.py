"""``crossdock config`` and ``crossdock init``: the configuration, checked before it is run."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossdock.cli.output import AsJson, ConfigFile, write_json
from crossdock.errors import MisconfiguredError

if TYPE_CHECKING:
    from crossdock.config.model import Config
    from crossdock.sdk.registry import Registry

__all__ = ["config_app", "init_app"]

config_app = typer.Typer(help="Check and show the configuration.", no_args_is_help=True)
init_app = typer.Typer()


@config_app.command()
def check(config: ConfigFile = Path("crossdock.yaml"), json: AsJson = False) -> None:
    """Check everything that can be checked without calling a partner. Exit code 2 where something is wrong."""
    from crossdock.cli.policies import located_finding
    from crossdock.compiling import compile_hub, policy_faults
    from crossdock.config.load import load_config
    from crossdock.geography import locate
    from crossdock.opening import database_url, manifests_of
    from crossdock.sdk.registry import discover
    from crossdock.store.engine import checked_url

    loaded = load_config(config)
    registry = discover([])
    faults = list(_connection_faults(loaded, registry))
    try:
        hub = compile_hub(loaded, manifests_of(loaded, registry), locate)
        faults += [located_finding(config, each) for each in policy_faults(hub)]
    except MisconfiguredError as error:
        faults.append(error.located)
    try:
        checked_url(database_url(loaded))
    except MisconfiguredError as error:
        faults.append(error.located)
    if json:
        write_json({"good": not faults, "faults": faults})
    elif not faults:
        parts = ("connections", "channels", "nodes", "services", "policies")
        typer.echo(
            f"{config} is good: " + ", ".join(f"{len(getattr(loaded, name))} {name}" for name in parts)
        )
    if faults:
        if not json:
            for fault in faults:
                typer.echo(fault, err=True)
        raise typer.Exit(2)


@config_app.command()
def show(config: ConfigFile = Path("crossdock.yaml"), json: AsJson = False) -> None:
    """Show the whole configuration with its defaults; secrets stay references."""
    import yaml

    from crossdock.config.load import load_config

    document = load_config(config).model_dump(mode="json", exclude_none=True)
    if json:
        write_json(document)
    else:
        typer.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), nl=False)


@init_app.command()
def init(file: Annotated[Path, typer.Argument(help="What to write.")] = Path("crossdock.yaml")) -> None:
    """Write a first configuration: one channel, two nodes, a tariff and a policy, to be edited."""
    text = (files("crossdock.cli") / "first.yaml").read_text(encoding="utf-8")
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError as error:
        raise MisconfiguredError(f"{file} is there already; name another file, or edit it") from error
    typer.echo(f"{file} is written. Edit it, then: crossdock config check --config {file}")


def _connection_faults(config: Config, registry: Registry) -> Iterator[str]:
    """What is wrong with connections: connector, settings, secrets, streams, commands, formats, mappings."""
    import asyncio
    import logging
    from random import Random

    import structlog

    from crossdock.app import mapping_library
    from crossdock.sdk.budgets import MemoryBudgetStore
    from crossdock.sdk.clock import SystemClock
    from crossdock.sdk.tokens import MemoryTokenStore
    from crossdock.streams.edges.connections import Environment, open_connections

    clock = SystemClock()
    silent = structlog.make_filtering_bound_logger(logging.CRITICAL)
    found = open_connections(
        config,
        Environment(
            registry=registry,
            mappings=mapping_library(config, registry),
            clock=clock,
            random=Random(),
            tokens=MemoryTokenStore(clock),
            budgets=MemoryBudgetStore(),
            log=structlog.wrap_logger(structlog.ReturnLogger(), wrapper_class=silent),
            owner="check",
        ),
    )
    asyncio.run(found.close())
    for each in found.broken:
        yield each.error if each.path in each.error else f"{each.path}: {each.error}"
