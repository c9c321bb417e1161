"""A case from its file to its outputs in every way: the oracle, the numpy reference, each kernel as C."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from support.case import Array, Case, input_sets
from support.firmware import build_firmware, checked_plan, run_on_host, strict_target, twin_target
from support.flatbuffer import case_model
from support.kernels import KernelError, Overlaps, run_steps
from support.suite import near, read_case, run_oracle
from toolchain.bodies import bodies_of
from toolchain.errors import ModelError
from toolchain.graph import Graph, Node
from toolchain.ops.base import KernelVariant
from toolchain.options import variants_for
from toolchain.plan import Step, aligned
from toolchain.reference import run

ORACLE = "oracle"
TARGETS = (twin_target(), strict_target("host"))  # what cores with and without the features of others use


@dataclass(frozen=True)
class Comparison:
    """What one way to run a case gave: so many codes, of which so many are not what they should be, and where.

    ``way`` is ORACLE, which the numpy reference is compared with, or the kernels that the reference is compared with.
    """

    way: str
    codes: int
    differing: int = 0
    detail: str = ""


class Refused(Exception):
    """mcuforge does not take the case, and says why."""


def variants_of(graph: Graph, node: Node) -> list[KernelVariant]:
    """Every kernel that some core would use for the node; none for a view."""
    found = {v.name: v for target in TARGETS for v in variants_for(node, target) if v.supports(graph, node)}
    return list(found.values())


def ways(graph: Graph) -> Iterator[tuple[str, tuple[Step, ...], Overlaps]]:
    """(name, steps, what lies over what) of each way to run the graph: by each variant of its nodes, in turn.

    Every variant runs with its tensors apart, then with its output over its input as far as it allows. There is no way
    for what lasts between inferences and for bodies, whose C is that of a whole model.
    """
    if _needs_a_model(graph):
        return
    variants = [variants_of(graph, node) for node in graph.nodes]
    for turn in range(max(map(len, variants), default=0) or 1):
        chosen = [each[min(turn, len(each) - 1)] if each else None for each in variants]
        steps = tuple(
            Step(node, v, v.lower(graph, node) if v else (), 0) for node, v in zip(graph.nodes, chosen, strict=True)
        )
        name = " + ".join(f"{s.node.op} {s.variant.name}" for s in steps if s.variant)
        yield name, steps, {}
        if len(steps) == 1 and chosen[0] is not None:
            for overlaps in _overlaps(graph, steps[0].node, chosen[0]):
                yield f"{name}, {overlaps}", steps, overlaps


def _needs_a_model(graph: Graph) -> bool:
    return bool(graph.states) or any(bodies_of(node) for node in graph.nodes)


def _overlaps(graph: Graph, node: Node, variant: KernelVariant) -> Iterator[Overlaps]:
    """What the memory planner may do with the node alone."""
    out = node.outputs[0]
    for i in variant.in_place(graph, node):
        if _dies(graph, node, node.inputs[i]):
            yield {out: (node.inputs[i], 0)}
    overlap = variant.overlap(graph, node)
    if overlap is None or not _dies(graph, node, node.inputs[0]):
        return
    if overlap.lead == aligned(overlap.lead) or not overlap.exact:
        yield {out: (node.inputs[0], aligned(overlap.lead))}


def _dies(graph: Graph, node: Node, name: str) -> bool:
    lasts = graph.is_constant(name) or name in graph.states or name in graph.outputs
    return not lasts and node.inputs.count(name) == 1


def comparisons(case: Case, models: bool = False) -> Iterator[Comparison]:
    """All that can be compared of a case; with ``models`` also what needs the C of a whole model, in seconds.

    Raises Refused.
    """
    content = case_model(case)
    try:
        graph = read_case(content, case.id)
    except ModelError as e:
        raise Refused(e.problem) from e
    inputs = input_sets(graph, case.id, case.values, case.positions)
    expected = run(graph, inputs)
    if case.oracle_sets != 0:
        oracle = run_oracle(case, content, inputs, len(expected))
        yield compared(ORACLE, oracle, [a[: case.oracle_sets] for a in expected], case.ulps, case.error)
    yield from on_kernels(graph, inputs, expected)
    if models and _needs_a_model(graph):
        yield compared("the model", expected, _model_outputs(graph, inputs))


def _model_outputs(graph: Graph, inputs: Sequence[Array]) -> list[Array]:
    """Of the model's C, under sanitizers; one inference after the other."""
    with tempfile.TemporaryDirectory(prefix="mcuforge-") as folder:
        firmware = build_firmware(checked_plan(graph, TARGETS[0]), TARGETS[0], Path(folder), sanitize=True)
        return run_on_host(firmware, graph, TARGETS[0], inputs)


def on_kernels(graph: Graph, inputs: Sequence[Array], expected: Sequence[Array]) -> Iterator[Comparison]:
    """The graph as C in all ways, under sanitizers."""
    for name, steps, overlaps in ways(graph):
        try:
            yield compared(name, expected, run_steps(graph, steps, inputs, overlaps))
        except KernelError as e:
            codes = sum(x.size for x in expected)
            yield Comparison(name, codes, codes, str(e))


def compared(way: str, wanted: Sequence[Array], got: Sequence[Array], ulps: int = 0, error: float = 0.0) -> Comparison:
    """Outputs against what they should be, code by code."""
    differing, details = 0, []
    for a, b in zip(wanted, got, strict=True):
        if not near(b, a, ulps, error):
            count, detail = _differing(a, b)
            differing += count
            details.append(detail)
    return Comparison(way, sum(x.size for x in wanted), differing, "; ".join(details))


def _differing(wanted: Array, got: Array) -> tuple[int, str]:
    if wanted.shape != got.shape or wanted.dtype != got.dtype:
        return wanted.size, f"{got.dtype} {got.shape} instead of {wanted.dtype} {wanted.shape}"
    bits = [np.ascontiguousarray(x) for x in (wanted, got)]
    bits = [x.view(np.int32) if x.dtype == np.float32 else x for x in bits]
    places = np.argwhere(bits[0] != bits[1])
    sample, *at = places[0].tolist()
    here = tuple(places[0])
    text = f"{len(places)} of {wanted.size} codes differ, the first at {at} of sample {sample}: "
    return len(places), f"{text}{got[here]} instead of {wanted[here]}"


def examine(case: Case, models: bool = False) -> int:
    """How many codes were compared. Raises Refused, and AssertionError for the first way with any difference."""
    codes = 0
    for c in comparisons(case, models):
        whose = "the reference is not the oracle's" if c.way == ORACLE else f"C is not the reference's ({c.way})"
        assert not c.differing, f"{whose}: {c.detail}"
        codes += c.codes
    return codes
