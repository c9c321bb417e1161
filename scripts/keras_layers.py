"""Tries every layer of Keras and writes docs/keras-layers.md.

    python scripts/keras_layers.py            all layers, about ten minutes, and the page
    python scripts/keras_layers.py Conv2D     one or several, on the terminal

Each is alone in a small model with random weights, is quantized to int8, compiled for this computer and run; its output
codes are compared with TFLM's.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import TimeoutError as TooLong
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
PAGE = ROOT / "docs" / "keras-layers.md"

EXACT, RUNS, REFUSED, NOT_INFERENCE = STATES = "exact", "runs", "refused", "not inference-time"
SAMPLES, JUDGED, SECONDS = 40, 12, 180
LINE, IMAGE, VOLUME, VECTOR = (8, 6), (8, 8, 3), (4, 4, 4, 2), (12,)
_INSIDE = {
    "Layer": "the class that all layers derive from",
    "Wrapper": "the class that wrappers derive from",
    "GRUCell": "a step of GRU, which RNN repeats",
    "LSTMCell": "a step of LSTM, which RNN repeats",
    "SimpleRNNCell": "a step of SimpleRNN, which RNN repeats",
    "StackedRNNCells": "steps one after the other, which RNN repeats",
    "TFSMLayer": "a SavedModel as a layer: give mcuforge the SavedModel",
    "FlaxLayer": "a model of Flax: needs JAX as Keras's backend",
    "JaxLayer": "a function of JAX: needs JAX as Keras's backend",
    "TorchModuleWrapper": "a model of PyTorch: give mcuforge its .pt2",
    "MaxNumBoundingBoxes": "prepares training data",
    "Pipeline": "a row of preprocessing layers: put them into the model one by one",
    "CutMix": "mixes training images and labels",
    "MixUp": "mixes training images and labels",
}


@dataclass(frozen=True)
class Recipe:
    """How a layer is made and what it takes: shapes of samples. ``high``: inputs are whole numbers below it."""

    shapes: tuple[tuple[int, ...], ...] = (IMAGE,)
    options: dict[str, Any] = field(default_factory=dict)
    make: Callable[[Any], Any] | None = None
    together: bool = False
    high: int = 0


def _of(*shapes: tuple[int, ...], high: int = 0, together: bool = False, **options: Any) -> Recipe:
    return Recipe(shapes or (IMAGE,), options, None, together, high)


def _made(make: Callable[[Any], Any], *shapes: tuple[int, ...]) -> Recipe:
    return Recipe(shapes or (IMAGE,), {}, make)


def _by_dimensions() -> dict[str, Recipe]:
    """Layers that there are for one, two and three dimensions."""
    recipes: dict[str, Recipe] = {}
    for dims, shape in ((1, LINE), (2, IMAGE), (3, VOLUME)):
        end = f"{dims}D"
        for name in ("Conv", "SeparableConv", "DepthwiseConv"):
            filters = {} if name == "DepthwiseConv" else {"filters": 4}
            recipes[f"{name}{end}"] = _of(shape, kernel_size=3, **filters)
        recipes[f"Conv{end}Transpose"] = _of(shape, filters=4, kernel_size=3, strides=2)
        for name in ("AdaptiveAveragePooling", "AdaptiveMaxPooling"):
            recipes[f"{name}{end}"] = _of(shape, output_size=2)
        for name in ("AveragePooling", "MaxPooling"):
            recipes[f"{name}{end}"] = _of(shape, pool_size=2)
        for name in ("GlobalAveragePooling", "GlobalMaxPooling", "ZeroPadding"):
            recipes[f"{name}{end}"] = _of(shape)
        for name in ("UpSampling", "Cropping"):
            recipes[f"{name}{end}"] = _of(shape)
        recipes[f"ConvLSTM{end}"] = _of((3, *(4,) * dims, 2), filters=2, kernel_size=3)
        recipes[f"SpatialDropout{end}"] = _of(shape, rate=0.3)
    return recipes


RECIPES: dict[str, Recipe] = {
    **_by_dimensions(),
    **{name: _of(VECTOR, VECTOR, together=True) for name in ("Add", "Average", "Concatenate", "Maximum", "Minimum")},
    **{name: _of(VECTOR, VECTOR, together=True) for name in ("Multiply", "Subtract")},
    **{name: _of((4, 6), (5, 6), together=True) for name in ("Attention", "AdditiveAttention")},
    **{name: _of(LINE, units=4) for name in ("SimpleRNN", "GRU", "LSTM")},
    **{name: _of(VECTOR) for name in ("Identity", "Flatten", "Softmax", "UnitNormalization", "RMSNormalization")},
    **{name: _of(VECTOR, rate=0.3) for name in ("Dropout", "GaussianDropout", "AlphaDropout")},
    "Activation": _of(VECTOR, activation="relu"),
    "BatchNormalization": _of(),
    "Bidirectional": _made(lambda keras: keras.layers.Bidirectional(keras.layers.LSTM(4)), LINE),
    "CategoryEncoding": _of((4,), num_tokens=6, high=6),
    "CenterCrop": _of(height=4, width=4),
    "Dense": _of(VECTOR, units=5),
    "Discretization": _of(VECTOR, bin_boundaries=[-1.0, 0.0, 1.0]),
    "Dot": _of(VECTOR, VECTOR, together=True, axes=1),
    "EinsumDense": _of((4, 6), equation="abc,cd->abd", output_shape=(4, 5)),
    "Embedding": _of((4,), input_dim=9, output_dim=5, high=9),
    "GaussianNoise": _of(VECTOR, stddev=0.1),
    "GroupNormalization": _of((8, 8, 4), groups=2),
    "GroupQueryAttention": _of((4, 8), (4, 8), head_dim=4, num_query_heads=4, num_key_value_heads=2),
    "HashedCrossing": _of((1,), (1,), together=True, num_bins=5, high=9),
    "Hashing": _of((1,), num_bins=5, high=9),
    "InputLayer": _made(lambda keras: None, VECTOR),
    "IntegerLookup": _of((4,), vocabulary=[1, 2, 5], high=9),
    "Lambda": _made(lambda keras: keras.layers.Lambda(_doubled), VECTOR),
    "LayerNormalization": _of((4, 6)),
    "Masking": _of(LINE),
    "MelSpectrogram": _of((256,), fft_length=64, sequence_stride=32, num_mel_bins=8),
    "MultiHeadAttention": _of((4, 6), (5, 6), num_heads=2, key_dim=4),
    "Normalization": _of(VECTOR, mean=0.3, variance=2.0),
    "Permute": _of(LINE, dims=(2, 1)),
    "RNN": _made(lambda keras: keras.layers.RNN(keras.layers.SimpleRNNCell(4)), LINE),
    "RandomCrop": _of(height=6, width=6),
    "RepeatVector": _of(VECTOR, n=3),
    "Rescaling": _of(scale=0.5, offset=0.1),
    "Reshape": _of(VECTOR, target_shape=(3, 4)),
    "Resizing": _of(height=5, width=11),
    "ReversibleEmbedding": _of((4,), input_dim=9, output_dim=5, high=9),
    "STFTSpectrogram": _of((256, 1), frame_length=64, frame_step=32, fft_length=64),
    "SpectralNormalization": _made(lambda keras: keras.layers.SpectralNormalization(keras.layers.Dense(4)), VECTOR),
    "StringLookup": _of((4,), vocabulary=["a", "b"]),
    "TextVectorization": _of((1,), vocabulary=["a", "b"]),
    "TimeDistributed": _made(lambda keras: keras.layers.TimeDistributed(keras.layers.Dense(4)), LINE),
}
_FACTORS: dict[str, dict[str, Any]] = {
    "RandomBrightness": {"factor": 0.2},
    "RandomColorDegeneration": {"factor": 0.2},
    "RandomContrast": {"factor": 0.2},
    "RandomHue": {"factor": 0.2},
    "RandomPosterization": {"factor": 4},
    "RandomRotation": {"factor": 0.2},
    "RandomSaturation": {"factor": 0.2},
    "RandomSharpness": {"factor": 0.2},
    "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2},
    "RandomZoom": {"height_factor": 0.2},
}
RECIPES |= {name: Recipe(options=options) for name, options in _FACTORS.items()}


def _doubled(x: Any) -> Any:
    return x * 2.0


@dataclass(frozen=True)
class Row:
    """A layer, its other names, its state and what there is to say of it."""

    name: str
    also: tuple[str, ...]
    state: str
    remark: str = ""


def layer_names() -> dict[str, tuple[str, ...]]:
    """The layers of the installed Keras with their other names, in the order of the alphabet."""
    from toolchain.importers.tensorflow import keras3

    keras = keras3()
    found: dict[Any, list[str]] = {}
    for name in sorted(vars(keras.layers)):
        made = getattr(keras.layers, name)
        if isinstance(made, type) and issubclass(made, keras.layers.Layer):
            found.setdefault(made, []).append(name)
    first = {made: made.__name__ if made.__name__ in names else names[0] for made, names in found.items()}
    named = {first[made]: tuple(n for n in names if n != first[made]) for made, names in found.items()}
    return dict(sorted(named.items()))


def tried(name: str) -> tuple[str, str]:
    """(state, remark) of a layer."""
    from toolchain.errors import ModelError, UserError

    if name in _INSIDE:
        return NOT_INFERENCE, _INSIDE[name]
    try:
        try:
            found = _measured(name)
        except ModelError as error:
            if "is not fully quantized" not in error.problem:
                raise
            # The converter leaves a model without operators as it is.
            found = _measured(name, ("relu",))
    except UserError as error:
        return REFUSED, _plain(error.problem, name)
    # Keras cannot build some of its layers for a model of fixed shapes, and says so in its own ways.
    except Exception as error:
        return REFUSED, _plain(f"{type(error).__name__}: {error}", name)
    operators = ", ".join(dict.fromkeys(found.left)) or "nothing is left of it"
    if not found.differing:
        return EXACT, operators
    if found.by_tflm or found.most > 1:
        return REFUSED, f"{found.differing} of {found.codes} codes differ"
    return (
        RUNS,
        f"{operators}; {found.differing} of {found.codes} codes are not LiteRT's, by 1: it rounds products once",
    )


@dataclass(frozen=True)
class Found:
    """The operators that are left, the codes compared, how many differ and by how much at most."""

    left: list[str]
    codes: int
    differing: int
    most: int
    by_tflm: bool


def _measured(name: str, behind: Sequence[str] = ()) -> Found:
    """What came of a layer that runs, with these activations behind it."""
    from toolchain import reference
    from toolchain.assess import to_codes
    from toolchain.front import checked_graph
    from toolchain.importers.tflite import parse_tflite
    from toolchain.job import Job
    from toolchain.passes import reduce
    from toolchain.pipeline import emulate
    from toolchain.target import load_target

    recipe = RECIPES.get(name, Recipe())
    model = _model(name, recipe, behind)
    calib, test = _inputs(recipe, SAMPLES, 0), _inputs(recipe, JUDGED, 1)
    with tempfile.TemporaryDirectory(prefix="mcuforge-") as folder:
        data, out = Path(folder) / "data.npz", Path(folder) / "out"
        arrays = {f"x_calib_{k}": x for k, x in enumerate(calib)} | {f"x_test_{k}": x for k, x in enumerate(test)}
        np.savez(data, **arrays)
        report = emulate(Job(model, load_target("host"), str(data), out=out, runs=1))
        content = (out / "model.tflite").read_bytes()
    graph = checked_graph(parse_tflite(content, "model", name), name)
    codes = to_codes(graph, test)
    expected, by_tflm = _expected(content, codes, len(graph.outputs))
    own = reference.run(graph, codes)
    assert report.exactness is not None
    apart = [np.abs(a.astype(np.float64) - b.astype(np.float64)) for a, b in zip(expected, own, strict=True)]
    left = [node.op for node in reduce(graph).nodes]
    return Found(
        left[: len(left) - len(behind)],
        sum(a.size for a in own),
        sum(int((d > 0).sum()) for d in apart) + report.exactness.differing,
        max(256 if report.exactness.differing else 0, *(int(d.max()) for d in apart)),
        by_tflm,
    )


def _expected(content: bytes, codes: Sequence[Any], outputs: int) -> tuple[list[Any], bool]:
    """The oracle's outputs, and whether it is TFLM; by an interpreter for each sample, since its states go on."""
    from support.flatbuffer import edited
    from support.oracle import run_tflite, run_tflm

    def first_versions(model: Any) -> None:
        for code in model.operatorCodes:
            code.version = 1

    def of_each(run: Callable[..., list[Any]], model: bytes) -> list[Any]:
        found = [run(model, [x[k : k + 1] for x in codes], outputs) for k in range(len(codes[0]))]
        return [np.concatenate(column) for column in zip(*found, strict=True)]

    try:
        return of_each(run_tflm, content), True
    except RuntimeError:  # it lacks one of the operators; LiteRT's reference kernels have them under their first number
        return of_each(run_tflite, edited(content, first_versions)), False


