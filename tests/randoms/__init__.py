"""Random cases: each module of this folder has ``STRATEGIES``, from a TFLite operator's name to its cases."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping

from hypothesis.strategies import SearchStrategy
from support.case import Case

Strategy = SearchStrategy[Case]


@functools.cache
def by_family() -> Mapping[str, Mapping[str, Strategy]]:
    """By module, which is a family of operators."""
    modules = {m.name: importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)}
    return {name: m.STRATEGIES for name, m in sorted(modules.items()) if hasattr(m, "STRATEGIES")}


@functools.cache
def all_strategies() -> Mapping[str, Strategy]:
    """By the operator's builtin name. Raises ValueError when two modules have one for the same operator."""
    strategies: dict[str, Strategy] = {}
    for family, found in by_family().items():
        twice = strategies.keys() & found.keys()
        if twice:
            raise ValueError(f"{family} has strategies that another module has, too: {', '.join(sorted(twice))}")
        strategies |= found
    return strategies
