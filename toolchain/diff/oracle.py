"""The model with all its inner tensors by the kernels that mcuforge is to be equal to.

TFLM's own kernels where its interpreter is installed (``mcuforge[oracle]``), else TensorFlow Lite's reference kernels,
which differ from TFLM's in a few operators.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from toolchain.graph import Array, Graph
from toolchain.importers.float_model import first_line

TFLM, TFLITE = "TFLM", "TFLite reference"
_ROOM = 1 << 20  # of TFLM's arena, for what is not tensors


class OracleError(Exception):
    """The oracle cannot run the model."""


def run_oracle(content: bytes, parsed: Graph, inputs: Sequence[Array], names: Sequence[str]) -> tuple[str, list[Array]]:
    """(which oracle, the tensors ``names`` with the samples first). ``parsed`` is ``content`` before any pass.

    The samples are inferences one after the other; where states are fresh in each, TFLM is reset before each. Raises
    OracleError.
    """
    fresh = set(parsed.states) > set(parsed.lasting)
    try:
        from tflite_micro.python.tflite_micro import runtime
    except ImportError:
        return TFLITE, _by_tflite(content, parsed, inputs, names, fresh)
    index = {name: i for i, name in enumerate(parsed.tensors)}
    showing = _with_outputs(content, [index[name] for name in names])
    room = _ROOM + 2 * sum(t.nbytes for t in parsed.tensors.values() if t.data is None and t.dtype != "resource")
    try:
        interpreter = runtime.Interpreter.from_bytes(showing, arena_size=room)
        rows = []
        for sample in range(len(inputs[0])):
            if fresh:
                interpreter.reset()
            for i, x in enumerate(inputs):
                interpreter.set_input(np.array(x[sample], order="C"), i)
            interpreter.invoke()
            rows.append([np.array(interpreter.get_output(i)) for i in range(len(names))])
    except (RuntimeError, ValueError) as error:
        raise OracleError(f"TFLM refuses the model: {first_line(error)}") from error
    return TFLM, [np.stack(column) for column in zip(*rows, strict=True)]


def _with_outputs(content: bytes, tensors: Sequence[int]) -> bytes:
    """The file with these tensors as its outputs."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    model.subgraphs[0].outputs = list(tensors)
    model.signatureDefs = None  # they list the outputs once more
    builder: Any = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _by_tflite(
    content: bytes, parsed: Graph, inputs: Sequence[Array], names: Sequence[str], fresh: bool
) -> list[Array]:
    index = {name: i for i, name in enumerate(parsed.tensors)}
    try:
        interpreter = Interpreter(
            model_content=content,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            experimental_preserve_all_tensors=True,
        )
        interpreter.allocate_tensors()
        rows = []
        for sample in range(len(inputs[0])):
            if fresh:
                interpreter.reset_all_variables()
            for name, x in zip(parsed.inputs, inputs, strict=True):
                interpreter.set_tensor(index[name], np.ascontiguousarray(x[sample]))
            interpreter.invoke()
            rows.append([np.array(interpreter.get_tensor(index[name])) for name in names])
    except (RuntimeError, ValueError) as error:
        raise OracleError(f"TensorFlow Lite refuses the model: {first_line(error)}") from error
    return [np.stack(column) for column in zip(*rows, strict=True)]
