"""``crossdock decision``: why an order went where it went."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crossdock.cli.output import AsJson, ConfigFile, console, opened, write_json
from crossdock.errors import RecordRejectedError, Rejection

__all__ = ["decision_app"]

decision_app = typer.Typer(help="Routing decisions with every candidate.", no_args_is_help=True)


@decision_app.callback()
def _decision() -> None:
    """Keeps ``show`` a sub-command."""


@decision_app.command()
def show(
    decision: Annotated[str, typer.Argument(help="Its id: <order id>#<number>.")],
    config: ConfigFile = Path("crossdock.yaml"),
    json: AsJson = False,
) -> None:
    """Show a decision: every candidate with its costs or why it was out, and what would have changed it."""
    from crossdock.explaining import Explainer
    from crossdock.geography import locate
    from crossdock.store import decision_log

    with opened(config) as (_, database):
        row = database.read_now(lambda c: decision_log.load(c, decision))
        if row is None:
            raise RecordRejectedError(
                Rejection(
                    "decision.missing",
                    f"there is no decision {decision!r}; `crossdock order show` names them",
                )
            )
        shown = database.read_now(lambda c: Explainer(locate).explain(c, row)).shown()
    if json:
        write_json(shown)
    else:
        console().print(shown.words, markup=False)
