"""Lets a day of trade happen: products, counts, orders in rounds, answers, parcels, a last count.

What orders compete for is stock, so whatever changes stock happens in an order that the seed alone decides: orders of
one channel after the other, refusals of one warehouse after the other, each waited for. Shipping, labels, tracking and
postings change nothing that routing looks at; they go on meanwhile as they come.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from typing import Final

import httpx

from crossdock.demo.observer import Observer
from crossdock.demo.orders import Channel, PlannedOrder
from crossdock.demo.partners.all import Partners
from crossdock.demo.partners.warehouse import FROM, Warehouse
from crossdock.demo.times import now, until
from crossdock.demo.world import World

__all__ = ["Conductor"]

_ASKED: Final = ("fulfilment.request", "fulfilment.cancel")
_CONNECTIONS: Final = {Channel.WEB: "shop", Channel.MARKETPLACE: "marketplace", Channel.B2B: "erp"}

_WAITING: Final = "waiting for the hub"


class Conductor:
    """One day. ``phase`` says in words what is going on; ``placed`` counts the orders placed."""

    def __init__(
        self, world: World, partners: Partners, observer: Observer, hub_url: str, *, together: int = 200
    ) -> None:
        """Keep the parts; ``hub_url`` is where the hub listens. So many orders are placed ``together`` before the
        warehouses answer.
        """
        self._world = world
        self._partners = partners
        self._observer = observer
        self._hub_url = hub_url
        self._together = together
        self._expected: dict[Channel, int] = dict.fromkeys(Channel, 0)
        self.phase = _WAITING
        self.placed = 0

    @property
    def begun(self) -> bool:
        """Whether the hub has answered: before, there may be no database yet."""
        return self.phase != _WAITING

    async def run(self) -> None:
        """The whole day; returns when nothing is left to be done."""
        await self._hub_answers()
        self.phase = "sending products and counts"
        await self._partners.erp.send_products(self._world.catalogue)
        # counted last night: whatever the warehouses say of today happened after it
        last_night = datetime.combine(now().date(), time(), UTC) - timedelta(hours=2)
        for warehouse in self._partners.warehouses:
            warehouse.count(last_night)
        await self._files_taken("stock_")
        await self._partners.shop.place_malformed()
        remaining = iter(self._world.orders)
        number = 0
        while orders := list(islice(remaining, self._together)):
            number += 1
            await self._round(number, orders)
        self.phase = "waiting for parcels, labels and postings"
        await self._over()
        self.phase = "counting everything once more"
        for warehouse in self._partners.warehouses:
            warehouse.count(now())
        await self._files_taken("stock_")
        await self._over()
        self.phase = "done"

    # --- a round ------------------------------------------------------------------------------------------

    async def _round(self, number: int, orders: Sequence[PlannedOrder]) -> None:
        self.phase = f"round {number}: placing orders"
        for channel in Channel:
            await self._place(channel, [order for order in orders if order.channel is channel])
        for order in orders:
            if order.cancelled:
                await self._partners.shop.cancel(order)
        await self._observer.caught_up()
        self.phase = f"round {number}: warehouses answer"
        while await self._answers():
            pass
        for warehouse in self._partners.warehouses:
            warehouse.find(number)
        await self._files_taken("947_")

    async def _place(self, channel: Channel, orders: Iterable[PlannedOrder]) -> None:
        unannounced = False
        for order in orders:
            match channel:
                case Channel.WEB:
                    await self._partners.shop.place(order)
                    unannounced = unannounced or order.unannounced
                case Channel.MARKETPLACE:
                    self._partners.marketplace.place(order)
                case Channel.B2B:
                    await self._partners.erp.place(order)
            self.placed += 1
            self._expected[channel] += 1
        if unannounced:
            await self._observer.caught_up()
            await self._partners.shop.ring()

        async def all_decided() -> bool:
            return await self._observer.orders_of(_CONNECTIONS[channel]) >= self._expected[channel]

        await until(all_decided)

    async def _answers(self) -> bool:
        """Each warehouse picks up and answers in turn; True where that moved orders elsewhere."""
        await self._observer.delivered(_ASKED)
        again = False
        for warehouse in self._partners.warehouses:
            warehouse.pick_up()
            if warehouse.answer():
                await self._taken(warehouse, "response_")
                await self._observer.caught_up()
                again = True
        return again

    # --- waiting ------------------------------------------------------------------------------------------

    async def _hub_answers(self) -> None:
        async with httpx.AsyncClient() as client:

            async def ready() -> bool:
                try:
                    return (await client.get(f"{self._hub_url}/readyz")).is_success
                except httpx.TransportError:
                    return False

            await until(ready)

    async def _files_taken(self, prefix: str) -> None:
        """Wait until the hub has read the files of this kind, and done what follows from them."""
        for warehouse in self._partners.warehouses:
            await self._taken(warehouse, prefix)
        await self._observer.caught_up()

    async def _taken(self, warehouse: Warehouse, prefix: str) -> None:

        async def gone() -> bool:
            return not any(warehouse.folder.joinpath(FROM).glob(f"{prefix}*"))

        await until(gone)

    async def _over(self) -> None:
        """Wait until partners and hub have nothing left to do."""

        async def nothing_left() -> bool:
            if self._partners.hosting.busy:
                return False
            for prefix in ("response_", "advice_", "997_", "947_"):
                await self._files_taken(prefix)
            await self._observer.delivered()
            await self._observer.caught_up()
            return not self._partners.hosting.busy and not self._observer.waiting_commands()

        await until(nothing_left)
