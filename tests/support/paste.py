"""Cases as Python text that makes them again."""

from __future__ import annotations

import math
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from support.case import Case


def as_code(case: Case) -> str:
    """Expressions for ``tests/cases``; a tensor that is used twice stands in front, with a name."""
    operators = [*case.before, case.operator, *(o for graph in case.subgraphs for o in graph.operators)]
    ports = [t for graph in case.subgraphs for t in (*graph.inputs, *graph.outputs)]
    tensors = [*ports, *(t for o in operators for t in (*o.inputs, *o.outputs) if t is not None)]
    twice = [t for t in dict.fromkeys(tensors) if tensors.count(t) > 1]
    shared = {id(t): f"T{i}" for i, t in enumerate(twice)}
    lines = [f"{shared[id(t)]} = {_text(t, {})}" for t in twice]
    return "\n".join([*lines, _text(case, shared)])


def _text(value: Any, names: dict[int, str]) -> str:
    if id(value) in names:
        return names[id(value)]
    if is_dataclass(value):
        given = [(f.name, getattr(value, f.name)) for f in fields(value) if not _is_default(f, getattr(value, f.name))]
        return f"{type(value).__name__}({', '.join(f'{name}={_text(v, names)}' for name, v in given)})"
    if isinstance(value, tuple):
        inside = ", ".join(_text(v, names) for v in value)
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return repr(value)


def _is_default(field: Any, value: Any) -> bool:
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    return bool(default is not MISSING and default == value)
