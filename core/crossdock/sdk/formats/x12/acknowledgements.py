"""Functional acknowledgements (997), both ways."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.sdk.formats.records import Document, Value
from crossdock.sdk.formats.x12.envelopes import Group
from crossdock.sdk.formats.x12.problems import GROUP_CODES, SEGMENT_CODES, SET_CODES, Problem

__all__ = ["Acknowledged", "AcknowledgedSet", "SetOutcome", "acknowledgement", "read_acknowledgement"]

_ACCEPTED = {"A", "E"}


@dataclass(frozen=True, slots=True)
class SetOutcome:
    """What became of one received set; accepted where there are no problems."""

    name: str
    control: str
    problems: tuple[Problem, ...] = ()


def acknowledgement(
    group: Group, problems: Iterable[Problem], sets: Iterable[SetOutcome], stated: str
) -> Document:
    """Build the body of the 997 for a group; the caller adds ``control``, ``interchange`` and ``group``.

    Args:
        group: The group received.
        problems: Defects for which the whole group is rejected.
        sets: What became of its sets.
        stated: Number of sets that its GE01 states; the number received where it states none.
    """
    outcomes = list(sets)
    group_codes = _codes(problems, GROUP_CODES, "1")
    accepted = 0 if group_codes else sum(not outcome.problems for outcome in outcomes)
    named = [outcome for outcome in outcomes if outcome.problems] if group_codes else outcomes
    verdict = "A" if accepted == len(outcomes) and not group_codes else "P" if accepted else "R"
    counts: dict[str, Value] = {"01": verdict, "02": stated, "03": str(len(outcomes)), "04": str(accepted)}
    return {
        "set": "997",
        "AK1": {"01": group.header[0], "02": group.control},
        "AK2": [_set(outcome) for outcome in named],
        "AK9": counts | {f"{at:02}": code for at, code in enumerate(group_codes, 5)},
    }


def _set(outcome: SetOutcome) -> Value:
    found: dict[str, Value] = {"01": outcome.name, "02": outcome.control}
    segments: dict[tuple[str, int], dict[str, Value]] = {}
    inner = [problem for problem in outcome.problems if problem.code in SEGMENT_CODES]
    for problem in inner:
        key = (problem.segment, problem.position)
        segment: dict[str, Value] = {
            "01": problem.segment,
            "02": str(problem.position),
            "04": SEGMENT_CODES[problem.code],
        }
        segment = segments.setdefault(key, segment)
        if problem.element:
            elements = segment.setdefault("AK4", [])
            assert isinstance(elements, list)
            elements.append({"01": str(problem.element), "03": problem.element_code})
    if segments:
        found["AK3"] = list(segments.values())
    codes = _codes(outcome.problems, SET_CODES, "5")
    status: dict[str, Value] = {"01": "R" if codes else "A"}
    found["AK5"] = status | {f"{at:02}": code for at, code in enumerate(codes, 2)}
    return found


def _codes(problems: Iterable[Problem], known: dict[str, str], other: str) -> list[str]:
    """At most five different codes, in order."""
    return list(dict.fromkeys(known.get(problem.code, other) for problem in problems))[:5]


@dataclass(frozen=True, slots=True)
class AcknowledgedSet:
    """What the partner says of one set that we sent.

    Attributes:
        name: Set, AK201.
        control: Its control number, AK202.
        accepted: Whether it was accepted, with or without errors noted.
        reasons: The errors in words, with segment and element.
    """

    name: str
    control: str
    accepted: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What the partner says of one group that we sent.

    Attributes:
        function: AK101.
        control: Group control number, AK102.
        status: ``accepted``, ``partial`` or ``rejected``. All sets of an accepted group are accepted, also
            where ``sets`` is empty.
        sets: The sets that the partner names.
        reasons: Errors of the whole group.
    """

    function: str
    control: str
    status: str
    sets: tuple[AcknowledgedSet, ...] = ()
    reasons: tuple[str, ...] = ()


