"""The syntax tree of a CEL expression, as far as policies need it: to check types, and to reason about conditions.

The grammar is that of the CEL specification without bytes, triple-quoted texts, maps and messages: of an expression
with one of them ``parse`` answers None, and nothing is claimed about it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Call", "Expression", "ListOf", "Literal", "Name", "Select", "parse", "unparse"]


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: text, number (``int`` or ``float``), truth, or nothing; ``at`` is its column, from 1."""

    value: str | int | float | bool | None
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    """A variable."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Select:
    """A field of something."""

    target: Expression
    field: str
    at: int


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list."""

    items: tuple[Expression, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """An operator, function or method; the target of a method is its first argument.

    Attributes:
        name: ``&&``, ``==``, ``in``, ``?:``, ``[]``, ``size``, ...; a method begins with a dot (``.exists``), and the
            minus before a number is ``-_``.
    """

    name: str
    arguments: tuple[Expression, ...]
    at: int


Expression = Literal | Name | Select | ListOf | Call

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>0[xX][0-9a-fA-F]+u?|\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\d+u?)"""
    r"""|(?P<raw>[rR]"[^"\n]*"|[rR]'[^'\n]*')"""
    r"""|(?P<text>"(?!"")(?:\\.|[^"\\\n])*"|'(?!'')(?:\\.|[^'\\\n])*')"""
    r"""|(?P<name>[A-Za-z_]\w*)(?!["'])"""
    r"""|(?P<sign>\|\||&&|==|!=|<=|>=|[-+*/%!<>?:.,()\[\]]))"""
)
_LEVELS: tuple[frozenset[str], ...] = (
    frozenset({"||"}),
    frozenset({"&&"}),
    frozenset({"==", "!=", "<", "<=", ">", ">=", "in"}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
)
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_DEEPEST = 100


class _UnknownSyntaxError(Exception):
    """Something that this parser does not know, or that is no CEL."""


def parse(source: str) -> Expression | None:
    """The tree of ``source``; None where it holds something that is left out here."""
    try:
        parser = _Parser(_tokens(source))
        found = parser.expression()
    except _UnknownSyntaxError:
        return None
    return found if parser.at_end else None


_Token = tuple[str, str, int]
"""Kind, text, column."""


def _tokens(source: str) -> list[_Token]:
    found: list[_Token] = []
    position, end = 0, len(source.rstrip())
    while position < end:
        match = _TOKEN.match(source, position)
        if match is None or match.lastgroup is None:
            raise _UnknownSyntaxError
        found.append((match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) + 1))
        position = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    @property
    def at_end(self) -> bool:
        return self._next == len(self._tokens)

    def expression(self) -> Expression:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _UnknownSyntaxError
        found = self._binary(0)
        if self._peek() == "?":
            at = self._take("?")
            yes = self._binary(0)
            self._take(":")
            found = Call("?:", (found, yes, self.expression()), at)
        self._depth -= 1
        return found

    def _binary(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while (sign := self._peek()) in _LEVELS[level]:
            at = self._take(sign)
            left = Call(sign, (left, self._binary(level + 1)), at)
        return left

    def _unary(self) -> Expression:
        sign = self._peek()
        if sign in ("!", "-"):
            at = self._take(sign)
            return Call("!" if sign == "!" else "-_", (self._unary(),), at)
        return self._member(self._primary())

    def _member(self, target: Expression) -> Expression:
        while True:
            if self._peek() == ".":
                self._take(".")
                name, at = self._name()
                if self._peek() == "(":
                    target = Call(f".{name}", (target, *self._items("(", ")")), at)
                else:
                    target = Select(target, name, at)
            elif self._peek() == "[":
                at = self._take("[")
                target = Call("[]", (target, self.expression()), at)
                self._take("]")
            else:
                return target

    def _primary(self) -> Expression:
        if self.at_end:
            raise _UnknownSyntaxError
        kind, text, at = self._tokens[self._next]
        if kind == "number":
            self._next += 1
            return Literal(_number(text), at)
        if kind in ("text", "raw"):
            self._next += 1
            return Literal(text[2:-1] if kind == "raw" else _unescaped(text[1:-1]), at)
        if text == "[":
            return ListOf(self._items("[", "]"), at)
        if text == "(":
            self._take("(")
            inner = self.expression()
            self._take(")")
            return inner
        name, at = self._name()
        if name in _WORDS:
            return Literal(_WORDS[name], at)
        return Call(name, self._items("(", ")"), at) if self._peek() == "(" else Name(name, at)

    def _items(self, opening: str, closing: str) -> tuple[Expression, ...]:
        self._take(opening)
        items: list[Expression] = []
        while self._peek() != closing:
            items.append(self.expression())
            if self._peek() == ",":
                self._take(",")
            elif self._peek() != closing:
                raise _UnknownSyntaxError
        self._take(closing)
        return tuple(items)

    def _name(self) -> tuple[str, int]:
        if self.at_end or self._tokens[self._next][0] != "name":
            raise _UnknownSyntaxError
        _, text, at = self._tokens[self._next]
        self._next += 1
        return text, at

    def _peek(self) -> str:
        if self.at_end:
            return ""
        kind, text, _ = self._tokens[self._next]
        return text if kind == "sign" or text == "in" else ""

    def _take(self, sign: str) -> int:
        if self._peek() != sign:
            raise _UnknownSyntaxError
        self._next += 1
        return self._tokens[self._next - 1][2]


def _number(text: str) -> int | float:
    text = text.removesuffix("u")
    if text[:2] in ("0x", "0X"):
        return int(text, 16)
    return int(text) if text.isdigit() else float(text)


def _unescaped(text: str) -> str:
    if re.search(r"\\[xXuU0-7]", text):
        raise _UnknownSyntaxError
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text)


def unparse(expression: Expression) -> str:
    """CEL text of a tree, with all brackets: two trees of one text mean the same."""
    match expression:
        case Literal(value=value):
            return _literal(value)
        case Name(name=name):
            return name
        case Select(target=target, field=field):
            return f"{unparse(target)}.{field}"
        case ListOf(items=items):
            return f"[{', '.join(map(unparse, items))}]"
        case Call(name=name, arguments=arguments):
            return _call(name, [unparse(each) for each in arguments])


def _literal(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    return repr(value)


def _call(name: str, parts: list[str]) -> str:
    if name == "?:":
        return f"({parts[0]} ? {parts[1]} : {parts[2]})"
    if name == "[]":
        return f"{parts[0]}[{parts[1]}]"
    if name in ("!", "-_"):
        return f"{name[0]}({parts[0]})"
    if name.startswith("."):
        return f"{parts[0]}{name}({', '.join(parts[1:])})"
    if name[0].isalpha() and name != "in":
        return f"{name}({', '.join(parts)})"
    return f"({parts[0]} {name} {parts[1]})"
