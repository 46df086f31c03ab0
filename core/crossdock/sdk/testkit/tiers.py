"""What the rules of the kit prove in groups, and the tier that follows: computed from results, never claimed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Group", "GroupResult", "Outcome", "RuleResult", "Tier", "group_of", "group_results", "tier_of"]


class Group(StrEnum):
    """What a rule is about."""

    MANIFEST = "manifest"
    CHECK = "check"
    POLLING = "polling"
    FAULTS = "faults"
    WEBHOOKS = "webhooks"
    FILES = "files"
    COMMANDS = "commands"
    MAPPING = "mapping"
    RESOURCES = "resources"
    DOCUMENTATION = "documentation"
    UPGRADE = "upgrade"


class Outcome(StrEnum):
    """What became of one rule for one stream, command or mapping."""

    PASSED = "passed"
    FAILED = "failed"
    LEFT_OUT = "left_out"


class Tier(StrEnum):
    """How much of a connector is proven; ``none`` where a rule of the first tier failed or was not run."""

    NONE = "none"
    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"


_GROUPS: Mapping[str, Group] = {
    "manifest_": Group.MANIFEST,
    "roles_": Group.MANIFEST,
    "exemptions_": Group.MANIFEST,
    "source_": Group.MANIFEST,
    "configuration_": Group.MANIFEST,
    "hosts_": Group.MANIFEST,
    "check_": Group.CHECK,
    "mapping_": Group.MAPPING,
    "poll_": Group.POLLING,
    "poll_records_map": Group.MAPPING,
    "poll_failing_": Group.FAULTS,
    "poll_stops_": Group.RESOURCES,
    "call_": Group.WEBHOOKS,
    "subscribing_": Group.WEBHOOKS,
    "file_": Group.FILES,
    "files_": Group.FILES,
    "session_": Group.FILES,
    "command_": Group.COMMANDS,
    "command_survives": Group.FAULTS,
    "command_throttled_": Group.FAULTS,
    "command_waits_": Group.FAULTS,
    "command_turned_": Group.FAULTS,
    "file_in_pieces": Group.RESOURCES,
    "readme_": Group.DOCUMENTATION,
    "upgrade_": Group.UPGRADE,
}
"""By how a rule's name begins; the longest beginning says it."""

_BRONZE = (Group.MANIFEST, Group.CHECK, Group.POLLING, Group.MAPPING)
_SILVER = (Group.FAULTS, Group.WEBHOOKS, Group.FILES, Group.COMMANDS)
_GOLD = (Group.RESOURCES, Group.DOCUMENTATION, Group.UPGRADE)


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What became of a rule.

    Attributes:
        rule: Its name, as ``exempt`` in the manifest has it.
        bound: What it was run for: a stream, command, mapping, or fault; empty where it is for the connector.
        outcome: What became of it.
        reason: Why it failed, in the words of the rule, or was left out.
    """

    rule: str
    bound: str
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class GroupResult:
    """The results of a group: counts, and for each rule that was left out the reason."""

    passed: int
    failed: int
    left_out: Mapping[str, str]

    @property
    def holds(self) -> bool:
        """Whether something was proven, and nothing failed."""
        return self.failed == 0 and self.passed > 0


def group_of(rule: str) -> Group:
    """The group of a rule.

    Raises:
        KeyError: No group has a rule of this name.
    """
    return _GROUPS[max((each for each in _GROUPS if rule.startswith(each)), key=len, default=rule)]


def group_results(results: Sequence[RuleResult]) -> dict[Group, GroupResult]:
    """The results by group, of groups that have rules for this connector."""
    by_group: dict[Group, list[RuleResult]] = {}
    for each in results:
        by_group.setdefault(group_of(each.rule), []).append(each)
    return {
        group: GroupResult(
            passed=sum(each.outcome is Outcome.PASSED for each in found),
            failed=sum(each.outcome is Outcome.FAILED for each in found),
            left_out={_named(each): each.reason for each in found if each.outcome is Outcome.LEFT_OUT},
        )
        for group in Group
        if (found := by_group.get(group))
    }


def tier_of(results: Sequence[RuleResult], *, missing: Sequence[str] = ()) -> Tier:
    """The tier that the results prove.

    A group that the connector's roles do not have stands in no tier's way; a rule that is left out, with its reason
    in the result, neither.

    Args:
        results: All of them.
        missing: Rules that apply to the connector and were not run; nothing is proven then.
    """
    if missing or not results:
        return Tier.NONE
    groups = group_results(results)
    reached = Tier.NONE
    for tier, needed in ((Tier.BRONZE, _BRONZE), (Tier.SILVER, _SILVER), (Tier.GOLD, _GOLD)):
        if not all(groups[group].holds for group in needed if group in groups):
            break
        reached = tier
    return reached


def _named(result: RuleResult) -> str:
    return f"{result.rule}[{result.bound}]" if result.bound else result.rule
