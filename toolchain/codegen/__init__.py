"""Turns a plan into C sources: structure goes in here, the C syntax is in ``firmware_templates/model``.

The result is the same byte for byte for the same model, target and version: no dates, no absolute paths.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolchain import resources
from toolchain.codegen.lowering import model_view
from toolchain.codegen.names import c_identifier
from toolchain.codegen.text import environment
from toolchain.codegen.views import ModelId
from toolchain.plan import Plan
from toolchain.target import Target

__all__ = ["ModelId", "SourceTree", "c_identifier", "generate"]


@dataclass(frozen=True, eq=False)
class SourceTree:
    """Files by name. ``layer_symbols`` has the C names of each layer's own constants, in order."""

    c_name: str
    files: Mapping[str, str]
    layer_symbols: tuple[tuple[str, ...], ...]

    @property
    def c_files(self) -> list[str]:
        return sorted(f for f in self.files if f.endswith((".c", ".S")))


def generate(plan: Plan, ident: ModelId, target: Target) -> SourceTree:
    """The model's C files and the runtime files they use, nothing else."""
    view = model_view(plan, ident, target)
    files = {
        f"{ident.c_name}.h": _render("model.h.j2", m=view),
        f"{ident.c_name}.c": _render("model.c.j2", m=view),
        f"{ident.c_name}_weights.h": _render("weights.h.j2", m=view),
    }
    files |= _runtime_files(plan, view.headers)
    sources = sorted(f for f in files if f.endswith((".c", ".S")))
    files["CMakeLists.txt"] = _render("CMakeLists.txt.j2", m=view, sources=sources)
    return SourceTree(ident.c_name, files, tuple(layer.symbols for layer in view.layers))


def _runtime_files(plan: Plan, headers: Sequence[str]) -> dict[str, str]:
    """The kernels' C files and every runtime header they reach."""
    folder = resources.templates() / "runtime"
    plans = _all_plans(plan)
    sources = {s for p in plans for step in p.steps if step.variant for s in step.variant.sources}
    sources |= {"nn_rows.c"} if any(p.stages for p in plans) else set()
    todo = [*sources, *headers, "nn_port.h"]
    files: dict[str, str] = {}
    while todo:
        name = todo.pop()
        if name not in files:
            files[name] = (folder / name).read_text(encoding="utf-8")
            todo += re.findall(r'#include "(nn_\w+\.h)"', files[name])
    return dict(sorted(files.items()))  # objects are linked in this order


def _all_plans(plan: Plan) -> list[Plan]:
    """The plan and those of its bodies."""
    inner = [b.plan for step in plan.steps for call in step.calls for b in call.bodies if b.plan]
    return [plan, *(p for body in inner for p in _all_plans(body))]


def _render(template: str, **context: Any) -> str:
    return environment(resources.templates() / "model").get_template(template).render(**context)
