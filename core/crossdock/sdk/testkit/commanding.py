"""Commands: what is said about them is true, whatever happens on the way, and no effect happens twice."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from email.utils import format_datetime

import httpx
import pytest

from crossdock.sdk.connector import Command
from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.manifest import Idempotency
from crossdock.sdk.outcomes import (
    AlreadyApplied,
    Applied,
    NotApplied,
    Outcome,
    PartlyApplied,
    Rejected,
    Throttled,
    Unauthorised,
    Unknown,
    Unreachable,
)
from crossdock.sdk.testkit.partner import CommandSample
from crossdock.sdk.testkit.rig import Rig
from crossdock.sdk.testkit.rigs import Rigs
from crossdock.sdk.testkit.rules import Rules
from crossdock.sdk.testkit.wire import FAR_AWAY, Exchange, Fault

__all__ = ["CommandRules"]

_DONE = (Applied, AlreadyApplied)
_ON_THE_WAY = (
    *(Fault.REFUSED, Fault.LOST_BEFORE, Fault.LOST_AFTER, Fault.BROKEN_BEFORE, Fault.BROKEN_AFTER),
    *(Fault.PAGE_BEFORE, Fault.PAGE_AFTER, Fault.CUT_AFTER, Fault.EMPTY_AFTER),
)
_HARMLESS = (Idempotency.NATIVE_KEY, Idempotency.NATURAL_KEY)
"""May be sent again without asking, so that a lost answer to them may be told as unreachable."""
_Scenario = Callable[[Rig, Command, CommandSample], Awaitable[None]]


class CommandRules(Rules):
    """For each command of the manifest."""

    def test_command_is_done(self, rigs: Rigs, ordered: str) -> None:
        """The sample is applied with a reference, has its effect, and its answer maps to what the manifest emits."""

        async def scenario(rig: Rig, command: Command, sample: CommandSample) -> None:
            outcome = await rig.execute(command)
            assert isinstance(outcome, Applied), f"{ordered} of the sample came to {outcome}"
            assert outcome.ref, f"{ordered}: Applied without the partner's reference"
            assert rig.partner.effects() == sample.effects, (
                f"{ordered}: not the effect that the sample states"
            )
            spec = rig.manifest.command(ordered)
            if spec.result is not None and spec.emits is not None:
                assert outcome.response is not None, f"{ordered}: no answer for the mapping {spec.result}"
                value = json.loads(outcome.response.body, parse_float=Decimal)
                assert rig.mapped(spec.result, spec.emits, {**value, "_hub": {}}), (
                    "the answer maps to nothing"
                )

        _with_sample(rigs, ordered, scenario)

    def test_command_repeated_is_one_effect(self, rigs: Rigs, ordered: str) -> None:
        """The same command under the same key twice is one effect, also after a restart."""
        if rigs.plugin.manifest.command(ordered).idempotency is Idempotency.NONE:
            return

        async def scenario(rig: Rig, command: Command, sample: CommandSample) -> None:
            first = await rig.execute(command)
            await rig.restart()
            second = await rig.execute(command)
            assert isinstance(first, _DONE), f"{ordered}: came to {first}"
            assert isinstance(second, _DONE), f"{ordered}: repeated it came to {second}"
            assert rig.partner.effects() == sample.effects, f"{ordered}: repeated it had a second effect"

        _with_sample(rigs, ordered, scenario)

    def test_command_is_deterministic(self, rigs: Rigs, ordered: str) -> None:
        """The same command at the same instant sends the same bytes: no clock, chance or id of the connector's own."""

        def sent() -> list[Exchange]:
            found: list[Exchange] = []

            async def scenario(rig: Rig, command: Command, sample: CommandSample) -> None:
                await rig.execute(command)
                found.extend(rig.wire.exchanges)

            _with_sample(rigs, ordered, scenario)
            return found

        first, second = ([(each.what, each.content) for each in sent()] for _ in range(2))
        assert first == second, f"{ordered}: two equal commands sent different requests"

    def test_command_is_probed(self, rigs: Rigs, ordered: str) -> None:
        """Idempotency ``probe``: before it is done the probe says so, after it too, and it changes nothing."""
        if rigs.plugin.manifest.command(ordered).idempotency is not Idempotency.PROBE:
            return

        async def scenario(rig: Rig, command: Command, sample: CommandSample) -> None:
            before = await rig.probe(command)
            if sample.effects:
                assert isinstance(before, NotApplied | Unknown), (
                    f"{ordered}: not done, but probed as {before}"
                )
            assert rig.partner.effects() == 0, f"{ordered}: the probe had an effect"
            done = await rig.execute(command)
            await rig.restart()
            after = await rig.probe(command)
            assert isinstance(done, Applied), f"{ordered}: came to {done}"
            assert isinstance(after, _DONE), f"{ordered}: done, but probed as {after}"
            assert rig.partner.effects() == sample.effects, f"{ordered}: the probe had an effect"

        _with_sample(rigs, ordered, scenario)

    def test_command_refused_is_told(self, rigs: Rigs, ordered: str) -> None:
        """What the partner refuses for its content is ``Rejected`` with a code and words, and has no effect."""

        async def scenario(rig: Rig, command: Command, sample: CommandSample) -> None:
            if sample.refused is None:
                return
            outcome = await rig.carry_out(rig.command(ordered, sample, sample.refused))
            assert isinstance(outcome, Rejected), f"{ordered}: refused, but it came to {outcome}"
            assert outcome.code, f"{ordered}: Rejected without a code"
            assert outcome.message, f"{ordered}: Rejected without words"
            assert rig.partner.effects() == 0, f"{ordered}: rejected, but it had an effect"

        _with_sample(rigs, ordered, scenario)

    @pytest.mark.parametrize("fault", _ON_THE_WAY, ids=lambda fault: fault.name.lower())
    def test_command_survives(self, rigs: Rigs, ordered: str, fault: Fault) -> None:
        """A fault of any exchange: what is said is true, and going on as the hub does ends in exactly one effect."""
        for at in _exchanges(rigs, ordered, fault):

            async def scenario(rig: Rig, command: Command, sample: CommandSample, at: int = at) -> None:
                where = f"{ordered}, {fault} at exchange {at}"
                rig.wire.break_down(fault, at=at)
                outcome = await rig.execute(command)
                harmless = rig.manifest.command(ordered).idempotency in _HARMLESS
                _assert_true(outcome, rig.partner.effects(), sample.effects, where, harmless=harmless)
                rig.wire.heal()
                await rig.restart()
                rig.clock.move(120)
                unsettled = isinstance(outcome, Unknown)
                settled = (
                    outcome if isinstance(outcome, _DONE) else await rig.carry_out(command, probing=unsettled)
                )
                if (
                    isinstance(settled, Unknown)
                    and rig.manifest.command(ordered).idempotency is Idempotency.NONE
                ):
                    return
                assert isinstance(settled, _DONE), f"{where}: gone on with, it came to {settled}"
                assert rig.partner.effects() == sample.effects, (
                    f"{where}: in the end {rig.partner.effects()} effects instead of {sample.effects}"
                )

            _with_sample(rigs, ordered, scenario)

    @pytest.mark.parametrize("form", ["seconds", "date", "nothing"])
    def test_command_throttled_is_told(self, rigs: Rigs, ordered: str, form: str) -> None:
        """429 is ``Throttled`` until the instant that ``Retry-After`` says, as seconds or as a date; done it is not."""
        if not _exchanges(rigs, ordered, Fault.BROKEN_BEFORE):
            return

        async def scenario(rig: Rig, command: Command, sample: CommandSample) -> None:
            until = rig.clock.now() + timedelta(hours=1)
            said = {"seconds": "3600", "date": format_datetime(until, usegmt=True)}
            headers = {"retry-after": said[form]} if form in said else {}
            rig.wire.answers = [httpx.Response(429, headers=headers, json={}) for _ in range(50)]
            outcome = await rig.execute(command)
            assert isinstance(outcome, Throttled), f"{ordered}: throttled, but it came to {outcome}"
            assert outcome.until > rig.clock.now(), f"{ordered}: Throttled until an instant that has passed"
            if form in said:
                assert abs(outcome.until - until) <= timedelta(seconds=1), (
                    f"{ordered}: Throttled until {outcome.until}, but the partner said {until}"
                )
            assert rig.partner.effects() == 0, f"{ordered}: Throttled, but it had an effect"
            rig.wire.heal()
            assert isinstance(await rig.carry_out(command), _DONE), f"{ordered}: not done after the wait"
            assert rig.partner.effects() == sample.effects, (
                f"{ordered}: not the effect that the sample states"
            )

        _with_sample(rigs, ordered, scenario)

    def test_command_waits_shortly(self, rigs: Rigs, ordered: str) -> None:
        """A short ``Retry-After`` is waited for."""
        if not _exchanges(rigs, ordered, Fault.BROKEN_BEFORE):
            return

        async def scenario(rig: Rig, command: Command, sample: CommandSample) -> None:
            rig.wire.answers = [httpx.Response(429, headers={"retry-after": "2"}, json={})]
            assert isinstance(await rig.execute(command), _DONE), f"{ordered}: not done after two seconds"
            assert sum(rig.clock.slept) >= 2, f"{ordered}: did not wait for two seconds"
            assert rig.partner.effects() == sample.effects, (
                f"{ordered}: not the effect that the sample states"
            )

        _with_sample(rigs, ordered, scenario)

    @pytest.mark.parametrize(
        "fault", [Fault.UNAUTHORISED, Fault.REDIRECTED], ids=["unauthorised", "redirected"]
    )
    def test_command_turned_away_is_told(self, rigs: Rigs, ordered: str, fault: Fault) -> None:
        """401 is ``Unauthorised``; a redirect to another host is not followed, and told."""
        if not _exchanges(rigs, ordered, fault):
            return

        async def scenario(rig: Rig, command: Command, sample: CommandSample) -> None:
            rig.wire.break_down(fault, lasting=True)
            outcome = await rig.execute(command)
            wanted = Unauthorised if fault is Fault.UNAUTHORISED else MisconfiguredError
            assert isinstance(outcome, wanted), f"{ordered}: {fault}, but it came to {outcome!r}"
            assert outcome.message, f"{ordered}: {fault} is told without words"
            hosts = {each.url.host for each in rig.wire.exchanges if each.url is not None}
            assert FAR_AWAY not in hosts, f"{ordered}: followed a redirect to another host"
            assert rig.partner.effects() == 0, f"{ordered}: turned away, but it had an effect"

        _with_sample(rigs, ordered, scenario)


