"""What the hub does with a connection's files and commands, reduced to a few lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import httpx

from crossdock.mapping.library import MappingLibrary
from crossdock.sdk.assembly import Assembly
from crossdock.sdk.clock import ManualClock
from crossdock.sdk.connector import Command, Disposal, FileRef
from crossdock.sdk.formats import RecordFault, format_named
from crossdock.sdk.formats.x12 import X12Format
from crossdock.sdk.outcomes import Outcome
from crossdock.streams.edges.acknowledging import acknowledgements
from crossdock_connectors.sftp_wms import CONNECTOR
from crossdock_connectors.sftp_wms.config import SftpWmsConfig
from crossdock_connectors.sftp_wms.connector import SftpWms
from crossdock_schemas.base import Canonical
from crossdock_schemas.registry import ENTITIES
from tests.connectors.hub import assembled

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
LIBRARY = MappingLibrary.packaged()


def map_document(mapping: str, document: Mapping[str, Any]) -> list[Canonical]:
    """The canonical documents that ``mapping`` makes, validated."""
    compiled = LIBRARY.get(mapping)
    made = compiled.map(dict(document)).documents
    return [ENTITIES[compiled.target].model_validate_json(dumped(one)) for one in made]


def dumped(document: object) -> str:
    return json.dumps(document, default=_decimal)


def _decimal(value: object) -> str:
    assert isinstance(value, Decimal)
    return str(value)


@dataclass(frozen=True)
class Taken:
    """What came of one file: canonical documents, faults of records, reasons against the whole file."""

    documents: list[Any] = field(default_factory=list)
    faults: list[RecordFault] = field(default_factory=list)
    rejections: list[str] = field(default_factory=list)


@dataclass
class MiniHub:
    """One connection. ``dialects`` and ``defaults`` are what stands under the connection's ``streams``."""

    config: SftpWmsConfig
    clock: ManualClock
    dialects: dict[str, dict[str, Any]] = field(default_factory=dict)
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict)
    acknowledged: list[Outcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(500))
        self.assembly: Assembly = assembled(CONNECTOR.manifest, self.config, self.clock, transport=transport)
        self.connector = SftpWms(self.config, self.assembly.services)

    async def take(self, stream: str) -> list[Taken]:
        """Read, map and dispose of every file of a stream."""
        return [await self.take_file(file) for file in await self.connector.list_files(stream)]

    async def take_file(self, file: FileRef, how: Disposal | None = None) -> Taken:
        content = b"".join([chunk async for chunk in self.connector.read(file)])
        taken = self.read(file, content)
        await self._acknowledge(file, content, taken)
        await self.connector.dispose(file, how or (Disposal.ERROR if taken.rejections else Disposal.ARCHIVE))
        return taken

    def read(self, file: FileRef, content: bytes) -> Taken:
        spec = CONNECTOR.manifest.stream(file.stream)
        assert spec.format is not None
        form = format_named(spec.format, self.dialects.get(file.stream))
        verdict = form.inspect([content])
        if not verdict.ok:
            return Taken(rejections=[one.code for one in verdict.rejections])
        hub = {
            "connection": "wms",
            "stream": file.stream,
            "received_at": NOW.isoformat(),
            "file_name": file.name,
            "file_modified_at": file.modified_at.isoformat() if file.modified_at else None,
            "feed_id": sha256(content).hexdigest(),
            "part": 1,
            "last": True,
            **self.defaults.get(file.stream, {}),
        }
        records = [record.value for frame in form.frames([content]) for record in form.parse(frame)]
        good: list[dict[str, Any]] = [one for one in records if not isinstance(one, RecordFault)]
        if spec.mapping is None:
            made = [one for document in good for one in acknowledgements(document)]
            return Taken([one.model for one in made])
        inputs = good if spec.format == "x12" else [{"rows": good}]
        documents = [made for one in inputs for made in map_document(spec.mapping, {**one, "_hub": hub})]
        return Taken(documents, [one for one in records if isinstance(one, RecordFault)])

    async def _acknowledge(self, file: FileRef, content: bytes, taken: Taken) -> None:
        """What the hub's outbox does for X12 that was read."""
        form = format_named(
            CONNECTOR.manifest.stream(file.stream).format or "", self.dialects.get(file.stream)
        )
        if not isinstance(form, X12Format) or taken.rejections:
            return
        bodies = [body for frame in form.frames([content]) for body in form.acknowledge(frame)]
        for number, body in enumerate(bodies):
            key = f"acknowledgement.send:{sha256(content).hexdigest()}:{number}"
            command = Command("acknowledgement.send", key, (body,), number=900 + number)
            self.acknowledged.append(await self.connector.execute(command, key))

    def command(
        self, name: str, payload: Mapping[str, Any] | Canonical, number: int = 17, mapping: str | None = None
    ) -> Command:
        """A command as the outbox hands it to the connector."""
        spec = CONNECTOR.manifest.command(name)
        text = (
            payload.model_dump_json(exclude_none=True) if isinstance(payload, Canonical) else dumped(payload)
        )
        body = json.loads(text, parse_float=Decimal)
        mapped = LIBRARY.get(mapping or spec.mapping or "").map(body).document
        return Command(name, str(body["id"]), (mapped,), {"fulfilment_order": str(body["id"])}, number)
