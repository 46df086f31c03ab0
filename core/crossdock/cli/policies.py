"""``crossdock policy``: the policies of a configuration, checked, listed and shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossdock.cli.output import AsJson, ConfigFile, console, grid, state_text, write_json
from crossdock.errors import MisconfiguredError, RecordRejectedError, Rejection

if TYPE_CHECKING:
    from crossdock.routing import CompiledPolicy
    from crossdock.routing.policy_checks import Finding
    from crossdock.streams.processors.hub import Hub

__all__ = ["located_finding", "policy_app"]

policy_app = typer.Typer(help="Policies: check, list and show them.", no_args_is_help=True)


def located_finding(config: Path, finding: Finding) -> str:
    """A finding with file, line and path."""
    from crossdock.config.load import file_and_line

    return f"{file_and_line(config, finding.path)}: {finding.path}: {finding.message}"


@policy_app.command()
def check(config: ConfigFile = Path("crossdock.yaml"), json: AsJson = False) -> None:
    """Check policies, drafts too: what can't work, what is never asked, orders that none covers.

    Exit code 2 where something is refused.
    """
    hub = _hub(config)
    from crossdock.compiling import policy_findings
    from crossdock.config.load import file_and_line

    found = policy_findings(hub)
    refused = any(finding.refused for finding in found)
    if json:
        findings = [
            {
                "kind": finding.kind,
                "refused": finding.refused,
                "policy": finding.policy or None,
                "path": finding.path,
                "at": file_and_line(config, finding.path),
                "message": finding.message,
                "example": finding.example,
            }
            for finding in found
        ]
        write_json({"good": not refused, "findings": findings})
    else:
        for finding in found:
            kind = f"{finding.kind}: " if finding.refused else "note: "
            typer.echo(kind + located_finding(config, finding), err=finding.refused)
        if not refused:
            active = ", ".join(_name(policy) for policy in hub.policies.active) or "none is active"
            typer.echo(f"{config}: the policies are good; asked in this order: {active}")
    if refused:
        raise typer.Exit(2)


@policy_app.command("list")
def list_policies(config: ConfigFile = Path("crossdock.yaml"), json: AsJson = False) -> None:
    """List all versions in the order in which the active ones are asked."""
    policies = _hub(config).policies.policies
    if json:
        write_json(
            [
                {
                    "policy": each.id,
                    "version": each.version,
                    "state": each.state,
                    "when": each.definition.when,
                }
                for each in policies
            ]
        )
        return
    rows = (
        (each.id, each.version, state_text(each.state), each.definition.when or "every order")
        for each in policies
    )
    console().print(grid("policy", "#version", "state", "when", rows=rows))


@policy_app.command()
def show(
    policy: Annotated[str, typer.Argument(help="Its name, or name@version; by default the active version.")],
    config: ConfigFile = Path("crossdock.yaml"),
    json: AsJson = False,
) -> None:
    """Show a policy with its defaults."""
    import yaml

    found = _find(_hub(config).policies.policies, policy)
    document = found.definition.model_dump(mode="json")
    if json:
        write_json(document)
    else:
        typer.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110), nl=False)


def _hub(config: Path) -> Hub:
    from crossdock.compiling import compile_hub
    from crossdock.config.load import file_and_line, load_config
    from crossdock.geography import locate

    loaded = load_config(config)
    try:
        return compile_hub(loaded, {}, locate)
    except MisconfiguredError as error:
        if not error.path.startswith("policies."):
            raise
        raise MisconfiguredError(f"{file_and_line(config, error.path)}: {error.located}") from error


def _find(policies: tuple[CompiledPolicy, ...], wanted: str) -> CompiledPolicy:
    named = [each for each in policies if wanted in (each.id, _name(each))]
    if not named:
        known = ", ".join(_name(each) for each in policies) or "none"
        raise RecordRejectedError(
            Rejection("policy.missing", f"there is no policy {wanted!r}; there are: {known}")
        )
    return next((each for each in named if each.state == "active"), named[-1])


def _name(policy: CompiledPolicy) -> str:
    return f"{policy.id}@{policy.version}"
