"""The kit is able to fail: for each kind of mistake there is a connector broken on purpose, and the rule that tells."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crossdock.mapping import MappingError
from crossdock.sdk.connector import Disposal, FileRef, RawRecord, RawRequest, Refused, Verified
from crossdock.sdk.errors import CrossdockError, UnreachableError
from crossdock.sdk.testkit.wire import Fault
from crossdock_connectors.easypost import CONNECTOR as EASYPOST
from crossdock_connectors.easypost.connector import EasyPost
from crossdock_connectors.sftp_wms import CONNECTOR as SFTP_WMS
from crossdock_connectors.sftp_wms.connector import SftpWms
from tests.connectors.easypost.test_conformance import Carrier
from tests.connectors.sftp_wms.test_conformance import Warehouse
from tests.sdk.testkit.builders import run_rule, scaffolded

CODE, MANIFEST, CONFIG = "connector.py", "connector.yaml", "config.py"
CONFIRM = "shipment.confirm"
CURSOR = 'return {"since": self.since, "newest"'
CONTENT = """        if not isinstance(answer, dict) or not isinstance(answer.get("orders"), list):
            raise malformed(response, "a list of orders was expected")
        return answer
"""
CONFIRMED = """        answer = json_of(response)
        if not isinstance(answer, dict) or "id" not in answer:
            raise malformed(response, "the shipment's id was expected")
        return Applied(str(answer["id"]))
"""
SENT = """headers={"idempotency-key": key},
"""
REFUSED = """        if response.is_client_error:
            return rejected_by(response)
