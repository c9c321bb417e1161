"""``mcuforge diff``: every layer of a model by every means there is, and the first that departs."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolchain.assess import evaluation_inputs
from toolchain.build import build
from toolchain.compile import Compiled, compiled_for
from toolchain.data import dequantize
from toolchain.diff.oracle import OracleError, run_oracle
from toolchain.diff.results import Departure, Diff, Row
from toolchain.diff.traced import departing
from toolchain.firmware import firmware_model
from toolchain.front import Quantized, prepare, samples_of
from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.importers.float_tflite import FloatTflite, UnknownToLiteRT
from toolchain.importers.tflite import parse_tflite
from toolchain.job import Job
from toolchain.measuring import linked
from toolchain.passes.rewriting import is_view
from toolchain.pipeline import find_board, write_image
from toolchain.plan import Layer
from toolchain.ports import PortChoice
from toolchain.progress import Progress
from toolchain.quantize.converter import convert
from toolchain.quantize.float_run import run_samples
from toolchain.reference import run
from toolchain.sensitivity.floats import sqnr
from toolchain.target import Target, load_target

SAMPLES = 4
NEAR = 1e-4  # of a float tensor's largest value: what the C library may make different
HOST = "host C"


def diff(job: Job, progress: Progress) -> Diff:
    """Raises UserError: what keeps the model from being quantized, built or run."""
    choice = None if job.target.kind == "host" else find_board(job, progress)
    model = prepare(job, progress)
    codes = evaluation_inputs(model, job.limit or SAMPLES)
    work = _Work(job, model, codes, progress)
    work.compare_oracle()
    work.compare_firmware(HOST, load_target("host"), None)
    if choice is not None:
        work.compare_firmware(job.target.name, job.target, choice)
    return work.result()


@dataclass
class _Work:
    """Columns are filled one after the other; ``found[place][k]`` is for node number k."""

    job: Job
    model: Quantized
    codes: list[Array]
    progress: Progress

    def __post_init__(self) -> None:
        self.nodes = [node for node in self.model.graph.nodes if not is_view(node)]
        self.found: dict[str, dict[int, Departure | None]] = {}
        self.notes: list[str] = []

    def compare_oracle(self) -> None:
        graph = self.model.graph
        parsed = parse_tflite(self.model.tflite, graph.name, graph.name)
        names = [n for node in self.nodes for n in node.outputs if n in parsed.tensors]
        with self.progress.step("Running the oracle"):
            try:
                oracle, arrays = run_oracle(self.model.tflite, parsed, self.codes, names)
            except OracleError as error:
                self.notes.append(f"no oracle: {error}")
                return
        expected = dict(zip(names, run(graph, self.codes, names)[len(graph.outputs) :], strict=True))
        found = dict(zip(names, arrays, strict=True))
        self.found[oracle] = {
            k: _departure(graph, node.outputs, expected, found)
            for k, node in enumerate(self.nodes)
            if set(node.outputs) <= set(names)
        }

    def compare_firmware(self, place: str, target: Target, choice: PortChoice | None) -> None:
        compiled = compiled_for(target, self.model, self.job.budget, self.progress)
        expected = _layer_outputs(compiled, self.codes)
        with tempfile.TemporaryDirectory(prefix="mcuforge-") as folder:
            with self.progress.step(f"Building for {place}"):
                firmware = build(
                    compiled.tree, compiled.plan, firmware_model(compiled), target, Path(folder), trace=True
                )
            if choice is None:
                url = f"host://{firmware.elf.absolute()}"
            else:
                write_image(self.job, firmware, choice, self.progress)
                url = choice.url
            ident = self.model.ident
            with (
                self.progress.step(f"Running layer by layer: {place}"),
                linked(url, target, ident.sha256, ident.name) as (link, _),
            ):
                wrong = departing(link, compiled.plan, self.codes, expected)
        self.found[place] = self._by_node(compiled, expected, wrong)

    def _by_node(
        self, compiled: Compiled, expected: Mapping[str, Array], wrong: Mapping[str, Array]
    ) -> dict[int, Departure | None]:
        """Which nodes were computed up to the first layer that departs, and how that one does."""
        rows: dict[int, Departure | None] = {}
        for layer in compiled.plan.layers:
            k = self._node_of(layer)
            rows[k] = rows.get(k)
            if wrong and set(layer.made) & set(wrong):
                rows[k] = _departure(compiled.plan.graph, layer.made, expected, wrong)
                break
        return rows

    def _node_of(self, layer: Layer) -> int:
        """The node that ends where the layer ends; reductions may have left another one of the same model's layer."""
        ends = [k for k, node in enumerate(self.nodes) if set(node.outputs) & set(layer.made)]
        named = [k for k, node in enumerate(self.nodes) if set(node.layers) & set(layer.names)]
        return max(ends or named or [len(self.nodes) - 1])

    def result(self) -> Diff:
        noise = self._noise()
        rows = [
            Row(
                layer=", ".join(node.layers) or node.name,
                op=node.op,
                shape=self.model.graph.tensor(node.outputs[0]).shape if node.outputs else (),
                sqnr=noise.get(k),
                departures={place: column[k] for place, column in self.found.items() if k in column},
            )
            for k, node in enumerate(self.nodes)
        ]
        return Diff(self.model.ident.name, len(self.codes[0]), tuple(self.found), tuple(rows), tuple(self.notes))

    def _noise(self) -> dict[int, float]:
        """SQNR of the nodes whose outputs have the same name in the float model."""
        try:
            floats = _float_values(self.model, self.codes, self.nodes)
        except UnknownToLiteRT:
            self.notes.append("LiteRT cannot run the float model")
            return {}
        if not floats:
            self.notes.append("no float model to compare with")
            return {}
        graph = self.model.graph
        made = dict(zip(floats, run(graph, self.codes, list(floats))[len(graph.outputs) :], strict=True))
        noise = {}
        for k, node in enumerate(self.nodes):
            if node.outputs and (name := node.outputs[0]) in floats:
                found = sqnr(floats[name], _real(made[name], graph.tensor(name)))
                if found is not None:
                    noise[k] = found
        return noise


