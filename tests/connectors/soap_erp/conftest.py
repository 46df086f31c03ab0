from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connectors.soap_erp.builders import close_all
from tests.servers.node import NODE_FOLDER, contract, running_node


@pytest.fixture(scope="module", autouse=True)
def _connections_are_closed() -> Iterator[None]:
    yield
    close_all()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    wsdl = contract("netsuite", "wsdl", "netsuite.wsdl")
    with running_node(
        NODE_FOLDER / "netsuite_erp.mjs", [str(wsdl)], tmp_path_factory.mktemp("erp") / "log"
    ) as port:
        yield f"http://127.0.0.1:{port}"
