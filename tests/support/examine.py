"""A case from its file to its outputs in every way: the oracle, the numpy reference, each kernel as C."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from support.case import Array, Case, input_sets
from support.firmware import strict_target, twin_target
from support.flatbuffer import case_model
from support.kernels import Overlaps, run_steps
from support.suite import near, read_case, run_oracle, same
from toolchain.errors import ModelError
from toolchain.graph import Graph, Node
from toolchain.ops.base import KernelVariant
from toolchain.options import variants_for
from toolchain.plan import Step, aligned
from toolchain.reference import run

TARGETS = (twin_target(), strict_target("host"))  # what cores with and without the features of others use


@dataclass(frozen=True)
class Compared:
    """How many output codes were compared, and by how many ways to run C."""

    codes: int
    kernels: int


def variants_of(graph: Graph, node: Node) -> list[KernelVariant]:
    """Every kernel that some core would use for the node; none for a view."""
    found = {v.name: v for target in TARGETS for v in variants_for(node, target) if v.supports(graph, node)}
    return list(found.values())


def ways(graph: Graph) -> Iterator[tuple[str, tuple[Step, ...], Overlaps]]:
    """(name, steps, what lies over what) of each way to run the graph: by each variant of its nodes, in turn.

    Every variant runs with its tensors apart, then with its output over its input as far as it allows.
    """
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
    return not graph.is_constant(name) and node.inputs.count(name) == 1 and name not in graph.outputs


def _differing(wanted: Array, got: Array) -> str:
    if wanted.shape[1:] != got.shape[1:] or wanted.dtype != got.dtype:
        return f"{got.dtype} {got.shape[1:]} instead of {wanted.dtype} {wanted.shape[1:]}"
    got = got[: len(wanted)]
    bits = [x.view(np.int32) if x.dtype == np.float32 else x for x in (np.ascontiguousarray(wanted), got)]
    places = np.argwhere(bits[0] != bits[1])
    sample, *at = places[0].tolist()
    where = tuple(places[0])
    return (
        f"{len(places)} of {wanted.size} codes differ, the first at {at} of sample {sample}: "
        f"{got[where]} instead of {wanted[where]}"
    )


class Refused(Exception):
    """mcuforge does not take the case, and says why."""


def examine(case: Case) -> Compared:
    """Compares all outputs. Raises Refused, and AssertionError for any difference."""
    content = case_model(case)
    try:
        graph = read_case(content, case.id)
    except ModelError as e:
        raise Refused(e.problem) from e
    inputs = input_sets(graph, case.id, case.values, case.positions)
    expected = run(graph, inputs)
    if case.oracle_sets != 0:
        for a, b in zip(expected, run_oracle(case, content, inputs, len(expected)), strict=True):
            assert near(a[: case.oracle_sets], b, case.ulps, case.error), (
                f"the reference is not the oracle's: {_differing(a, b)}"
            )
    codes = sum(x.size for x in expected)
    kernels = 0
    for name, steps, overlaps in ways(graph):
        got = run_steps(graph, steps, inputs, overlaps)
        for a, b in zip(expected, got, strict=True):
            assert same(a, b), f"C ({name}) is not the reference's: {_differing(a, b)}"
        kernels += 1
    return Compared(codes * (1 + kernels), kernels)
