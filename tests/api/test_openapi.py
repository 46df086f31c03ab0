"""The OpenAPI document is true of the running application: whatever is sent, it answers as the document says."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from crossdock.api import api_document
from crossdock.store.engine import open_database
from crossdock.store.migrations import migrate
from tests.api.builders import CHANNELS, TOKEN, build_api
from tests.doctor.builders import build

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server with orders in it."""
    folder = tmp_path_factory.mktemp("hub")
    database = open_database(f"sqlite:///{folder / 'hub.sqlite'}")
    migrate(database.engine)
    app = build_api(build(database, CHANNELS), Path(folder / "bodies"))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()
    database.close()


SCHEMA = schemathesis.openapi.from_dict(api_document()).exclude(path_regex="^/webhooks")
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)}


@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_the_document_is_true(label: str, url: str) -> None:
    operation = OPERATIONS[label]

    @given(case=operation.as_strategy())
    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    def answers_as_documented(case: schemathesis.Case[Any]) -> None:
        answer = case.call(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"})
        case.validate_response(answer, checks=list(CHECKS))

    answers_as_documented()
