"""Control flow and variables in whole models: what is folded, what is refused, and that the rest equals TFLM."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import control
from job_kit import URL
from support.case import Array, Exact, Operator, Subgraph, TensorSpec
from support.firmware import build_firmware, checked_plan, run_on_board, run_on_host, strict_target
from support.flatbuffer import edited, write_model
from support.oracle import run_tflm
from support.suite import case_content, case_graph, case_inputs

from toolchain.bodies import bodies_of
from toolchain.errors import ModelError
from toolchain.front import checked_graph
from toolchain.graph import Graph
from toolchain.importers.tensorflow import captured
from toolchain.importers.tflite import parse_tflite
from toolchain.inspection import total_macs, total_parameters
from toolchain.job import Job
from toolchain.ops import control as control_ops
from toolchain.passes import reduce
from toolchain.pipeline import deploy, emulate
from toolchain.quantize.check import check_quantized
from toolchain.quantize.recipe import recipe_for
from toolchain.reference import run
from toolchain.replay import check_plan
from toolchain.target import load_target
from toolchain.verify import VerificationError

HOST = load_target("host")
CASES = {case.id: case for case in control.CASES}


def _graph(content: bytes) -> Graph:
    return checked_graph(parse_tflite(content, "model", "model.tflite"), "model.tflite")


def _bool(value: float | None = None) -> TensorSpec:
    return TensorSpec((1,), "bool", data=None if value is None else Exact((value,)))


def _int32(*values: float) -> TensorSpec:
    return TensorSpec((1,), "int32", data=Exact(values) if values else None)


def _equals_tflm(content: bytes, inputs: list[Array]) -> Graph:
    graph = _graph(content)
    for expected, got in zip(run_tflm(content, inputs, len(graph.outputs)), run(graph, inputs), strict=True):
        assert np.array_equal(expected, got)
    return graph


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_if_that_is_decided_becomes_its_body(value: float) -> None:
    (case,) = (c for c in control.CASES if c.id == "control_if")
    condition = _bool(value)
    operator = dataclasses.replace(case.operator, inputs=(condition, *case.operator.inputs[1:]))
    content = write_model([operator], "decided", case.subgraphs)
    graph = _equals_tflm(content, case_inputs(case)[1:])
    assert not any(bodies_of(node) for node in graph.nodes)
    assert [n.op for n in graph.nodes].count("maximum") == value
    x = case_inputs(case)[1:]
    for expected, got in zip(run(graph, x), run(reduce(graph), x), strict=True):
        assert np.array_equal(expected, got)


@pytest.mark.parametrize(("start", "trips"), [(5.0, 0), (4.0, 1)])
def test_a_loop_that_never_runs_hands_on_what_it_got(start: float, trips: int) -> None:
    (case,) = (c for c in control.CASES if c.id == "control_while")
    operator = dataclasses.replace(case.operator, inputs=(_int32(start), *case.operator.inputs[1:]))
    graph = _equals_tflm(write_model([operator], "never", case.subgraphs), case_inputs(case)[1:])
    assert sum(len(bodies_of(node)) for node in graph.nodes) == 2 * trips


def test_a_loop_carries_only_what_changes_and_is_wanted() -> None:
    """The second tensor stays as it is, and nobody reads the counter of the loop when it has ended."""
    case = CASES["control_nested"]
    graph = case_graph(case)
    (loop,) = graph.nodes
    assert (len(loop.inputs), len(loop.outputs)) == (3, 3)  # all are outputs of the model
    content = edited(case_content(case), lambda root: root.subgraphs[0].__setattr__("outputs", [4]))
    graph = _equals_tflm(content, case_inputs(case))
    (loop,) = graph.nodes
    assert (len(loop.inputs), len(loop.outputs)) == (3, 2)
    assert loop.inputs[-1] in graph.inputs


def test_what_runs_once_is_what_variables_hold_first() -> None:
    graph = case_graph(CASES["control_assign"])
    assert "call_once" not in [node.op for node in graph.nodes]
    (state,) = graph.states
    initial = graph.tensor(state).initial
    assert initial is not None
    assert len(np.unique(initial)) > 2


def test_what_runs_once_but_too_late_is_refused() -> None:
    def swap(root: Any) -> None:
        operators = root.subgraphs[0].operators
        operators.insert(2, operators.pop(0))  # behind the first READ_VARIABLE

    with pytest.raises(ModelError, match=r"call_once.*only where it can be computed at build time"):
        _graph(edited(case_content(CASES["control_assign"]), swap))


def _set(field: str, value: int) -> Callable[[Any], None]:
    return lambda root: setattr(root.subgraphs[0].operators[0].builtinOptions, field, value)


def _fewer_outputs(root: Any) -> None:
    root.subgraphs[1].outputs = root.subgraphs[1].outputs[1:]


@pytest.mark.parametrize(
    ("case", "edit", "reason"),
    [
        ("control_if", _set("thenSubgraphIndex", 3), "calls subgraph 3 of 3"),
        ("control_if", _set("elseSubgraphIndex", 0), "subgraph 0 calls itself"),
        ("control_while", _set("condSubgraphIndex", 2), "its condition must be one bool"),
        ("control_while", _set("bodySubgraphIndex", 1), "its subgraphs must be as many as its own"),
        ("control_if", _fewer_outputs, "its subgraphs must be as many as its own"),
    ],
)
def test_damaged_control_flow_is_refused(case: str, edit: Callable[[Any], None], reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        _graph(edited(case_content(CASES[case]), edit))


def test_refusals_inside_of_bodies_are_told() -> None:
    x, y, out, inner = (TensorSpec((1, 3), "float32") for _ in range(4))
    operator = Operator("IF", (_bool(), x), (out,), {"thenSubgraphIndex": 1, "elseSubgraphIndex": 1})
    body = Subgraph((y,), (Operator("UNIQUE", (y,), (inner,)),), (inner,))
    with pytest.raises(ModelError, match="UNIQUE"):
        _graph(write_model([operator], "m", [body]))


def test_a_loop_that_does_not_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_ops, "MOST_TRIPS", 3)
    case = CASES["control_while"]
    with pytest.raises(ModelError, match="has not ended after 3 trips"):
        run(case_graph(case), case_inputs(case))


def test_bodies_count_in_memory_and_in_costs() -> None:
    graph = case_graph(CASES["control_nested"])
    plan = checked_plan(graph, HOST)
    (step,) = plan.steps
    arenas = [body.plan.memory.arena_bytes for body in step.calls[0].bodies if body.plan]
    assert step.scratch_bytes == max(arenas) > 0
    assert plan.memory.arena_bytes >= step.scratch_bytes + sum(graph.tensor(n).nbytes for n in graph.outputs)
    assert step.cycles > sum(p.cycles for p in step.node.attrs.plans)
    assert total_macs(graph) == total_parameters(graph) == 0
    calls = (dataclasses.replace(step.calls[0], scratch_bytes=max(arenas) - 1),)
    with pytest.raises(VerificationError, match="smaller than the arena of its body"):
        check_plan(dataclasses.replace(plan, steps=(dataclasses.replace(step, calls=calls),)))


def _concrete(function: Callable[..., Any], *inputs: Any) -> bytes:
    import tensorflow as tf

    with captured():
        concrete = tf.function(function, input_signature=inputs).get_concrete_function()
        return bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete], tf.Module()).convert())


@functools.cache
def _loop() -> bytes:
    """x -> relu(x W + b) as often as n says, from 0 on."""
    import tensorflow as tf

    weights = np.random.default_rng(0).normal(0, 0.4, (6, 6)).astype(np.float32)

    def loop(x: Any, n: Any) -> Any:
        return tf.while_loop(
            lambda i, _: tf.reshape(i < n, ()),
            lambda i, v: (i + 1.0, tf.nn.relu(tf.matmul(v, weights) + x)),
            (tf.zeros((1, 1)), x),
        )[1]

    return _concrete(loop, tf.TensorSpec((1, 6), name="x"), tf.TensorSpec((1, 1), name="n"))


@functools.cache
def _condition() -> bytes:
    import tensorflow as tf

    weights = np.random.default_rng(1).normal(size=(6, 6)).astype(np.float32)

    def condition(x: Any) -> Any:
        return tf.cond(x[0, 0] > 0.0, lambda: tf.nn.relu(x * weights[0]) + 1.0, lambda: x * 2.0)

    return _concrete(condition, tf.TensorSpec((1, 6), name="x"))


@functools.cache
def _stream() -> bytes:
    """A convolution over the last four frames, one frame in each inference, quantized by the converter."""
    import keras
    import tensorflow as tf

    class Past(keras.layers.Layer):  # type: ignore[misc]
        def build(self, shape: Any) -> None:
            self.past = self.add_weight(shape=(1, 3, shape[-1]), initializer="zeros", trainable=False, name="past")

        def call(self, x: Any) -> Any:
            y = tf.concat([self.past, x], axis=1)
            self.past.assign(y[:, -3:, :])
            return y

    keras.utils.set_random_seed(0)
    frame = keras.Input((1, 8), batch_size=1, name="frame")
    y = keras.layers.Conv1D(6, 4, activation="relu")(Past()(frame))
    model = keras.Model(frame, keras.layers.Dense(3, name="scores")(keras.layers.Flatten()(y)))
    rng = np.random.default_rng(0)
    with captured():
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([rng.normal(size=(1, 1, 8)).astype("f")] for _ in range(20))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        return bytes(converter.convert())


def _samples(graph: Graph, count: int) -> list[Array]:
    """Counts from 0 to 4 where there is one number, else normal numbers or all codes."""
    rng = np.random.default_rng(2)
    arrays: list[Array] = []
    for tensor in map(graph.tensor, graph.inputs):
        if tensor.dtype == "int8":
            arrays.append(rng.integers(-128, 128, (count, *tensor.shape)).astype(np.int8))
        elif tensor.size == 1:
            arrays.append((np.arange(count) % 5).astype(np.float32).reshape(count, *tensor.shape))
        else:
            arrays.append(rng.normal(size=(count, *tensor.shape)).astype(np.float32))
    return arrays


@pytest.mark.parametrize("make", [_loop, _condition, _stream])
def test_whole_models_equal_tflm_on_the_host_and_the_board(make: Callable[[], bytes], tmp_path: Path) -> None:
    content = make()
    inputs = _samples(_graph(content), 12)
    graph = _equals_tflm(content, inputs)
    reduced = reduce(graph)
    expected = run(graph, inputs)
    assert len(np.unique(expected[0])) > 20
    for name, run_on in (("host", run_on_host), ("stm32", run_on_board)):
        target = strict_target(name)
        firmware = build_firmware(checked_plan(reduced, target), target, tmp_path / name)
        for want, got in zip(expected, run_on(firmware, reduced, target, inputs), strict=True):
            assert np.array_equal(want, got)


def test_a_converted_loop_has_no_counter_of_its_own() -> None:
    """Beside that of the model the converter's loops have one, which nobody reads."""
    (loop,) = (node for node in _graph(_loop()).nodes if node.op == "while")
    assert len(loop.outputs) == 2


