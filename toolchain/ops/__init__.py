"""The registry of operators: every module of this folder that publishes ``OPS``."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping

from toolchain.ops.base import Op
from toolchain.ops.items import item_by_item


@functools.cache
def registry() -> Mapping[str, Op]:
    """All operators by their name."""
    ops: dict[str, Op] = {}
    for module in pkgutil.iter_modules(__path__):
        for op in getattr(importlib.import_module(f"{__name__}.{module.name}"), "OPS", ()):
            if op.name in ops:
                raise ValueError(f"two modules define the operator {op.name}")
            ops[op.name] = item_by_item(op) if op.by_items else op
    return ops


@functools.cache
def by_tflite_name() -> Mapping[str, Op]:
    """All operators by the TFLite builtin names they are read from."""
    return {name: op for op in registry().values() for name in op.tflite}


@functools.cache
def by_type() -> Mapping[tuple[str, str], Op]:
    """Operators for other types than int8, by the operator that they are for a type, and that type."""
    return {op.typed: op for op in registry().values() if op.typed is not None}
