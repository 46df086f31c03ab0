"""What a run of the kit proved, as a file: by it, and by nothing else, a connector has its tier."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

import pytest

from crossdock.sdk.connector import Cursor
from crossdock.sdk.registry import ConnectorPlugin
from crossdock.sdk.testkit.release import Release
from crossdock.sdk.testkit.rules import PREFIX, Rules
from crossdock.sdk.testkit.tiers import Outcome, RuleResult, Tier, group_results, tier_of
from crossdock.sdk.testkit.upgrading import CURSOR

__all__ = ["Proof", "Recorder"]

_MOST_OF_A_REASON = 1_000


@dataclass(slots=True)
class Proof:
    """What was proven of one connector.

    Attributes:
        results: Of each rule for each of what it was run for.
        missing: Rules that apply and were not run.
        cursors: Where each polled stream stood in the end.
    """

    plugin: ConnectorPlugin
    results: list[RuleResult] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    cursors: dict[str, Cursor] = field(default_factory=dict)

    @property
    def connector(self) -> str:
        """Its id."""
        return self.plugin.manifest.id

    @property
    def release(self) -> Release:
        """What this version is, for the next one."""
        return Release.of(self.plugin, self.cursors)

    @property
    def tier(self) -> Tier:
        """The tier that follows."""
        return tier_of(self.results, missing=sorted(self.missing))

    @property
    def words(self) -> str:
        """In a line: the tier, and the groups that hold and that do not."""
        groups = group_results(self.results)
        parts: dict[str, Sequence[str]] = {
            "proven": [group for group, found in groups.items() if found.holds],
            "failed": [group for group, found in groups.items() if found.failed],
            "not run": sorted(self.missing),
        }
        told = [f"{what}: {', '.join(names)}" for what, names in parts.items() if names]
        return "; ".join([f"{self.connector} {self.plugin.manifest.version}: {self.tier}", *told])

    def document(self) -> dict[str, Any]:
        """For the file: the same results make the same document."""
        return {
            "connector": self.connector,
            "version": self.plugin.manifest.version,
            "package": self.plugin.package,
            "kit": version("crossdock"),
            "tier": self.tier,
            "groups": {group: asdict(found) for group, found in group_results(self.results).items()},
            "failed": [
                {"rule": each.rule, "bound": each.bound, "reason": each.reason}
                for each in self.results
                if each.outcome is Outcome.FAILED
            ],
            "not_run": sorted(self.missing),
        }


class Recorder:
    """A plug-in of pytest that keeps what became of the rules.

    Attributes:
        proofs: By the connector's id.
    """

    def __init__(self) -> None:
        """Nothing is proven yet."""
        self.proofs: dict[str, Proof] = {}
        self._rules: dict[str, tuple[Proof, str, str]] = {}
        self._said: dict[str, RuleResult] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know the rules that will be run, and those of the same connectors that will not."""
        chosen: dict[type[Rules], set[str]] = {}
        for item in session.items:
            if not isinstance(item, pytest.Function) or item.cls is None or not issubclass(item.cls, Rules):
                continue
            rule = item.originalname.removeprefix(PREFIX)
            self._rules[item.nodeid] = (self._proof(item.cls), rule, item.name.partition("[")[2].rstrip("]"))
            chosen.setdefault(item.cls, set()).add(rule)
        for rules, named in chosen.items():
            there = {name.removeprefix(PREFIX) for name in dir(rules) if name.startswith(PREFIX)}
            self._proof(rules).missing |= there - named

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """A rule that was chosen for some streams only was not run."""
        for item in items:
            if isinstance(item, pytest.Function) and item.cls is not None and issubclass(item.cls, Rules):
                self._proof(item.cls).missing.add(item.originalname.removeprefix(PREFIX))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst that became of a rule, from its preparation to its end."""
        if report.nodeid not in self._rules or (report.passed and report.when != "call"):
            return
        proof, rule, bound = self._rules[report.nodeid]
        for name, value in report.user_properties:
            if name == CURSOR:
                proof.cursors |= json.loads(str(value))
        if report.passed:
            result = RuleResult(rule, bound, Outcome.PASSED)
        elif report.skipped:
            result = RuleResult(rule, bound, Outcome.LEFT_OUT, _why(report))
        else:
            result = RuleResult(rule, bound, Outcome.FAILED, _why(report))
        earlier = self._said.get(report.nodeid)
        if earlier is not None:
            proof.results.remove(earlier)
        self._said[report.nodeid] = result
        proof.results.append(result)

    def _proof(self, rules: type[Rules]) -> Proof:
        return self.proofs.setdefault(rules.plugin.manifest.id, Proof(rules.plugin))


def _why(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash is not None else report.longrepr)[:_MOST_OF_A_REASON]
