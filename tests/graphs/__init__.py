"""Small graphs that exact reductions change, or must not: operators as data, and what is left of them."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from dataclasses import dataclass

from support.case import Case, Operator, TensorSpec


@dataclass(frozen=True, eq=False)
class Reducible:
    """``left`` names the operators after all reductions, in order."""

    id: str
    operators: tuple[Operator, ...]
    left: tuple[str, ...]


def chain(name: str, left: str, *links: Case | Operator) -> Reducible:
    """Operators one after the other: each reads what the one before it wrote. ``left`` is separated by spaces."""
    operators: list[Operator] = []
    for link in links:
        operator = link.operator if isinstance(link, Case) else link
        operators.append(reading(operator, operators[-1].outputs[0]) if operators else operator)
    return Reducible(name, tuple(operators), tuple(left.split()))


def reading(operator: Operator, x: TensorSpec) -> Operator:
    """The operator with another first input; it must be one like its own."""
    old = operator.inputs[0]
    assert old is not None
    assert (old.shape, old.scale, old.zero_point) == (x.shape, x.scale, x.zero_point), (old, x)
    return dataclasses.replace(operator, inputs=(x, *operator.inputs[1:]))


def all_graphs() -> dict[str, tuple[Reducible, ...]]:
    """The graphs of each module of this folder."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}").GRAPHS for name in names}
