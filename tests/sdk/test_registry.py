from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from typer.testing import CliRunner

import crossdock.sdk
from crossdock.cli.connector import connector_app
from crossdock.cli.sftp import sftp_app
from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.registry import discover
from tests.servers.sshd import Sshd

MANIFEST = """\
id: acme
version: 1.0.0
sdk: ">=1,<2"
status: stable
hosts: [api.acme.example]
streams:
  orders: {role: poll, cursor: {field: id}, emits: order, mapping: acme/order}
"""

PACKAGE = """\
from pydantic import BaseModel, ConfigDict
from crossdock.sdk import BaseConnector, plugin

class Config(BaseModel):
    model_config = ConfigDict(extra="forbid")
    shop: str

class Acme(BaseConnector[Config]):
    Config = Config
    async def check(self):
        raise NotImplementedError

CONNECTOR = plugin(__name__, Acme)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = tmp_path / "acme"
    package.mkdir()
    (package / "connector.yaml").write_text(MANIFEST)
    (package / "__init__.py").write_text(PACKAGE)
    return tmp_path


def test_a_connector_in_a_folder(folder: Path) -> None:
    registry = discover([folder], [])
    plugin = registry.get("acme")
    assert plugin.manifest.version == "1.0.0"
    assert plugin.connector.__name__ == "Acme"
    assert registry.broken == ()


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("__init__.py", "CONNECTOR = plugin", "x = plugin", "CONNECTOR is not a ConnectorPlugin"),
        ("__init__.py", "from pydantic", "import not_installed_anywhere\nfrom pydantic", "ModuleNotFoundError"),
        ("__init__.py", "class Config(BaseModel):", "raise SystemError('their bug')\nclass Config(BaseModel):",
         "SystemError: their bug"),
        ("__init__.py", "    Config = Config\n", "", "has no configuration"),
        ("connector.yaml", "id: acme", "id: other", "its manifest says id: other"),
        ("connector.yaml", ">=1,<2", ">=2", "made for SDK >=2, this is 1.0.0"),
        ("connector.yaml", "hosts:", "host:", "connector.yaml:5: host: unknown key"),
    ],
)  # fmt: skip
def test_a_broken_one_is_listed_and_never_fatal(
    folder: Path, file: str, old: str, new: str, message: str
) -> None:
    path = folder / "acme" / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    registry = discover([folder], [])
    assert not registry.plugins
    assert message in registry.broken[0].error
    with pytest.raises(MisconfiguredError, match="can't be loaded"):
        registry.get("acme")


def test_an_entry_point_that_can_not_be_imported() -> None:
    point = EntryPoint("ghost", "no_such_package.ghost:CONNECTOR", "crossdock.connectors")
    (broken,) = discover(points=[point]).broken
    assert (broken.name, broken.where) == ("ghost", "entry point no_such_package.ghost:CONNECTOR")
    assert "no_such_package" in broken.error


def test_an_unknown_connector_names_those_there_are(folder: Path) -> None:
    with pytest.raises(MisconfiguredError, match="installed are: acme"):
        discover([folder], []).get("acne")


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    assert "no such folder" in discover([tmp_path / "none"], []).broken[0].error


def test_list_show_and_lint(folder: Path) -> None:
    run = CliRunner().invoke
    listed = run(connector_app, ["list", "--json", "--path", str(folder)])
    assert "acme" in {entry["id"] for entry in json.loads(listed.stdout)["connectors"]}
    assert "acme" in run(connector_app, ["list", "--path", str(folder)]).stdout
    shown = run(connector_app, ["show", "acme", "--path", str(folder)])
    assert "stream orders: poll, emits order by acme/order" in shown.stdout
    assert "config shop (required)" in shown.stdout
    assert json.loads(run(connector_app, ["show", "acme", "--json", "--path", str(folder)]).stdout)["config"][
        "required"
    ]
    linted = run(connector_app, ["lint", "acme", "--path", str(folder)])
    assert linted.exit_code == 1
    assert "there is no mapping 'acme/order'" in linted.stdout
    (folder / "maps/acme").mkdir(parents=True)
    (folder / "maps/acme/order.yaml").write_text("")
    linted = run(
        connector_app, ["lint", "acme", "--path", str(folder), "--mappings", str(folder / "maps"), "--json"]
    )
    assert (linted.exit_code, json.loads(linted.stdout)) == (0, {"acme": []})
    assert run(connector_app, ["show", "none", "--path", str(folder)]).exit_code == 2


def test_the_fingerprint_command(sshd: Sshd) -> None:
    run = CliRunner().invoke
    result = run(sftp_app, ["fingerprint", sshd.host, "--port", str(sshd.port), "--json"])
    assert json.loads(result.stdout) == [{"type": "ssh-ed25519", "fingerprint": sshd.fingerprint}]
    assert sshd.fingerprint in run(sftp_app, ["fingerprint", sshd.host, "--port", str(sshd.port)]).stdout
    assert run(sftp_app, ["fingerprint", "127.0.0.1", "--port", "1"]).exit_code == 1


def _kind(name: str) -> int:
    """Constants, then classes, then functions: the order that ruff keeps."""
    return 0 if name.isupper() else 1 if name[0].isupper() else 2


def test_the_public_names_are_sorted_and_there() -> None:
    names = crossdock.sdk.__all__
    assert list(names) == sorted(set(names), key=lambda name: (_kind(name), name))
    assert [name for name in names if not hasattr(crossdock.sdk, name)] == []
    imported = {
        name
        for name, value in vars(crossdock.sdk).items()
        if str(getattr(value, "__module__", "")).startswith("crossdock.sdk.")
    }
    assert imported - set(names) == set()
