"""The proof that routing finds the best plan: on random orders it costs what an independent solver says it must.

    python -m benchmarks.routing_proof [--orders 5000] [--first-seed 0]

Every order goes to HiGHS as a mixed-integer program written apart from the product (``routing_milp``): lexicographic
tiers, capacities in orders, lines and units, rules of splitting, quantities that no node has alone. To every fourth
comes another one whose costs are not linear, and of which every line is tried at every node. An order is its seed: one
that differs is named, and can be looked at alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from random import Random
from typing import Annotated

import typer
from msgspec.structs import replace
from rich.console import Console
from rich.progress import track

from benchmarks.measurement import Measurement
from benchmarks.routing_milp import WITHOUT_LIMIT, Instance, solve
from crossdock.routing import Decision, Demand, Network, PolicySet, SupplyView, compile_policy, route
from crossdock.routing.supply import UNLIMITED
from tests.routing.builders import NOW, network, random_demand, random_nodes, rate_cards

__all__ = ["Proof", "measure", "prove", "unlike_brute_force", "unlike_solver"]

ORDERS = 5000
_ENUMERATED = 4
OBJECTIVES: tuple[list[object], ...] = (
    ["late_days", "shipments", {"shipping_cost": 1, "handling_cost": 1}],
    [{"shipping_cost": 1, "handling_cost": 1}],
    ["late_days", {"shipping_cost": 1, "handling_cost": Decimal("0.5")}],
    ["shipments", "late_days", "shipping_cost"],
)
NOT_LINEAR: list[object] = [
    {"shipping_cost": 1, "stock_balance": Decimal("3.5"), "zero_stock": 2, "distance": Decimal("0.001")}
]
ROUNDING = Decimal("0.012")
"""The shares of the stock of three lines are rounded when they are summed up, and when they are told."""


@dataclass(frozen=True)
class Proof:
    """How many orders were compared with what, and the seeds of those that differ, with the reason."""

    solved: int
    enumerated: int
    unlike: dict[int, str]


def prove(seeds: Iterable[int]) -> Proof:
    """Compare the orders of ``seeds``."""
    solved = enumerated = 0
    unlike: dict[int, str] = {}
    for seed in seeds:
        differences = [unlike_solver(seed)]
        solved += 1
        if seed % _ENUMERATED == 0:
            differences.append(unlike_brute_force(seed))
            enumerated += 1
        if any(differences):
            unlike[seed] = "; ".join(filter(None, differences))
    return Proof(solved, enumerated, unlike)


def unlike_solver(seed: int) -> str:
    """How the decision of an order differs from what HiGHS finds; empty if it costs the same."""
    order, net, supply, policies, stock = _instance(seed)
    decision = route(order, supply, net, policies, NOW)
    left: dict[str, tuple[int, int, int]] = {}
    for position, node in enumerate(net.nodes):
        orders, lines, units = (
            WITHOUT_LIMIT if v == UNLIMITED else int(v) for v in supply.capacity[:, position]
        )
        left[node.id] = (orders, lines, units)
    cards = {card.id: card for card in rate_cards()}
    answer = solve(Instance(order, stock, left, net, cards, policies.policies[0].definition, NOW))
    if not decision.optimal:
        return f"not proven best, gap {decision.gap}"
    ours = (len(decision.unfilled), _with_saving(decision, policies))
    return "" if ours == (answer.left_out, answer.tiers) else f"ours {ours}, HiGHS {answer}"


def unlike_brute_force(seed: int) -> str:
    """How the decision of an order differs from the best of all assignments; empty if it costs the same.

    Each part of an assignment is priced through an order that only its node may take.
    """
    random = Random(seed)
    net = network(random_nodes(4, random))
    order = random_demand(random, 3)
    stock = [
        (line.sku, node.id, random.randint(1, 9))
        for line in order.lines
        for node in net.nodes
        if random.random() < 0.8
    ]
    supply = SupplyView(net, stock)
    definition = {"policy": "p", "version": 1, "objective": NOT_LINEAR, "split": {"quantity": False}}
    policies = PolicySet([compile_policy(definition)])
    decision = route(order, supply, net, policies, NOW)

    def cost(places: tuple[int, ...]) -> Decimal | None:
        total = Decimal(0)
        for place in sorted(set(places)):
            lines = tuple(line for line, at in zip(order.lines, places, strict=True) if at == place)
            part = route(
                replace(order, lines=lines, fixed_node=net.nodes[place].id), supply, net, policies, NOW
            )
            if part.unfilled:
                return None
            total += part.tiers[0]
        return total

    costs = [found for places in product(range(4), repeat=3) if (found := cost(places)) is not None]
    if decision.unfilled or not costs:
        return "" if not costs and decision.unfilled else f"placed: ours {decision.complete}, {bool(costs)}"
    ours, best = decision.tiers[0], min(costs)
    return "" if abs(ours - best) <= ROUNDING else f"ours {ours}, the best {best}"


def _instance(seed: int) -> tuple[Demand, Network, SupplyView, PolicySet, dict[tuple[str, str], int]]:
    random = Random(seed)
    net = network(random_nodes(random.randint(2, 14), random, capacity=random.random() < 0.6))
    order = random_demand(random, random.randint(1, 5))
    fill = random.choice([0.2, 0.5])
    stock = {
        (line.sku, node.id): random.randint(1, 12)
        for line in order.lines
        for node in net.nodes
        if random.random() < fill
    }
    split: dict[str, object] = {"quantity": random.random() < 0.5}
    if random.random() < 0.4:
        split["max_shipments"] = random.randint(1, 3)
    if random.random() < 0.4:
        split["min_value"] = "30.00 USD"
    if random.random() < 0.4:
        split["only_if_saves"] = "2.50 USD"
    policy = compile_policy(
        {
            "policy": "p",
            "version": 1,
            "objective": random.choice(OBJECTIVES),
            "split": split,
            "time_budget_seconds": 60,
        }
    )
    used = {node.id: (random.randint(0, 2), random.randint(0, 3), random.randint(0, 5)) for node in net.nodes}
    supply = SupplyView(net, [(sku, node, units) for (sku, node), units in stock.items()], used=used)
    return order, net, supply, PolicySet([policy]), stock


def _with_saving(decision: Decision, policies: PolicySet) -> tuple[Decimal, ...]:
    """The tiers with what each shipment must save, as the program counts it."""
    policy = policies.policies[0]
    tiers = list(decision.tiers)
    if policy.split.only_if_saves is not None:
        tiers[policy.saving_tier] += policy.split.only_if_saves.amount * len(decision.assignments)
    return tuple(tiers)


def measure(orders: int = ORDERS) -> list[Measurement]:
    """Prove, as rows of the benchmarks.

    Raises:
        AssertionError: a cost differs.
    """
    proof = prove(range(orders))
    if proof.unlike:
        raise AssertionError(f"costs differ: {proof.unlike}")
    name = "random orders whose plan costs what the best one costs"
    return [
        Measurement(name=f"{name}: {theirs}", unit="orders", ours=count, other=count, other_name="compared")
        for theirs, count in (
            ("HiGHS, an independent program", proof.solved),
            ("every assignment, costs not linear", proof.enumerated),
        )
    ]


def main(orders: int = ORDERS, first_seed: Annotated[int, typer.Option(min=0)] = 0) -> None:
    """Compare, and say how many differ; with status 1 if any does."""
    console = Console()
    seeds = range(first_seed, first_seed + orders)
    proof = prove(track(seeds, f"{orders:,} orders", console=console))
    for seed, difference in proof.unlike.items():
        console.print(f"seed {seed}: {difference}")
    console.print(
        f"compared: {proof.solved:,} orders with HiGHS, {proof.enumerated:,} with every assignment; "
        f"not what the best plan costs: {len(proof.unlike):,}"
    )
    sys.exit(1 if proof.unlike else 0)


if __name__ == "__main__":
    typer.run(main)
