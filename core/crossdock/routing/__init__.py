"""Routing: where each line of an order is fulfilled, exactly and explained. Pure: no clock, no chance, no I/O."""

from crossdock.routing.compiled_policy import CompiledPolicy, PolicySet, compile_policy
from crossdock.routing.decision import Decision, decode_decision
from crossdock.routing.engine import route
from crossdock.routing.explain import Alternative, Candidate, Explanation, explain
from crossdock.routing.flip import Flip, FlipKind
from crossdock.routing.model import (
    Address,
    AssignedLine,
    Assignment,
    Calendar,
    Capacity,
    Demand,
    DemandLine,
    Destination,
    HandlingCost,
    Money,
    Node,
    NodeKind,
    NodeStatus,
    OpeningHours,
    Position,
    PostalZone,
    RateCard,
    Service,
    Surcharge,
    UnfilledLine,
)
from crossdock.routing.network import Network
from crossdock.routing.policy import PolicyDefinition
from crossdock.routing.reevaluation import Move, better_plan
from crossdock.routing.supply import SupplyView

__all__ = [
    "Address",
    "Alternative",
    "AssignedLine",
    "Assignment",
    "Calendar",
    "Candidate",
    "Capacity",
    "CompiledPolicy",
    "Decision",
    "Demand",
    "DemandLine",
    "Destination",
    "Explanation",
    "Flip",
    "FlipKind",
    "HandlingCost",
    "Money",
    "Move",
    "Network",
    "Node",
    "NodeKind",
    "NodeStatus",
    "OpeningHours",
    "PolicyDefinition",
    "PolicySet",
    "Position",
    "PostalZone",
    "RateCard",
    "Service",
    "SupplyView",
    "Surcharge",
    "UnfilledLine",
    "better_plan",
    "compile_policy",
    "decode_decision",
    "explain",
    "route",
]
