"""Streams that the partner calls: only the partner gets in, and what it said is kept as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr

from crossdock.sdk.connector import RawRequest, Refused, Verified
from crossdock.sdk.errors import RecordRejectedError
from crossdock.sdk.redaction import looks_secret, secrets_of
from crossdock.sdk.testkit.rig import Rig
from crossdock.sdk.testkit.rigs import Rigs
from crossdock.sdk.testkit.rules import Rules

__all__ = ["ReceiveRules"]

_ODD_BODIES = (b"", b"null", b"[]", b"{", b"\xff\xfe\x00", b"<html></html>", b'{"id": {"id": []}}')
_OTHER_SECRET = "conformance-other-secret-0123456789"
_URL = "https://hub.example/webhooks/conformance"


class ReceiveRules(Rules):
    """For each stream of role receive."""

    def test_call_is_verified_and_maps(self, rigs: Rigs, called: str) -> None:
        """A genuine call is verified and split into records of the stream that map; a bell is not mapped."""

        async def scenario(rig: Rig) -> None:
            request = rig.partner.call(called)
            verdict = rig.receives.verify(request)
            assert isinstance(verdict, Verified), f"{called}: a genuine call came to {verdict}"
            found = rig.receives.split(request)
            assert found, f"{called}: a genuine call has no record"
            spec = rig.manifest.stream(called)
            for record in found:
                assert record.stream == called, f"{called}: a record of stream {record.stream}"
                assert record.key, f"{called}: a record without key"
                if spec.wakes is None:
                    assert rig.documents(called, record.payload), f"{called}: maps to nothing"

        rigs.run(scenario)

    def test_call_repeated_is_known(self, rigs: Rigs, called: str) -> None:
        """The same call delivered twice has the same ``dedupe``."""

        async def scenario(rig: Rig) -> None:
            request = rig.partner.call(called)
            first, second = ([each.dedupe for each in rig.receives.split(request)] for _ in range(2))
            assert first == second, f"{called}: the same call has another `dedupe` the second time"
            assert len(set(first)) == len(first), f"{called}: two records of one call have the same `dedupe`"

        rigs.run(scenario)

    def test_call_verified_without_io(self, rigs: Rigs, called: str) -> None:
        """``verify`` and ``split`` ask nobody."""

        async def scenario(rig: Rig) -> None:
            request = rig.partner.call(called)
            rig.receives.verify(request)
            rig.receives.split(request)
            assert rig.wire.exchanges == [], f"{called}: asks {rig.wire.exchanges[0].what}"

        rigs.run(scenario)

    def test_call_altered_is_refused(self, rigs: Rigs, called: str) -> None:
        """One byte of the body changed, dropped or added: the signature is that of the bytes."""

        async def scenario(rig: Rig) -> None:
            request = rig.partner.call(called)
            body = request.body
            middle = len(body) // 2
            flipped = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
            for other in (flipped, body[:-1], body + b" ", body.replace(b":", b": ", 1)):
                if other != body:
                    _assert_refused(rig, replace(request, body=other), f"{called}: an altered body")

        rigs.run(scenario)

    def test_call_of_stranger_is_refused(self, rigs: Rigs, called: str) -> None:
        """A call made with other secrets is refused with 401 or 403, in words without a secret."""

        async def scenario(rig: Rig) -> None:
            genuine = rig.partner.call(called)
            rig.config = with_other_secrets(rig.config)
            await rig.restart()
            _assert_refused(rig, genuine, f"{called}: a call made with another secret")

        rigs.run(scenario)

    def test_call_without_a_header_is_answered(self, rigs: Rigs, called: str) -> None:
        """With a header missing or spoilt a call is verified or refused, never an error."""

        async def scenario(rig: Rig) -> None:
            request = rig.partner.call(called)
            for name, value in request.headers.items():
                for other in (None, "", value[:-1], "\x00ä" + value):
                    headers: Mapping[str, str] = {
                        each: known for each, known in request.headers.items() if each != name
                    } | ({} if other is None else {name: other})
                    verdict = rig.receives.verify(replace(request, headers=headers))
                    assert isinstance(verdict, Verified | Refused), f"{called}: verify gave {verdict}"

        rigs.run(scenario)

    @pytest.mark.parametrize("body", _ODD_BODIES, ids=[str(number) for number in range(len(_ODD_BODIES))])
    def test_call_of_nonsense_is_answered(self, rigs: Rigs, called: str, body: bytes) -> None:
        """A signed call of another shape is refused, rejected, or kept to become a dead letter; it breaks nothing."""

        async def scenario(rig: Rig) -> None:
            request = rig.partner.call(called, body)
            try:
                if isinstance(rig.receives.verify(request), Verified):
                    rig.receives.split(request)
            except RecordRejectedError as error:
                rig.seen.append(error.message)

        rigs.run(scenario)

    def test_call_keeps_no_secret(self, rigs: Rigs, called: str) -> None:
        """Records hold neither signatures nor credentials of the call's headers."""

        async def scenario(rig: Rig) -> None:
            request = rig.partner.call(called)
            given = {**request.headers, "authorization": "Bearer conformance", "cookie": "conformance"}
            for record in rig.receives.split(replace(request, headers=given)):
                kept = [name for name in record.headers if looks_secret(name)]
                assert kept == [], f"{called}: the record keeps {', '.join(kept)}"

        rigs.run(scenario)

    def test_subscribing_twice_changes_nothing(self, rigs: Rigs) -> None:
        """``ensure_subscriptions`` makes what is missing; the second time there is nothing to do."""

        async def scenario(rig: Rig) -> None:
            await rig.receives.ensure_subscriptions(_URL)
            again = await rig.receives.ensure_subscriptions(_URL)
            assert (again.created, again.removed) == ((), ()), f"the second time it changed {again}"

        rigs.run(scenario)


def with_other_secrets(config: BaseModel) -> BaseModel:
    """The same configuration with every secret replaced."""
    update = {name: _replaced(getattr(config, name)) for name in type(config).model_fields}
    return config.model_copy(update=update)


def _replaced(value: object) -> object:
    match value:
        case SecretStr():
            return SecretStr(_OTHER_SECRET)
        case SecretBytes():
            return SecretBytes(_OTHER_SECRET.encode())
        case BaseModel():
            return with_other_secrets(value)
        case tuple() | list():
            return type(value)(_replaced(each) for each in value)
        case Mapping():
            return {name: _replaced(each) for name, each in value.items()}
        case _:
            return value


def _assert_refused(rig: Rig, request: RawRequest, what: str) -> None:
    verdict = rig.receives.verify(request)
    assert isinstance(verdict, Refused), f"{what} was verified"
    assert verdict.status in (401, 403), f"{what} was refused with {verdict.status} instead of 401 or 403"
    assert verdict.reason, f"{what} was refused without a reason"
    assert not any(secret in verdict.reason for secret in secrets_of(rig.config) if len(secret) >= 4)
