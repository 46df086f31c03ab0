"""Poll streams: whatever happens, and wherever a poll is taken up again, nothing is skipped."""

from __future__ import annotations

import pytest

from crossdock.sdk.connector import Cursor, Page
from crossdock.sdk.errors import (
    BugError,
    CrossdockError,
    MisconfiguredError,
    RetryableError,
    UnauthorisedError,
)
from crossdock.sdk.manifest import Role
from crossdock.sdk.testkit.rig import Rig, keys, later, records
from crossdock.sdk.testkit.rigs import Rigs
from crossdock.sdk.testkit.rules import Rules
from crossdock.sdk.testkit.wire import FAR_AWAY, Fault

__all__ = ["PollRules"]

_FAULTS = (
    *(Fault.REFUSED, Fault.LOST_BEFORE, Fault.BROKEN_BEFORE, Fault.PAGE_BEFORE, Fault.CUT_AFTER),
    *(Fault.EMPTY_AFTER, Fault.UNAUTHORISED, Fault.REDIRECTED),
)
_ABSURD: tuple[Cursor, ...] = ({}, {"since": "yesterday"}, {"conformance": "no such cursor"})


class PollRules(Rules):
    """For each stream of role poll."""

    def test_poll_brings_all(self, rigs: Rigs, polled: str) -> None:
        """All records come, each of the stream, with a key, and what makes the delivery unique is so."""

        async def scenario(rig: Rig) -> None:
            wanted = _filled(rig, polled)
            pages = await rig.drain(polled)
            assert keys(pages) == wanted, f"{polled}: missing or too much: {sorted(keys(pages) ^ wanted)}"
            found = list(records(pages))
            assert {record.stream for record in found} == {polled}, f"{polled}: records of another stream"
            assert all(record.key and record.dedupe and record.payload for record in found), (
                f"{polled}: a record without key, dedupe or payload"
            )
            by_delivery = {record.dedupe: record.payload for record in found}
            assert all(by_delivery[record.dedupe] == record.payload for record in found), (
                f"{polled}: two different records have the same `dedupe`: the second would be dropped"
            )
            watermark = pages[-1].watermark
            assert watermark is None or watermark <= rig.clock.now(), (
                f"{polled}: the watermark is in the future"
            )

        rigs.run(scenario)

    def test_poll_records_map(self, rigs: Rigs, polled: str) -> None:
        """Each record maps to valid canonical documents by the mapping that the manifest names."""

        async def scenario(rig: Rig) -> None:
            _filled(rig, polled)
            for record in records(await rig.drain(polled)):
                assert rig.documents(polled, record.payload), f"{polled} {record.key}: maps to nothing"

        rigs.run(scenario)

    @pytest.mark.parametrize("apart_seconds", [0, 60], ids=["equal_instants", "apart"])
    def test_poll_resumes_anywhere(self, rigs: Rigs, polled: str, apart_seconds: int) -> None:
        """Cut off after any page and started again from the stored cursor, a poll brings the rest."""

        async def smooth(rig: Rig) -> int:
            _filled(rig, polled, apart_seconds)
            return len(await rig.drain(polled))

        pages = rigs.run(smooth)
        assert pages > 1, (
            f"{polled}: all came on one page; correct Partner.page_size, or exempt what has no pages"
        )
        for cut in range(1, pages + 1):

            async def scenario(rig: Rig, cut: int = cut) -> None:
                wanted = _filled(rig, polled, apart_seconds)
                before = await rig.drain(polled, pages=cut)
                await rig.restart()
                after = await rig.drain(polled, before[-1].cursor) if before[-1].more else []
                assert keys([*before, *after]) == wanted, (
                    f"{polled}: cut off after page {cut}, records are missing"
                )

            rigs.run(scenario)

    def test_poll_stops_where_told(self, rigs: Rigs, polled: str) -> None:
        """Pages are asked for one by one, as they are taken: a partner with a million records fills no memory."""

        async def asked(rig: Rig, pages: int | None) -> tuple[int, int]:
            _filled(rig, polled)
            found = await rig.drain(polled, pages=pages)
            return len(found), len(rig.wire.exchanges)

        there, for_all = rigs.run(lambda rig: asked(rig, None))
        _, for_one = rigs.run(lambda rig: asked(rig, 1))
        assert there == 1 or for_one < for_all, (
            f"{polled}: {for_one} requests for one page, as many as for all {there}: yield each page as it comes"
        )

    def test_poll_finds_what_changes_meanwhile(self, rigs: Rigs, polled: str) -> None:
        """What changes while pages are read comes with them or with the next poll."""

        async def scenario(rig: Rig) -> None:
            wanted = _filled(rig, polled)
            pages = await rig.drain(polled, pages=1)
            later(rig.clock, seconds=60)
            wanted |= set(rig.partner.add(polled, 2))
            pages += await rig.drain(polled, pages[-1].cursor)
            later(rig.clock, seconds=60)
            pages += await rig.drain(polled, pages[-1].cursor)
            assert keys(pages) == wanted, f"{polled}: skips what changes while it reads"

        rigs.run(scenario)

    def test_poll_again_brings_only_news(self, rigs: Rigs, polled: str) -> None:
        """From its last cursor a poll brings nothing but repetitions, known by their ``dedupe``, and later the news."""

        async def scenario(rig: Rig) -> None:
            _filled(rig, polled)
            first = await rig.drain(polled)
            again = await rig.drain(polled, first[-1].cursor)
            deliveries = {record.dedupe for record in records(first)}
            assert {record.dedupe for record in records(again)} <= deliveries, (
                f"{polled}: what has not changed comes again as something new"
            )
            later(rig.clock, hours=1)
            news = set(rig.partner.add(polled, 1))
            later(rig.clock, hours=1)
            assert news <= keys(await rig.drain(polled, again[-1].cursor)), (
                f"{polled}: does not find what is new"
            )

        rigs.run(scenario)

    def test_poll_of_nothing_ends(self, rigs: Rigs, polled: str) -> None:
        """A partner without records is polled to an end, and what comes later is found from there."""

        async def scenario(rig: Rig) -> None:
            pages = await rig.drain(polled)
            assert keys(pages) == set(), f"{polled}: brings records where there are none"
            later(rig.clock, hours=1)
            wanted = set(rig.partner.add(polled, 1))
            later(rig.clock, seconds=60)
            cursor = pages[-1].cursor if pages else None
            assert keys(await rig.drain(polled, cursor)) == wanted, (
                f"{polled}: does not find the first record"
            )

        rigs.run(scenario)

    @pytest.mark.parametrize("fault", _FAULTS, ids=lambda fault: fault.name.lower())
    def test_poll_failing_skips_nothing(self, rigs: Rigs, polled: str, fault: Fault) -> None:
        """A partner that fails from any request on is told as an error, and the next poll brings what is missing."""

        async def smooth(rig: Rig) -> int:
            _filled(rig, polled)
            await rig.drain(polled)
            return len(rig.wire.exchanges)

        for at in range(rigs.run(smooth)):

            async def scenario(rig: Rig, at: int = at) -> None:
                wanted = _filled(rig, polled)
                rig.wire.break_down(fault, at=at, lasting=True)
                pages, error = await _broken_off(rig, polled)
                if error is None:
                    assert keys(pages) == wanted, (
                        f"{polled}: {fault} from request {at} on ended it in silence"
                    )
                    return
                _assert_told(error, fault, f"{polled}, {fault} from request {at} on")
                hosts = {each.url.host for each in rig.wire.exchanges if each.url is not None}
                assert FAR_AWAY not in hosts, f"{polled}: followed a redirect to another host"
                rig.wire.heal()
                await rig.restart()
                later(rig.clock, seconds=120)
                pages += await rig.drain(polled, pages[-1].cursor if pages else None)
                assert keys(pages) == wanted, f"{polled}: after {fault} at request {at} records are missing"

            rigs.run(scenario)

    @pytest.mark.parametrize("cursor", _ABSURD, ids=["empty", "malformed", "foreign"])
    def test_poll_refuses_absurd_cursor(self, rigs: Rigs, polled: str, cursor: Cursor) -> None:
        """A cursor that is none of its own is told as ``MisconfiguredError``: to begin anew in silence may skip."""

        async def scenario(rig: Rig) -> None:
            _filled(rig, polled)
            with pytest.raises(MisconfiguredError):
                await rig.drain(polled, cursor)

        rigs.run(scenario)

    def test_poll_heals_webhooks(self, rigs: Rigs, polled: str) -> None:
        """A stream that reconciles webhooks emits what they emit."""
        manifest = rigs.plugin.manifest
        hooks = [s for s in manifest.streams.values() if s.role is Role.RECEIVE and s.reconciled_by == polled]
        emitted = {stream.emits for stream in hooks}
        assert not hooks or manifest.stream(polled).emits in emitted, (
            f"{polled} emits none of {', '.join(sorted(emitted))}"
        )


