"""The image is made of what is locked and of what its linter finds nothing in."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "docker/Dockerfile"


def pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_the_linter_of_dockerfiles_finds_nothing() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([linter, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_image_holds_what_is_tested() -> None:
    tested, held = pins(ROOT / "requirements.lock"), pins(ROOT / "docker/requirements.lock")
    assert len(held) > 50
    assert {name: tested.get(name) for name in held} == held, "make lock"
    assert not held.keys() & {"pytest", "mypy", "ruff", "hypothesis"}
    built_with = re.findall(r"hatchling==([\w.]+)", DOCKERFILE.read_text(encoding="utf-8"))
    assert built_with == [tested["hatchling"]]


def test_the_builder_gets_all_that_is_copied() -> None:
    sent = [
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    ]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(sent) == sorted(name for names in copied for name in names.split())
    assert all((ROOT / name).exists() for name in sent)
