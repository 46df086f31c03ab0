"""Answers: paths that tolerate what ERPs do to them, and what an answer or a fault means.

The same answer comes with or without its outermost element, an attribute as text or as a boolean, a single item as
a list or not, depending on how far it keeps to the WSDL. Paths are by local names and see no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec
from lxml import etree

from crossdock.sdk.errors import RecordRejectedError, Rejection, SoapFaultError
from crossdock_connectors.soap_erp.profile import Answers, Codes, Condition, Meaning

__all__ = ["RefusedError", "encode", "find", "find_all", "instant", "refusal_in", "refusal_of", "text"]

_encoder: Final = msgspec.json.Encoder(decimal_format="number")


class RefusedError(RecordRejectedError):
    """The ERP said no; ``meaning`` is what the profile makes of its codes, ``None`` a refusal of content."""

    def __init__(self, meaning: Meaning | None, rejections: tuple[Rejection, ...]) -> None:
        """Keep the meaning beside the reasons."""
        super().__init__(rejections)
        self.meaning = meaning


def find_all(answer: object, path: str) -> list[object]:
    """Everything at a path such as ``status.statusDetail.code``; lists on the way are gone through."""
    steps = path.split(".")
    while isinstance(answer, Mapping) and steps[0] not in answer and len(answer) == 1:
        (answer,) = answer.values()
    found = list(_flat(answer))
    for step in steps:
        found = [below for value in found if isinstance(value, Mapping) for below in _flat(value.get(step))]
    return found


def _flat(value: object) -> Iterator[object]:
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for item in value:
            yield from _flat(item)
    elif value is not None:
        yield value


def find(answer: object, path: str) -> object | None:
    """The first value at a path."""
    return next(iter(find_all(answer, path)), None)


def text(value: object) -> str:
    """A value as XML would write it; the text of an element with attributes."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat()
        case Mapping():
            return text(value.get("_value_1", value.get("_value")))
        case _:
            return str(value)


def instant(value: object) -> datetime | None:
    """An instant of an answer; ``None`` where it is none, or has no zone."""
    try:
        read = value if isinstance(value, datetime) else datetime.fromisoformat(text(value))
    except ValueError:
        return None
    return read if read.tzinfo else None


def encode(value: object) -> bytes:
    """JSON without what is missing; decimals keep their digits."""
    return _encoder.encode(_pruned(value))


def _pruned(value: object) -> object:
    if isinstance(value, Mapping):
        pruned = {key: _pruned(item) for key, item in value.items() if item is not None}
        return {key: item for key, item in pruned.items() if item not in ({}, [])}
    if isinstance(value, list | tuple):
        return [_pruned(item) for item in value]
    return value


def refusal_in(answer: object, answers: Answers, codes: Codes) -> RefusedError | None:
    """What an answer says that is no fault, but a no; ``None`` is a yes."""
    if answers.refused is None or not _holds(answer, answers.refused):
        return None
    problems = answers.problems
    found = [] if problems is None else find_all(answer, problems.at) or [{}]
    rejections = [
        Rejection(
            text(find(problem, problems.code)) or "erp.refused",
            text(find(problem, problems.message)) or "the ERP refused it without a reason",
            text(find(problem, problems.path)) if problems.path else "",
        )
        for problem in found
        if problems is not None and isinstance(problem, Mapping)
    ]
    rejections = rejections or [Rejection("erp.refused", "the ERP refused it without a reason")]
    return RefusedError(codes.meaning(rejection.code for rejection in rejections), tuple(rejections))


def _holds(answer: object, condition: Condition) -> bool:
    return any(text(value) in condition.values for value in find_all(answer, condition.path))


def refusal_of(fault: SoapFaultError, answers: Answers, codes: Codes) -> RefusedError:
    """What a fault says: its detail in the ERP's own elements first, then its code and reason."""
    details = list(_details(fault.detail))
    kinds = [name for name, _ in details]
    texts = dict(reversed(details))
    names = answers.fault
    code = texts.get(names.code, "")
    first_word = fault.reason.partition(" ")[0].strip(":.,")
    meaning = codes.meaning([code, *kinds, fault.code, fault.code.rpartition(".")[2], first_word])
    rejection = Rejection(
        code or fault.code,
        f"{fault.operation}: {texts.get(names.message) or fault.reason}",
        texts.get(names.path, "") if names.path else "",
        value=fault.code,
    )
    return RefusedError(meaning, (rejection,))


def _details(detail: str) -> Iterator[tuple[str, str]]:
    """Local names and texts of all elements of a fault's detail, which may have been cut short."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    root = etree.fromstring(f"<details>{detail}</details>".encode(), parser)
    for element in () if root is None else root.iterdescendants(etree.Element):
        yield etree.QName(element).localname, (element.text or "").strip()
