"""The tier follows from what was proven, and from nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from crossdock.sdk.testkit import conformance
from crossdock.sdk.testkit.commanding import CommandRules
from crossdock.sdk.testkit.declaring import ManifestRules
from crossdock.sdk.testkit.dropping import DropRules
from crossdock.sdk.testkit.polling import PollRules
from crossdock.sdk.testkit.receiving import ReceiveRules
from crossdock.sdk.testkit.recording import Recorder
from crossdock.sdk.testkit.rules import PREFIX
from crossdock.sdk.testkit.tiers import Group, Outcome, RuleResult, Tier, group_of, group_results, tier_of
from crossdock.sdk.testkit.upgrading import CursorRules, UpgradeRules
from tests.sdk.testkit.builders import run_rule, scaffolded

RULES = sorted(
    name.removeprefix(PREFIX)
    for rules in (ManifestRules, PollRules, ReceiveRules, DropRules, CommandRules, UpgradeRules, CursorRules)
    for name, _ in inspect.getmembers(rules)
    if name.startswith(PREFIX)
)


def results(*failed: str, left_out: str = "") -> list[RuleResult]:
    found = []
    for rule in RULES:
        outcome = (
            Outcome.FAILED if rule in failed else Outcome.LEFT_OUT if rule == left_out else Outcome.PASSED
        )
        found.append(RuleResult(rule, "orders", outcome, "because" if rule == left_out else ""))
    return found


def test_each_rule_of_the_kit_has_a_group_and_each_group_a_rule() -> None:
    assert {group_of(rule) for rule in RULES} == set(Group)


@pytest.mark.parametrize(
    ("failed", "tier"),
    [
        ("", Tier.GOLD),
        ("readme_tells_of_all", Tier.SILVER),
        ("poll_stops_where_told", Tier.SILVER),
        ("upgrade_keeps_cursors", Tier.SILVER),
        ("command_survives", Tier.BRONZE),
        ("call_altered_is_refused", Tier.BRONZE),
        ("file_is_disposed_of", Tier.BRONZE),
        ("poll_records_map", Tier.NONE),
        ("poll_resumes_anywhere", Tier.NONE),
        ("check_is_good", Tier.NONE),
        ("manifest_lints", Tier.NONE),
    ],
)
def test_the_tier_ends_where_a_rule_fails(failed: str, tier: Tier) -> None:
    assert failed in ("", *RULES)
    assert tier_of(results(failed)) is tier


def test_roles_that_a_connector_lacks_stand_in_no_tiers_way() -> None:
    files_only = [each for each in results() if group_of(each.rule) not in (Group.POLLING, Group.WEBHOOKS)]
    assert tier_of(files_only) is Tier.GOLD


def test_what_is_left_out_is_told_with_its_reason_and_proves_nothing() -> None:
    found = results(left_out="check_is_good")
    assert tier_of(found) is Tier.GOLD
    assert group_results(found)[Group.CHECK].left_out == {"check_is_good[orders]": "because"}
    alone = [each for each in found if group_of(each.rule) is not Group.CHECK or each.rule == "check_is_good"]
    assert tier_of(alone) is Tier.NONE


def test_nothing_follows_from_rules_that_were_not_run() -> None:
    assert tier_of(results(), missing=["command_survives"]) is Tier.NONE
    assert tier_of([]) is Tier.NONE


def test_a_recorder_keeps_what_became_of_each_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # pytest in pytest: its own state must not reach this session
    plugin, partner = scaffolded(tmp_path)
    recorder = Recorder()
    rules = conformance(plugin, partner)
    proof = recorder._proof(rules)
    report = make_report(recorder, proof.connector)
    report("check_is_good", "call", "passed")
    report("manifest_lints", "call", "failed")
    report("command_survives", "setup", "skipped")
    report("hosts_are_few", "call", "passed")
    report("hosts_are_few", "teardown", "failed")
    assert {each.rule: each.outcome for each in proof.results} == {
        "check_is_good": Outcome.PASSED,
        "manifest_lints": Outcome.FAILED,
        "command_survives": Outcome.LEFT_OUT,
        "hosts_are_few": Outcome.FAILED,
    }
    assert proof.document()["tier"] == "none"
    assert "failed: manifest" in proof.words


def make_report(recorder: Recorder, connector: str) -> Callable[[str, str, str], None]:
    def report(rule: str, when: str, outcome: str) -> None:
        recorder._rules[rule] = (recorder.proofs[connector], rule, "")
        said = ("", 0, "Skipped: exempt: so") if outcome == "skipped" else "it broke"
        recorder.pytest_runtest_logreport(
            pytest.TestReport(rule, ("", 0, ""), {}, outcome, said, when)  # type: ignore[arg-type]
        )

    return report


def test_a_readme_that_does_not_tell_of_a_stream_is_told(tmp_path: Path) -> None:
    plugin, partner = scaffolded(tmp_path, ("README.md", "(stream `orders`)", ""))
    with pytest.raises(AssertionError, match=r"does not tell of orders"):
        run_rule(plugin, partner, tmp_path, "readme_tells_of_all", rigs=False)


def test_a_poll_that_reads_ahead_is_told(tmp_path: Path) -> None:
    plugin, partner = scaffolded(tmp_path)
    poll = plugin.connector.poll  # type: ignore[attr-defined]

    async def greedy(self: object, *arguments: object) -> object:
        for page in [page async for page in poll(self, *arguments)]:
            yield page

    plugin.connector.poll = greedy  # type: ignore[attr-defined]
    with pytest.raises(AssertionError, match="yield each page as it comes"):
        run_rule(plugin, partner, tmp_path, "poll_stops_where_told", "orders")
