"""``crossdock policy``, and policies that are refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.builders import Cli
from tests.processors.harness import CONFIG

POLICIES = """
  - policy: standard
    version: 2
    state: draft
    when: order.pick_up
    objective: [shipments]
    fences: [{require: 'node.kind == "supplier"'}]
  - {policy: old, version: 3, state: archived, objective: [shipments]}
"""


@pytest.fixture
def config(folder: Path) -> Path:
    path = folder / "crossdock.yaml"
    head, _, tail = CONFIG.partition("postings:")
    path.write_text(head.rstrip() + POLICIES + "postings:" + tail)
    return path


@pytest.mark.usefixtures("config")
def test_policies_are_listed_and_shown(cli: Cli) -> None:
    assert [row["state"] for row in cli("policy", "list", "--json").json] == ["active", "draft", "archived"]
    assert "every order" in cli("policy", "list").out
    assert "version: 1\n" in cli("policy", "show", "standard").out
    assert cli("policy", "show", "standard@2", "--json").json["when"] == "order.pick_up"
    assert "there are: standard@1, standard@2, old@3" in cli("policy", "show", "nobody").err


def test_a_draft_is_checked_but_does_not_stop_a_hub(cli: Cli, config: Path) -> None:
    refused = cli("policy", "check")
    assert refused.code == 2
    line = 1 + config.read_text().splitlines().index("    fences: [{require: 'node.kind == \"supplier\"'}]")
    assert f"contradiction: crossdock.yaml:{line}: policies.1.fences.0.require: no node of the" in refused.err
    found = cli("policy", "check", "--json").json["findings"]
    assert [(each["kind"], each["policy"]) for each in found] == [
        ("contradiction", "standard@2"),
        ("gap", "standard@2"),
    ]
    assert "supplier" not in cli("config", "check").err


def test_an_active_policy_that_cannot_work_stops_a_hub(cli: Cli, config: Path) -> None:
    config.write_text(
        config.read_text().replace("state: draft", "state: active").replace("version: 1", "version: 0")
    )
    assert "version: policy 'standard': Input should be greater" in cli("policy", "check").err
    config.write_text(config.read_text().replace("version: 0", "version: 1"))
    twice = cli("policy", "check")
    assert "crossdock.yaml:40: policies.1.state: version 1 of policy 'standard' is active too" in twice.err
    config.write_text(
        config.read_text().replace("- policy: standard\n    version: 2", "- policy: pick-up\n    version: 2")
    )
    for command in (("policy", "check"), ("config", "check"), ("run",)):
        stopped = cli(*command)
        assert stopped.code == 2
        assert (
            "crossdock.yaml:41: policies.1.when: the policy is never asked: standard always applies"
            in stopped.err
        )


def test_good_policies_are_said_to_be(cli: Cli) -> None:
    checked = cli("policy", "check")
    assert (checked.code, checked.err) == (0, "")
    assert checked.out.endswith("the policies are good; asked in this order: standard@1\n")


def test_a_rule_without_effect_is_a_note(cli: Cli, config: Path) -> None:
    fences = "fences: [{max_distance_km: 10}, {max_distance_km: 20}]"
    text = config.read_text().replace("    fences: [{require: 'node.kind == \"supplier\"'}]", f"    {fences}")
    config.write_text(text.replace("    when: order.pick_up\n", ""))
    checked = cli("policy", "check")
    assert checked.code == 0
    assert "note: crossdock.yaml:42: policies.1.fences.1.max_distance_km: another fence sets" in checked.out
