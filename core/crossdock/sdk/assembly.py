"""Puts the services of one connection together from its manifest and configuration; used by the hub and by
tests.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING

import httpx
from pydantic import BaseModel

from crossdock.sdk.budgets import Budgets, BudgetStore
from crossdock.sdk.files import FolderConfig, SftpConfig, UnconfiguredFiles
from crossdock.sdk.folder import FolderFiles
from crossdock.sdk.hosts import AllowedHosts
from crossdock.sdk.http import HttpClient, HttpSettings, Recorder
from crossdock.sdk.manifest import Manifest
from crossdock.sdk.redaction import Redactor, secrets_of
from crossdock.sdk.services import Clock, Files, Services, TokenStore
from crossdock.sdk.sftp import SftpFiles
from crossdock.sdk.soap import SoapClients
from crossdock.sdk.tokens import TokenService

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

__all__ = ["Assembly", "assemble", "files_of"]


@dataclass(frozen=True, slots=True)
class Assembly:
    """The services of one connection, and how to end them."""

    services: Services
    http: HttpClient
    budgets: Budgets

    async def close(self) -> None:
        """Close pooled connections and the SFTP session."""
        await self.http.close()
        if isinstance(self.services.files, SftpFiles):
            await self.services.files.close()


def files_of(
    config: FolderConfig | SftpConfig | None, connection: str, clock: Clock, random: Random
) -> Files:
    """The ``Files`` that ``config`` describes."""
    match config:
        case SftpConfig():
            return SftpFiles(config, clock, random)
        case FolderConfig():
            return FolderFiles(config, clock, random)
        case None:
            return UnconfiguredFiles(connection)


def assemble(
    manifest: Manifest,
    config: BaseModel,
    *,
    connection: str,
    clock: Clock,
    random: Random,
    tokens: TokenStore,
    budgets: BudgetStore,
    log: FilteringBoundLogger,
    owner: str = "hub",
    transport: httpx.AsyncBaseTransport | None = None,
    settings: HttpSettings | None = None,
    record: Recorder | None = None,
) -> Assembly:
    """Make all services of ``connection``.

    A field ``files`` of ``config`` (a ``FilesConfig``) decides where files lie. ``owner`` names this worker
    in token leases; ``transport`` replaces the network.

    Raises:
        MisconfiguredError: The manifest's hosts can't be filled in.
    """
    logger = log.bind(connection=connection, connector=manifest.id)
    budget = Budgets(manifest.budgets, budgets, clock, connection)
    http = HttpClient(
        hosts=AllowedHosts.of(manifest.hosts, config),
        clock=clock,
        random=random,
        budgets=budget,
        log=logger,
        settings=settings,
        redactor=Redactor(secrets_of(config)),
        record=record,
        transport=transport,
        verify=_trusted(),
    )
    services = Services(
        clock=clock,
        http=http,
        tokens=TokenService(tokens, http, clock, owner, prefix=f"{connection}/"),
        files=files_of(getattr(config, "files", None), connection, clock, random),
        soap=SoapClients(http, clock, logger),
        log=logger,
        connection=connection,
    )
    return Assembly(services, http, budget)


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """The certificates that all connections trust: reading them takes 20 ms."""
    return httpx.create_ssl_context()
