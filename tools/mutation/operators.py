"""What a mutant does to a piece of syntax: small edits of the source's text, from the textbooks' operators.

Left alone is what no behaviour depends on (docstrings, annotations, decorators, imports, assertions, of which
``strict`` is one) and the words of errors: a test pins when an error is raised and what it names, not its prose.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise

__all__ = ["ASSERTS", "Edit", "Source", "edits"]

_COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
_ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "/"),
    ast.Mod: ("%", "//"),
    ast.MatMult: ("@", "*"),
    ast.Pow: ("**", "*"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.BitXor: ("^", "&"),
}
_OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any"}
# Keywords whose value is read by people only.
_WORDS = {"description", "examples", "title"}
# A keyword that asserts something of the arguments beside it.
ASSERTS = "strict"
# An `if` over one of these is negated by swapping the operator; doing it twice would count it twice.
_NEGATED_BY_SWAP = ast.Eq | ast.NotEq | ast.Is | ast.IsNot | ast.In | ast.NotIn


_Placed = ast.expr | ast.stmt | ast.keyword


@dataclass(frozen=True, slots=True)
class Edit:
    """Put ``text`` in place of the bytes from ``start`` to ``end``; ``operator`` is the kind of change."""

    operator: str
    start: int
    end: int
    text: str


class Source:
    """The text of a module, addressed by its syntax tree."""

    def __init__(self, text: str) -> None:
        """Index the lines of ``text``."""
        self.content = text.encode()
        self._lines = [0]
        for line in self.content.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def start(self, node: _Placed) -> int:
        """Where ``node`` begins, in bytes."""
        return self._lines[node.lineno - 1] + node.col_offset

    def end(self, node: _Placed) -> int:
        """Where ``node`` ends, in bytes."""
        if node.end_lineno is None or node.end_col_offset is None:
            raise ValueError(f"line {node.lineno} has no end: the tree was not made by ast.parse")
        return self._lines[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: ast.expr | ast.stmt) -> str:
        """The source of ``node``."""
        return self.content[self.start(node) : self.end(node)].decode()

    def after_comma(self, end: int) -> int:
        """The end of the comma after ``end``, or ``end`` where there is none."""
        comma = re.compile(rb"\s*,").match(self.content, end)
        return comma.end() if comma else end

    def whole(self, operator: str, node: ast.expr | ast.stmt, text: str) -> Edit:
        """An edit of all of ``node``."""
        return Edit(operator, self.start(node), self.end(node), text)

    def between(
        self, operator: str, left: ast.expr, right: ast.expr, swap: tuple[str, str]
    ) -> Iterator[Edit]:
        """An edit of the operator sign between two operands."""
        start, end = self.end(left), self.start(right)
        gap = self.content[start:end].decode()
        if "#" not in gap and (at := gap.find(swap[0])) >= 0:
            yield Edit(operator, start + at, start + at + len(swap[0]), swap[1])


def edits(node: ast.AST, source: Source) -> Iterator[Edit]:
    """Every way to break ``node`` itself; its children are the caller's to visit."""
    if isinstance(node, ast.stmt):
        yield from _statement(node, source)
    elif isinstance(node, ast.comprehension):
        for condition in node.ifs:
            yield source.whole("condition", condition, "True")
    elif isinstance(node, ast.Constant):
        yield from _constant(node, source)
    elif isinstance(node, ast.expr):
        yield from _expression(node, source)


def _statement(node: ast.stmt, source: Source) -> Iterator[Edit]:
    match node:
        case ast.If() | ast.While():
            yield from _negated(node.test, source)
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            yield source.whole("returned value", value, "None")
        case (
            ast.Assign(targets=[ast.Name()], value=value)
            | ast.AnnAssign(target=ast.Name(), value=ast.expr() as value)
        ):
            if not _is_none(value):
                yield source.whole("assigned value", value, "None")
        case ast.AugAssign(op=sign):
            yield source.whole("statement", node, "pass")
            old, new = _ARITHMETIC[type(sign)]
            yield from source.between("arithmetic", node.target, node.value, (f"{old}=", f"{new}="))
        case ast.Expr() | ast.Raise() | ast.Continue() | ast.Assign() | ast.Delete():
            yield source.whole("statement", node, "pass")
        case ast.Break():
            yield source.whole("statement", node, "continue")
        case _:
            pass


def _expression(node: ast.expr, source: Source) -> Iterator[Edit]:
    match node:
        case ast.Compare() | ast.BinOp() | ast.BoolOp():
            yield from _sign(node, source)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield source.whole("sign", node, f"({source.text(node.operand)})")
        case ast.IfExp():
            yield from _negated(node.test, source)
        case ast.Call():
            yield from _call(node, source)
        case ast.List() | ast.Set() | ast.Dict():
            yield from _without_each("element", _elements(node, source), source)
        case _:
            pass


def _sign(node: ast.Compare | ast.BinOp | ast.BoolOp, source: Source) -> Iterator[Edit]:
    if isinstance(node, ast.Compare):
        for (left, right), sign in zip(pairwise([node.left, *node.comparators]), node.ops, strict=True):
            yield from source.between("comparison", left, right, _COMPARISONS[type(sign)])
    elif isinstance(node, ast.BinOp):
        yield from source.between("arithmetic", node.left, node.right, _ARITHMETIC[type(node.op)])
    else:
        swap = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in pairwise(node.values):
            yield from source.between("logic", left, right, swap)


def _elements(node: ast.List | ast.Set | ast.Dict, source: Source) -> list[tuple[int, int]]:
    if not isinstance(node, ast.Dict):
        return [(source.start(item), source.end(item)) for item in node.elts]
    pairs = zip(node.keys, node.values, strict=True)
    return [
        (source.start(key) if key else source.start(value) - len("**"), source.end(value))
        for key, value in pairs
    ]


def _call(node: ast.Call, source: Source) -> Iterator[Edit]:
    if isinstance(node.func, ast.Name) and node.func.id in _OPPOSITES:
        yield source.whole("opposite", node.func, _OPPOSITES[node.func.id])
    given: list[ast.expr | ast.keyword] = [*node.args, *node.keywords]
    without = _without_each("argument", [(source.start(each), source.end(each)) for each in given], source)
    for argument, edit in zip(given, without, strict=True):
        if isinstance(argument, ast.keyword) and argument.arg not in (*_WORDS, ASSERTS):
            yield edit


def _without_each(operator: str, items: Sequence[tuple[int, int]], source: Source) -> Iterator[Edit]:
    """Leave out one of the items between two brackets, with a comma."""
    for position, (start, end) in enumerate(items):
        if position + 1 < len(items):
            yield Edit(operator, start, items[position + 1][0], "")
        elif position:
            yield Edit(operator, items[position - 1][1], end, "")
        else:
            yield Edit(operator, start, source.after_comma(end), "")


def _negated(test: ast.expr, source: Source) -> Iterator[Edit]:
    swapped = (
        isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], _NEGATED_BY_SWAP)
    )
    if not swapped and not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
        yield source.whole("condition", test, f"(not ({source.text(test)}))")


def _constant(node: ast.Constant, source: Source) -> Iterator[Edit]:
    match node.value:
        case bool():
            yield source.whole("constant", node, str(not node.value))
        case int() | float():
            yield source.whole("constant", node, repr(node.value + 1))
        case str():
            yield source.whole("constant", node, repr(_other_text(node.value)))
        case _:
            pass


def _other_text(text: str) -> str:
    """A number in a string stays a number, so that it isn't refused where it is read."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return f"XX{text}XX"
    return str(number + 1) if number.is_finite() else "0"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
