from __future__ import annotations

import getpass

import pytest

from tests.cli.builders import Cli
from tests.processors.harness import Harness


def test_an_order_is_held_and_released(cli: Cli, hub: Harness) -> None:
    assert cli("order", "hold", "1003", "fraud_review", "--hours", "2", "-r", "two cards").code == 0
    assert "pending, fraud_review" in cli("order", "show", "1003").out
    assert cli("order", "release", "1003", "pending").code == 0
    assert cli("order", "release", "1003", "fraud_review").code == 0
    hub.settle()
    order = hub.order("1003")
    assert order.state == "routed"
    assert {hold.ended_by for hold in order.holds} == {getpass.getuser()}
    unknown = cli("order", "release", "1003", "credit")
    assert (unknown.code, "it is under none" in unknown.err) == (1, True)


def test_an_amendment_is_previewed_and_done(cli: Cli, hub: Harness) -> None:
    hub.clock.move(60)
    hub.stock("NYC", {"SKU-2": 3})
    wish = ("order", "amend", "1002", "--line", "1=1", "--add", "SKU-2=2")
    said = "line 1: 1 asked of its node, which may refuse\nline added-SKU-2: 2 from node NYC\n"
    assert cli(*wish, "--preview").out == said
    assert [line.quantities.ordered for line in hub.order("1002").lines] == [2]
    assert cli(*wish).out == said
    assert [line.quantities.ordered for line in hub.order("1002").lines] == [2, 2]
    refused = cli("order", "amend", "1002", "--line", "9=1")
    assert (refused.code, "there is no line '9'" in refused.err) == (1, True)


@pytest.mark.usefixtures("hub")
def test_lines_are_cancelled_and_what_happened_is_said(cli: Cli) -> None:
    asked = cli("order", "cancel", "1002", "--line", "1=1", "-r", "customer")
    assert asked.out == "line 1: 1 asked of its node, which may refuse\n"
    assert cli("order", "cancel", "1003").out == "line 1: 1 cancelled\n"
    assert cli("order", "cancel", "1001", "--line", "1=1").out == "line 1: 1 too late\n"
    assert cli("order", "cancel", "1002", "--line", "1").code == 2
