from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crossdock.orders.worklist import RULES, Cause, Role, actions_for, open_item

PAGE = Path(__file__).parents[2] / "docs/worklist.md"

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_every_cause_has_an_owner_a_term_and_a_fix() -> None:
    assert set(RULES) == set(Cause)
    assert all(rule.due_hours > 0 for rule in RULES.values())
    assert all(rule.fix[0].isupper() and rule.fix.endswith(".") for rule in RULES.values()), "a sentence"
    assert RULES[Cause.UPSTREAM_LAG].due == timedelta(hours=2)


def test_an_item_is_due_by_its_rule_or_by_the_deadline() -> None:
    item = open_item(Cause.OUTCOME_UNKNOWN, "command:1", "no answer", NOW)
    assert (item.owner, item.due_at) == (Role.INTEGRATION, NOW + timedelta(hours=1))
    assert item.fix == RULES[Cause.OUTCOME_UNKNOWN].fix
    soon, past = NOW + timedelta(minutes=5), NOW - timedelta(minutes=5)
    assert open_item(Cause.OUTCOME_UNKNOWN, "command:1", "", NOW, deadline=soon).due_at == soon
    assert open_item(Cause.OUTCOME_UNKNOWN, "command:1", "", NOW, deadline=past, fix="Call.").due_at == NOW
    assert open_item(Cause.OUTCOME_UNKNOWN, "command:1", "", NOW, fix="Call.").fix == "Call."


def test_the_page_tells_who_decides_until_when_and_what_the_hub_can() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \|[^|]*\| ([\w ]+) \| (\d+) h \|([^|]*)\|$", PAGE.read_text(), re.MULTILINE
    )
    assert {cause: (owner.replace(" ", "_"), int(hours)) for cause, owner, hours, _ in rows} == {
        cause.value: (rule.owner.value, rule.due_hours) for cause, rule in RULES.items()
    }
    for cause, _, _, cell in rows:
        told = dict(re.findall(r"of an? ([\w ]+): (`[^;]*`)", cell))
        for subject in ("order", "fulfilment_order", "command", "feed", "dead_letter", "connection"):
            written = told.get(subject.replace("_", " "), "")
            assert list(actions_for(Cause(cause), f"{subject}:1")) == re.findall(r"`(\w+)`", written)
