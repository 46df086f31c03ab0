"""What a process answers over HTTP: webhooks and the API, or only how it is."""

from __future__ import annotations

from collections.abc import Callable

from crossdock.api.application import create_api
from crossdock.api.health import create_health_api
from crossdock.api.services import ApiServices
from crossdock.api.serving import WebServer
from crossdock.config.load import resolve_secrets
from crossdock.config.model import Config
from crossdock.part import Part
from crossdock.store.engine import Database

__all__ = ["bootstrap_token", "web_server"]


def web_server(
    config: Config, part: Part, database: Database, services: Callable[[], ApiServices]
) -> WebServer | None:
    """The web server of ``part``; none for a worker that has no port. ``services`` is asked for when it begins."""
    web, worker = config.web, config.worker
    if part.serves:
        with_rest = config.api.enabled
        return WebServer("web", web.host, web.port, lambda: create_api(services(), with_rest=with_rest))
    if worker.port is None:
        return None
    return WebServer("worker", worker.host, worker.port, lambda: create_health_api(database))


def bootstrap_token(config: Config) -> str | None:
    """The token of the configuration, which may do everything.

    Raises:
        MisconfiguredError: It can't be read from where the configuration says.
    """
    token = config.api.bootstrap_token
    return str(resolve_secrets(token.get_secret_value(), "api.bootstrap_token")) if token else None