@pytest.mark.parametrize("make", [_loop, _condition])
def test_float_models_with_control_flow_are_compiled_as_they_are(make: Callable[[], bytes], tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(make())
    job = Job(str(tmp_path / "model.tflite"), HOST, quantizer="mcuforge", recipe=recipe_for("float32"), runs=1)
    report = emulate(job)
    assert report.exactness is not None
    assert (report.exactness.codes, report.exactness.differing) == (96, 0)
    with pytest.raises(ModelError, match="takes no models with variables, loops or branches"):
        emulate(dataclasses.replace(job, recipe=recipe_for("float16")))


def test_a_stream_is_deployed_and_every_code_compared(tmp_path: Path) -> None:
    """Timing, self tests and the comparison each begin the stream afresh, on the virtual board."""
    (tmp_path / "stream.tflite").write_bytes(_stream())
    report = deploy(Job(str(tmp_path / "stream.tflite"), load_target("stm32"), port=URL, runs=3))
    assert report.exactness is not None
    assert (report.exactness.codes, report.exactness.differing) == (48, 0)
    assert len({sample for latency in report.latency for sample in latency.samples}) <= 2


def test_a_converted_stream_keeps_codes() -> None:
    """The converter leaves variables in float32, and what is between them and the first QUANTIZE."""
    graph = _graph(_stream())
    check_quantized(graph)
    assert [graph.tensor(n).dtype for n in graph.states] == ["int8"]
    assert {"quantize", "dequantize"}.isdisjoint(node.op for node in reduce(graph).nodes)
