from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.builders import Cli


@pytest.mark.usefixtures("hub")
def test_the_kpis_are_shown_as_a_table_as_json_and_as_a_page(cli: Cli, tmp_path: Path) -> None:
    whole = cli("report", "--since", "2026-11-01", "--until", "2027-01-01")
    assert whole.code == 0, whole.err
    assert "Routing accuracy" in whole.out
    by_node = cli("report", "--since", "2026-11-01", "--until", "2027-01-01", "--by", "node,day").out
    assert "CHI" in by_node
    page = tmp_path / "kpis.html"
    span = ("--since", "2026-11-01T00:00:00+01:00", "--until", "2027-01-01")
    written = cli("report", *span, "--by", "node", "--html", str(page), "--json")
    assert written.json["since"] == "2026-10-31T23:00:00Z"
    assert written.json["groups"][1]["key"] == {"node": "CHI"}
    assert written.json["total"]["routing_accuracy"] == {"part": 1, "whole": 1, "share": "1.0000"}
    assert b"CHI" in page.read_bytes()


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--by", "node,weather"), "there are node, channel, policy, day"),
        (("--since", "yesterday"), "write 2026-11-23"),
        (("--since", "2026-11-02", "--until", "2026-11-02"), "is not before"),
    ],
)
def test_what_cannot_be_asked_is_said_in_words(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    refused = cli("report", *arguments)
    assert refused.code == 2
    assert said in " ".join(refused.err.replace("│", " ").split())
