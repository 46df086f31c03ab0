"""What the ERP calls otherwise: ``{"@table": NAME, "@keys": [word, ...]}`` in a document becomes the ERP's id.

With ``"@new": {"key": word, "record": {...}}`` beside it, what the ERP does not have under this word may be made.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock_connectors.soap_erp.config import SoapErpConfig, TableConfig
from crossdock_connectors.soap_erp.profile import Profile
from crossdock_connectors.soap_erp.templates import render

__all__ = ["Ask", "Make", "looked_up", "table_faults"]

Ask = Callable[[str, str], Awaitable[str]]
"""What the ERP says to a table's question about a word: its id, or an empty text."""
Make = Callable[[str, str, object], Awaitable[str]]
"""Makes a record for a table under a word; the ERP's id of it."""
_LEFT_OUT: Final = object()


def table_faults(profile: Profile, config: SoapErpConfig) -> list[str]:
    """What is wrong with the tables of a configuration."""
    known = ", ".join(sorted(profile.tables)) or "none"
    faults = [
        f"tables.{name}: is missing; add it, with entries or a default"
        for name, table in profile.tables.items()
        if table.required and name not in config.tables
    ]
    for name, table in config.tables.items():
        if name not in profile.tables:
            faults.append(f"tables.{name}: the profile reads no such thing; it reads: {known}")
        elif table.ask and profile.tables[name].ask is None:
            faults.append(f"tables.{name}.ask: the profile can't ask for these; list them as entries")
        elif table.create and profile.tables[name].create is None:
            faults.append(f"tables.{name}.create: the profile can't make these; make them in the ERP")
        elif table.create and not table.ask:
            faults.append(f"tables.{name}.create: needs `ask: true`, to know what there is")
    return faults


async def looked_up(value: object, profile: Profile, config: SoapErpConfig, ask: Ask, make: Make) -> object:
    """``value`` with every reference to a table replaced; one to a table that is not configured is left out.

    Raises:
        RecordRejectedError: A table has none of the words; code ``erp.table``.
    """
    tables = dict(config.tables)
    if config.nodes and "nodes" in profile.tables:
        locations = {node: location for location, node in config.nodes.items()}
        tables.setdefault("nodes", TableConfig(entries=locations))
    resolved = await _Resolving(profile, tables, ask, make).value(value)
    return {} if resolved is _LEFT_OUT else resolved


class _Resolving:
    """One pass over a document; the ERP is asked once for each word."""

    def __init__(self, profile: Profile, tables: Mapping[str, TableConfig], ask: Ask, make: Make) -> None:
        self._profile, self._tables, self._ask, self._make = profile, tables, ask, make
        self._answers: dict[tuple[str, str], str] = {}

    async def value(self, value: object) -> object:
        if isinstance(value, Mapping) and "@table" in value:
            keys = [str(key) for key in value["@keys"]]
            return await self._reference(str(value["@table"]), keys, value.get("@new"))
        if isinstance(value, Mapping):
            made = {key: await self.value(item) for key, item in value.items()}
            return {key: item for key, item in made.items() if item is not _LEFT_OUT}
        if isinstance(value, list | tuple):
            return [item for each in value if (item := await self.value(each)) is not _LEFT_OUT]
        return value

    async def _reference(self, name: str, keys: list[str], new: object) -> object:
        table = self._tables.get(name)
        if table is None:
            return _LEFT_OUT
        for key in keys:
            found = table.entries.get(key) or (await self._asked(name, key) if table.ask else "")
            if not found and table.create and isinstance(new, Mapping) and new["key"] == key:
                found = await self._make(name, key, new["record"])
            if found:
                return render(self._profile.tables[name].value, {"id": found})
        if table.default is None and self._profile.tables[name].lenient:
            return _LEFT_OUT
        if table.default is None:
            words = " or ".join(repr(key) for key in keys)
            raise RecordRejectedError(
                Rejection(
                    "erp.table",
                    f"{self._profile.title}: config.tables.{name} has no {words}: add one of them to its entries, "
                    "or give it a default",
                    name,
                )
            )
        return render(self._profile.tables[name].value, {"id": table.default})

    async def _asked(self, name: str, key: str) -> str:
        if (name, key) not in self._answers:
            self._answers[name, key] = await self._ask(name, key)
        return self._answers[name, key]
