"""A new connector works at once: installed as a package, found by its entry point, proven by its own tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from crossdock.cli.scaffolding import write_connector
from crossdock.errors import MisconfiguredError

ROOT = Path(__file__).parents[2]


def run(folder: Path, site: Path, *command: str) -> str:
    sources = [str(ROOT / name) for name in ("core", "connectors", "mappings", "schemas")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *sources])}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_new_connector_is_installed_found_linted_and_proven(tmp_path: Path) -> None:
    folder, site = tmp_path / "crossdock-corner-shop", tmp_path / "site"
    write_connector("corner_shop", folder)
    installed = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", str(site))
    run(folder, site, sys.executable, "-m", "pip", "install", *installed, ".")
    crossdock = (sys.executable, "-c", "from crossdock.cli import main; main()")
    listed = json.loads(run(tmp_path, site, *crossdock, "connector", "list", "--json"))
    assert "corner_shop" in {each["id"] for each in listed["connectors"]}
    assert "corner_shop: good" in run(tmp_path, site, *crossdock, "connector", "lint", "corner_shop")
    run(folder, site, sys.executable, "-m", "ruff", "check", "--quiet", ".")
    kept = ("--result", "proof.json", "--release", "released.json")
    proven = run(folder, site, *crossdock, "connector", "prove", "tests", *kept)
    assert "corner_shop 0.1.0: silver; proven: manifest, check, polling" in proven
    (proof,) = json.loads((folder / "proof.json").read_text())
    assert (proof["tier"], proof["failed"], proof["not_run"]) == ("silver", [], [])
    # done, repeated, probed, refused, the same bytes each time; what breaks on the way counts as faults
    assert proof["groups"]["commands"]["passed"] == 5
    # what the next version has to keep: with it a version that is proven anew is gold
    release = json.loads((folder / "released.json").read_text())
    assert (release["version"], list(release["cursors"])) == ("0.1.0", ["orders, end", "orders, within"])


def test_its_files_are_named_after_the_partner(tmp_path: Path) -> None:
    written = write_connector("corner_shop", tmp_path / "new")
    assert not any("acme" in path.read_text().lower() for path in written)
    assert 'name = "crossdock-corner-shop"' in (tmp_path / "new/pyproject.toml").read_text()
    assert (tmp_path / "new/src/crossdock_corner_shop/mappings/corner_shop/order.yaml") in written


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    with pytest.raises(MisconfiguredError, match="is there already"):
        write_connector("corner_shop", tmp_path)


@pytest.mark.parametrize("name", ["Acme", "1st", "a-b", "a__b", "", "a/b"])
def test_an_odd_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(MisconfiguredError, match="can't be the name"):
        write_connector(name, tmp_path / "new")
