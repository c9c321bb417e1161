"""Cases of every operator that computes, one file for each module of ``toolchain/ops``. Data only."""

from __future__ import annotations

import importlib
import pkgutil

from support.case import Case


def all_cases() -> dict[str, tuple[Case, ...]]:
    """The cases of each module, by its name."""
    return {
        module.name: importlib.import_module(f"{__name__}.{module.name}").CASES
        for module in pkgutil.iter_modules(__path__)
    }
