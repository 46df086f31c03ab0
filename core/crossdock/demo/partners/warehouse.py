"""The places that hold goods: they pick up orders by SFTP, pick, fall short, refuse, pack, ship, count.

What they can't do (refusals, short picks, cancellations) they say when they are asked to ``answer``; what they
ship follows by itself after a while. docs/demo.md says why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from crossdock.demo.dice import Dice
from crossdock.demo.network import DCS, THREE_PL, Account
from crossdock.demo.partners.carrier import Carrier
from crossdock.demo.partners.hosting import Hosting, Moods
from crossdock.demo.partners.ledger import Journal
from crossdock.demo.partners.warehouse_files import (
    CsvWriter,
    FixedWriter,
    JobLine,
    Request,
    Shipped,
    X12Writer,
    response_rows,
)
from crossdock.demo.times import now
from crossdock.demo.world import World

__all__ = ["FROM", "TAKEN", "TO", "Job", "Warehouse"]

TO: Final = "to_warehouse"
TAKEN: Final = "to_warehouse/taken"
FROM: Final = "from_warehouse"
_TOGETHER_SECONDS: Final = 0.6
"""What leaves within so long is advised in one file."""
_SERVICES: Final = {"ups_ground": "UPS", "usps_ground": "USPS", "ups_2day": "UPS", "ups_next_day": "UPS",
                    "freight": "FedEx"}  # fmt: skip


@dataclass(slots=True)
class Job:
    """A fulfilment order at a node. ``open`` are the units still to be shipped, by line."""

    request: Request
    open: dict[str, int]
    answered: bool = False
    cancel_asked: bool = False
    cancelled: bool = False
    refused: bool = False
    shipped: list[Shipped] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The hub's id of the fulfilment order."""
        return self.request.order

    @property
    def over(self) -> bool:
        """Nothing is left to do."""
        return self.cancelled or self.refused or not any(self.open.values())


