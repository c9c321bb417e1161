"""``mcuforge finetune``: from a float model and its data to a folder with the tuned model and its recipe."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toolchain import metrics, reference
from toolchain.data import Dataset, dequantize, load_training, quantize_input
from toolchain.errors import DataError, ModelError, UserError
from toolchain.finetune.network import build_network
from toolchain.finetune.start import start
from toolchain.finetune.training import Epoch, Options, Samples, Training, best_of, split, targets_of
from toolchain.front import AnyFloatModel, checked_graph, open_source, samples_of
from toolchain.graph import Array, Graph
from toolchain.importers.float_tflite import FloatTflite
from toolchain.importers.keras import load_keras
from toolchain.importers.tensorflow import captured, keras3
from toolchain.importers.tflite import parse_tflite
from toolchain.job import Job
from toolchain.keras.layers import WEIGHT_FORMATS
from toolchain.output import check_out, whole_folder
from toolchain.passes import clean
from toolchain.progress import Progress
from toolchain.quantize.check import check_representative
from toolchain.quantize.converter import convert
from toolchain.quantize.float_run import Fetch, run_samples
from toolchain.quantize.formats import INT8
from toolchain.quantize.ptq import quantize
from toolchain.quantize.recipe import Recipe, layer_name, layers_with_weights, weight_formats, write_recipe
from toolchain.quantize.ties import tie

keras = keras3()

RECIPE_FILE, FACTS_FILE = "recipe.toml", "finetune.json"
MATCHED = 64  # samples by which the layers are started
JUDGED = 256  # of the samples held out, by the integers: numpy takes its time
FEWEST = 16  # samples to train with


@dataclass(frozen=True)
class Tuned:
    """What came out: two files, each layer's format, and accuracies on the samples held out, None without class labels.

    ``binary_inputs`` are the layers that read signs.
    ``integers`` is the accuracy of the int8 graph that ``deploy`` makes of both files with the same data, on the first
    ``JUDGED`` of these samples.
    """

    model: str
    recipe: str
    weights: Mapping[str, str]
    binary_inputs: tuple[str, ...]
    trained_with: int
    held_out: int
    epochs: tuple[Epoch, ...]
    best: Epoch
    float_accuracy: float | None
    integers: float | None


def finetune(job: Job, options: Options, progress: Progress) -> Tuned:
    """Train, and write ``job.out`` whole or not at all. UserError for what cannot be trained."""
    assert job.out is not None
    check_out(job.out)
    recipe = _checked(job.recipe or Recipe())
    keras.utils.set_random_seed(options.seed)
    source = open_source(job.model, progress, job.reading)
    model = source.float_model
    if model is None:
        raise ModelError(f"{source.where} is quantized already", "give the float model")
    data = _data(job, model, progress)
    calibration = samples_of(data.x_calib)
    check_representative(calibration, model.inputs, progress)
    content = model.content if isinstance(model, FloatTflite) else convert(model)
    parsed = parse_tflite(content, job.name or source.name, source.where)
    graph = clean(parsed)
    formats = weight_formats(recipe, graph, source.where)
    signs = _readers_of_signs(graph, formats) if options.binary_inputs else ()
    if len(graph.outputs) > 1:
        raise ModelError(f"{source.where} has {len(graph.outputs)} outputs", "train a model with one output")
    logits = not any(n.op == "softmax" and graph.outputs[0] in n.outputs for n in graph.nodes)
    train, held = split(_samples(model, data, logits), options.seed)
    with progress.step("Preparing the training"), captured(python_too=True):
        tied = tie(graph, source.where)
        network = build_network(tied, formats, source.where, signs)
        few = [c[:MATCHED] for c in calibration]
        inputs = _layer_inputs(graph, run_samples(content, parsed, few, source.where))
        start(network, tied.graph, inputs, few)
        training = Training(network, tied, calibration, recipe, train)
    epochs = training.run(train, held, _loss(held, logits), options, progress)
    with whole_folder(job.out) as folder:
        file = folder / f"{graph.name}.keras"
        with captured(python_too=True):
            network.deployed.save(file)
        write_recipe(recipe, folder / RECIPE_FILE)
        integers = _integers(file, calibration, held, recipe, progress)
        tuned = Tuned(
            model=str(job.out / file.name),
            recipe=str(job.out / RECIPE_FILE),
            weights=formats,
            binary_inputs=signs,
            trained_with=len(train),
            held_out=len(held),
            epochs=tuple(epochs),
            best=best_of(epochs),
            float_accuracy=_accuracy(model.predict(held.columns), held.labels),
            integers=integers,
        )
        (folder / FACTS_FILE).write_text(json.dumps(dataclasses.asdict(tuned), indent=1) + "\n", encoding="utf-8")
    return tuned


def _checked(recipe: Recipe) -> Recipe:
    """``recipe``. UserError when it asks for what training cannot do."""
    chosen = [recipe.weights, *(layer.weights for layer in recipe.layers.values() if layer.weights)]
    refused = [name for name in chosen if name not in WEIGHT_FORMATS]
    if refused:
        raise UserError(
            f"weights of the format {refused[0]} are not trained", f"choose one of {', '.join(WEIGHT_FORMATS)}"
        )
    activations = {recipe.activations, *(layer.activations for layer in recipe.layers.values())} - {None, INT8}
    if activations:
        raise UserError(
            f"activations of the type {min(map(str, activations))} are not trained", "leave them int8, or do not tune"
        )
    return recipe


def _readers_of_signs(graph: Graph, formats: Mapping[str, str]) -> tuple[str, ...]:
    """The layers of which both weights and inputs can be signs. UserError when there are none.

    The model's own inputs would lose too much, and depthwise layers as well: of 9 signs there are but 10 sums.
    """
    binary = [node for node in layers_with_weights(graph) if formats[layer_name(node)] == "binary"]
    able = [node for node in binary if node.op != "depthwise_conv2d" and node.inputs[0] not in graph.inputs]
    names = tuple(layer_name(node) for node in able)
    if not names:
        raise UserError(
            "there is no layer whose inputs could be binary: this takes binary weights, other inputs than the model's, "
            "and no depthwise convolution",
            "train with --format binary",
        )
    return names


def _data(job: Job, model: AnyFloatModel, progress: Progress) -> Dataset:
    if job.data is None:
        raise DataError(
            "there is nothing to train with", "give --data with x_train and y_train, or x_calib and y_calib"
        )
    data = load_training(job.data, model.inputs, job.representative, progress)
    count = len(samples_of(data.x_train)[0])
    if count < FEWEST:
        raise DataError(
            f"{job.data} has {count} samples to train with", f"give {FEWEST} at least, and better thousands"
        )
    return data


def _samples(model: AnyFloatModel, data: Dataset, logits: bool) -> Samples:
    """All samples with what to train towards. DataError for labels that do not fit."""
    columns = samples_of(data.x_train)
    outputs = model.predict(columns)
    metric = metrics.choose_metric(data.y_train, columns[0].shape[1:], outputs.shape[1:])
    if metric != metrics.ACCURACY or data.y_train is None or not metrics.classifies(outputs):
        return Samples(columns, outputs, None)
    classes = metrics.class_labels(data.y_train)
    if logits:
        raised = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        outputs = raised / raised.sum(axis=1, keepdims=True)
    return Samples(columns, targets_of(outputs, classes), classes)


def _loss(samples: Samples, logits: bool) -> Any:
    if samples.labels is None:
        return keras.losses.MeanSquaredError()
    return keras.losses.CategoricalCrossentropy(from_logits=logits)


def _layer_inputs(graph: Graph, samples: Iterable[Fetch]) -> dict[str, Array]:
    """What each layer with weights reads in the float model, of all ``samples``."""
    names = {node.inputs[0] for node in layers_with_weights(graph)}
    seen: dict[str, list[Array]] = {name: [] for name in names}
    for fetch in samples:
        for name in names:
            seen[name].append(np.array(fetch(name)))
    return {name: np.concatenate(parts) for name, parts in seen.items()}


def _accuracy(outputs: Array, labels: Array | None) -> float | None:
    if labels is None:
        return None
    return float((metrics.predicted_classes(outputs) == labels).mean())


def _integers(
    file: Path, calibration: Sequence[Array], held: Samples, recipe: Recipe, progress: Progress
) -> float | None:
    """How the integers that ``deploy`` makes of the saved model do on the first samples held out."""
    if held.labels is None:
        return None
    content = quantize(load_keras(file), calibration, progress, recipe)
    graph = checked_graph(parse_tflite(content, file.stem, str(file)), str(file))
    ports = [graph.tensor(name) for name in graph.inputs]
    codes = [quantize_input(c[:JUDGED], port)[:, None] for c, port in zip(held.columns, ports, strict=True)]
    found = reference.run(graph, codes)[0].reshape(len(codes[0]), -1)
    return _accuracy(dequantize(found, graph.tensor(graph.outputs[0])), held.labels[:JUDGED])
