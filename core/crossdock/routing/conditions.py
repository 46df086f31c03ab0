"""Conditions of a policy: CEL over the order and, in fences, over one node.

``order.channel`` and ``node.tags`` are the only way to name a fact. Before compiling, each is turned into a plain
variable, so that only the facts a condition names are bound: that is what makes a condition cost microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from difflib import get_close_matches

import cel

from crossdock.errors import MisconfiguredError
from crossdock.routing.cel_syntax import parse
from crossdock.routing.cel_types import ConditionTypeError, type_of
from crossdock.routing.facts import LINE_FACTS, NODE_FACTS, ORDER_FACTS
from crossdock.routing.model import Demand, Node

__all__ = ["NODE_VARIABLES", "ORDER_VARIABLES", "Condition", "compile_condition"]

Value = object

ORDER_VARIABLES: dict[str, Callable[[Demand], Value]] = {
    "channel": lambda demand: demand.channel,
    "channel_kind": lambda demand: demand.channel_kind,
    "country": lambda demand: demand.destination.address.country,
    "currency": lambda demand: demand.currency,
    "line_count": lambda demand: len(demand.lines),
    "lines": lambda demand: [
        {
            "sku": line.sku,
            "quantity": line.quantity,
            "value": float(line.unit_value * line.quantity),
            "weight_kg": line.unit_weight_grams * line.quantity / 1000,
            "restrictions": line.restrictions,
            "group": line.group,
        }
        for line in demand.lines
    ],
    "pick_up": lambda demand: demand.pick_up,
    "postal_code": lambda demand: demand.destination.address.postal_code,
    "priority": lambda demand: demand.priority,
    "region": lambda demand: demand.destination.address.region,
    "restrictions": lambda demand: tuple(sorted({r for line in demand.lines for r in line.restrictions})),
    "service_level": lambda demand: demand.service_level,
    "tags": lambda demand: demand.tags,
    "units": lambda demand: sum(line.quantity for line in demand.lines),
    "value": lambda demand: float(sum(line.unit_value * line.quantity for line in demand.lines)),
    "weight_kg": lambda demand: sum(line.unit_weight_grams * line.quantity for line in demand.lines) / 1000,
}
"""Facts of the order that a condition may name after ``order.``."""

NODE_VARIABLES: dict[str, Callable[[Node], Value]] = {
    "country": lambda node: node.address.country,
    "handles": lambda node: node.handles,
    "id": lambda node: node.id,
    "kind": lambda node: node.kind.value,
    "name": lambda node: node.name,
    "postal_code": lambda node: node.address.postal_code,
    "priority": lambda node: node.priority,
    "region": lambda node: node.address.region,
    "services": lambda node: node.services,
    "tags": lambda node: node.tags,
}
"""Facts of a node that a fence may name after ``node.``."""

_OF_TYPE: dict[str, Value] = {
    "string": "text",
    "int": 1,
    "double": 1.5,
    "bool": False,
    "list(string)": ["text"],
}
_OF_TYPE["list(line)"] = [{name: _OF_TYPE[fact.type] for name, fact in LINE_FACTS.items()}]
_SAMPLE: dict[str, Value] = {
    **{f"order_{name}": _OF_TYPE[fact.type] for name, fact in ORDER_FACTS.items()},
    **{f"node_{name}": _OF_TYPE[fact.type] for name, fact in NODE_FACTS.items()},
    "order_postal_code": "10001",
    "node_postal_code": "10001",
}
"""A value of each fact: what can't be evaluated is refused when the policy is read, not when an order comes."""

