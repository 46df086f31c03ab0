"""Watches the folders in which the hub puts files for warehouses: whoever looks must never see half a file."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from crossdock.demo.partners.warehouse import TAKEN, TO, Warehouse
from crossdock.demo.partners.warehouse_files import CsvWriter, Request, X12Writer

_LOOK_SECONDS = 0.02
"""Not less: sixty folders are read each time."""


class FileWatcher:
    """Reads each file as soon as it is there; ``seen`` is what it found then."""

    def __init__(self, warehouses: Sequence[Warehouse]) -> None:
        self._folders = [warehouse.folder for warehouse in warehouses]
        self._lock = threading.Lock()
        self.seen: dict[Path, bytes] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look all the time."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_LOOK_SECONDS):
                self.look()

        watcher = threading.Thread(target=watch, name="watcher")
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def look(self) -> None:
        """Read what is new."""
        with self._lock:
            for folder in self._folders:
                for path in folder.joinpath(TO).iterdir():
                    if path in self.seen or path.name.startswith(".") or path.is_dir():
                        continue
                    try:
                        self.seen[path] = path.read_bytes()
                    except FileNotFoundError:
                        continue

    def half_written(self) -> list[Path]:
        """Files that changed after they were first seen, or that can't be read whole."""
        return [
            path
            for path, first in self.seen.items()
            if first != _final(path).read_bytes() or not _requests(path, first)
        ]

    def left_over(self) -> list[Path]:
        """Temporary files that nobody needs any more."""
        return [
            path
            for folder in self._folders
            for path in folder.joinpath(TO).iterdir()
            if path.name.startswith(".")
        ]

    def asked(self) -> Counter[tuple[str, bool]]:
        """How often each fulfilment order was sent, and its cancellation, over all files."""
        taken = [path for folder in self._folders for path in folder.joinpath(TAKEN).iterdir()]
        return Counter(
            (each.order, each.cancel) for path in taken for each in _requests(path, path.read_bytes())
        )


def _final(path: Path) -> Path:
    return path if path.exists() else path.parent / "taken" / path.name


def _requests(path: Path, content: bytes) -> list[Request]:
    writer = X12Writer("MERIDIANDC") if path.suffix == ".x12" else CsvWriter()
    return writer.read(content)
