"""A browser without a window: what a page becomes in it, and how it looks."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.servers.requirement import missing

_QUIET = (
    "--headless",
    "--disable-gpu",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


def browse(page: Path, folder: Path, *options: str) -> str:
    """Open a file; returns what the browser made of it as HTML, or what it says of what ``options`` ask for."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        missing("Chromium", "install the package chromium")
    profile = f"--user-data-dir={folder / 'profile'}"
    wanted = options or ("--dump-dom",)
    done = subprocess.run(
        [program, *_QUIET, profile, *wanted, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    return done.stdout