def _model(name: str, recipe: Recipe, behind: Sequence[str]) -> Any:
    """The layer alone, with weights about 0.3 large; variances are positive."""
    from toolchain.importers.tensorflow import captured, keras3

    keras = keras3()
    with captured():
        keras.utils.set_random_seed(0)
        inputs = [
            keras.Input(shape, name=f"x{k}", dtype="int32" if recipe.high else "float32")
            for k, shape in enumerate(recipe.shapes)
        ]
        layer = recipe.make(keras) if recipe.make else getattr(keras.layers, name)(name="layer", **recipe.options)
        result = inputs[0] if layer is None else layer(inputs) if recipe.together else layer(*inputs)
        for activation in behind:
            result = keras.layers.Activation(activation)(result)
        model = keras.Model(inputs, result, name="model")
        rng = np.random.default_rng(0)
        for weight in model.weights:
            values = np.asarray(weight)
            if values.dtype.kind == "f":
                drawn = rng.normal(0, 0.3, values.shape)
                weight.assign(np.abs(drawn) + 0.5 if "variance" in weight.path else values + drawn)
    return model


def _inputs(recipe: Recipe, count: int, seed: int) -> list[np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    if recipe.high:
        return [rng.integers(0, recipe.high, (count, *shape)).astype(np.int32) for shape in recipe.shapes]
    return [rng.normal(0, 1, (count, *shape)).astype(np.float32) for shape in recipe.shapes]


def _plain(problem: str, name: str) -> str:
    """One line for the table, without what is of this run alone."""
    lines = [line.strip() for line in problem.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].endswith("operators cannot run"):
        lines = lines[1:]
    text = " ".join(lines).replace("Functional: ", "").replace("Functional ", "the model ").replace("|", "/")
    return text if len(text) <= 240 else text[:237] + "..."


def rows(names: Sequence[str]) -> Iterator[Row]:
    """Each layer in a process that lasts until a layer ends it: TensorFlow's calibrator can crash."""
    also = layer_names()
    pool = ProcessPoolExecutor(1)
    for name in names:
        try:
            state, remark = pool.submit(tried, name).result(SECONDS)
        except (BrokenProcessPool, TooLong):
            pool.shutdown(wait=False, cancel_futures=True)
            pool = ProcessPoolExecutor(1)
            state, remark = REFUSED, "TensorFlow's converter does not come to an end with it"
        yield Row(name, also.get(name, ()), state, remark)
    pool.shutdown()


def page(found: Sequence[Row], version: str) -> str:
    count = {state: sum(row.state == state for row in found) for state in STATES}
    lines = [
        "# The layers of Keras",
        f"`scripts/keras_layers.py` made this page: it tries each layer of Keras {version} alone in a small model with",
        "random weights, quantizes it to int8 with TFLiteConverter, compiles it, runs the C on this computer and",
        "compares every output code with TFLM's, or with LiteRT's reference kernels where TFLM lacks an operator.",
        "*exact*: none differs; named are the operators that are left. *runs*: TFLM lacks an operator, and LiteRT,",
        "which rounds in another way, is off by one here and there. *refused*: what `mcuforge inspect` says.",
        "*not inference-time*: no part of a deployed model.",
        "",
        ", ".join(f"{number} {state}" for state, number in count.items()) + ".",
        "",
        "| layer | state | operators, or the reason |",
        "|--|--|--|",
    ]
    for row in found:
        names = f"{row.name} ({', '.join(row.also)})" if row.also else row.name
        lines.append(f"| {names} | {row.state} | {row.remark} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> None:
    """All layers and the page, or those named."""
    from toolchain.importers.tensorflow import keras3

    found = []
    for row in rows(list(arguments) or list(layer_names())):
        print(f"{row.name:32} {row.state:20} {row.remark}", flush=True)
        found.append(row)
    if not arguments:
        PAGE.write_text(page(found, str(keras3().__version__)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
