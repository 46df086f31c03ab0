"""``crossdock doctor``: proves that what must always hold does hold."""

from __future__ import annotations

from pathlib import Path

import typer

from crossdock.cli.output import AsJson, ConfigFile, console, grid, opened, write_json
from crossdock.sdk.clock import SystemClock

__all__ = ["doctor_app"]

doctor_app = typer.Typer()


@doctor_app.command()
def doctor(config: ConfigFile = Path("crossdock.yaml"), json: AsJson = False) -> None:
    """Prove every invariant on the database. Exit code 1 where one does not hold. It changes nothing."""
    from crossdock.doctor import Reporting, Situation, examine
    from crossdock.opening import manifests_of
    from crossdock.sdk.registry import discover

    with opened(config) as (loaded, database):
        reporting = Reporting.of(loaded, manifests_of(loaded, discover([])))
        situation = Situation(SystemClock().now(), reporting)
        findings = database.read_now(lambda connection: examine(connection, situation))
    healthy = all(finding.healthy for finding in findings)
    if json:
        write_json({"healthy": healthy, "checks": findings})
    else:
        out = console()
        for finding in findings:
            mark = "[green]✔[/]" if finding.healthy else "[red]✖[/]"
            out.print(f"{mark} {finding.sentence}")
            if not finding.healthy:
                columns = list(finding.rows[0])
                rows = ([row[name] for name in columns] for row in finding.rows)
                out.print(grid(*columns, rows=rows, title=f"{finding.name}: {finding.count} found"))
                out.print(f"  {finding.advice}\n", markup=False)
        broken = sum(not finding.healthy for finding in findings)
        out.print("all is well" if healthy else f"{broken} of {len(findings)} checks failed")
    if not healthy:
        raise typer.Exit(1)
