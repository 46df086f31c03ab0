"""When is a file complete? When it has stood still, or when its done-marker lies beside it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from crossdock.sdk.connector import FileRef

__all__ = ["Settling"]

_TEMPORARY_SUFFIXES = (".part", ".filepart", ".tmp", ".temp", ".crdownload", ".swp", "~")


class Settling:
    """Decides for each listing which files may be read.

    With a done-marker (``{name}.done``) a file is complete when its marker is there. Without, it is complete
    when two listings at least ``settle_seconds`` apart show the same size and time; 0 trusts that partners
    rename into place. Names that begin with a dot, and usual names of half-written files, are never complete.
    """

    def __init__(self, settle_seconds: float, done_marker: str | None = None) -> None:
        """Remember nothing yet; what was seen is lost with the process, and only delays."""
        self._pause = timedelta(seconds=settle_seconds)
        self._marker = done_marker
        self._seen: dict[str, tuple[FileRef, datetime]] = {}

    def settled(
        self, listing: Iterable[FileRef], folder: str, pattern: str, now: datetime
    ) -> Sequence[FileRef]:
        """The files of one folder's ``listing`` that match the glob ``pattern`` and are complete, oldest
        first."""
        files = list(listing)
        names = {file.name for file in files}
        wanted = [file for file in files if self._wanted(file.name, pattern)]
        if self._marker is not None:
            ready = [file for file in wanted if self._marker.replace("{name}", file.name) in names]
        else:
            ready = [file for file in wanted if self._still(file, now)]
            self._forget(folder, {file.path for file in files})
        return sorted(
            ready, key=lambda file: (file.modified_at is not None, file.modified_at or now, file.name)
        )

    def _wanted(self, name: str, pattern: str) -> bool:
        if name.startswith(".") or not fnmatchcase(name, pattern):
            return False
        if self._marker is not None and fnmatchcase(name, self._marker.replace("{name}", "*")):
            return False
        return not name.endswith(_TEMPORARY_SUFFIXES)

    def _still(self, file: FileRef, now: datetime) -> bool:
        before, since = self._seen.get(file.path, (None, now))
        if before is None or (before.size_bytes, before.modified_at) != (file.size_bytes, file.modified_at):
            since = now
        self._seen[file.path] = (file, since)
        return now - since >= self._pause

    def _forget(self, folder: str, there: set[str]) -> None:
        """Files that are gone: a new one of the same name starts anew."""
        prefix = f"{folder.strip('/')}/" if folder.strip("/") else ""
        for path in [path for path in self._seen if _folder_of(path) == prefix and path not in there]:
            del self._seen[path]


def _folder_of(path: str) -> str:
    folder, slash, _ = path.rpartition("/")
    return folder + slash
