"""Whether an operator gives every uint8 code in an int8 model too, found by running both with all the codes there are.

LiteRT's reference kernels say what the uint8 operator gives; what a device would give comes from the numpy reference. A
function of one code has 256 of them. A mean depends on nothing but the sum of the codes, of which all are tried.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from toolchain.errors import ModelError
from toolchain.exporters.tflite import pack
from toolchain.graph import Array, Graph
from toolchain.importers.tensorflow import captured
from toolchain.importers.tflite import parse_tflite
from toolchain.passes.by_type import for_types
from toolchain.reference import run
from toolchain.verify import check_supported

_MOST_AVERAGED = 400  # codes: every sum of them is tried, which is a second's work
_CHUNK = 4096
_ALL = np.arange(256)


def is_function_of_codes(model: Any, op: Any) -> bool:
    """Whether an operator with one uint8 input and output, and nothing else, gives the same 256 codes for int8."""
    ends = (int(op.inputs[0]), int(op.outputs[0]))
    return _same(_alone(model, op, dict.fromkeys(ends, (1, len(_ALL)))), [_ALL.reshape(1, -1)])


def is_mean_of_codes(model: Any, op: Any) -> bool:
    """Whether MEAN of int8 codes gives every sum of uint8 codes its code."""
    tensors = model.subgraphs[0].tensors
    shape = [int(size) for size in tensors[int(op.inputs[0])].shape]
    stored = model.buffers[int(tensors[int(op.inputs[1])].buffer)].data
    axes = sorted({int(axis) % len(shape) for axis in np.frombuffer(bytes(stored), "<i4")})
    free = [axis for axis in range(len(shape)) if axis not in axes]
    if not free or np.prod([shape[axis] for axis in axes]) > _MOST_AVERAGED:
        return False
    # The last of the other dimensions has the sums, the rest are 1.
    tried = [shape[k] if k in axes else _CHUNK if k == free[-1] else 1 for k in range(len(shape))]
    made = [1 if k in axes else size for k, size in enumerate(tried) if op.builtinOptions.keepDims or k not in axes]
    alone = _alone(model, op, {int(op.inputs[0]): tried, int(op.outputs[0]): made})
    return _same(alone, _sums(tried, axes, free))


def _sums(shape: Sequence[int], axes: Sequence[int], free: Sequence[int]) -> Iterator[Array]:
    """uint8 inputs of this shape with all sums over ``axes`` there are, one behind another in the last free one."""
    sizes = [shape[axis] for axis in axes]
    count = int(np.prod(sizes))
    order = np.argsort([free[-1], *axes, *free[:-1]])
    for start in range(0, 255 * count + 1, _CHUNK):
        sums = np.arange(start, start + _CHUNK)
        codes = np.clip(sums[:, None] - 255 * np.arange(count), 0, 255)
        yield codes.reshape(_CHUNK, *sizes, *[1] * (len(free) - 1)).transpose(order)


def _alone(model: Any, op: Any, shapes: Mapping[int, Sequence[int]]) -> Any:
    """A ``ModelT`` of nothing but this operator, with variable tensors of these shapes."""
    made, graph, only = schema.ModelT(), schema.SubGraphT(), copy.copy(op)
    made.version, made.operatorCodes, made.buffers = 3, [model.operatorCodes[int(op.opcodeIndex)]], [schema.BufferT()]
    graph.tensors = []
    for number, index in enumerate((*map(int, op.inputs), *map(int, op.outputs))):
        tensor = copy.copy(model.subgraphs[0].tensors[index])
        tensor.name = f"t{number}"
        if index in shapes:
            tensor.shape, tensor.shapeSignature, tensor.buffer = list(shapes[index]), None, 0
        else:
            made.buffers.append(model.buffers[int(tensor.buffer)])
            tensor.buffer = len(made.buffers) - 1
        graph.tensors.append(tensor)
    last = len(graph.tensors) - 1
    only.inputs, only.outputs, only.opcodeIndex = list(range(last)), [last], 0
    graph.operators, graph.inputs, graph.outputs = [only], [0], [last]
    made.subgraphs = [graph]
    return made


def _same(alone: Any, inputs: Iterable[Array]) -> bool:
    """Whether the operator and its int8 form give the same codes for all these inputs; not where one is not known."""
    unsigned = pack(alone)
    for tensor in alone.subgraphs[0].tensors:
        if tensor.type == schema.TensorType.UINT8:
            quant = tensor.quantization = copy.copy(tensor.quantization)
            tensor.type, quant.zeroPoint = schema.TensorType.INT8, np.array(quant.zeroPoint, np.int64) - 128
    try:
        signed = for_types(parse_tflite(pack(alone), "trial", "trial"))
        check_supported(signed, "trial")
        with captured():
            interpreter = Interpreter(model_content=unsigned, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
            interpreter.allocate_tensors()
            return all(_gives(interpreter, signed, codes) for codes in inputs)
    except (ModelError, RuntimeError, ValueError):  # the last two are LiteRT's
        return False


def _gives(interpreter: Any, signed: Graph, codes: Array) -> bool:
    interpreter.set_tensor(0, codes.astype(np.uint8))
    interpreter.invoke()
    wanted = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    (made,) = run(signed, [(codes[None] - 128).astype(np.int8)])
    return np.array_equal(made[0].astype(np.int16) + 128, wanted)
