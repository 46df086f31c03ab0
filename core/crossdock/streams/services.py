"""Services.

What runs beside the processors (pollers, deliverers, the web server), and is started again when it fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from crossdock.errors import MisconfiguredError
from crossdock.sdk.services import Clock
from crossdock.streams import metrics
from crossdock.streams.batch import Backoff

__all__ = ["Service", "supervise"]


@dataclass(frozen=True, slots=True)
class Service:
    """Something that runs until ``stop`` is set.

    Attributes:
        name: In logs and metrics.
        run: Returns soon after the event it is given is set; is cancelled when that takes too long.
        essential: Without it the process makes no sense (the web server): its failure stops everything.
    """

    name: str
    run: Callable[[asyncio.Event], Awaitable[None]]
    essential: bool = False


async def supervise(service: Service, stop: asyncio.Event, clock: Clock, backoff: Backoff) -> None:
    """Run ``service``; when it fails, run it again after a while, unless its configuration can't work.

    Raises:
        Exception: What an essential service failed with.
    """
    log = structlog.get_logger(__name__).bind(service=service.name)
    failures = 0
    while not stop.is_set():
        try:
            return await service.run(stop)
        except Exception as error:
            metrics.SERVICE_FAILURES.labels(service.name).inc()
            if service.essential:
                log.exception("essential service failed: stopping")
                raise
            if isinstance(error, MisconfiguredError):
                log.exception("service can't run until its configuration is changed", path=error.path)
                return None
            failures += 1
            wait_seconds = backoff.seconds(failures)
            log.exception("service failed and will be started again", wait_seconds=wait_seconds)
        await _sleep_unless(stop, clock, wait_seconds)
    return None


async def _sleep_unless(stop: asyncio.Event, clock: Clock, seconds: float) -> None:
    waits = [asyncio.ensure_future(clock.sleep(seconds)), asyncio.ensure_future(stop.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
