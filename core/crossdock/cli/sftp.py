"""``crossdock sftp``: what an operator needs to know of an SFTP server."""

from __future__ import annotations

import json as json_format
from typing import Annotated

import typer

from crossdock.sdk.errors import CrossdockError

__all__ = ["sftp_app"]

sftp_app = typer.Typer(help="SFTP servers of partners.", no_args_is_help=True)


@sftp_app.callback()
def _sftp() -> None:
    """Keeps ``fingerprint`` a sub-command."""


@sftp_app.command()
def fingerprint(
    host: Annotated[str, typer.Argument(help="Host name or address.")],
    port: Annotated[int, typer.Option(help="Port.")] = 22,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show the host keys of a server, to be pinned as files.host_keys once the partner has confirmed one."""
    # paramiko is slow to import, and only this needs it
    from crossdock.sdk import ssh

    try:
        keys = ssh.fingerprint(host, port)
    except CrossdockError as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(1) from error
    if json:
        typer.echo(json_format.dumps([{"type": key.type, "fingerprint": key.fingerprint} for key in keys]))
        return
    for key in keys:
        typer.echo(str(key))
    typer.echo("Compare with what the partner told you by another way before you pin one.", err=True)
