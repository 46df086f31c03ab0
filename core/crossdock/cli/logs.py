"""Where log lines go: to standard error, for people or as JSON."""

from __future__ import annotations

import logging
import sys

import structlog

__all__ = ["configure_logs", "only_warnings"]


def configure_logs(*, as_json: bool, level: str = "info") -> None:
    """Set up structlog; tracebacks are plain, because drawing them would stop the hub for a second each."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    renderer: structlog.typing.Processor
    if as_json:
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.processors.format_exc_info] if as_json else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries warn by the standard way; what they say below that is noise.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)


def only_warnings() -> None:
    """For a command that answers and ends: nothing but warnings, so that standard output is the answer's alone."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
