"""Every mutant of a module, and a fair sample of many modules."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tools.mutation.operators import ASSERTS, Edit, Source, edits

__all__ = ["Mutant", "all_mutants", "mutants", "sample", "statements"]

# What is called so at the top of a module is another name for a type.
_TYPE_NAME = re.compile(r"_?[A-Z]+[a-z]")
# Parts of a tree that no behaviour depends on, and the words of errors.
_SILENT_FIELDS = {"annotation", "returns", "decorator_list", "exc", "cause"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one thing broken.

    ``before`` and ``after`` are the touched lines of the source, without indentation and line breaks.
    A test may notice only if it runs one of ``lines``; of none, if the module runs them when it is imported.
    """

    path: str
    line: int
    function: str
    before: str
    after: str
    lines: range
    edit: Edit

    def broken(self, text: str) -> str:
        """The module's ``text`` with the change."""
        content = text.encode()
        return (content[: self.edit.start] + self.edit.text.encode() + content[self.edit.end :]).decode()


@dataclass(frozen=True, slots=True)
class _Place:
    function: str = ""
    lines: range = range(0)
    in_function: bool = False


def mutants(path: str, text: str) -> list[Mutant]:
    """All mutants of the module at ``path``, each once, in the order of the text."""
    source = Source(text)
    found: dict[Edit, Mutant] = {}
    for node, place in _walk(ast.parse(text), _Place()):
        for edit in edits(node, source):
            found.setdefault(edit, _mutant(path, source.content, edit, place))
    return sorted(
        found.values(),
        key=lambda mutant: (mutant.edit.start, mutant.edit.end, mutant.edit.text),
    )


def all_mutants(texts: Mapping[str, str]) -> list[Mutant]:
    """The mutants of all modules, ``texts`` by path."""
    return [mutant for path, text in texts.items() for mutant in mutants(path, text)]


def statements(text: str) -> int:
    """How many statements a module has."""
    return sum(isinstance(node, ast.stmt) for node in ast.walk(ast.parse(text)))


def sample(texts: Mapping[str, str], size: int, seed: int) -> list[Mutant]:
    """About ``size`` mutants of the modules ``texts``, of each in proportion to its statements, in any order.

    Of each module at least one, if it has any.
    """
    chance = random.Random(seed)
    weights = {path: statements(texts[path]) for path in sorted(texts)}
    total = sum(weights.values())
    chosen: list[Mutant] = []
    for path, weight in weights.items():
        found = mutants(path, texts[path])
        chance.shuffle(found)
        chosen += found[: max(1, round(size * weight / total))]
    chance.shuffle(chosen)
    return chosen


def _mutant(path: str, content: bytes, edit: Edit, place: _Place) -> Mutant:
    first = content.rfind(b"\n", 0, edit.start) + 1
    last = len(content) if (at := content.find(b"\n", edit.end)) < 0 else at
    replaced = content[first : edit.start] + edit.text.encode() + content[edit.end : last]
    return Mutant(
        path=path,
        line=content.count(b"\n", 0, edit.start) + 1,
        function=place.function,
        before=_one_line(content[first:last]),
        after=_one_line(replaced),
        lines=place.lines,
        edit=edit,
    )


def _one_line(content: bytes) -> str:
    return " ".join(content.decode().split())


def _walk(node: ast.AST, place: _Place) -> Iterator[tuple[ast.AST, _Place]]:
    """Each node that behaviour depends on, with the function and the lines that it is part of."""
    if _is_silent(node):
        return
    if isinstance(node, ast.stmt) and place.in_function:
        place = _Place(place.function, _own_lines(node), in_function=True)
    yield node, place
    inner = place
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        name = f"{place.function}.{node.name}" if place.function else node.name
        inner = _Place(name, in_function=isinstance(node, ast.FunctionDef))
    for field, value in ast.iter_fields(node):
        if field in _SILENT_FIELDS or (isinstance(node, ast.ClassDef) and field != "body"):
            continue
        outside = isinstance(node, ast.FunctionDef) and field == "args"
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _walk(child, place if outside else inner)


def _own_lines(node: ast.stmt) -> range:
    """The lines of a statement; of a compound one, those of its head."""
    last = (node.end_lineno or node.lineno) + 1
    if isinstance(node, ast.Match):
        last = node.cases[0].pattern.lineno
    elif body := getattr(node, "body", ()):
        last = body[0].lineno
    return range(node.lineno, max(last, node.lineno + 1))


def _is_silent(node: ast.AST) -> bool:
    match node:
        case (
            ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom() | ast.Assert() | ast.JoinedStr()
        ):
            return True
        case ast.keyword(arg=name):
            return name == ASSERTS
        case ast.Assign(targets=[ast.Name(id=name)]):
            return node.col_offset == 0 and (name == "__all__" or _TYPE_NAME.match(name) is not None)
        case ast.ClassDef(bases=bases):
            return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in bases)
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case _:
            return False