_TOKEN = re.compile(
    r"""(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
    r"""|(?<![\w.])order\.lines\.size\(\s*\)"""
    r"""|(?<![\w.])(?P<root>order|node)\b(?:\s*\.\s*(?P<field>[A-Za-z_]\w*))?"""
)
_BOUND_BY_MACRO = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*([A-Za-z_]\w*)\s*,")


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition.

    Attributes:
        source: As written.
        order_variables: Facts of the order it names, sorted.
        node_variables: Facts of a node it names, sorted.
    """

    source: str
    path: str
    program: cel.Program
    order_variables: tuple[str, ...]
    node_variables: tuple[str, ...]

    def holds(self, demand: Demand, node: Node | None = None) -> bool:
        """Whether it is true.

        Raises:
            MisconfiguredError: the evaluation fails, which the check at load could not foresee.
        """
        facts: dict[str, Value] = {
            f"order_{name}": ORDER_VARIABLES[name](demand) for name in self.order_variables
        }
        if node is not None:
            for name in self.node_variables:
                facts[f"node_{name}"] = NODE_VARIABLES[name](node)
        try:
            return self.program.execute(facts) is True
        except (ValueError, TypeError, LookupError, RuntimeError, ArithmeticError) as error:
            raise MisconfiguredError(
                f"condition {self.source!r} fails for order {demand.order_id}: {error}", path=self.path
            ) from error

    def key(self, demand: Demand) -> Hashable:
        """The facts of the order it names; equal keys mean equal answers."""
        return tuple(
            [
                demand.lines if name == "lines" else ORDER_VARIABLES[name](demand)
                for name in self.order_variables
            ]
        )


def compile_condition(source: str, path: str, *, about_node: bool) -> Condition:
    """Compile and check ``source``.

    Args:
        path: Where it stands in the policy, for the error.
        about_node: Whether ``node.`` may be named.

    Raises:
        MisconfiguredError: not CEL, an unknown variable, or not a yes-or-no question.
    """
    order_variables: set[str] = set()
    node_variables: set[str] = set()

    def flatten(match: re.Match[str]) -> str:
        if match["string"]:
            return match[0]
        if match["root"] is None:
            order_variables.add("line_count")
            return "order_line_count"
        root, name = match["root"], match["field"]
        if root == "node" and not about_node:
            raise MisconfiguredError(f"{source!r}: a node is known only in fences and preferences", path=path)
        known = ORDER_VARIABLES if root == "order" else NODE_VARIABLES
        if name is None or name not in known:
            written = root if name is None else f"{root}.{name}"
            raise MisconfiguredError(
                f"{source!r}: {_unknown(written, root, name or '', list(known))}", path=path
            )
        (order_variables if root == "order" else node_variables).add(name)
        return f"{root}_{name}"

    flat = _TOKEN.sub(flatten, source)
    try:
        program = cel.compile(flat)
    except ValueError as error:
        raise MisconfiguredError(f"{source!r} is not CEL: {_reason(error)}", path=path) from error
    strange = set(program.variables()) - set(_SAMPLE) - set(_BOUND_BY_MACRO.findall(flat))
    if strange:
        name = min(strange)
        raise MisconfiguredError(
            f"{source!r}: unknown variable {name!r}; facts are named order.… or node.…", path=path
        )
    _check_types(source, path)
    condition = Condition(
        source, path, program, tuple(sorted(order_variables)), tuple(sorted(node_variables))
    )
    _try_out(condition, flat)
    return condition


def _check_types(source: str, path: str) -> None:
    tree = parse(source)
    if tree is None:
        return
    try:
        kind = type_of(tree)
    except ConditionTypeError as error:
        raise MisconfiguredError(f"{source!r} can't work: {error}", path=path) from error
    if kind not in ("bool", "dyn"):
        raise MisconfiguredError(
            f"{source!r} gives {'an' if kind == 'int' else 'a'} {kind}: write a condition that is true or false",
            path=path,
        )


def _try_out(condition: Condition, flat: str) -> None:
    used = {name: value for name, value in _SAMPLE.items() if name in flat}
    try:
        answer = condition.program.execute(used)
    except (ValueError, TypeError, LookupError, RuntimeError, ArithmeticError) as error:
        raise MisconfiguredError(
            f"{condition.source!r} can't be evaluated: {error}", path=condition.path
        ) from error
    if not isinstance(answer, bool):
        raise MisconfiguredError(
            f"{condition.source!r} gives {answer!r}: write a condition that is true or false",
            path=condition.path,
        )


def _unknown(written: str, root: str, name: str, known: list[str]) -> str:
    close = get_close_matches(name, known)
    hint = (
        f"; did you mean {root}.{close[0]}?"
        if close
        else f"; known: {', '.join(f'{root}.{k}' for k in known)}"
    )
    return f"unknown variable {written!r}{hint}"


def _reason(error: Exception) -> str:
    text = str(error)
    found = re.search(r"ERROR: <input>:\d+:(\d+): (.*)", text)
    return f"column {found[1]}: {found[2]}" if found else text.splitlines()[0]
