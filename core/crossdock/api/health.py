"""How a process is: what orchestrators and Prometheus ask every one, whatever it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, cast

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from starlette.types import ASGIApp, Receive, Scope, Send

from crossdock.api.problems import ProblemError, handle_problems, responses
from crossdock.store.engine import Database

__all__ = ["Stated", "create_health_api", "router"]

router = APIRouter(tags=["health"])


async def _database(request: Request) -> Database:
    return cast(Database, request.state.database)


@router.get("/healthz", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def healthz() -> Response:
    """Whether the process lives."""
    return Response("ok\n", media_type="text/plain")


@router.get(
    "/readyz",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}, **responses(503)},
)
async def readyz(database: Annotated[Database, Depends(_database)]) -> Response:
    """Whether the database answers: without it nothing can be done."""
    try:
        await database.read(lambda connection: connection.execute(text("SELECT 1")).scalar_one())
    except Exception as error:
        raise ProblemError(503, "database", "the database does not answer", Retry_After="5") from error
    return Response("ready\n", media_type="text/plain")


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics() -> Response:
    """What is measured, in Prometheus' text format. It needs no token: keep it from the outside."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


class Stated:
    """An application whose requests find the parts of a hub in their ``state``."""

    def __init__(self, app: ASGIApp, state: Mapping[str, object]) -> None:
        """Hand ``state`` to each request of ``app``."""
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        await self._app({**scope, "state": {**scope.get("state", {}), **self._state}}, receive, send)


def create_health_api(database: Database) -> ASGIApp:
    """What a worker answers: how it is, and nothing else."""
    app = FastAPI(title="Crossdock worker", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(router)
    handle_problems(app)
    return Stated(app, {"database": database})