"""

BROKEN: dict[str, tuple[tuple[tuple[str, str, str], ...], str, tuple[Any, ...]]] = {
    "forgets the page it was on": (
        ((CODE, CURSOR, 'return {"since": self.newest, "newest"'),),
        "poll_resumes_anywhere", ("orders", 60)),
    "begins where it ended": (
        ((CODE, "_Sweep(newest, newest)", "_Sweep('2027-01-01T00:00:00+00:00', newest)"),),
        "poll_again_brings_only_news", ("orders",)),
    "takes an answer without orders for none": (
        ((CODE, CONTENT, "        answer.setdefault('orders', [])\n        return answer\n"),),
        "poll_failing_skips_nothing", ("orders", Fault.EMPTY_AFTER)),
    "takes a broken partner for an empty one": (
        ((CODE, 'response = await self.request("GET", "/orders", params=query)',
          'try:\n            response = await self.request("GET", "/orders", params=query)\n'
          "        except Exception:\n            return {'orders': []}"),),
        "poll_failing_skips_nothing", ("orders", Fault.BROKEN_BEFORE)),
    "begins anew with a cursor that is none": (
        ((CODE, "            datetime.fromisoformat(since)\n", ""),),
        "poll_refuses_absurd_cursor", ("orders", {"since": "yesterday"})),
    "calls all deliveries the same": (
        ((CODE, "dedupe=f\"{order['id']}@{order['updated_at']}\"", 'dedupe="same"'),),
        "poll_brings_all", ("orders",)),
    "keeps a float in its cursor": (
        ((CODE, "{'since': self.since}".replace("'", '"'), '{"since": self.since, "page": 1.5}'),),
        "poll_brings_all", ("orders",)),
    "brings what can't be mapped": (
        ((CODE, "payload=_encode(order)", "payload=_encode({'orders': [order]})"),),
        "poll_records_map", ("orders",)),
    "sends another key each time": (
        ((CODE, SENT, 'headers={"idempotency-key": key + str(__import__("time").time_ns())},\n'),),
        "command_repeated_is_one_effect", (CONFIRM,)),
    "sends other bytes each time": (
        ((CODE, "json=command.document", "json={'at': __import__('time').time_ns(), **command.document}"),),
        "command_is_deterministic", (CONFIRM,)),
    "believes a proxy's page": (
        ((CODE, CONFIRMED, "        return Applied('done')\n"),),
        "command_survives", (CONFIRM, Fault.PAGE_BEFORE)),
    "says refused where nobody knows": (
        ((CODE, "        response = await self.request(\n            \"POST\"",
          "        response = await self._rejecting(\n            \"POST\""),
         (CODE, "    @outcomes\n    async def probe",
          "    async def _rejecting(self, *args, **named):\n"
          "        from crossdock.sdk import RecordRejectedError, Rejection\n"
          "        try:\n            return await self.request(*args, **named)\n        except Exception as error:\n"
          "            raise RecordRejectedError(Rejection('x', str(error))) from error\n\n"
          "    @outcomes\n    async def probe")),
        "command_survives", (CONFIRM, Fault.LOST_AFTER)),
    "says applied where it was refused": (
        ((CODE, REFUSED, "        if response.is_client_error:\n            return Applied('done')\n"),),
        "command_refused_is_told", (CONFIRM,)),
    "says throttled without its end": (
        ((CODE, REFUSED, ""), (CODE, "        response = await self.request(\n            \"POST\"",
          "        response = await self._hurried(\n            \"POST\""),
         (CODE, "    @outcomes\n    async def probe",
          "    async def _hurried(self, *args, **named):\n"
          "        from crossdock.sdk import ThrottledError, UnreachableError\n"
          "        try:\n            return await self.request(*args, **named)\n"
          "        except ThrottledError as error:\n"
          "            raise UnreachableError('busy') from error\n\n    @outcomes\n    async def probe")),
        "command_throttled_is_told", (CONFIRM, "seconds")),
    "tells its key in the log": (
        ((CODE, "        start = self", "        self.services.log.info(str(self.headers()))\n        start = self"),),
        "poll_brings_all", ("orders",)),
    "permits any host": (((MANIFEST, '["${config.host}"]', '["*"]'),), "hosts_are_few", ()),
    "shows its key in errors": (
        ((CONFIG, "hide_input_in_errors=True, ", ""),
         (CONFIG, "    backfill_days", "    account: str\n    backfill_days"),
         ("partner.py", '{"api_key"', '{"account": "1", "api_key"')), "configuration_hides_secrets", ()),
    "shows its key": (((CONFIG, "api_key: SecretStr", "api_key: str"), (CODE, ".get_secret_value()", "")),
                      "manifest_lints", ()),
    "lets misspelt keys pass": (((CONFIG, 'extra="forbid", ', ""),), "configuration_refuses_unknown_keys", ()),
    "names a mapping that is not there": (((MANIFEST, "mapping: acme", "mapping: acne"),), "manifest_lints", ()),
    "declares what its class can't": (((CODE, "async def probe(self", "async def prod(self"),),
                                      "roles_have_their_methods", ()),
    "exempts itself of nothing": (((MANIFEST, "budgets:", 'exempt: {good_weather: "why not"}\nbudgets:'),),
                                  "exemptions_are_of_rules", ()),
    "has a clock of its own": (((CODE, "self.services.clock.now().isoformat()", "datetime.now().isoformat()"),),
                               "source_keeps_to_the_services", ()),
    "rolls dice": (((CODE, "import msgspec", "import random\n\nimport msgspec"),), "source_keeps_to_the_services", ()),
    "has a mapping without cases": ((("order.tests.yaml", "sku: MUG", "sku: CUP"),),
                                    "mapping_compiles_and_its_cases_pass", ("{name}/order",)),
    "makes another entity": (((MANIFEST, "emits: order", "emits: product"),), "mapping_makes_what_is_emitted", ()),
    "checks nothing": (((CODE, 'check_each({"orders": lambda: self._orders({"updated_since": now, "limit": "1"})})',
                         "check_each({})"),), "check_is_good", ()),
    "finds all well always": (((CODE, 'lambda: self._orders({"updated_since": now, "limit": "1"})', "self._fine"),
                               (CODE, "    async def _orders", "    async def _fine(self) -> None:\n        try:\n"
                                "            await self.request('GET', '/orders', params={'updated_since': ''})\n"
                                "        except Exception:\n            pass\n\n    async def _orders")),
                              "check_says_what_is_wrong", (Fault.UNAUTHORISED,)),
}  # fmt: skip
TOLD = (AssertionError, CrossdockError, MappingError, ValueError, pytest.fail.Exception)
WITHOUT_RIGS = {"manifest_lints", "roles_have_their_methods", "exemptions_are_of_rules", "source_keeps_to_the_services",
                "mapping_compiles_and_its_cases_pass", "mapping_makes_what_is_emitted"}  # fmt: skip


@pytest.mark.parametrize("mistake", list(BROKEN))
def test_a_broken_connector_is_told_and_the_good_one_is_not(mistake: str, tmp_path: Path) -> None:
    edits, rule, bound = BROKEN[mistake]
    good, partner = scaffolded(tmp_path)
    named = [good.manifest.id, *bound]
    bound = tuple(each.format(name=named[0]) if type(each) is str else each for each in bound)
    run_rule(good, partner, tmp_path, rule, *bound, rigs=rule not in WITHOUT_RIGS)
    plugin, partner = scaffolded(tmp_path, *edits)
    bound = tuple(
        each.replace(good.manifest.id, plugin.manifest.id) if type(each) is str else each for each in bound
    )
    (tmp_path / "broken").mkdir()
    with pytest.raises(TOLD) as told:
        run_rule(plugin, partner, tmp_path / "broken", rule, *bound, rigs=rule not in WITHOUT_RIGS)
    assert str(told.value), "told without words"


class Credulous(EasyPost):
    """Takes everybody for EasyPost."""

    def verify(self, request: RawRequest) -> Verified | Refused:
        return Verified("tracker.updated")


class Chatty(EasyPost):
    """Keeps all headers of a call."""

    def split(self, request: RawRequest) -> list[RawRecord]:
        return [replace(record, headers=request.headers) for record in super().split(request)]


@pytest.mark.parametrize(
    ("connector", "rule"),
    [
        (Credulous, "call_altered_is_refused"),
        (Credulous, "call_of_stranger_is_refused"),
        (Chatty, "call_keeps_no_secret"),
    ],
)
def test_a_broken_receiver_is_told(connector: type[EasyPost], rule: str, tmp_path: Path) -> None:
    run_rule(EASYPOST, Carrier, tmp_path, rule, "tracker_hook")
    (tmp_path / "broken").mkdir()
    with pytest.raises(AssertionError):
        run_rule(replace(EASYPOST, connector=connector), Carrier, tmp_path / "broken", rule, "tracker_hook")


class Hasty(SftpWms):
    """Reads files that are still written."""

    async def list_files(self, stream: str) -> Sequence[FileRef]:
        place = Path(self.config.files.path) / "stock"  # type: ignore[union-attr]
        return [
            FileRef(stream, each.name, f"stock/{each.name}", each.stat().st_size)
            for each in place.glob("*.csv")
        ]


class Sloppy(SftpWms):
    """Does not mind a broken session."""

    async def read(self, file: FileRef) -> AsyncIterator[bytes]:
        try:
            async for chunk in super().read(file):
                yield chunk
        except UnreachableError:
            return


class Tidy(SftpWms):
    """Deletes what it should archive."""

    async def dispose(self, file: FileRef, how: Disposal) -> None:
        await super().dispose(file, Disposal.DELETE)


@pytest.mark.parametrize(
    ("connector", "rule", "bound"),
    [
        (Hasty, "file_still_written_is_left_alone", ()),
        (Sloppy, "session_that_breaks_loses_no_file", ()),
        (Tidy, "file_is_disposed_of", (Disposal.ARCHIVE,)),
    ],
)
def test_a_broken_reader_of_files_is_told(
    connector: type[SftpWms], rule: str, bound: tuple[Any, ...], tmp_path: Path
) -> None:
    run_rule(SFTP_WMS, Warehouse, tmp_path, rule, "stock_csv", *bound)
    (tmp_path / "broken").mkdir()
    with pytest.raises(AssertionError):
        run_rule(
            replace(SFTP_WMS, connector=connector), Warehouse, tmp_path / "broken", rule, "stock_csv", *bound
        )
