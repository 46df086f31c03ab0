"""``check``: whether each stream and command would work. Reads only."""

from __future__ import annotations

from collections.abc import Iterator

from crossdock.sdk.checks import verdict_of
from crossdock.sdk.connector import Check, CheckReport, Verdict
from crossdock.sdk.errors import CrossdockError
from crossdock_connectors.soap_erp import polls
from crossdock_connectors.soap_erp.client import SoapErpClient
from crossdock_connectors.soap_erp.manifest import MANIFEST, STREAM_OF_OPERATION

__all__ = ["check"]


async def check(client: SoapErpClient) -> CheckReport:
    """Look at the profile and the WSDL, make the profile's harmless call, and ask each stream for a page."""
    called = list(_called(client))
    try:
        profile, offered = client.profile, await client.operations()
    except CrossdockError as error:
        verdict = verdict_of(error)
        asked = [
            name
            for name in (*MANIFEST.streams, *MANIFEST.commands)
            if name not in STREAM_OF_OPERATION.values()
        ]
        return CheckReport((*(Check(name, verdict, error.message) for name in asked), *called))
    address = Check("address and credentials", Verdict.OK)
    if profile.check is not None:
        try:
            await client.read(profile.check, {})
        except CrossdockError as error:
            address = Check(address.capability, verdict_of(error), error.message)
    checks = [address]
    for name, needed in profile.operations().items():
        if missing := sorted(needed - offered):
            known = ", ".join(sorted(offered))
            said = f"the WSDL has no operation {', '.join(missing)}; it has: {known}. Correct the profile or the WSDL"
            checks.append(Check(name, Verdict.MISCONFIGURED, said))
        elif address.verdict is not Verdict.OK or name in MANIFEST.commands:
            checks.append(Check(name, address.verdict, address.message))
        else:
            checks.append(await _asked(client, name))
    return CheckReport((*checks, *called))


async def _asked(client: SoapErpClient, stream: str) -> Check:
    try:
        await polls.first_page(client, stream)
    except CrossdockError as error:
        return Check(stream, verdict_of(error), error.message)
    return Check(stream, Verdict.OK)


def _called(client: SoapErpClient) -> Iterator[Check]:
    said = "" if client.config.caller else "not in use: without `caller` every call is refused"
    for stream in STREAM_OF_OPERATION.values():
        yield Check(stream, Verdict.OK, said)
