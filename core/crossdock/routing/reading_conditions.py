"""Conditions as formulas: what a condition asks of an order, at a given node."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from crossdock.errors import MisconfiguredError
from crossdock.routing.cel_syntax import Call, Expression, ListOf, Literal, Name, Select, parse, unparse
from crossdock.routing.conditions import NODE_VARIABLES, Condition, compile_condition
from crossdock.routing.facts import ORDER_FACTS
from crossdock.routing.formulas import (
    Compared,
    Constant,
    Formula,
    Not,
    OneOf,
    Question,
    either,
    everything,
)
from crossdock.routing.model import Address, Demand, Destination, Node, Position

__all__ = ["formula_of"]

_FLIPPED = {"<": ">", "<=": ">=", "==": "==", ">=": "<=", ">": "<"}
_NOBODY = Demand("", "", "", "", (), Destination(Address(""), Position(0.0, 0.0)))


def formula_of(condition: Condition, kinds: Mapping[str, str], node: Node | None = None) -> Formula:
    """What ``condition`` asks of an order.

    Args:
        kinds: Kind of every channel there is; empty if they are not known.
        node: Of which the condition is asked, if it is about one.
    """
    tree = parse(condition.source)
    if tree is None:
        return Question(condition.source if node is None else f"{condition.source} of {node.id}")
    return _Reader(kinds).formula(tree if node is None else _at(tree, node))


def _at(tree: Expression, node: Node) -> Expression:
    """``tree`` with the facts of ``node`` in it."""
    match tree:
        case Select(target=Name(name="node"), field=field, at=at):
            return _constant(NODE_VARIABLES[field](node), at)
        case Select(target=target, field=field, at=at):
            return Select(_at(target, node), field, at)
        case ListOf(items=items, at=at):
            return ListOf(tuple(_at(item, node) for item in items), at)
        case Call(name=name, arguments=arguments, at=at):
            return Call(name, tuple(_at(each, node) for each in arguments), at)
        case _:
            return tree


def _constant(value: object, at: int) -> Expression:
    if isinstance(value, tuple):
        return ListOf(tuple(_constant(item, at) for item in value), at)
    assert isinstance(value, str | int)
    return Literal(value, at)


class _Reader:
    def __init__(self, kinds: Mapping[str, str]) -> None:
        self._kinds = kinds

    def formula(self, tree: Expression) -> Formula:
        """The formula of a condition or of a part of one that is true or not."""
        if isinstance(tree, Call):
            found = self._of_logic(tree) or self._of_fact(tree)
            if found is not None:
                return found
        if not _names_order(tree):
            truth = _constant_truth(unparse(tree))
            if truth is not None:
                return Constant(truth)
        return Question(unparse(tree))

    def _of_logic(self, call: Call) -> Formula | None:
        parts = call.arguments
        match call.name:
            case "!":
                return _contrary(self.formula(parts[0]))
            case "&&":
                return everything(map(self.formula, parts))
            case "||":
                return either(map(self.formula, parts))
            case "?:":
                asked, yes, no = map(self.formula, parts)
                return either((everything((asked, yes)), everything((_contrary(asked), no))))
            case _:
                return None

    def _of_fact(self, call: Call) -> Formula | None:
        """``order.fact == constant`` and the like."""
        if call.name == "!=":
            found = self._of_fact(Call("==", call.arguments, call.at))
            return None if found is None else _contrary(found)
        if call.name in _FLIPPED:
            left, right = call.arguments
            if _is_literal(left):
                left, right = right, left
                return self._of_comparison(_FLIPPED[call.name], left, right)
            return self._of_comparison(call.name, left, right)
        if call.name == "in":
            return self._of_membership(*call.arguments)
        return _of_existence(call)

    def _of_comparison(self, sign: str, left: Expression, right: Expression) -> Formula | None:
        fact = _fact(left)
        if fact is None or not isinstance(right, Literal):
            return None
        value = right.value
        if isinstance(value, str):
            return self._one_of(fact, frozenset({value})) if sign == "==" else None
        if isinstance(value, bool) or value is None:
            return None
        return Compared(fact, sign, float(value))  # type: ignore[arg-type]

    def _of_membership(self, left: Expression, right: Expression) -> Formula | None:
        fact = _fact(left)
        if fact is not None and isinstance(right, ListOf) and all(map(_is_literal, right.items)):
            values = [item.value for item in right.items if isinstance(item, Literal)]
            if all(isinstance(value, str) for value in values):
                return self._one_of(fact, frozenset(map(str, values)))
            return either(filter(None, (self._of_comparison("==", left, item) for item in right.items)))
        listed = _fact(right)
        if listed is not None and isinstance(left, Literal):
            return Question(f"{unparse(left)} in order.{listed}")
        return None

    def _one_of(self, fact: str, texts: frozenset[str]) -> Formula:
        if fact == "channel_kind" and self._kinds:
            return OneOf("channel", frozenset(name for name, kind in self._kinds.items() if kind in texts))
        return OneOf(fact, texts)


def _contrary(formula: Formula) -> Formula:
    return Constant(not formula.truth) if isinstance(formula, Constant) else Not(formula)


def _of_existence(call: Call) -> Formula | None:
    """``order.tags.exists(tag, tag == "gift")`` is ``"gift" in order.tags``."""
    match call:
        case Call(
            name=".exists",
            arguments=(
                Select() as target,
                Name(name=variable),
                Call(name="==", arguments=(Name(name=named), Literal() as wanted)),
            ),
        ) if variable == named and (listed := _fact(target)) is not None:
            return Question(f"{unparse(wanted)} in order.{listed}")
        case _:
            return None


def _fact(tree: Expression) -> str | None:
    """The fact of the order that ``tree`` names; the number of lines has two names."""
    match tree:
        case Select(target=Name(name="order"), field=field) if field in ORDER_FACTS:
            return field
        case Call(name="size" | ".size", arguments=(Select(target=Name(name="order"), field="lines"),)):
            return "line_count"
        case _:
            return None


def _is_literal(tree: Expression) -> bool:
    return isinstance(tree, Literal)


def _names_order(tree: Expression) -> bool:
    match tree:
        case Name(name=name):
            return name == "order"
        case Select(target=target):
            return _names_order(target)
        case ListOf(items=parts) | Call(arguments=parts):
            return any(map(_names_order, parts))
        case Literal():
            return False


@lru_cache(maxsize=4096)
def _constant_truth(source: str) -> bool | None:
    """The truth of a condition that names neither order nor node; None if it can't be told."""
    try:
        return compile_condition(source, "", about_node=False).holds(_NOBODY)
    except MisconfiguredError:
        return None
