"""Bells for the whole cluster: webhooks ring in one process, the poll stream may be asked by another."""

from __future__ import annotations

import asyncio
from datetime import datetime

from crossdock.store import leases
from crossdock.streams.edges.intake import Bells, pause
from crossdock.streams.processor import Transaction
from crossdock.streams.services import Service
from crossdock.streams.transaction import Transactions

__all__ = ["hearing_service", "ringing_service"]

_LOOK_SECONDS = 0.25


def ringing_service(transactions: Transactions, bells: Bells) -> Service:
    """Tells the other processes what rings here, where nobody polls."""

    async def run(stop: asyncio.Event) -> None:
        while not stop.is_set():
            rung = bells.rung()

            def tell(tx: Transaction, rung: list[tuple[str, str]] = rung) -> None:
                for connection, stream in rung:
                    leases.ring(tx.connection, f"{connection}/{stream}", tx.now)

            if rung:
                await transactions.write(tell)
            for each in rung:
                bells.of(*each).clear()
            await pause(transactions.clock, _LOOK_SECONDS, stop)

    return Service("ring bells", run)


def hearing_service(transactions: Transactions, bells: Bells) -> Service:
    """Rings here what another process was called for."""

    async def run(stop: asyncio.Event) -> None:
        heard: dict[str, datetime] = {}
        while not stop.is_set():
            for name, at in (await transactions.database.read(leases.rung)).items():
                if heard.get(name) != at:
                    heard[name] = at
                    connection, _, stream = name.partition("/")
                    bells.ring(connection, stream)
            await pause(transactions.clock, _LOOK_SECONDS, stop)

    return Service("hear bells", run)
