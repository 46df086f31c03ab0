"""Partners' servers that run in Node: node-soap, Prism, graphql-js. Installed by ``make servers``."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.requirement import missing
from tests.servers.sshd import free_port, wait_until_listening

NODE_FOLDER = Path(__file__).parents[1] / "node"
CONTRACTS = Path(__file__).parents[3] / "shared" / "contracts"
"""Vendors' own documents, lying beside the project where somebody has fetched them."""

_PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy")


def contract(*parts: str) -> Path:
    """A vendor's document; skips where the vendors' documents are not there."""
    path = CONTRACTS.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the vendor's document {path} is not there")
    return path


def require_node() -> str:
    """The node program; skips or fails where it or the packages are missing."""
    node = shutil.which("node")
    if node is None:
        missing("Node.js", "install version 20 or newer")
    if not (NODE_FOLDER / "node_modules").is_dir():
        missing("the partners' servers for Node", f"run `make servers` (npm ci --prefix {NODE_FOLDER})")
    return node


@contextmanager
def running_node(script: Path, arguments: Sequence[str], log: Path) -> Iterator[int]:
    """Run a script that listens on the port in the variable ``PORT``, until the block ends."""
    port = free_port()
    with _running([str(script), *arguments], port, log):
        yield port


@contextmanager
def running_prism(document: Path, log: Path, *options: str, upstream: str | None = None) -> Iterator[int]:
    """Run Prism on an OpenAPI document: a mock, or with ``upstream`` a proxy that checks both directions."""
    port = free_port()
    program = str(NODE_FOLDER / "node_modules/@stoplight/prism-cli/dist/index.js")
    listen = ["--host", "127.0.0.1", "--port", str(port)]
    role = ["proxy", str(document), upstream] if upstream else ["mock", str(document)]
    with _running([program, *role, *listen, *options], port, log):
        yield port


@contextmanager
def _running(arguments: Sequence[str], port: int, log: Path) -> Iterator[None]:
    variables = {name: value for name, value in os.environ.items() if name.lower() not in _PROXY_VARIABLES}
    command = [require_node(), *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, cwd=NODE_FOLDER, env={**variables, "PORT": str(port)}
        )
    try:
        wait_until_listening(port, process, log, seconds=60)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
