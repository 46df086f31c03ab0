"""What can be promised: when an order could arrive, from where, and what each earlier day would cost.

The best plan without regard to days is the last offer. From there the days are walked backwards: the best plan that
arrives at least a day earlier, and so on until there is none. So every offer is the optimum of the policy among the
plans that arrive by its day, and nothing between the first and the last is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
from msgspec.structs import replace

from crossdock.routing.compiled_policy import CompiledPolicy, PolicySet, compile_policy
from crossdock.routing.decision import Decision
from crossdock.routing.engine import problem_of, route, situation_of
from crossdock.routing.model import Demand
from crossdock.routing.network import Network
from crossdock.routing.partitions import MOST_ITEMS
from crossdock.routing.problem import IMPOSSIBLE
from crossdock.routing.supply import SupplyView

__all__ = ["Offer", "Offers", "Promises"]

_LATE = "late_days"


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to fill an order whole.

    Attributes:
        decision: What routing would decide if this were promised and nothing counted more than the promise.
        ship_date: The day on which the last shipment leaves.
        delivery_date: The day on which the last shipment arrives, or is ready to be picked up.
        cost: Freight and handling, in the network's currency.
        valid_until: Instant of the first cut-off of its nodes: after it the days are others.
        supply_due: When the last of the supply is due that it counts on; None where everything is there.
    """

    decision: Decision
    ship_date: date
    delivery_date: date
    cost: Decimal
    valid_until: datetime
    supply_due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Offers:
    """What can be offered, the earliest first.

    Attributes:
        refused: What could be placed at best, with a reason for each line that could not; None where there are offers.
        exact: Whether all days between the first and the last offer were looked at. Of an order of more lines than can
            be weighed exactly only the last is known.
    """

    offers: tuple[Offer, ...]
    refused: Decision | None
    exact: bool


class Promises:
    """Answers for one network and its policies, whose objectives are taken as if the promise came first."""

    def __init__(self, network: Network, policies: PolicySet) -> None:
        """Ask ``policies`` in their order, as ``route`` does."""
        self._network = network
        self._policies = PolicySet(map(_punctual, policies.policies))

    def offers(self, demand: Demand, supply: SupplyView, now: datetime) -> Offers:
        """All offers for ``demand``, whatever ``demand.promise`` says.

        Args:
            now: Aware instant at which the order would arrive.

        Raises:
            ValueError: As ``route``.
            MisconfiguredError: A condition of a policy fails for this order.
        """
        found = route(replace(demand, promise=None), supply, self._network, self._policies, now)
        if not found.complete:
            return Offers((), found, exact=True)
        offer: Offer | None = self._offer(found, now)
        exact = len(demand.lines) <= MOST_ITEMS
        offers: list[Offer] = []
        while offer is not None:
            if offers and offer.decision.tiers[1:] == offers[-1].decision.tiers[1:]:
                offers.pop()  # as good, and later
            offers.append(offer)
            earlier = offer.delivery_date - timedelta(days=1)
            offer = self.by(demand, supply, earlier, now) if exact else None
        return Offers(tuple(reversed(offers)), None, exact)

    def earliest(self, demand: Demand, supply: SupplyView, now: datetime) -> Offers:
        """The first of the ``offers``, with less work. Raises as ``offers``."""
        if 1 < len(demand.lines) <= MOST_ITEMS:
            # Mostly the day before which a line can't arrive is also the day on which all can.
            day = self._least_day(demand, supply, now)
            offer = self.by(demand, supply, day, now) if day else None
            if offer is not None:
                return Offers((offer,), None, exact=True)
        # Yesterday: before the first day of any time zone, so that every plan is late by its days.
        found = route(
            replace(demand, promise=now.date() - timedelta(days=1)),
            supply,
            self._network,
            self._policies,
            now,
        )
        if not found.complete:
            return Offers((), found, exact=True)
        best = self._offer(found, now)
        exact = len(demand.lines) <= MOST_ITEMS
        if exact and (len(demand.lines) > 1 or len(found.assignments) > 1):
            # The days of all shipments count there; another plan may have its last one as early, or earlier.
            day = best.delivery_date
            while (offer := self.by(demand, supply, day, now)) is not None:
                best, day = offer, offer.delivery_date - timedelta(days=1)
        return Offers((best,), None, exact)

    def by(self, demand: Demand, supply: SupplyView, day: date, now: datetime) -> Offer | None:
        """The best offer that arrives by ``day``; None if there is none. Raises as ``offers``."""
        found = route(replace(demand, promise=day), supply, self._network, self._policies, now)
        if not found.complete:
            return None
        offer = self._offer(found, now)
        return offer if offer.delivery_date <= day else None

    def _least_day(self, demand: Demand, supply: SupplyView, now: datetime) -> date | None:
        """The day on which the slowest line can arrive, each from the node that is best for it alone."""
        situation = situation_of(replace(demand, promise=None), supply, now)
        problem = problem_of(situation, self._network, self._policies)
        if isinstance(problem, Decision):
            return None
        lanes = np.flatnonzero(problem.sends)
        delivery = problem.timetable.delivery.take(problem.arrival[lanes])
        able = problem.item_cost[:, problem.lanes.node[lanes]] < IMPOSSIBLE
        least = np.where(able, delivery, np.inf).min(axis=1, initial=np.inf).max()
        return date.fromordinal(int(least)) if least < np.inf else None

    def _offer(self, decision: Decision, now: datetime) -> Offer:
        network, plan = self._network, decision.assignments
        costs = [dict(assignment.costs) for assignment in plan]
        clocks = [network.clocks[network.index[assignment.node]] for assignment in plan]
        return Offer(
            decision=decision,
            ship_date=max(assignment.ship_date for assignment in plan),
            delivery_date=max(assignment.delivery_date for assignment in plan),
            cost=sum((each["shipping_cost"] + each["handling_cost"] for each in costs), Decimal(0)),
            valid_until=min(clock.readiness(now).valid_until for clock in clocks),
        )


def _punctual(policy: CompiledPolicy) -> CompiledPolicy:
    """``policy`` as if nothing counted more than the promise."""
    tiers: Sequence[str | dict[str, Decimal]] = policy.definition.objective
    weighted = [{tier: Decimal(1)} if isinstance(tier, str) else tier for tier in tiers]
    others = [{term: weight for term, weight in tier.items() if term != _LATE} for tier in weighted]
    objective = ({_LATE: Decimal(1)}, *filter(None, others))
    return compile_policy(policy.definition.model_copy(update={"objective": objective}))
