"""Names under which files are written before they are put in place: ``.NAME.RANDOM.part``."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable
from random import Random

__all__ = ["Temporaries"]

_TEMPORARY = re.compile(r"\.(.+)\.[0-9a-f]{12}\.part")


class Temporaries:
    """Makes such names, and clears up what earlier processes left.

    A process that is killed leaves a file behind, and its command is carried out again: so what lies in a folder when
    this process first writes there is remembered, and goes when a file of the same name is put. Nobody else is writing
    that one: whoever carries out a command holds its lease.
    """

    def __init__(self, random: Random) -> None:
        """Nothing is remembered yet."""
        self._random = random
        self._left: dict[str, dict[str, list[str]]] = {}

    def new(self, name: str) -> str:
        """A name for the next attempt at ``name``."""
        return f".{name}.{self._random.getrandbits(48):012x}.part"

    def clear(
        self,
        folder: str,
        name: str,
        names: Callable[[str], Iterable[str]],
        remove: Callable[[str], object],
    ) -> None:
        """Remove what earlier attempts at ``name`` left in ``folder``.

        Args:
            folder: Its path.
            name: Of the file that is about to be put.
            names: Lists a folder. It is asked once a folder; where the partner does not permit it, nothing is removed.
            remove: Removes a file.
        """
        if folder not in self._left:
            left = self._left[folder] = {}
            with contextlib.suppress(OSError):
                for each in names(folder):
                    if found := _TEMPORARY.fullmatch(each):
                        left.setdefault(found[1], []).append(each)
        for each in self._left[folder].pop(name, []):
            with contextlib.suppress(OSError):
                remove(f"{folder}/{each}")
