"""Float convolutions without a bias get one of zeros.

The schema and TFLM let it be left out. LiteRT reads it all the same: it refuses such a convolution, and a depthwise one
ends the process.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from toolchain.exporters.tflite import pack

_OUTPUTS_AXIS = {schema.BuiltinOperator.CONV_2D: 0, schema.BuiltinOperator.DEPTHWISE_CONV_2D: 3}


def with_biases(content: bytes) -> bytes:
    """``content``, a float model that is whole, with all biases; the same bytes where none is missing."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    changed = False
    for op in graph.operators or []:
        axis = _OUTPUTS_AXIS.get(_kind(model, op))
        inputs = [int(i) for i in op.inputs]
        if axis is None or (len(inputs) > 2 and inputs[2] >= 0):
            continue
        weights = graph.tensors[inputs[1]]
        op.inputs = [*inputs[:2], _zeros(model, int(weights.shape[axis]), f"bias{len(graph.tensors)}")]
        changed = True
    return pack(model) if changed else content


def _kind(model: Any, op: Any) -> int:
    code = model.operatorCodes[int(op.opcodeIndex)]
    return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))


def _zeros(model: Any, size: int, name: str) -> int:
    buffer, tensor = schema.BufferT(), schema.TensorT()
    buffer.data = np.zeros(4 * size, np.uint8)
    model.buffers.append(buffer)
    tensor.name, tensor.shape, tensor.hasRank = name, [size], True
    tensor.type, tensor.buffer = schema.TensorType.FLOAT32, len(model.buffers) - 1
    model.subgraphs[0].tensors.append(tensor)
    return len(model.subgraphs[0].tensors) - 1