def _with_sample(rigs: Rigs, name: str, scenario: _Scenario) -> None:
    async def whole(rig: Rig) -> None:
        sample = rig.partner.command(name)
        assert rig.partner.effects() == 0, "the partner counts effects before there were any"
        await scenario(rig, rig.command(name, sample, sample.document), sample)

    rigs.run(whole)


def _exchanges(rigs: Rigs, name: str, fault: Fault) -> list[int]:
    """The exchanges of a smooth run to which ``fault`` can happen; none where nothing is sent."""
    found: list[int] = []

    async def scenario(rig: Rig, command: Command, sample: CommandSample) -> None:
        await rig.execute(command)
        found.extend(_exposed(rig.wire.exchanges, fault))

    _with_sample(rigs, name, scenario)
    return found


def _exposed(exchanges: list[Exchange], fault: Fault) -> Iterator[int]:
    return (at for at, each in enumerate(exchanges) if not each.by_files or fault.by_files)


def _assert_true(
    outcome: Outcome | MisconfiguredError, effects: int, expected: int, where: str, *, harmless: bool
) -> None:
    """Whether what is said fits what has happened."""
    match outcome:
        case Applied() | AlreadyApplied():
            assert effects == expected, f"{where}: {outcome}, but {effects} of {expected} effects happened"
        case Unknown() | PartlyApplied():
            assert effects <= expected, f"{where}: {effects} effects instead of {expected}"
        case Unreachable() if harmless:
            assert effects <= expected, f"{where}: {effects} effects instead of {expected}"
        case Rejected():
            raise AssertionError(
                f"{where}: {outcome}: nothing is wrong with the content, it may go through later"
            )
        case NotApplied() | Throttled() | Unauthorised() | Unreachable() | MisconfiguredError():
            assert effects == 0 or expected == 0, (
                f"{where}: {outcome!r} says that it was not done, but it was"
            )
