"""Tokens of the REST API. Only their hashes are kept: a token is shown once, when it is made."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.store.plumbing import api_tokens

__all__ = ["ApiToken", "create", "find", "hash_of", "list_tokens", "revoke"]


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as it is listed."""

    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


def hash_of(token: str) -> str:
    """What is kept of a token. It is random and long, so a plain SHA-256 can't be turned back."""
    return hashlib.sha256(token.encode()).hexdigest()


def create(connection: Connection, name: str, token: str, scopes: Sequence[str], now: datetime) -> None:
    """Keep a token.

    Raises:
        RecordRejectedError: There is one of this name already, be it revoked.
    """
    known = connection.execute(select(api_tokens.c.name).where(api_tokens.c.name == name)).first()
    if known is not None:
        raise RecordRejectedError(
            Rejection("token.exists", f"there is a token {name!r} already: names are used once, take another")
        )
    connection.execute(
        insert(api_tokens).values(name=name, hash=hash_of(token), scopes=sorted(scopes), created_at=now)
    )


def find(connection: Connection, token: str) -> ApiToken | None:
    """The token that is not revoked; None where there is none."""
    row = connection.execute(
        select(api_tokens).where(api_tokens.c.hash == hash_of(token), api_tokens.c.revoked_at.is_(None))
    ).one_or_none()
    return None if row is None else ApiToken(row.name, tuple(row.scopes), row.created_at, row.revoked_at)


def list_tokens(connection: Connection) -> list[ApiToken]:
    """All tokens, by name."""
    rows = connection.execute(select(api_tokens).order_by(api_tokens.c.name))
    return [ApiToken(row.name, tuple(row.scopes), row.created_at, row.revoked_at) for row in rows]


def revoke(connection: Connection, name: str, now: datetime) -> None:
    """Let a token open nothing any more.

    Raises:
        RecordRejectedError: There is no such token in force.
    """
    done = connection.execute(
        update(api_tokens)
        .where(api_tokens.c.name == name, api_tokens.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    if not done.rowcount:
        raise RecordRejectedError(
            Rejection(
                "token.missing", f"there is no token {name!r} in force: `crossdock token list` shows them"
            )
        )
