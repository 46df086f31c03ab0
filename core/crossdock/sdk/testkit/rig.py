"""One scenario: a fresh partner, the wire to it, the connector under test, and what the hub does with both."""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from random import Random
from typing import Any, cast

import structlog
from pydantic import BaseModel

from crossdock.mapping.library import MappingLibrary
from crossdock.sdk.assembly import Assembly, assemble
from crossdock.sdk.budgets import MemoryBudgetStore
from crossdock.sdk.clock import ManualClock
from crossdock.sdk.connector import (
    Command,
    Connector,
    Cursor,
    Drops,
    Executes,
    Limits,
    Page,
    Polls,
    RawRecord,
    Receives,
)
from crossdock.sdk.errors import CrossdockError, MisconfiguredError
from crossdock.sdk.formats import RecordFault, format_named
from crossdock.sdk.manifest import Entity, Idempotency, Manifest
from crossdock.sdk.outcomes import NotApplied, Outcome, Throttled, Unknown
from crossdock.sdk.redaction import secrets_of
from crossdock.sdk.registry import ConnectorPlugin, mappings_of
from crossdock.sdk.testkit.partner import CommandSample, Partner
from crossdock.sdk.testkit.wire import LossyFiles, Wire
from crossdock.sdk.tokens import MemoryTokenStore
from crossdock.sdk.translation import outcome_of
from crossdock_schemas.base import Canonical
from crossdock_schemas.registry import ENTITIES, current, upcast

__all__ = ["KEY", "Rig", "keys", "later", "library_of", "records", "stored_cursor"]

KEY = "conformance:1"
_NUMBER = 17
_MOST_ATTEMPTS = 12
_NOTICEABLE = 4
_ACKNOWLEDGEMENTS = ("997", "TA1")
"""Sets that the hub reads itself."""


@cache
def library_of(package: str) -> MappingLibrary:
    """The mappings that come with Crossdock, and those that come with the connector in ``package``."""
    return MappingLibrary.packaged(*filter(None, [mappings_of(package)]))


