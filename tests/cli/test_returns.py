from __future__ import annotations

from tests.cli.builders import Cli
from tests.processors.harness import Harness
from tests.processors.test_returning import receipt, request, send, units


def test_returns_are_listed_and_shown(cli: Cli, hub: Harness) -> None:
    send(hub, request("R-1", {"sku": "SKU-1", "quantity": 1}))
    send(hub, receipt("RR-1", units("SKU-1"), units("SKU-9", 2, "damaged"), request="R-1"))
    send(hub, receipt("RR-2", units("SKU-1"), request="R-7"))
    listed = cli("return", "list", "--state", "disposed", "--json").json
    assert [(each["id"], each["units_requested"], each["units_received"]) for each in listed] == [
        ("shop:R-1", 1, 3), ("wms:CHI:RR-2", 0, 1),
    ]  # fmt: skip
    assert "shop:R-1" in cli("return", "list", "--node", "CHI", "--order", "shop:1001").out
    assert "There are more" in cli("return", "list", "--limit", "1").out
    shown = cli("return", "show", "shop:R-1")
    for part in ("disposed, order shop:1001, node CHI", "RR-1 line 2", "scrap"):
        assert part in shown.out
    assert cli("return", "show", "shop:R-1", "--json").json["received"][1]["disposition"] == "scrap"
    assert "request R-7, which has not come" in cli("return", "show", "wms:CHI:RR-2").out
    missing = cli("return", "show", "x")
    assert (missing.code, missing.err.startswith("error: return.missing")) == (1, True)


def test_a_return_of_which_nothing_more_comes_is_closed_by_hand(cli: Cli, hub: Harness) -> None:
    send(hub, request("R-1", {"sku": "SKU-1", "quantity": 2}))
    assert cli("return", "close", "shop:R-1").out == "shop:R-1 is closed\n"
    send(hub, receipt("RR-1", units("SKU-1", 1, "unknown"), request="R-1"))
    assert cli("return", "close", "shop:R-1").out == "shop:R-1 is received\n"
    missing = cli("return", "close", "x")
    assert (missing.code, missing.err.startswith("error: return.missing")) == (1, True)
