from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connectors.soap_erp.builders import close_all


@pytest.fixture(scope="module", autouse=True)
def _connections_are_closed() -> Iterator[None]:
    yield
    close_all()
