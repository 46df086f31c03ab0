"""The envelopes of one interchange: ISA, GS and ST with their trailers, control numbers and counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from crossdock.sdk.errors import Rejection
from crossdock.sdk.formats.x12.problems import Problem
from crossdock.sdk.formats.x12.segments import Delimiters, Segment, read_isa, segments

__all__ = ["Group", "Interchange", "Note", "SetSpan", "survey"]


@dataclass(slots=True)
class SetSpan:
    """One transaction set: where it lies, and what is wrong with its envelope."""

    name: str
    control: str
    start: int
    end: int = 0
    count: int = 0
    closed: bool = False
    problems: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class Group:
    """One functional group; ``header`` holds GS01 to GS08 as text, ``stated`` is GE01."""

    header: list[str]
    sets: list[SetSpan] = field(default_factory=list)
    closed: bool = False
    stated: str = ""
    problems: list[Problem] = field(default_factory=list)

    @property
    def control(self) -> str:
        """Control number, GS06."""
        return self.header[5]


class Note(NamedTuple):
    """A TA1: what the sender says of an interchange that it got; its elements as text, and where it lies."""

    elements: list[str]
    offset: int


@dataclass(slots=True)
class Interchange:
    """One interchange; ``header`` holds ISA01 to ISA16 as text, padding taken off; ``notes`` are its TA1s."""

    header: list[str]
    delimiters: Delimiters
    groups: list[Group] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    closed: bool = False
    problems: list[Problem] = field(default_factory=list)

    @property
    def control(self) -> str:
        """Control number, ISA13."""
        return self.header[12]


def survey(data: bytes) -> Interchange:
    """Walk over one interchange and check its envelopes; what is between ST and SE is only counted.

    Raises:
        IsaError: The ISA can't be read.
    """
    delimiters, isa, after = read_isa(data)
    found = Interchange([_text(part) for part in isa[1:]], delimiters)
    _check_isa(found)
    surveyor = _Surveyor(found)
    for number, segment in enumerate(segments(data, delimiters, after), 2):
        surveyor.take(segment, number)
    surveyor.finish()
    return found


def _text(part: bytes) -> str:
    return part.decode("utf-8", "backslashreplace").strip()


def _check_isa(found: Interchange) -> None:
    header = found.header
    checks = (
        (6, bool(header[5]), "the sender's identifier is empty"),
        (8, bool(header[7]), "the receiver's identifier is empty"),
        (13, header[12].isdecimal(), f"the control number is {header[12]!r}, digits are expected"),
        (15, header[14] in {"P", "T", "I"}, f"the usage indicator is {header[14]!r}, P, T or I are expected"),
    )
    for element, good, message in checks:
        if not good:
            path = f"interchange {header[12]}, segment 1 (ISA), element {element:02}"
            found.problems.append(
                Problem(Rejection("x12.isa_elements", message, path, value=header[element - 1]))
            )


def _same_number(first: str, second: str) -> bool:
    """Control numbers of numeric elements are equal as numbers: leading zeros are harmless."""
    if first.isdecimal() and second.isdecimal():
        return int(first) == int(second)
    return first == second


class _Surveyor:
    """Takes the segments in turn and keeps what is open."""

    def __init__(self, interchange: Interchange) -> None:
        self.interchange = interchange
        self.group: Group | None = None
        self.set: SetSpan | None = None
        self._handlers = {
            "ST": self._st,
            "SE": self._se,
            "GS": self._gs,
            "GE": self._ge,
            "IEA": self._iea,
            "TA1": self._ta1,
        }

    def take(self, segment: Segment, number: int) -> None:
        if self.set is not None:
            self.set.count += 1
            self.set.end = segment.end
        handler = self._handlers.get(segment.name)
        if handler:
            handler([_text(element) for element in segment.elements[1:]], segment, number)
        elif self.set is None:
            where = "an interchange" if self.group is None else "a group"
            self._stray(segment, number, f"{segment.name!r} can't stand in {where} outside of a set")

    def finish(self) -> None:
        """Close what is open at the end of the data."""
        self._close_set("the interchange ends")
        self._close_group("the interchange ends")
        if not self.interchange.closed:
            self._problem(
                self.interchange.problems, "x12.interchange_trailer", "the interchange has no IEA", "the end"
            )
        found = self.interchange
        if not (found.groups or found.notes or found.problems):
            self._problem(self.interchange.problems, "x12.empty", "the interchange holds no group", "IEA")

    def _path(self, place: str) -> str:
        parts = [f"interchange {self.interchange.control}"]
        parts += [f"group {self.group.control}"] if self.group else []
        parts += [f"set {self.set.control}"] if self.set else []
        return ", ".join([*parts, place])

    def _problem(
        self,
        problems: list[Problem],
        code: str,
        message: str,
        place: str,
        segment: str = "",
        position: int = 0,
    ) -> None:
        problems.append(Problem(Rejection(code, message, self._path(place)), segment, position))

    def _stray(self, segment: Segment, number: int, message: str) -> None:
        problems = self.group.problems if self.group else self.interchange.problems
        self._problem(
            problems, "x12.stray_segment", message, f"segment {number} ({segment.name})", segment.name
        )

    def _gs(self, elements: list[str], segment: Segment, number: int) -> None:
        self._close_set("a group begins")
        self._close_group("another group begins")
        self.group = Group([*elements, *[""] * (8 - len(elements))])
        earlier = {group.control for group in self.interchange.groups}
        if self.group.control in earlier:
            message = f"the interchange has the group control number {self.group.control} twice"
            self._problem(
                self.group.problems,
                "x12.duplicate_group",
                message,
                f"segment {number} (GS), element 06",
                "GS",
            )
        self.interchange.groups.append(self.group)

    def _st(self, elements: list[str], segment: Segment, number: int) -> None:
        self._close_set("another set begins")
        if self.group is None:
            self._stray(segment, number, "a set must stand in a group (GS)")
            return
        name, control = [*elements, "", ""][:2]
        self.set = SetSpan(name, control, segment.offset, segment.end, 1)
        place = f"segment {number} (ST)"
        if not name or not control:
            self._problem(self.set.problems, "x12.set_header", "ST01 and ST02 must be there", place, "ST", 1)
        elif any(other.control == control for other in self.group.sets):
            message = f"the group has the set control number {control} twice"
            self._problem(self.set.problems, "x12.duplicate_set", message, f"{place}, element 02", "ST", 1)
        self.group.sets.append(self.set)

    def _se(self, elements: list[str], segment: Segment, number: int) -> None:
        if self.set is None:
            self._stray(segment, number, "an SE without an ST")
            return
        counted, control = [*elements, "", ""][:2]
        place = f"segment {self.set.count} (SE), element"
        if counted != str(self.set.count) and not _same_number(counted, str(self.set.count)):
            message = f"SE01 says {counted or 'nothing'}, the set has {self.set.count} segments"
            self._problem(self.set.problems, "x12.set_count", message, f"{place} 01", "SE", self.set.count)
        if control != self.set.control:
            message = f"SE02 is {control or 'empty'}, ST02 is {self.set.control}"
            self._problem(self.set.problems, "x12.set_control", message, f"{place} 02", "SE", self.set.count)
        self.set.closed = True
        self.set = None

    def _ge(self, elements: list[str], segment: Segment, number: int) -> None:
        self._close_set("the group ends")
        if self.group is None:
            self._stray(segment, number, "a GE without a GS")
            return
        counted, control = [*elements, "", ""][:2]
        place, sets = f"segment {number} (GE), element", len(self.group.sets)
        if not _same_number(counted, str(sets)):
            message = f"GE01 says {counted or 'nothing'}, the group has {sets} sets"
            self._problem(self.group.problems, "x12.group_count", message, f"{place} 01", "GE")
        if not _same_number(control, self.group.control):
            message = f"GE02 is {control or 'empty'}, GS06 is {self.group.control}"
            self._problem(self.group.problems, "x12.group_control", message, f"{place} 02", "GE")
        self.group.closed, self.group.stated = True, counted
        self.group = None

    def _iea(self, elements: list[str], segment: Segment, number: int) -> None:
        self._close_set("the interchange ends")
        self._close_group("the interchange ends")
        counted, control = [*elements, "", ""][:2]
        place, groups = f"segment {number} (IEA), element", len(self.interchange.groups)
        problems = self.interchange.problems
        if not _same_number(counted, str(groups)):
            message = f"IEA01 says {counted or 'nothing'}, the interchange has {groups} groups"
            self._problem(problems, "x12.interchange_count", message, f"{place} 01", "IEA")
        if not _same_number(control, self.interchange.control):
            message = f"IEA02 is {control or 'empty'}, ISA13 is {self.interchange.control}"
            self._problem(problems, "x12.interchange_control", message, f"{place} 02", "IEA")
        self.interchange.closed = True

    def _ta1(self, elements: list[str], segment: Segment, number: int) -> None:
        if self.group is not None or self.interchange.groups:
            self._stray(segment, number, "a TA1 stands between ISA and the first GS")
        else:
            self.interchange.notes.append(Note(elements, segment.offset))

    def _close_set(self, because: str) -> None:
        if self.set is not None:
            place = f"segment {self.set.count}"
            self._problem(
                self.set.problems,
                "x12.set_trailer",
                f"{because}, but the set has no SE",
                place,
                "SE",
                self.set.count,
            )
            self.set = None

    def _close_group(self, because: str) -> None:
        if self.group is not None:
            self._problem(
                self.group.problems, "x12.group_trailer", f"{because}, but the group has no GE", "GE", "GE"
            )
            self.group = None
