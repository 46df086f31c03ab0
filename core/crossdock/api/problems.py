"""Errors of the API: problem documents by RFC 9457, whatever went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from crossdock.errors import RecordRejectedError

__all__ = ["MEDIA_TYPE", "Problem", "ProblemError", "ProblemPart", "handle_problems", "parts_of", "responses"]

MEDIA_TYPE = "application/problem+json"


class ProblemPart(BaseModel):
    """One thing that is wrong with the request."""

    pointer: str = Field(description="JSON pointer into the body, or the name of the parameter.")
    where: str = Field(description="`body`, `query`, `path` or `header`.")
    detail: str


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str = Field(description="For programs; stable.")
    errors: list[ProblemPart] = []


class ProblemError(Exception):
    """Answered as a problem document."""

    def __init__(
        self, status: int, code: str, detail: str, errors: Sequence[ProblemPart] = (), **headers: str
    ) -> None:
        """Keep what is answered; of header names, underscores become hyphens."""
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


_TEXTS = {
    400: "The request can't be read.",
    401: "There is no token, or it is not in force.",
    403: "The token may not do this.",
    404: "There is no such thing.",
    409: "It is not in a state in which this can be done.",
    413: "The body is too large.",
    422: "Something in the request is wrong; `errors` says where.",
    503: "Not ready; try again.",
}


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI document: the problems that an operation may answer, beside those that all may."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _TEXTS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def parts_of(errors: Iterable[Any]) -> list[ProblemPart]:
    """The faults that pydantic found, each with where it lies; values are not repeated."""
    parts = []
    for error in errors:
        where, *path = [str(step) for step in error["loc"]] or ["body"]
        pointer = (
            path[0] if where != "body" and path else "#" + "".join(f"/{_escaped(step)}" for step in path)
        )
        parts.append(ProblemPart(pointer=pointer, where=where, detail=error["msg"]))
    return parts


def handle_problems(app: FastAPI) -> None:
    """Have ``app`` answer every error with a problem document."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RecordRejectedError, _on_rejected)
    app.add_exception_handler(Exception, _on_failure)


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    headers = {"WWW-Authenticate": "Bearer", **error.headers} if error.status == 401 else error.headers
    return _answer(error.status, error.code, error.detail, error.errors, headers)


async def _on_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return _answer(400, "malformed", "the body is no JSON", parts_of(faults))
    count = len(faults)
    said = "one thing in the request is wrong" if count == 1 else f"{count} things in the request are wrong"
    return _answer(422, "invalid", said, parts_of(faults))


async def _on_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).name.lower()
    return _answer(error.status_code, code, str(error.detail), headers=dict(error.headers or {}))


async def _on_rejected(_: Request, error: Exception) -> Response:
    """What the store refuses: it is not there, or not in that state."""
    assert isinstance(error, RecordRejectedError)
    first = error.rejections[0]
    status = 404 if first.code.endswith(".missing") else 409
    return _answer(status, first.code, first.message)


async def _on_failure(request: Request, error: Exception) -> Response:
    structlog.get_logger(__name__).error(
        "request failed", method=request.method, path=request.url.path, exc_info=error
    )
    return _answer(500, "failed", "something went wrong here; the log of the hub says what")


def _answer(
    status: int,
    code: str,
    detail: str,
    errors: Sequence[ProblemPart] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    problem = Problem(
        title=HTTPStatus(status).phrase, status=status, detail=detail, code=code, errors=list(errors)
    )
    body = problem.model_dump_json(exclude_defaults=False, exclude={"errors"} if not errors else None)
    return Response(body, status, headers, MEDIA_TYPE)


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")
