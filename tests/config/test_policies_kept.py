"""The policies that decided on a network are kept with it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import yaml

from crossdock.compiling import compile_network, compile_policies, network_document, with_earlier_policies
from crossdock.config.model import Config
from crossdock.errors import MisconfiguredError
from crossdock.routing import Position
from tests.processors.harness import CONFIG


def document(*policies: dict[str, Any]) -> bytes:
    defaults = {"policy": "standard", "objective": ["shipments"]}
    written = yaml.safe_load(CONFIG) | {"policies": [{**defaults, **policy} for policy in policies]}
    return network_document(Config.model_validate(written))


def versions(kept: bytes) -> list[tuple[int, str]]:
    _, policies = compile_network(kept, lambda *_: Position(0.0, 0.0))
    return [(policy.version, policy.state) for policy in policies.policies]


def test_a_version_that_is_gone_stays_to_explain_what_it_decided() -> None:
    kept = with_earlier_policies(document({"version": 2}), document({"version": 1}))
    assert versions(kept) == [(2, "active"), (1, "archived")]
    kept = with_earlier_policies(document({"version": 2}, {"version": 3, "state": "draft"}), kept)
    assert versions(kept) == [(2, "active"), (3, "draft"), (1, "archived")]
    back = with_earlier_policies(document({"version": 1}, {"version": 2, "state": "archived"}), kept)
    assert versions(back) == [(1, "active"), (2, "archived")]


def test_a_kept_network_has_the_version_that_decisions_name() -> None:
    """Whatever a later program would compute: else its decisions could not be explained after an upgrade."""
    network, _ = compile_network(
        document({"version": 1}), lambda *_: Position(0.0, 0.0), "of-an-older-program"
    )
    assert network.version == "of-an-older-program"


def test_a_version_that_has_decided_keeps_its_content() -> None:
    before = document({"version": 4})
    changed = {"version": 4, "objective": ["late_days"]}
    with pytest.raises(MisconfiguredError, match="give what has changed the version 5") as caught:
        with_earlier_policies(document({"version": 9}, {**changed, "state": "archived"}), before)
    assert caught.value.path == "policies.1.version"
    assert versions(with_earlier_policies(document({"version": 4, "state": "archived"}), before)) == [
        (4, "archived")
    ]
    drafted = document({"version": 4, "state": "draft"})
    assert versions(with_earlier_policies(document(changed), drafted)) == [(4, "active")]


def test_one_name_has_one_active_version_and_each_version_once() -> None:
    def refused(*policies: dict[str, Any]) -> str:
        with pytest.raises(MisconfiguredError) as caught:
            compile_policies(msgspec.json.decode(document(*policies))["policies"])
        return caught.value.message

    assert refused({"version": 1}, {"version": 2}).startswith(
        "policies.1.state: version 1 of policy 'standard'"
    )
    assert refused({"version": 1}, {"version": 1, "state": "draft"}).startswith(
        "policies.1.version: version 1 of"
    )
