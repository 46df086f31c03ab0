"""``crossdock token``: who may call the REST API."""

from __future__ import annotations

import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from crossdock.cli.output import AsJson, ConfigFile, console, grid, opened, write_json
from crossdock.sdk.clock import SystemClock

__all__ = ["token_app"]

token_app = typer.Typer(help="Tokens of the REST API.", no_args_is_help=True)


class Grant(StrEnum):
    """What a token may do."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@token_app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose it is, such as `portal`; used once.")],
    scope: Annotated[
        list[Grant], typer.Option(help="read; write: also enter orders, resolve work; admin: everything.")
    ] = [Grant.READ],  # noqa: B006 - typer only reads it
    config: ConfigFile = Path("crossdock.yaml"),
    json: AsJson = False,
) -> None:
    """Make a token. It is shown now and never again: only its hash is kept."""
    from crossdock.store import api_tokens

    token = f"cd_{secrets.token_urlsafe(32)}"
    with opened(config) as (_, database):
        database.transact_now(lambda c: api_tokens.create(c, name, token, scope, SystemClock().now()))
    if json:
        write_json({"name": name, "scopes": scope, "token": token})
    else:
        typer.echo(token)
        typer.echo("Keep it now; it can't be shown again.", err=True)


@token_app.command("list")
def list_tokens(config: ConfigFile = Path("crossdock.yaml"), json: AsJson = False) -> None:
    """List tokens by name."""
    from crossdock.store import api_tokens

    with opened(config) as (_, database):
        found = database.read_now(api_tokens.list_tokens)
    if json:
        write_json(found)
        return
    rows = ((each.name, ", ".join(each.scopes), each.created_at, each.revoked_at) for each in found)
    console().print(grid("name", "scopes", "made", "revoked", rows=rows))


@token_app.command()
def revoke(name: Annotated[str, typer.Argument()], config: ConfigFile = Path("crossdock.yaml")) -> None:
    """Let a token open nothing any more."""
    from crossdock.store import api_tokens

    with opened(config) as (_, database):
        database.transact_now(lambda c: api_tokens.revoke(c, name, SystemClock().now()))
    typer.echo(f"token {name} is revoked")
