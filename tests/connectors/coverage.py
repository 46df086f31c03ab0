"""Which parts of a vendor's samples a mapping does not read, each with its reviewed reason: a page for ``docs``.

The reasons stand in ``coverage.yaml`` beside the mappings: path pattern to reason, by mapping.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from crossdock.mapping.analysis import coverage
from crossdock.mapping.files import packaged_mappings
from crossdock.mapping.library import MappingLibrary
from crossdock.mapping.yaml_text import read_yaml

__all__ = ["Unread", "page", "reasons_of", "unread"]

Reasons = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Unread:
    """A source path that is not read, how many values it had in the samples, and why (``None``: nobody has said)."""

    path: str
    values: int
    reason: str | None


def reasons_of(vendor: str) -> Mapping[str, Reasons]:
    """The reviewed reasons of a vendor's mappings."""
    path = f"{vendor}/coverage.yaml"
    value: Mapping[str, Reasons] = read_yaml(packaged_mappings().read_text(path), path).value
    return value


def unread(mapping: str, documents: Iterable[Any], reasons: Reasons) -> list[Unread]:
    """What ``mapping`` leaves unread in ``documents``."""
    found = coverage(MappingLibrary.packaged().get(mapping), documents).unread
    return [Unread(path, count, _reason(path, reasons)) for path, count in found.items()]


def _reason(path: str, reasons: Reasons) -> str | None:
    plain = path.replace("[*]", "")
    return next((reason for pattern, reason in reasons.items() if fnmatchcase(plain, pattern)), None)


def page(vendor: str, samples: Mapping[str, tuple[str, list[Any]]]) -> str:
    """The page: ``samples`` are, by mapping, a description of where they come from and the documents."""
    return "\n".join(_lines(vendor, samples)).rstrip() + "\n"


def _lines(vendor: str, samples: Mapping[str, tuple[str, list[Any]]]) -> Iterator[str]:
    yield from (f"# What is not read: {vendor}", "")
    yield f"<!-- Made by `python -m tests.connectors.{vendor}.samples`; reasons are in coverage.yaml. -->"
    yield ""
    yield from ("Every path of the samples that a mapping does not read, and why.", "")
    reasons = reasons_of(vendor)
    for mapping, (origin, documents) in samples.items():
        left = unread(mapping, documents, reasons[mapping])
        yield from (f"## {mapping}", "", f"{len(documents)} documents: {origin}.", "")
        yield from ("| path | why it is not read |", "|---|---|")
        for one in left:
            yield f"| `{one.path.replace('|', chr(92) + '|')}` | {one.reason or '**nobody has said**'} |"
        yield ""
