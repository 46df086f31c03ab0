"""The commands: post a document once, and find out whether it was posted."""

from __future__ import annotations

from collections.abc import Mapping

from crossdock.sdk.connector import Command
from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.outcomes import AlreadyApplied, Applied, NotApplied, Outcome, Response, Unknown
from crossdock.sdk.translation import outcomes
from crossdock_connectors.soap_erp.client import SoapErpClient
from crossdock_connectors.soap_erp.profile import CommandProfile, Meaning
from crossdock_connectors.soap_erp.reading import RefusedError, encode, find, find_all, text
from crossdock_connectors.soap_erp.templates import Scope, render

__all__ = ["execute", "probe"]


@outcomes
async def execute(client: SoapErpClient, command: Command, key: str) -> Outcome:
    """Post it; see ``Executes.execute``."""
    profile, scope = _profile(client, command), _scope(command, key)
    try:
        answer = await client.write(profile, scope)
    except RefusedError as error:
        if error.meaning is Meaning.ALREADY_EXISTS and profile.probe is not None:
            found = await _find(client, command, profile, scope)
            if found is not None:
                return found
        raise
    reference = text(find(answer, profile.reference))
    if not reference:
        return Unknown(f"{profile.operation} was answered without a number at {profile.reference}")
    response = _response(command, profile, scope, reference, answer)
    again = profile.already
    if again is not None and any(text(value) in again.values for value in find_all(answer, again.path)):
        return AlreadyApplied(reference, response)
    return Applied(reference, response)


@outcomes
async def probe(client: SoapErpClient, command: Command, key: str) -> Outcome:
    """Look for it by our id; see ``Executes.probe``."""
    profile = _profile(client, command)
    if profile.probe is None:
        return Unknown(f"profile {client.config.profile} has no probe for {command.name}; look into the ERP")
    return await _find(client, command, profile, _scope(command, key)) or NotApplied()


async def _find(
    client: SoapErpClient, command: Command, profile: CommandProfile, scope: Scope
) -> AlreadyApplied | None:
    question = profile.probe
    assert question is not None
    try:
        answer = await client.read(question, scope)
    except RefusedError as error:
        if error.meaning is Meaning.ABSENT:
            return None
        raise
    reference = text(find(answer, question.reference))
    return (
        AlreadyApplied(reference, _response(command, profile, scope, reference, answer))
        if reference
        else None
    )


def _profile(client: SoapErpClient, command: Command) -> CommandProfile:
    commands = client.profile.commands
    if command.name not in commands:
        raise MisconfiguredError(
            f"profile {client.config.profile} has no command {command.name}; it has: "
            f"{', '.join(sorted(commands)) or 'none'}. Add it to the profile, or post to another connection",
            path="config.profile",
        )
    return commands[command.name]


def _scope(command: Command, key: str) -> Scope:
    return {"document": command.document, "key": key, "refs": command.refs, "number": command.number}


def _response(
    command: Command, profile: CommandProfile, scope: Scope, reference: str, answer: Mapping[str, object]
) -> Response:
    """What the result mapping reads."""
    posted = {
        "command": command.name,
        "externalId": text(render(profile.external_id, scope)),
        "reference": reference,
        "answer": answer,
    }
    return Response(encode(posted))
