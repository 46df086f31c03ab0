"""What a partner was told and did, in its own words: for the picture while it runs, and for the reconciliation."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from time import monotonic

__all__ = ["Event", "Journal"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth telling; ``trouble`` where a partner did not behave."""

    at_seconds: float
    partner: str
    text: str
    trouble: bool = False


@dataclass(slots=True)
class Journal:
    """The events of all partners, the latest kept, all counted."""

    started: float = field(default_factory=monotonic)
    latest: deque[Event] = field(default_factory=lambda: deque(maxlen=400))
    counts: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    total: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, partner: str, what: str, text: str, *, trouble: bool = False) -> None:
        """Note one event of a kind."""
        with self._lock:
            self.latest.append(Event(monotonic() - self.started, partner, text, trouble))
            self.total += 1
            self.counts[f"{partner}.{what}"] += 1
            if trouble:
                self.troubles[f"{partner}.{what}"] += 1

    def since(self, total: int) -> tuple[list[Event], int]:
        """The events after the first ``total`` ones, as far as kept, and how many there are now."""
        with self._lock:
            new = min(self.total - total, len(self.latest))
            return (list(self.latest)[-new:] if new else []), self.total
