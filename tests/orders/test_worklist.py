from __future__ import annotations

from datetime import UTC, datetime, timedelta

from crossdock.orders.worklist import RULES, Cause, Role, open_item

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_every_cause_has_an_owner_a_term_and_a_fix() -> None:
    assert set(RULES) == set(Cause)
    assert all(rule.due_hours > 0 and rule.fix for rule in RULES.values())


def test_an_item_is_due_by_its_rule_or_by_the_deadline() -> None:
    item = open_item(Cause.OUTCOME_UNKNOWN, "command:1", "no answer", NOW)
    assert (item.owner, item.due_at) == (Role.INTEGRATION, NOW + timedelta(hours=1))
    assert item.fix == RULES[Cause.OUTCOME_UNKNOWN].fix
    soon, past = NOW + timedelta(minutes=5), NOW - timedelta(minutes=5)
    assert open_item(Cause.OUTCOME_UNKNOWN, "command:1", "", NOW, deadline=soon).due_at == soon
    assert open_item(Cause.OUTCOME_UNKNOWN, "command:1", "", NOW, deadline=past, fix="Call.").due_at == NOW
    assert open_item(Cause.OUTCOME_UNKNOWN, "command:1", "", NOW, fix="Call.").fix == "Call."
