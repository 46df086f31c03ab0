"""XML: record elements as documents, found by byte offset, without document types, entities or network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.sdk.formats.dialects import XmlDialect
from crossdock.sdk.formats.records import (
    START,
    Document,
    FileVerdict,
    Frame,
    Position,
    Record,
    RecordFault,
    Value,
    blocks,
)
from crossdock.sdk.formats.rows import KEPT_OF_FAULT, inspect_records
from crossdock.sdk.formats.values import as_text

__all__ = ["XmlFormat"]

_TAG = re.compile(rb"<[^<>\"']*(?:\"[^\"]*\"[^<>\"']*|'[^']*'[^<>\"']*)*>")
_NAME = re.compile(r"[A-Za-z_][\w.-]*\Z")
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")


class _Refused(ValueError):
    """Something that this format doesn't take, such as a document type."""


@dataclass(slots=True)
class _Found:
    """A record that expat has seen the end of; offsets in the stream that it was fed."""

    start: int
    end: int
    line: int
    last_line: int
    context: bytes


@dataclass(slots=True)
class _Walker:
    """Expat's handlers: keeps the open start tags, and the record that is being read."""

    dialect: XmlDialect
    prefix: bytes = b""
    buffer: bytes = b""
    base: int = 0
    tags: list[bytes] = field(default_factory=list)
    begun: tuple[int, int, int] | None = None
    found: list[_Found] = field(default_factory=list)
    parser: expat.XMLParserType = field(default_factory=expat.ParserCreate)

    def __post_init__(self) -> None:
        parser = self.parser
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.StartDoctypeDeclHandler = self.doctype
        parser.XmlDeclHandler = self.declaration

    def declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        self.prefix = f"<?xml version='{version}' encoding='{encoding}'?>".encode() if encoding else b""

    def doctype(self, *_: object) -> None:
        raise _Refused("a document type (DOCTYPE) is refused: it can declare entities")

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        at = self.parser.CurrentByteIndex
        tag = _TAG.match(self.buffer, at - self.base)
        self.tags.append(tag[0] if tag else b"")
        if len(self.tags) > self.dialect.max_depth:
            raise _Refused(f"nested deeper than {self.dialect.max_depth}")
        if self.begun is None and self._is_record(name):
            self.begun = (at, self.parser.CurrentLineNumber, len(self.tags))

    def _is_record(self, name: str) -> bool:
        return name.rpartition(":")[2] == self.dialect.record if self.dialect.record else len(self.tags) == 1

    def end(self, _name: str) -> None:
        at = self.parser.CurrentByteIndex
        if self.begun and len(self.tags) == self.begun[2]:
            tag = _TAG.match(self.buffer, at - self.base)
            stop = at + (len(tag[0]) if tag else 0)
            context = self.prefix + b"".join(self.tags[:-1])
            line = self.parser.CurrentLineNumber + (tag[0].count(b"\n") if tag else 0)
            self.found.append(_Found(self.begun[0], stop, self.begun[1], line, context))
            self.begun = None
        self.tags.pop()


