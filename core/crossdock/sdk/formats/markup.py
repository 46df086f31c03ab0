"""XML: record elements as documents, found by byte offset, without document types, entities or network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.sdk.formats.dialects import XmlDialect
from crossdock.sdk.formats.markup_walking import TAG, Places, RefusedError, Walker
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
from crossdock.sdk.formats.wide_text import UTF_32, wide_text

__all__ = ["XmlFormat"]

_WRONG_ENCODING = expat.errors.codes[expat.errors.XML_ERROR_INCORRECT_ENCODING]
_NAME = re.compile(r"[A-Za-z_][\w.-]*\Z")


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
        source = blocks(chunks, self.dialect.frame_bytes)
        first = next(source, b"")
        wide = wide_text(start.context, first if start.offset == 0 else b"")
        if wide is None and start.offset == 0 and first.startswith(UTF_32):
            yield _broken(start, _refused("UTF-32 is not taken: ask the partner for UTF-8"), first)
            return
        walker = Walker(self.dialect, wide=wide)
        opening, here = start.context, start
        lines = start.line - 1 - opening.count(b"\n")
        places = Places(walker, start.offset, len(opening))
        if opening:
            walker.feed(opening)
        for block in chain([first], source, [b""]):
            fault = self._feed(walker, block)
            for found in walker.found:
                begin = Position(places.of(found.start), found.line + lines, here.number, found.context)
                here = Position(places.of(found.end), found.last_line + lines, here.number + 1, found.context)
                data = walker.buffer[found.start - walker.base : found.end - walker.base]
                yield Frame(begin, here, wide.restored(data) if wide else data)
            walker.found.clear()
            if fault:
                yield _broken(here, fault, walker.buffer)
                return
            if not block:
                return
            self._forget(walker, places)
            if len(walker.buffer) > self.dialect.max_record_bytes + self.dialect.frame_bytes:
                limit = self.dialect.max_record_bytes
                message = (
                    f"a record, or what stands between two, is longer than {limit} bytes (max_record_bytes)"
                )
                yield _broken(
                    here, Rejection("format.too_long_for_file", message, f"line {here.line}"), walker.buffer
                )
                return

    def _feed(self, walker: Walker, block: bytes) -> Rejection | None:
        """Feed the next block of the file; an empty one is its end."""
        ended = not block
        try:
            walker.feed(walker.wide.decoded(block, ended=ended) if walker.wide else block, ended=ended)
        except UnicodeDecodeError as error:
            said = f"from here on the file is no {error.encoding.upper()} ({error.reason}): fetch it again"
            code = "format.half_written" if ended else "format.xml_malformed"
            return Rejection(code, said, f"line {walker.parser.CurrentLineNumber}")
        except RefusedError as error:
            return Rejection("format.xml_refused", str(error), f"line {walker.parser.CurrentLineNumber}")
        except expat.ExpatError as error:
            path = f"line {error.lineno}, column {error.offset + 1}"
            if error.code == _WRONG_ENCODING:
                return _refused(
                    "the XML declaration names an encoding that the bytes are not in: ask the partner to write "
                    'encoding="UTF-8" where it sends UTF-8'
                )
            reason = expat.errors.messages.get(error.code, str(error))
            if ended:
                return Rejection(
                    "format.half_written", f"the file ends too early ({reason}): fetch it again", path
                )
            return Rejection(
                "format.xml_malformed", f"the file is not well-formed from here on: {reason}", path
            )
        return None

    def _forget(self, walker: Walker, places: Places) -> None:
        """Let go of what was parsed, but not of the record or tag that is being read."""
        index = walker.parser.CurrentByteIndex
        keep = walker.begun[0] if walker.begun else max(index, walker.base)
        places.pass_by(keep)
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
        context, data = frame.start.context, frame.data
        if (wide := wide_text(context, b"")) is not None:
            context, data = context.removeprefix(wide.prefix), wide.plain(data)
        names = [
            tag.split(None, 1)[0].strip(b"<>/") for tag in TAG.findall(context) if not tag.startswith(b"<?")
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
            element = etree.fromstring(context + data + closing, parser)
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


def _refused(message: str) -> Rejection:
    return Rejection("format.xml_refused", message, "byte 0")


def _broken(here: Position, fault: Rejection, rest: bytes) -> Frame:
    end = Position(here.offset + len(rest), here.line, here.number + 1, here.context)
    return Frame(here, end, rest[:KEPT_OF_FAULT], fault)


def _rejected(message: str, path: str) -> RecordRejectedError:
    return RecordRejectedError(Rejection("format.value", message, path))
