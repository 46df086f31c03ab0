"""What a process pays for its first order only."""

from __future__ import annotations

import os
import subprocess
import sys

ROUTE_ONE = """
import sys
from random import Random

from crossdock.routing import PolicySet, compile_policy, route
from tests.routing.builders import NOW, STANDARD, network, random_demand, random_nodes, random_supply

random = Random(1)
net = network(random_nodes(5, random))
order = random_demand(random, 3)
supply, policies = random_supply(net, order, random), PolicySet([compile_policy(STANDARD)])
known = set(sys.modules)
assert route(order, supply, net, policies, NOW).assignments
print(*sorted(set(sys.modules) - known))
"""


def test_the_first_order_waits_for_no_import() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", ROUTE_ONE],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert ran.stdout.split() == []