@dataclass
class Rig:
    """What a scenario works with."""

    plugin: ConnectorPlugin
    partner: Partner
    clock: ManualClock
    wire: Wire
    config: BaseModel
    library: MappingLibrary
    log: io.StringIO = field(default_factory=io.StringIO)
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Connect for the first time."""
        self._tokens = MemoryTokenStore(self.clock)
        self._connect()

    def _connect(self) -> None:
        writer = structlog.PrintLogger(file=self.log)
        log = structlog.wrap_logger(
            writer,
            processors=[structlog.processors.KeyValueRenderer()],
            wrapper_class=structlog.make_filtering_bound_logger(0),
        )
        self._assembly: Assembly = assemble(
            self.manifest,
            self.config,
            connection="conformance",
            clock=self.clock,
            random=Random(1),
            tokens=self._tokens,
            budgets=MemoryBudgetStore(),
            log=cast("Any", log),
            transport=self.wire,
        )
        files = LossyFiles(self._assembly.services.files, self.wire)
        services = replace(self._assembly.services, files=files)
        self.connector: Connector = self.plugin.connector(self.config, services)

    async def restart(self) -> None:
        """The hub stops and starts again: all that the connector had in memory is gone."""
        await self._assembly.http.close()
        self.wire.inner = self.partner.transport()
        self._connect()

    async def close(self) -> None:
        """End the connection."""
        await self._assembly.close()

    @property
    def manifest(self) -> Manifest:
        """The connector's."""
        return self.plugin.manifest

    # --- what the hub does with streams -----------------------------------------------------------------

    async def drain(
        self, stream: str, cursor: Cursor | None = None, *, pages: int | None = None
    ) -> list[Page]:
        """Poll until there is no more, or up to ``pages`` pages; cursors go through JSON as in the store."""
        return await self.drain_into([], stream, cursor, pages=pages)

    async def drain_into(
        self, found: list[Page], stream: str, cursor: Cursor | None, *, pages: int | None = None
    ) -> list[Page]:
        """The same; what came before an error is in ``found``."""
        polls = cast("Polls", self.connector)
        more = True
        while more:
            before, more = cursor, False
            async for page in polls.poll(stream, cursor, Limits(page_size=self.partner.page_size)):
                stored = stored_cursor(page.cursor)
                found.append(replace(page, cursor=stored))
                cursor, more = stored, page.more
                self.seen.extend(repr(record.headers) for record in page.records)
                if pages is not None and len(found) >= pages:
                    return found
            assert not (more and cursor == before), (
                f"{stream}: says that there is more, but its cursor {cursor} stands still"
            )
        return found

    def documents(self, stream: str, payload: bytes, file_name: str | None = None) -> list[Canonical]:
        """The canonical documents in a record or file of ``stream``: decoded, mapped, validated."""
        spec = self.manifest.stream(stream)
        settings = self.partner.stream(stream)
        form = format_named(spec.format or ("xml" if spec.answers else "json"), settings.dialect)
        values = []
        for frame in form.frames([payload]):
            for record in form.parse(frame):
                assert not isinstance(record.value, RecordFault), (
                    f"{stream}: {record.value.rejection.path}: {record.value.rejection.message}"
                )
                if form.name != "x12" or record.value.get("set") not in _ACKNOWLEDGEMENTS:
                    values.append(record.value)
        mapping = settings.mapping or spec.mapping
        if mapping is None:
            return []
        assert values, f"{stream}: there is no record in {payload[:200]!r}"
        hub = self._hub(stream, settings.defaults, payload, file_name)
        inputs = [{"rows": values}] if spec.format in ("csv", "fixed_width", "ndjson") else values
        return [made for each in inputs for made in self.mapped(mapping, spec.emits, {**each, "_hub": hub})]

    def _hub(
        self, stream: str, defaults: Mapping[str, object], payload: bytes, file_name: str | None
    ) -> dict[str, object]:
        now = self.clock.now().isoformat().replace("+00:00", "Z")
        identity = f"{stream}-{len(payload)}"
        known = {"connection": "conformance", "stream": stream, "raw_id": identity, "feed_id": identity,
                 "received_at": now, "occurred_at": None, "file_name": file_name,
                 "file_modified_at": now if file_name else None, "part": 1, "last": True,
                 "first_line": 1}  # fmt: skip
        return {**known, **defaults}

    def mapped(self, mapping: str, emits: Entity, value: dict[str, Any]) -> list[Canonical]:
        """What ``mapping`` makes of ``value``, as valid canonical documents."""
        compiled = self.library.get(mapping)
        made = []
        for document in compiled.map(value).documents:
            schema, newest = upcast(compiled.target or current(emits), document)
            made.append(ENTITIES[schema].model_validate(newest))
        return made

    @property
    def drops(self) -> Drops:
        """The connector in its role ``drop``."""
        return cast("Drops", self.connector)

    @property
    def receives(self) -> Receives:
        """The connector in its role ``receive``."""
        return cast("Receives", self.connector)

    # --- what the hub does with commands ----------------------------------------------------------------

    def command(self, name: str, sample: CommandSample, document: Mapping[str, object]) -> Command:
        """A command of the canonical ``document``, in the partner's words."""
        mapping = sample.mapping or self.manifest.command(name).mapping
        documents: tuple[Mapping[str, object], ...] = (document,)
        if mapping is not None:
            hub = {**sample.defaults, "connection": "conformance", "command": name, "key": KEY, "number": _NUMBER,
                   "refs": dict(sample.refs)}  # fmt: skip
            documents = tuple(self.library.get(mapping).map({**document, "_hub": hub}).documents)
        return Command(name, "conformance", documents, sample.refs, _NUMBER)

    async def execute(self, command: Command, key: str = KEY) -> Outcome | MisconfiguredError:
        """What the connector says; one of our errors as the outcome that it means."""
        return await self._said(cast("Executes", self.connector).execute(command, key))

    async def probe(self, command: Command, key: str = KEY) -> Outcome | MisconfiguredError:
        """The same, of ``probe``."""
        return await self._said(cast("Executes", self.connector).probe(command, key))

    async def _said(self, call: Awaitable[Outcome]) -> Outcome | MisconfiguredError:
        try:
            outcome = await call
        except MisconfiguredError as error:
            self.seen.append(f"{error.message} {error.detail}")
            return error
        except CrossdockError as error:
            self.seen.append(f"{error.message} {error.detail}")
            return outcome_of(error)
        self.seen.append(repr(outcome))
        return outcome

    async def carry_out(self, command: Command, *, probing: bool = False) -> Outcome | MisconfiguredError:
        """Go on with a command as the hub does until it is settled, or nobody can tell.

        After ``Unknown`` a command of idempotency ``probe`` is probed, one with a key is sent again, one
        without either is left to a person.
        """
        idempotency = self.manifest.command(command.name).idempotency
        outcome: Outcome | MisconfiguredError = NotApplied()
        for _ in range(_MOST_ATTEMPTS):
            asks = probing and idempotency is Idempotency.PROBE
            outcome = await (self.probe(command) if asks else self.execute(command))
            match outcome:
                case NotApplied():
                    probing = False
                case Unknown():
                    if idempotency is Idempotency.NONE:
                        return outcome
                    probing = True
                    self.clock.move(60)
                case Throttled(until):
                    self.clock.move(max(0.0, (until - self.clock.now()).total_seconds()))
                case _ if _settled(outcome):
                    return outcome
                case _:
                    self.clock.move(120)
        return outcome

    # --- secrets ----------------------------------------------------------------------------------------

    def assert_no_secret_is_told(self) -> None:
        """Of all that was logged, and said in outcomes, errors and headers of records."""
        told = "\n".join([self.log.getvalue(), *self.seen])
        for secret in secrets_of(self.config):
            assert len(secret) < _NOTICEABLE or secret not in told, (
                "a secret of the configuration is told in a log, an outcome, an error or a header of a record"
            )


def _settled(outcome: Outcome | MisconfiguredError) -> bool:
    return type(outcome).__name__ in ("Applied", "AlreadyApplied", "Rejected", "PartlyApplied")


def keys(pages: list[Page]) -> set[str]:
    """The keys of all records of ``pages``."""
    return {record.key for record in records(pages)}


def records(pages: list[Page]) -> Iterator[RawRecord]:
    """All records of ``pages``."""
    for page in pages:
        yield from page.records


def later(clock: ManualClock, **by: float) -> None:
    """Let time pass."""
    clock.move(timedelta(**by).total_seconds())


def stored_cursor(cursor: Cursor) -> Cursor:
    """A cursor as it comes back from the store."""
    for name, value in cursor.items():
        assert not isinstance(value, float), f"cursor.{name} is a float; write it as text or integer"
    stored = json.loads(json.dumps(dict(cursor)))
    assert stored == dict(cursor), f"the cursor {cursor} does not survive JSON"
    return cast("Cursor", stored)
