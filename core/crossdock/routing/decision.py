"""What was decided, and everything needed to say why.

A decision holds the plan and a snapshot of its inputs: the demand, the stock and capacity of every node as they were.
Routing is a pure function, so the snapshot with the network and policy of the named versions gives back every
candidate, its fence or its cost, at the moment somebody asks, and costs next to nothing when deciding.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal

import msgspec
import numpy as np
from msgspec import Struct

from crossdock.routing.model import Assignment, Demand, UnfilledLine
from crossdock.routing.situation import Situation

__all__ = ["Decision", "decode_decision", "restore", "snapshot"]


class Decision(Struct, frozen=True):
    """The answer to one demand.

    Attributes:
        policy: Id of the policy that decided; empty if none applied.
        assignments: The shipments; empty if nothing could be placed.
        unfilled: Lines left out, each with a reason.
        reason: Code of the reason why something is unfilled; empty if the plan is complete.
        given_up: Number of preferences given up, from the last.
        tiers: Value of each tier of the objective, in natural units; earlier ones weigh absolutely more.
        optimal: Whether no better plan exists.
        gap: How far, at most, the plan may be from the best one in the tier that could not be finished, as a share.
        snapshot_hash: Same inputs, same hash.
        snapshot: The inputs, encoded.
    """

    order_id: str
    policy: str
    policy_version: int
    network_version: str
    decided_at: datetime
    assignments: tuple[Assignment, ...]
    unfilled: tuple[UnfilledLine, ...]
    reason: str
    given_up: int
    tiers: tuple[Decimal, ...]
    optimal: bool
    gap: Decimal
    snapshot_hash: str
    snapshot: bytes

    @property
    def complete(self) -> bool:
        """Whether every line is placed."""
        return not self.unfilled

    def encode(self) -> bytes:
        """As bytes for the store; ``decode_decision`` reads them."""
        return _ENCODER.encode(self)


class _Snapshot(Struct, frozen=True):
    demand: Demand
    now: datetime
    stock_type: str
    stock: bytes
    capacity: bytes
    stale: bytes
    opportunity: bytes


_DTYPES = {kind: np.dtype(kind) for kind in ("u1", "<u2", "<i4")}
_ENCODER = msgspec.msgpack.Encoder()
_DECISION = msgspec.msgpack.Decoder(Decision)
_SNAPSHOT = msgspec.msgpack.Decoder(_Snapshot)


def decode_decision(data: bytes) -> Decision:
    """Read what ``Decision.encode`` wrote.

    Raises:
        msgspec.DecodeError: the bytes are not a decision.
    """
    return _DECISION.decode(data)


def snapshot(
    situation: Situation, network_version: str, policy: str, policy_version: int
) -> tuple[str, bytes]:
    """Encode the inputs of a decision, and their hash."""
    stock = situation.stock
    highest = stock.item(stock.argmax()) if stock.size else 0
    kind = "u1" if highest < 256 else "<u2" if highest < 65536 else "<i4"
    data = _ENCODER.encode(
        _Snapshot(
            situation.demand,
            situation.now,
            kind,
            stock.astype(_DTYPES[kind]).tobytes(),
            b"" if situation.capacity is None else situation.capacity.astype("<i4", copy=False).tobytes(),
            b"" if situation.stale is None else np.packbits(situation.stale).tobytes(),
            b"" if situation.opportunity is None else situation.opportunity.astype("<f8").tobytes(),
        )
    )
    digest = hashlib.blake2b(data, digest_size=16)
    digest.update(f"{network_version}\0{policy}\0{policy_version}".encode())
    return digest.hexdigest(), data


def restore(data: bytes, nodes: int) -> Situation:
    """The inputs of a decision as they were, for a network of so many nodes."""
    kept = _SNAPSHOT.decode(data)
    stock = np.frombuffer(kept.stock, dtype=kept.stock_type).astype(np.int32)
    return Situation(
        demand=kept.demand,
        now=kept.now,
        stock=stock.reshape(len(kept.demand.lines), nodes),
        capacity=np.frombuffer(kept.capacity, dtype="<i4").reshape(3, nodes) if kept.capacity else None,
        stale=np.unpackbits(np.frombuffer(kept.stale, dtype="u1"), count=nodes).astype(bool)
        if kept.stale
        else None,
        opportunity=np.frombuffer(kept.opportunity, dtype="<f8").reshape(stock.size // nodes, nodes)
        if kept.opportunity
        else None,
    )