_SET_REASONS = {
    "1": "set not supported",
    "2": "set trailer missing",
    "3": "control numbers of header and trailer differ",
    "4": "segment count doesn't match",
    "5": "segments in error",
    "6": "set identifier missing or invalid",
    "7": "set control number missing or invalid",
}
_GROUP_REASONS = {
    "1": "group not supported",
    "2": "version not supported",
    "3": "group trailer missing",
    "4": "control numbers of header and trailer differ",
    "5": "number of sets doesn't match",
    "6": "group control number invalid",
}
_SEGMENT_REASONS = {
    "1": "unrecognised segment",
    "2": "unexpected segment",
    "3": "mandatory segment missing",
    "4": "loop occurs too often",
    "5": "segment occurs too often",
    "6": "segment not in the set",
    "7": "segment not in order",
    "8": "segment has element errors",
}
_ELEMENT_REASONS = {
    "1": "mandatory element missing",
    "2": "conditional element missing",
    "3": "too many elements",
    "4": "too short",
    "5": "too long",
    "6": "invalid character",
    "7": "invalid code",
    "8": "invalid date",
    "9": "invalid time",
    "10": "exclusion condition violated",
}


def read_acknowledgement(document: Document) -> Acknowledged:
    """Read a parsed 997.

    Raises:
        RecordRejectedError: Not a 997, or a status that the standard doesn't have.
    """
    if document.get("set") != "997":
        raise RecordRejectedError(
            Rejection("x12.unknown_set", f"a 997 is expected, this is a {document.get('set')}", "ST01")
        )
    group, summary = _segment(document, "AK1"), _segment(document, "AK9")
    verdict = _element(summary, 1)
    statuses = {
        "A": "accepted",
        "E": "accepted",
        "P": "partial",
        "R": "rejected",
        "M": "rejected",
        "W": "rejected",
    }
    status = statuses.get(verdict, "rejected" if verdict == "X" else "")
    if not status:
        raise RecordRejectedError(
            Rejection(
                "x12.element", "the group's status is none of A, E, P, R, M, W, X", "AK9.01", value=verdict
            )
        )
    return Acknowledged(
        function=_element(group, 1),
        control=_element(group, 2),
        status=status,
        sets=tuple(_read_set(entry) for entry in _list(document.get("AK2"))),
        reasons=_reasons(summary, range(5, 10), _GROUP_REASONS),
    )


def _read_set(entry: Document) -> AcknowledgedSet:
    summary = _segment(entry, "AK5")
    verdict = _element(summary, 1)
    if verdict not in {"A", "E", "R", "M", "W", "X"}:
        path = f"AK2 {_element(entry, 2)}, AK5.01"
        raise RecordRejectedError(
            Rejection("x12.element", "the set's status is none of A, E, R, M, W, X", path, value=verdict)
        )
    reasons = list(_reasons(summary, range(2, 7), _SET_REASONS))
    for segment in _list(entry.get("AK3")):
        where = f"segment {_element(segment, 2)} ({_element(segment, 1)})"
        reasons += [f"{where}: {reason}" for reason in _reasons(segment, range(4, 9), _SEGMENT_REASONS)]
        for element in _list(segment.get("AK4")):
            code = _element(element, 3)
            value = f" {_element(element, 4)!r}" if _element(element, 4) else ""
            reasons.append(
                f"{where}, element {_place(element)}{value}: {_ELEMENT_REASONS.get(code, f'code {code}')}"
            )
    return AcknowledgedSet(_element(entry, 1), _element(entry, 2), verdict in _ACCEPTED, tuple(reasons))


def _place(element: Document) -> str:
    at = element.get("01")
    return "-".join(str(part) for part in at.values()) if isinstance(at, dict) else str(at or "")


def _reasons(segment: Document, places: range, known: dict[str, str]) -> tuple[str, ...]:
    codes = (_element(segment, at) for at in places)
    return tuple(known.get(code, f"code {code}") for code in codes if code)


def _segment(document: Document, name: str) -> Document:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _element(segment: Document, at: int) -> str:
    value = segment.get(f"{at:02}")
    return value if isinstance(value, str) else ""


def _list(value: Value) -> list[Document]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