def _filled(rig: Rig, stream: str, apart_seconds: int = 0) -> set[str]:
    """Let the partner have records for three pages, changed at one instant or one after the other."""
    count = 2 * rig.partner.page_size + 1
    found: list[str] = []
    while len(found) < count:
        found += rig.partner.add(stream, 1 if apart_seconds else count)
        later(rig.clock, seconds=apart_seconds)
    assert len(set(found)) == count, f"Partner.add({stream!r}, …): give the keys of {count} new records"
    return set(found)


async def _broken_off(rig: Rig, stream: str) -> tuple[list[Page], CrossdockError | None]:
    """The pages that came, and the error that ended it."""
    pages: list[Page] = []
    try:
        await rig.drain_into(pages, stream, None)
    except CrossdockError as error:
        rig.seen.append(f"{error.message} {error.detail}")
        return pages, error
    return pages, None


def _assert_told(error: CrossdockError, fault: Fault, where: str) -> None:
    assert not isinstance(error, BugError), f"{where}: told as a bug of ours: {error}"
    match fault:
        case Fault.UNAUTHORISED:
            wanted: type[CrossdockError] = UnauthorisedError
        case Fault.REDIRECTED | Fault.EMPTY_AFTER:
            wanted = CrossdockError
        case _:
            wanted = RetryableError
    assert isinstance(error, wanted), (
        f"{where}: told as {type(error).__name__}, so that it is not tried again"
    )