class XmlFormat:
    """Record elements as nested documents.

    Elements and attributes go by their local names: an element without attributes and children is text, any
    other an object of its children, its attributes (``@name``) and its text (``#text``). A name that occurs
    twice, or is declared in ``lists``, is a list.
    """

    name = "xml"

    def __init__(self, dialect: XmlDialect) -> None:
        """Take the declared dialect."""
        self.dialect = dialect

    def inspect(self, chunks: Iterable[bytes]) -> FileVerdict:
        """Read the whole file; one that isn't well-formed to its end is rejected as a whole."""
        return inspect_records(self, chunks)

    def frames(self, chunks: Iterable[bytes], start: Position = START) -> Iterator[Frame]:
        """Give each record element as one frame, with the start tags around it as context.

        A file can be taken up again at the end of any frame: the context opens the elements anew.
        """
        walker = _Walker(self.dialect)
        opening = start.context
        walker.base = 0
        shift = start.offset - len(opening)
        here = start
        source = blocks(chunks, self.dialect.frame_bytes)
        ended = False
        block = opening
        while not ended:
            block = block or next(source, b"")
            ended = not block
            walker.buffer += block
            fault = self._feed(walker, block, ended=ended, first=start.offset == 0 and walker.base == 0)
            block = b""
            for found in walker.found:
                begin = Position(
                    found.start + shift,
                    found.line + start.line - 1 - opening.count(b"\n"),
                    here.number,
                    found.context,
                )
                last = found.last_line + start.line - 1 - opening.count(b"\n")
                here = Position(found.end + shift, last, here.number + 1, found.context)
                yield Frame(begin, here, walker.buffer[found.start - walker.base : found.end - walker.base])
            walker.found.clear()
            if fault:
                yield _broken(here, fault, walker.buffer)
                return
            self._forget(walker)
            if len(walker.buffer) > self.dialect.max_record_bytes + self.dialect.frame_bytes:
                limit = self.dialect.max_record_bytes
                message = (
                    f"a record, or what stands between two, is longer than {limit} bytes (max_record_bytes)"
                )
                yield _broken(
                    here, Rejection("format.too_long_for_file", message, f"line {here.line}"), walker.buffer
                )
                return

    def _feed(self, walker: _Walker, block: bytes, *, ended: bool, first: bool) -> Rejection | None:
        if first and block.startswith(_WIDE):
            return Rejection(
                "format.xml_refused", "UTF-16 and UTF-32 are not taken: ask the partner for UTF-8", "byte 0"
            )
        try:
            walker.parser.Parse(block, ended)
        except _Refused as error:
            return Rejection("format.xml_refused", str(error), f"line {walker.parser.CurrentLineNumber}")
        except expat.ExpatError as error:
            path = f"line {error.lineno}, column {error.offset + 1}"
            reason = expat.errors.messages.get(error.code, str(error))
            if ended:
                return Rejection(
                    "format.half_written", f"the file ends too early ({reason}): fetch it again", path
                )
            return Rejection(
                "format.xml_malformed", f"the file is not well-formed from here on: {reason}", path
            )
        return None

    def _forget(self, walker: _Walker) -> None:
        """Let go of what was parsed, but not of the record or tag that is being read."""
        index = walker.parser.CurrentByteIndex
        keep = walker.begun[0] if walker.begun else max(index, walker.base)
        walker.buffer = walker.buffer[keep - walker.base :]
        walker.base = keep

    def parse(self, frame: Frame) -> Iterator[Record]:
        """Read the record of a frame."""
        start = frame.start
        where = f"record {start.number}, line {start.line}"
        value: Document | RecordFault
        if frame.fault:
            value = RecordFault(frame.fault, frame.data)
        elif frame.length > self.dialect.max_record_bytes:
            message = f"the record is longer than {self.dialect.max_record_bytes} bytes (max_record_bytes)"
            value = RecordFault(Rejection("format.too_long", message, where), frame.data[:KEPT_OF_FAULT])
        else:
            value = self._element(frame, where)
        yield Record(start.number, start.line, start.offset, value)

    def _element(self, frame: Frame, where: str) -> Document | RecordFault:
        context = frame.start.context
        names = [
            tag.split(None, 1)[0].strip(b"<>/") for tag in _TAG.findall(context) if not tag.startswith(b"<?")
        ]
        closing = b"".join(b"</" + name + b">" for name in reversed(names))
        parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        try:
            element = etree.fromstring(context + frame.data + closing, parser)
        except etree.XMLSyntaxError as error:
            return RecordFault(
                Rejection("format.xml", f"the record can't be read: {error.msg}", where), frame.data
            )
        for _ in names:
            element = element[-1]
        value = self._value(element)
        return value if isinstance(value, dict) else {"#text": value} if value else {}

    def _value(self, element: etree._Element) -> Value:
        found: Document = {f"@{_local(str(name))}": str(text) for name, text in element.attrib.items()}
        texts = [element.text or ""]
        for child in element:
            texts.append(child.tail or "")
            name = _local(str(child.tag))
            value = self._value(child)
            if name not in found:
                found[name] = [value] if name in self.dialect.lists else value
            elif isinstance(earlier := found[name], list):
                earlier.append(value)
            else:
                found[name] = [earlier, value]
        text = "".join(texts)
        if not found:
            return text
        if text.strip():
            found["#text"] = text.strip()
        return found

    def write(self, records: Iterable[Document]) -> Iterator[bytes]:
        """Write the records as UTF-8, in the root element if ``record`` is declared, else one document.

        Raises:
            RecordRejectedError: A name is no XML name, a value no text, or there isn't exactly one record for
                a document.
        """
        namespace = f" xmlns={quoteattr(self.dialect.namespace)}" if self.dialect.namespace else ""
        yield b'<?xml version="1.0" encoding="UTF-8"?>\n'
        if not self.dialect.record:
            documents = list(records)
            if len(documents) != 1:
                message = f"a document holds one record, here are {len(documents)}; declare record for many"
                raise _rejected(message, "dialect.record")
            yield "".join(self._tag(self.dialect.root, documents[0], "record 1", namespace)).encode() + b"\n"
            return
        yield f"<{self.dialect.root}{namespace}>\n".encode()
        for number, record in enumerate(records, 1):
            yield "".join(self._tag(self.dialect.record, record, f"record {number}")).encode() + b"\n"
        yield f"</{self.dialect.root}>\n".encode()

    def _tag(self, name: str, value: Value, path: str, attributes: str = "") -> Iterator[str]:
        if not _NAME.match(name):
            raise _rejected(f"{name!r} is no name of an XML element", path)
        if not isinstance(value, dict):
            yield f"<{name}{attributes}>{self._text(value, path)}</{name}>"
            return
        for key, text in value.items():
            if key.startswith("@"):
                if not _NAME.match(key[1:]):
                    raise _rejected(f"{key!r} is no name of an XML attribute", path)
                attributes += (
                    f" {key[1:]}={quoteattr(self._raw_text(text, f'{path}.{key}'), {chr(10): '&#10;'})}"
                )
        yield f"<{name}{attributes}>"
        if "#text" in value:
            yield self._text(value["#text"], f"{path}.#text")
        for key, inner in value.items():
            if key != "#text" and not key.startswith("@"):
                for one in inner if isinstance(inner, list) else [inner]:
                    yield from self._tag(key, one, f"{path}.{key}")
        yield f"</{name}>"

    def _text(self, value: Value, path: str) -> str:
        return escape(self._raw_text(value, path), {"\r": "&#13;"})

    def _raw_text(self, value: Value, path: str) -> str:
        try:
            text = as_text(value)
        except ValueError as error:
            raise _rejected(str(error), path) from error
        if any(sign < " " and sign not in "\t\n\r" for sign in text):
            raise _rejected("the text holds a control character, which XML can't hold", path)
        return text


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _broken(here: Position, fault: Rejection, rest: bytes) -> Frame:
    end = Position(here.offset + len(rest), here.line, here.number + 1, here.context)
    return Frame(here, end, rest[:KEPT_OF_FAULT], fault)


def _rejected(message: str, path: str) -> RecordRejectedError:
    return RecordRejectedError(Rejection("format.value", message, path))
