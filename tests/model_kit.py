"""Small Keras models and inputs for the tests of importing, quantizing and measuring."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from toolchain.importers.tensorflow import captured, keras3

Array = npt.NDArray[Any]

_EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "digits"


def trained_digits() -> Path:
    """The folder of the example's model and data, trained unless they already are; by one process at a time."""
    build = _EXAMPLE / "build"
    build.mkdir(exist_ok=True)
    with (build / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([sys.executable, str(_EXAMPLE / "train.py")], check=True, timeout=300, capture_output=True)
    return build


def small_model(name: str = "small") -> Any:
    """8x8x1 -> 4 classes with a convolution, a residual and a dense layer; layer names that differ by numbers."""
    keras = keras3()
    keras.utils.set_random_seed(3)
    layers = keras.layers
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv2d")(image)
    y = layers.DepthwiseConv2D(3, padding="same", name="conv2d_1")(x)
    x = layers.Add(name="conv2d_1_1")([x, y])
    x = layers.GlobalAveragePooling2D(name="dense")(x)
    x = layers.Dense(8, activation="relu", name="dense_1")(x)
    model = keras.Model(image, layers.Dense(4, activation="softmax", name="dense_2")(x), name=name)
    # Untrained outputs hardly differ; with larger logits a mistake shows.
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([5 * kernel, bias])
    return model


def two_inputs() -> Any:
    """Inputs named so that their alphabetical order is not their own: b (3 values), then a (5 values)."""
    keras = keras3()
    keras.utils.set_random_seed(4)
    first, second = keras.Input((3,), name="b"), keras.Input((5,), name="a")
    dense = keras.layers.Dense
    return keras.Model([first, second], keras.layers.Add()([dense(2)(first), dense(2)(second)]), name="two")


def images(count: int, seed: int = 0) -> Array:
    """Noise, each sample with its own brightness."""
    rng = np.random.default_rng(seed)
    return rng.random((count, 8, 8, 1), np.float32) * rng.uniform(0.2, 4, (count, 1, 1, 1)).astype(np.float32)


def save_quietly(model: Any, path: Path) -> Path:
    with captured(python_too=True):
        model.save(path)
    return path


def operators(content: bytes) -> list[str]:
    """TFLite operator names in execution order."""
    names = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    return [names[codes[op.opcodeIndex]] for op in model.subgraphs[0].operators]


def shapes(content: bytes) -> list[tuple[int, ...]]:
    """Shapes of the operators' outputs and constant inputs, in execution order."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    found = []
    for op in graph.operators:
        constants = [i for i in op.inputs if i >= 0 and model.buffers[graph.tensors[i].buffer].data is not None]
        found += [tuple(int(d) for d in graph.tensors[i].shape) for i in (*op.outputs, *constants)]
    return found


def run_codes(content: bytes, codes: Array) -> Array:
    """Output codes of LiteRT for input codes, samples first."""
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    first, last = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    rows = []
    for row in codes:
        interpreter.set_tensor(first["index"], row[np.newaxis])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(last["index"])[0].copy())
    return np.stack(rows)
