"""Whatever a node reports, in whatever order and however often: the hub ends with the node's truth."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.inventory.position import Balance, fold
from tests.inventory.simulated_node import Hub, Node

ACTS = st.tuples(
    st.sampled_from(
        (
            "order",
            "read",
            "ship",
            "drop",
            "receive",
            "lose",
            "quarantine",
            "count_physical",
            "count_available",
        )
    ),
    st.integers(1, 5),
)


@settings(max_examples=300)
@given(st.lists(ACTS, max_size=30), st.integers(0, 30), st.sampled_from(["physical", "available"]), st.data())
def test_the_hub_ends_with_the_truth(
    acts: list[tuple[str, int]], stock: int, meaning: str, data: st.DataObject
) -> None:
    hub, node = Hub(), Node(stock)
    node.act(f"count_{meaning}", 0)
    for kind, units in acts:
        if kind == "order":
            node.order(hub, units)
        else:
            node.act(kind, units)
    repeated = data.draw(st.lists(st.sampled_from(node.counts), max_size=3))
    for tell in data.draw(st.permutations(node.messages + repeated)):
        tell(hub)
    truth = Balance(node.physical, 0, node.allocated, node.quarantined)
    assert hub.position.balance == truth
    assert fold(hub.ledger) == truth
