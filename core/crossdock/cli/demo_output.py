"""What a terminal shows of a demo: the live picture or a log of what happens, and what came of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from crossdock.demo.screen import Screen
    from crossdock.demo.session import Report, Session

__all__ = ["log_to", "watching", "write_report"]

_LINES_SECONDS = 1.0
_PICTURE_SIZE = (104, 30)


def write_report(report: Report, console: Console, json: Path | None) -> None:
    """Show what came of it, and write it to a file if one is named."""
    from crossdock.cli.output import pretty_json
    from crossdock.demo.screen import summary
    from crossdock.demo.words import json_report

    console.print(summary(report))
    if json is not None:
        json.write_text(pretty_json(json_report(report)) + "\n", encoding="utf-8")


def log_to(path: Path) -> None:
    """The hub logs into a file: the terminal is for the picture."""
    import logging

    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=path.open("a", encoding="utf-8")),
        cache_logger_on_first_use=False,
    )


@contextmanager
def watching(session: Session, console: Console, picture: Path | None) -> Iterator[None]:
    """Show the session while it runs: a live picture on a terminal, else a log of what happens."""
    from rich.live import Live

    from crossdock.demo.screen import Screen

    screen = Screen(session)
    if console.is_terminal and picture is None:
        with Live(screen, console=console, screen=True, refresh_per_second=4, redirect_stderr=False):
            yield
        return
    over = threading.Event()
    watcher = threading.Thread(target=_log_lines, args=(session, screen, console, over, picture), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _log_lines(
    session: Session, screen: Screen, console: Console, over: threading.Event, picture: Path | None
) -> None:
    from crossdock.demo.words import decision_words, order_words

    phase, noted, told = "", 0, not session.settings.stay
    while not over.wait(_LINES_SECONDS):
        if session.conductor.phase != phase:
            phase = session.conductor.phase
            console.print(f"{session.seconds:6.1f} s  {phase}", highlight=False)
        for seen in screen.look():
            console.print(
                f"          {order_words(seen.order)} → {decision_words(seen)}",
                highlight=False,
                soft_wrap=True,
            )
        events, noted = session.partners.journal.since(noted)
        for event in events:
            if event.trouble:
                console.print(f"          {event.partner}: {event.text}", highlight=False, soft_wrap=True)
        if session.report is not None and not told:
            write_report(session.report, console, None)
            told = True
        if picture is not None and phase.startswith("waiting for parcels"):
            _draw(screen, picture)
            picture = None


def _draw(screen: Screen, picture: Path) -> None:
    """Keep the picture as an SVG file."""
    from io import StringIO

    from rich.console import Console

    width, height = _PICTURE_SIZE
    paper = Console(record=True, width=width, height=height, file=StringIO(), force_terminal=True)
    paper.print(screen)
    paper.save_svg(str(picture), title="crossdock demo")
