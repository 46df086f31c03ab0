"""Every processor and timer of the hub, in the order in which work flows through them."""

from __future__ import annotations

from crossdock.streams.processor import Processor, Timer
from crossdock.streams.processors.answering import fulfil_processor
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.ordering import route_processor
from crossdock.streams.processors.outcomes import outcomes_processor
from crossdock.streams.processors.products import products_processor
from crossdock.streams.processors.publishing import publish_timer
from crossdock.streams.processors.returning import returns_processor
from crossdock.streams.processors.staleness import stale_feeds_timer
from crossdock.streams.processors.stock import stock_processor
from crossdock.streams.processors.sweep import sweep_timers
from crossdock.streams.processors.tracking import track_processor

__all__ = ["processors", "timers"]


def processors(hub: Hub) -> tuple[Processor, ...]:
    """The domain's processors; ``normalise`` stands before them."""
    return (
        products_processor(),
        stock_processor(hub),
        route_processor(hub),
        fulfil_processor(hub),
        outcomes_processor(hub),
        track_processor(hub),
        returns_processor(hub),
    )


def timers(hub: Hub) -> tuple[Timer, ...]:
    """The domain's timers."""
    return (*sweep_timers(hub), *stale_feeds_timer(hub), publish_timer(hub))
