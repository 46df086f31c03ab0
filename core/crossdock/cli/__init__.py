"""The command line. A command's module is imported when the command is called, so that ``--help`` answers at once."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from crossdock.errors import CrossdockError, MisconfiguredError

if TYPE_CHECKING:
    # Typer has no public name for what its own groups are called with.
    from typer._click import Command, Context

__all__ = ["app", "main"]


class _Entry(NamedTuple):
    module: str
    attribute: str
    help: str


_COMMANDS = {
    "init": _Entry("config", "init_app", "Write a first crossdock.yaml."),
    "run": _Entry("run", "run", "Run the hub: webhooks, pollers, processors, deliverers, API."),
    "worker": _Entry("run", "worker", "Run a worker of many, on Kafka: processors, pollers, deliverers."),
    "serve": _Entry("run", "serve", "Answer webhooks and the API for workers that run elsewhere."),
    "topics": _Entry("topics", "topics_app", "Kafka's topics: make them, change them, list them."),
    "migrate": _Entry("run", "migrate", "Bring the database to the schema of this program."),
    "import": _Entry("importing", "import_hub", "Move a hub on SQLite to an empty PostgreSQL database."),
    "demo": _Entry("demo", "demo_app", "Run a retailer's network with simulated partners."),
    "demo-partners": _Entry("demo_partners", "demo_partners", "Run the demo's partners for a hub elsewhere."),
    "check": _Entry("run", "check", "Ask every connection whether it would work."),
    "status": _Entry("status", "status_app", "How the hub and its connections stand, and what waits."),
    "return": _Entry("returns", "return_app", "What buyers want to send back, and what came."),
    "report": _Entry("report", "report_app", "The five KPIs as table, JSON or a page with charts."),
    "doctor": _Entry("doctor", "doctor_app", "Prove that what must always hold does hold."),
    "order": _Entry("orders", "order_app", "Orders: their whole stories, holds, cancellations."),
    "decision": _Entry("decisions", "decision_app", "Routing decisions with every candidate."),
    "policy": _Entry("policies", "policy_app", "Policies: check, list and show them."),
    "route": _Entry("scenarios", "route", "Run scenarios: the unit tests of policies."),
    "stock": _Entry("stock", "stock_app", "Stock and what may be promised."),
    "dead-letter": _Entry(
        "dead_letters", "dead_letter_app", "What could not be handled: mend and replay it."
    ),
    "worklist": _Entry("worklist", "worklist_app", "What a person has to decide, and what is done about it."),
    "config": _Entry("config", "config_app", "Check and show the configuration."),
    "token": _Entry("tokens", "token_app", "Tokens of the REST API."),
    "connector": _Entry("connector", "connector_app", "Connectors: list, show, lint, begin a new one."),
    "cursor": _Entry("cursors", "cursor_app", "Where polls stand; set one back or forth."),
    "record": _Entry("record", "record", "Keep a partner's real answers, without secrets, for tests."),
    "map": _Entry("map", "map_app", "Run, test, measure and compare mappings."),
    "sftp": _Entry("sftp", "sftp_app", "SFTP servers of partners."),
}


class _LazyGroup(TyperGroup):
    """Knows its commands by name and help; imports the one that is called."""

    def list_commands(self, ctx: Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        entry = _COMMANDS.get(cmd_name)
        return None if entry is None else TyperCommand(cmd_name, help=entry.help)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        entry = _COMMANDS.get(args[0])
        if entry is None:
            return super().resolve_command(ctx, args)
        found = getattr(import_module(f"crossdock.cli.{entry.module}"), entry.attribute)
        if not isinstance(found, typer.Typer):
            command, found = found, typer.Typer()
            found.command()(command)
        return args[0], get_command(found), args[1:]


app = typer.Typer(
    cls=_LazyGroup,
    no_args_is_help=True,
    help="Crossdock: the integration hub of a distributed order management network.",
    pretty_exceptions_enable=False,
    # Rich help costs more time than everything else that `--help` does.
    rich_markup_mode=None,
)


@app.callback()
def _crossdock() -> None:
    """Commands are found by ``_LazyGroup``."""


def main() -> NoReturn:
    """Run the command line. What the operator can mend is told in words: exit code 2 for the configuration, else 1."""
    try:
        app()
    except MisconfiguredError as error:
        _fail(error.located, 2)
    except CrossdockError as error:
        _fail(error.message, 1)
    except OSError as error:
        _fail(f"{error.filename or 'the system'}: {error.strerror or error}", 1)
    sys.exit(0)


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    sys.exit(code)