class Warehouse:
    """The files of one account and the places behind it. ``stock`` is what really lies there."""

    def __init__(
        self,
        account: Account,
        folder: Path,
        world: World,
        carrier: Carrier,
        moods: Moods,
        journal: Journal,
        hosting: Hosting,
        speed: float,
    ) -> None:
        """Make the folders and fill the shelves."""
        self.account = account
        self.folder = folder
        for name in (TO, TAKEN, FROM, f"{FROM}/archive", f"{FROM}/error"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._dice: Dice = world.dice
        self._weights = {product.sku: product.grams for product in world.catalogue}
        self._carrier = carrier
        self._moods = moods
        self._journal = journal
        self._hosting = hosting
        self._speed = speed
        self._x12 = X12Writer("MERIDIANDC") if account is DCS else None
        self._csv = FixedWriter() if account is THREE_PL else CsvWriter()
        self.places = world.of_account(account.name)
        self.stock = {place.id: dict(world.stock[place.id]) for place in self.places}
        self.oversold = 0
        self.jobs: dict[str, Job] = {}
        self._files = 0
        self._leaving: list[Shipped] = []
        self.marks = account.name == "stores"
        """Whether each file is followed by an empty one that says it is complete."""

    # --- taking orders ------------------------------------------------------------------------------------

    def pick_up(self) -> int:
        """Read what the hub has put; the files go to ``taken``. Returns how many requests there were."""
        read: list[bytes] = []
        requests: list[Request] = []
        for path in sorted((self.folder / TO).iterdir()):
            if not path.is_file() or path.name.startswith("."):
                continue
            content = path.read_bytes()
            writer = self._x12 if path.suffix == ".x12" and self._x12 is not None else self._csv
            requests += writer.read(content)
            read.append(content)
            path.rename(self.folder / TAKEN / path.name)
        if self._x12 is not None and read:
            number = self._number()
            self._drop(f"997_{number:06}.x12", self._x12.acknowledge(read, number, now()))
        for request in requests:
            self._take(request)
        return len(requests)

    def _take(self, request: Request) -> None:
        known = self.jobs.get(request.order)
        if request.cancel:
            if known is not None:
                known.cancel_asked = True
                known.answered = known.answered and known.over
            return
        if known is not None:
            self._journal.note(self.account.name, "order again", f"{request.order} came twice, taken once")
            return
        self.jobs[request.order] = Job(request, {line.id: line.quantity for line in request.lines})
        units = sum(line.quantity for line in request.lines)
        self._journal.note(request.node, "order", f"took {request.order}: {units} units")

    # --- answering ----------------------------------------------------------------------------------------

    def answer(self) -> int:
        """Say, in one file, what becomes of the orders not answered yet. Returns how many can't be done as asked."""
        rows: list[Sequence[str]] = []
        bad = 0
        for job in sorted((job for job in self.jobs.values() if not job.answered), key=lambda each: each.id):
            job.answered = True
            before = len(rows)
            if job.cancel_asked:
                rows += self._cancelled(job)
            elif not job.over:
                rows += self._picked(job)
            bad += any(row[1] != "accepted" for row in rows[before:])
        if rows:
            name = f"response_{self._number():06}.csv"
            content = response_rows(rows)
            self._drop(name, content)
            if self._moods("duplicate file", name):
                self._journal.note(self.account.name, "duplicate file", f"{name} sent again", trouble=True)
                self._drop(name.replace("response_", "response_again_"), content)
        return bad

    def _cancelled(self, job: Job) -> list[Sequence[str]]:
        if job.shipped or self._dice.happens(0.2, "cancel refused", job.id):
            self._journal.note(job.request.node, "cancel refused", f"{job.id} can't be stopped any more")
            job.cancel_asked = False
            if not job.shipped:
                self._plan_shipment(job)
            return [self._row(job, "cancel_refused", "already_packed")]
        job.cancelled = True
        job.open = dict.fromkeys(job.open, 0)
        self._journal.note(job.request.node, "cancelled", f"{job.id} stopped")
        return [self._row(job, "cancelled")]

    def _picked(self, job: Job) -> list[Sequence[str]]:
        node = job.request.node
        store = node.startswith("S")
        if self._dice.happens(0.05 if store else 0.015, "refuses", job.id):
            job.refused = True
            job.open = dict.fromkeys(job.open, 0)
            self._journal.note(node, "refused", f"{job.id} refused: too busy", trouble=True)
            return [self._row(job, "rejected", "too_busy")]
        rows = [self._row(job, "accepted")]
        if self._dice.happens(0.05 if store else 0.02, "falls short", job.id):
            line = self._dice.pick(job.request.lines, "short line", job.id)
            missing = self._dice.between(1, line.quantity, "missing", job.id)
            job.open[line.id] -= missing
            self.stock[node][line.sku] -= missing
            self._journal.note(
                node, "short pick", f"{job.id}: {missing} of {line.sku} not found", trouble=True
            )
            rows.append(self._row(job, "short", "not_found", line, missing))
        if not job.over:
            self._plan_shipment(job)
        return rows

    def _row(
        self, job: Job, status: str, reason: str = "", line: JobLine | None = None, units: int = 0
    ) -> Sequence[str]:
        at = now().strftime("%Y-%m-%dT%H:%M:%SZ")
        where = (line.id, line.sku, str(units)) if line else ("", "", "")
        return (job.id, status, f"{job.id}/{status}", at, job.request.node, reason, *where)

    # --- shipping -----------------------------------------------------------------------------------------

    def _plan_shipment(self, job: Job) -> None:
        """Some ship in two parts, some late."""
        late = self._dice.happens(0.04, "late", job.id)
        wait_seconds = (
            self._dice.between(30, 60, "late by", job.id)
            if late
            else self._dice.between(5, 30, "ships", job.id)
        )
        if late:
            self._journal.note(job.request.node, "late", f"{job.id} will be late", trouble=True)
        self._hosting.later(self._ship(job), wait_seconds / 10 / self._speed)

    async def _ship(self, job: Job) -> None:
        if job.over or job.cancel_asked:
            return
        in_parts = sum(job.open.values()) > 1 and self._dice.happens(0.04, "in parts", job.id)
        if in_parts:
            line = next(each for each in job.request.lines if job.open[each.id])
            self._leave(job, {line.id: 1}, final=False)
            await asyncio.sleep(1.0 / self._speed)
        self._leave(job, dict(job.open), final=True)

    def _leave(self, job: Job, units: dict[str, int], *, final: bool) -> None:
        node = job.request.node
        lines = tuple(
            JobLine(line.id, line.sku, units[line.id]) for line in job.request.lines if units.get(line.id)
        )
        for line in lines:
            job.open[line.id] -= line.quantity
            self.stock[node][line.sku] = self.stock[node].get(line.sku, 0) - line.quantity
            if self.stock[node][line.sku] < 0:
                self.oversold += 1
        name = f"{job.id}-{len(job.shipped) + 1}"
        grams = sum(self._weights.get(line.sku, 100) * line.quantity for line in lines)
        # the distribution centres have a contract with carriers; for all others the hub buys labels
        company = _SERVICES.get(job.request.service, "UPS")
        number = self._carrier.manifest(name, company, grams) if self._x12 else ""
        shipped = Shipped(name, job.id, node, lines, now(), company if number else "", number, final, grams)
        job.shipped.append(shipped)
        units_text = f"{sum(line.quantity for line in lines)} units"
        self._journal.note(node, "shipped", f"{name}: {units_text}{'' if final else ', more follows'}")
        if not self._leaving:
            self._hosting.later(self._advise(), _TOGETHER_SECONDS / self._speed)
        self._leaving.append(shipped)

    async def _advise(self) -> None:
        """Tell the hub, in one file, what has left since the last one."""
        shipments, self._leaving = self._leaving, []
        number = self._number()
        writer = self._x12 or self._csv
        content = writer.advice(shipments, number, now())
        name = f"advice_{number:06}.{writer.extension}"
        if self._moods("half-written file", shipments[0].id):
            self._journal.note(self.account.name, "half-written file", f"{name} grows slowly", trouble=True)
            self._hosting.later(self._drop_slowly(name, content))
        else:
            self._drop(name, content)
        if self._moods("duplicate file", shipments[0].id):
            self._journal.note(self.account.name, "duplicate file", f"{name} sent again", trouble=True)
            again = writer.advice(shipments, self._number(), now())
            self._hosting.later(self._drop_later(name.replace("advice_", "advice_again_"), again), 0.3)

    # --- stock --------------------------------------------------------------------------------------------

    def count(self, as_of: datetime) -> None:
        """Drop a full count of every place."""
        for place in self.places:
            content = self._csv.stock(place.id, self.stock[place.id], as_of)
            extension = "txt" if self.account is THREE_PL else "csv"
            self._drop(f"stock_{place.id}_{self._number():06}.{extension}", content)
        self._journal.note(self.account.name, "count", f"counted {len(self.places)} places")

    def find(self, round_number: int) -> None:
        """Units turn up that nobody knew of: an adjustment (947) of one place."""
        if self._x12 is None:
            return
        place = self._dice.pick(self.places, "found at", round_number)
        sku = self._dice.pick(sorted(self.stock[place.id]), "found", round_number)
        units = self._dice.between(1, 6, "found units", round_number)
        self.stock[place.id][sku] += units
        number = self._number()
        content = self._x12.adjustment(place.id, {sku: units}, f"A{number:06}", number, now())
        self._drop(f"947_{number:06}.x12", content)
        self._journal.note(place.id, "found", f"{units} of {sku} turned up")

    # --- files --------------------------------------------------------------------------------------------

    def _number(self) -> int:
        self._files += 1
        return self._files

    def _drop(self, name: str, content: bytes) -> None:
        """Put a file for the hub, all at once."""
        path = self.folder / FROM / name
        temporary = path.with_name(f".{name}.part")
        temporary.write_bytes(content)
        temporary.rename(path)
        self._mark(path)

    async def _drop_slowly(self, name: str, content: bytes) -> None:
        """Put a file in two halves under its final name, as careless partners do."""
        path = self.folder / FROM / name
        half = len(content) // 2
        path.write_bytes(content[:half])
        await asyncio.sleep(0.1)
        with path.open("ab") as file:
            file.write(content[half:])
        self._mark(path)

    async def _drop_later(self, name: str, content: bytes) -> None:
        self._drop(name, content)

    def _mark(self, path: Path) -> None:
        if self.marks:
            path.with_name(f"{path.name}.done").touch()
