"""Puts the API together."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp, Receive, Scope, Send

from crossdock.api import (
    amendments,
    entry,
    inbound,
    interventions,
    operations,
    orders,
    promises,
    reservations,
    returns,
    ring_fences,
    routes,
    stock,
    worklist,
)
from crossdock.api.bodies import BodyLimit
from crossdock.api.health import Stated
from crossdock.api.health import router as health
from crossdock.api.problems import Problem, handle_problems, responses
from crossdock.api.services import ApiServices
from crossdock.api.shortcut import PromiseShortcut
from crossdock.api.webhooks import PREFIX, WebhookEntrance
from crossdock.trying.promised import Promiser
from crossdock_schemas.order import Order

__all__ = ["Entrance", "api_document", "create_api"]

_ABOUT = """The REST API of a Crossdock hub.

Every error is a problem document (RFC 9457). Lists are cut into pages by key: hand `next` back as it was given.
Tokens are made with `crossdock token create`.
"""


class Entrance:
    """The ASGI application: webhooks go past the framework, whose layers cost more than their own work."""

    def __init__(self, webhooks: WebhookEntrance, api: ASGIApp) -> None:
        """Send each call to one of the two."""
        self._webhooks = webhooks
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        application = self._webhooks if scope.get("path", "").startswith(PREFIX) else self._api
        await application(scope, receive, send)


def create_api(services: ApiServices, *, with_rest: bool = True) -> Entrance:
    """Webhooks and health always, the REST API ``with_rest``."""
    api = _application(with_rest=with_rest)
    promiser = Promiser(services.hub)
    rest = PromiseShortcut(services, promiser, api) if with_rest else api
    webhooks = WebhookEntrance(services.receiver, services.transactions.clock, services.max_body_bytes)
    state = {"services": services, "promiser": promiser, "database": services.transactions.database}
    return Entrance(webhooks, Stated(BodyLimit(rest, services.max_body_bytes), state))


def api_document() -> dict[str, Any]:
    """The OpenAPI document of the REST API, as docs/openapi.json holds it."""
    return _openapi(_application(with_rest=True))


@cache
def _application(*, with_rest: bool) -> FastAPI:
    """Routes and their models: the same for every hub of a process, and a second's work."""
    app = FastAPI(
        title="Crossdock",
        version=version("crossdock"),
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if with_rest else None,
    )
    app.include_router(health)
    if with_rest:
        routers = (
            orders,
            interventions,
            amendments,
            entry,
            routes,
            promises,
            stock,
            reservations,
            ring_fences,
            inbound,
            returns,
            operations,
            worklist,
        )
        for router in (each.router for each in routers):
            app.include_router(router)
    handle_problems(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of ``app``, with the canonical order and the problem document in it."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schemas["Problem"].pop("$defs"))
        # The parts of canonical documents have names that the API uses for other things: Totals.
        order = Order.model_json_schema(ref_template="#/components/schemas/canonical.{model}")
        parts = order.pop("$defs")
        schemas.update({f"canonical.{name}": part for name, part in {**parts, "Order": order}.items()})
        document["paths"]["/webhooks/{connection}"] = _WEBHOOK
        _replace_validation_errors(document)
        app.openapi_schema = document
    return app.openapi_schema


_WEBHOOK = {
    "post": {
        "tags": ["webhooks"],
        "summary": "Receive",
        "description": "What a partner sends. The connection's connector verifies it and words the answer; also "
        "paths below are taken. 2xx means that it is stored.",
        "operationId": "receive_webhook",
        "parameters": [{"name": "connection", "in": "path", "required": True, "schema": {"type": "string"}}],
        "requestBody": {"content": {"*/*": {"schema": {}}}},
        "responses": {
            "200": {"description": "Stored."},
            "default": {"description": "Refused, with the reason as text.", "content": {"text/plain": {}}},
        },
    }
}


def _replace_validation_errors(document: dict[str, Any]) -> None:
    """FastAPI describes its own 422 where an operation has none; all of ours are problem documents."""
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    problem = responses(422)[422]
    for operations_of_path in document["paths"].values():
        for operation in operations_of_path.values():
            if "422" in operation["responses"]:
                operation["responses"]["422"] = problem