def _layer_outputs(compiled: Compiled, codes: Sequence[Array]) -> dict[str, Array]:
    """What the reference makes of each tensor that ends a layer; without a state from one sample to the next."""
    graph = compiled.plan.graph
    names = list(dict.fromkeys(name for layer in compiled.plan.layers for name in layer.made))
    rows = [run(graph, [x[k : k + 1] for x in codes], names)[len(graph.outputs) :] for k in range(len(codes[0]))]
    return {name: np.concatenate([row[i] for row in rows]) for i, name in enumerate(names)}


def _float_values(model: Quantized, codes: Sequence[Array], nodes: Sequence[Node]) -> dict[str, Array]:
    """The float model's values of the tensors that both have, samples first. Raises UnknownToLiteRT."""
    source, graph = model.float_model, model.graph
    if source is None:
        return {}
    content = source.content if isinstance(source, FloatTflite) else convert(source)
    parsed = parse_tflite(content, source.name, source.source)
    names = [n for node in nodes for n in node.outputs[:1] if _in_both(graph, parsed, n)]
    samples = run_samples(content, parsed, _real_inputs(model, codes), source.source)
    rows = [[fetch(n).copy() for n in names] for fetch in samples]
    return {name: np.stack([row[i] for row in rows]) for i, name in enumerate(names)}


def _in_both(graph: Graph, parsed: Graph, name: str) -> bool:
    there = parsed.tensors.get(name)
    return there is not None and there.dtype == "float32" and there.shape == graph.tensor(name).shape


def _real_inputs(model: Quantized, codes: Sequence[Array]) -> list[Array]:
    """The samples as the float model takes them: the user's own, or what the random codes stand for."""
    count = len(codes[0])
    real = samples_of(model.data.x_test) or samples_of(model.data.x_calib)
    tensors = [model.graph.tensor(n) for n in model.graph.inputs]
    if not real:
        real = [_real(x, t) for x, t in zip(codes, tensors, strict=True)]
    return [x[:count].astype(np.float32).reshape(count, *t.shape[1:]) for x, t in zip(real, tensors, strict=True)]


def _real(values: Array, tensor: Tensor) -> Array:
    return dequantize(values, tensor) if tensor.quant is not None else values.astype(np.float64)


def _departure(
    graph: Graph, names: Sequence[str], expected: Mapping[str, Array], found: Mapping[str, Array]
) -> Departure | None:
    """How the tensors differ; None where they do not."""
    parts = [_parts(graph.tensor(n), expected[n], found[n]) for n in names if n in expected and n in found]
    codes = sum(len(want) for want, _, _ in parts)
    differing = sum(int(different.sum()) for _, _, different in parts)
    if not differing:
        return None
    want, got = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    largest = max(
        float(np.abs(found[n].astype(np.float64) - expected[n].astype(np.float64)).max()) for n in names if n in found
    )
    return Departure(codes, differing, largest, sqnr(want, got))


def _parts(tensor: Tensor, expected: Array, found: Array) -> tuple[Array, Array, Array]:
    """(expected and found as real numbers, which of them differ), flat."""
    a, b = expected.reshape(-1), found.reshape(-1)
    different = a != b
    if a.dtype == np.float32:
        different = ~np.isclose(a, b, rtol=NEAR, atol=NEAR * float(np.abs(a).max(initial=0.0)), equal_nan=True)
    return _real(a, tensor), _real(b, tensor), different
