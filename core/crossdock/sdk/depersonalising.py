"""Documents of partners without the people in them: JSON, XML, X12, CSV.

Of any other text, and of documents that can't be read, only e-mail addresses go.
"""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

from lxml import etree

from crossdock.sdk.pseudonyms import Personal, Pseudonyms, is_place, kind_of
from crossdock.sdk.redaction import REDACTED, looks_secret

__all__ = ["without_people"]

_ISA_LENGTH = 106
_NUMBER = re.compile(r'"\\u0000(-?[0-9.eE+-]+)"')
_X12 = {
    "N1": {2: Personal.NAME},
    "N2": {1: Personal.NAME, 2: Personal.NAME},
    "N3": {1: Personal.STREET, 2: Personal.STREET},
    "N4": {3: Personal.POSTAL_CODE},
    "PER": {2: Personal.NAME, 4: Personal.PHONE, 6: Personal.PHONE, 8: Personal.PHONE},
    "NTE": {2: Personal.TEXT},
    "G69": {1: Personal.TEXT},
    "MSG": {1: Personal.TEXT},
}
"""Elements by segment. G69 describes an item in some sets; it is free text all the same."""


def without_people(text: str, pseudonyms: Pseudonyms) -> str:
    """The same document with invented people; its form is told by how it begins."""
    mark, plain = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
    return mark + _read(plain, pseudonyms)


def _read(text: str, pseudonyms: Pseudonyms) -> str:
    begin = text.lstrip()
    try:
        if begin[:1] in ("{", "["):
            return _of_json(text, pseudonyms)
        if begin[:1] == "<":
            return _of_xml(text, pseudonyms)
    except (ValueError, etree.XMLSyntaxError):
        return pseudonyms.text(text)
    if begin.startswith("ISA") and len(begin) > _ISA_LENGTH:
        return _of_x12(text, begin[3], begin[_ISA_LENGTH - 1], pseudonyms)
    return pseudonyms.text(_of_rows(text, pseudonyms))


# --- JSON -------------------------------------------------------------------------------------------------


def _of_json(text: str, pseudonyms: Pseudonyms) -> str:
    """Numbers stay as they were written: 12.50 is not 12.5."""
    value = json.loads(text, parse_float=_marked, parse_int=_marked)
    changed = json.dumps(_walked(value, "", pseudonyms), ensure_ascii=False)
    return _NUMBER.sub(r"\1", changed)


def _marked(number: str) -> str:
    return "\0" + number


def _walked(value: Any, name: str, pseudonyms: Pseudonyms) -> Any:
    if isinstance(value, list):
        return [_walked(each, name, pseudonyms) for each in value]
    if isinstance(value, dict):
        in_place = any(is_place(key) for key, inner in value.items() if isinstance(inner, str))
        return {
            key: _leaf(key, inner, name, pseudonyms, in_place=in_place)
            if isinstance(inner, str)
            else _walked(inner, key, pseudonyms)
            for key, inner in value.items()
        }
    if isinstance(value, str):
        return _leaf(name, value, "", pseudonyms, in_place=False)
    return value


def _leaf(name: str, value: str, parent: str, pseudonyms: Pseudonyms, *, in_place: bool) -> str:
    number = value.startswith("\0")
    plain = value[1:] if number else value
    if looks_secret(name):
        return REDACTED
    kind = kind_of(name, parent=parent, in_place=in_place)
    if kind is None:
        return value if number else pseudonyms.text(value)
    if number:
        return _marked(plain.partition(".")[0] if kind is Personal.COORDINATE else "0")
    return pseudonyms.of(kind, plain)


# --- XML --------------------------------------------------------------------------------------------------


def _of_xml(text: str, pseudonyms: Pseudonyms) -> str:
    declared = re.match(r"\s*<\?xml.*?\?>\s*", text, re.DOTALL)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, strip_cdata=False)
    root = etree.fromstring(text[declared.end() :] if declared else text, parser)
    for element in root.iter(etree.Element):
        leaves = [each for each in element if isinstance(each.tag, str) and len(each) == 0]
        in_place, name = any(is_place(_local(each)) for each in leaves), _local(element)
        for each in leaves:
            if each.text:
                each.text = _leaf(_local(each), each.text, name, pseudonyms, in_place=in_place)
        for key, value in element.attrib.items():
            plain = etree.QName(key).localname
            element.set(key, _leaf(plain, str(value), name, pseudonyms, in_place=False))
    return (declared[0] if declared else "") + etree.tostring(root, encoding="unicode")


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname


# --- X12 and rows -----------------------------------------------------------------------------------------


def _of_x12(text: str, element: str, end: str, pseudonyms: Pseudonyms) -> str:
    return end.join(_segment(segment, element, pseudonyms) for segment in text.split(end))


def _segment(segment: str, element: str, pseudonyms: Pseudonyms) -> str:
    parts = segment.split(element)
    for at, kind in _X12.get(parts[0].strip(), {}).items():
        if at < len(parts):
            parts[at] = pseudonyms.of(Personal.EMAIL if "@" in parts[at] else kind, parts[at])
    return element.join(parts)


def _of_rows(text: str, pseudonyms: Pseudonyms) -> str:
    """CSV whose first line names its columns; anything else comes back as it is."""
    first = text.partition("\n")[0].rstrip("\r")
    delimiter = max(",;\t|", key=first.count)
    names = next(csv.reader([first], delimiter=delimiter), [])
    kinds = {at: kind_of(name, in_place=any(map(is_place, names))) for at, name in enumerate(names)}
    personal = {at: kind for at, kind in kinds.items() if kind is not None}
    if len(names) < 2 or not personal:
        return text
    out = io.StringIO(newline="")
    ending = "\r\n" if "\r\n" in text else "\n"
    writer = csv.writer(out, delimiter=delimiter, lineterminator=ending)
    for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)):
        if number:
            row = [
                pseudonyms.of(personal[at], cell) if at in personal else cell for at, cell in enumerate(row)
            ]
        writer.writerow(row)
    return out.getvalue()
