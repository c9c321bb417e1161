"""The runtime as one library: what random cases rely on can fail."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import support.case
from cases import all_cases, relu
from support import structs
from support.case import Case, Operator
from support.examine import ways
from support.flatbuffer import case_model
from support.kernels import KernelError, job_of, library_sources, run_steps, server
from support.make import act
from support.paste import as_code
from support.suite import case_graph, case_inputs, reference_outputs

from toolchain import resources


def test_all_kernels_for_any_core_are_in_it() -> None:
    """But those of other compilers' assembly, which have twins."""
    runtime = {f.name for f in (resources.templates() / "runtime").glob("nn_*.c")}
    assert runtime - set(library_sources()) <= {"nn_rows.c"}


def test_an_access_beyond_a_tensor_is_caught_and_the_next_case_runs() -> None:
    graph, inputs = case_graph(relu.CASES[0]), case_inputs(relu.CASES[0])
    _, steps, overlaps = next(ways(graph))
    job = job_of(graph, steps, inputs, overlaps)
    shorter = dataclasses.replace(job, sizes=(job.sizes[0] - 1, *job.sizes[1:]))
    shorter = dataclasses.replace(shorter, samples=tuple((x[:-1],) for (x,) in job.samples))
    place = dataclasses.replace(job.inputs[0], size=job.inputs[0].size - 1)
    with pytest.raises(KernelError, match="AddressSanitizer: heap-buffer-overflow"):
        server().run(dataclasses.replace(shorter, inputs=(place,)))
    assert np.array_equal(run_steps(graph, steps, inputs)[0], reference_outputs(relu.CASES[0])[0])


def test_undefined_arithmetic_is_caught() -> None:
    graph, inputs = case_graph(relu.CASES[1]), case_inputs(relu.CASES[1])
    _, steps, overlaps = next(ways(graph))
    job = job_of(graph, steps, inputs, overlaps)
    at, _ = structs.member(structs.layouts()[steps[0].calls[0].params_type], "in_zero_point")
    params = bytearray(job.calls[0].params)
    params[at : at + 4] = (2**31 - 1).to_bytes(4, "little")
    call = dataclasses.replace(job.calls[0], params=bytes(params))
    with pytest.raises(KernelError, match="signed integer overflow"):
        server().run(dataclasses.replace(job, calls=(call,)))


def test_arrays_are_not_longer_than_their_members() -> None:
    at, ctype = structs.member(structs.layouts()["nn_move_params"], "turns")
    with pytest.raises(AssertionError, match="more elements"):
        structs.put(bytearray(100), at, ctype, [1] * 7)


@pytest.mark.parametrize("module", all_cases())
def test_a_printed_case_is_the_case(module: str) -> None:
    for case in all_cases()[module][:10]:
        *names, last = as_code(case).splitlines()
        scope: dict[str, Any] = vars(support.case).copy()
        exec("\n".join(names), scope)
        again = eval(last, scope)
        assert case_model(again) == case_model(case)


def test_a_printed_case_knows_tensors_that_are_one() -> None:
    x = act((1, 2))
    text = as_code(Case("twice", Operator("ADD", (x, x), (act((1, 2), (0.1, 4)),))))
    assert text.startswith("T0 = TensorSpec(shape=(1, 2), scale=(0.05,), zero_point=(-3,))\n")
    assert "inputs=(T0, T0)" in text
