"""Rarer forms of a ``.tflite`` become the usual one, once, when the file is read: a flatbuffer from a flatbuffer.

The signature that the user chooses comes first. Buffers behind the flatbuffer move into it, sparse constants are
written out, whole numbers get 32 bits (``tflite_int64.py``), shapes become those that the user wants, and codes of
8 bits without a sign get one (``tflite_uint8.py``). TFLM, the oracle, runs what comes out; LiteRT runs what went in,
and gives the same. Source of the format: TensorFlow's ``schema.fbs``, version 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from toolchain.errors import ModelError
from toolchain.exporters.tflite import pack
from toolchain.graph import Array
from toolchain.importers.float_model import first_line
from toolchain.importers.reading import Reading
from toolchain.importers.signatures import choose_signature
from toolchain.importers.tensorflow import captured
from toolchain.importers.tflite import DAMAGE, is_outside, looks_like_tflite, parse_tflite
from toolchain.importers.tflite_int64 import narrowed
from toolchain.importers.tflite_uint8 import signed

_HINT = "Export, copy or download the file again."
_MAX_ELEMENTS = 1 << 28


def usual_form(content: bytes, where: str, reading: Reading) -> bytes:
    """``content`` in the form that ``parse_tflite`` reads; the same bytes when it has it. ModelError when damaged."""
    if not looks_like_tflite(content):
        return content  # which parse_tflite refuses
    try:
        model = schema.ModelT.InitFromPackedBuf(content, 0)
        changed = [
            _inlined(model, content, where),
            choose_signature(model, where, reading.signature),
            _dense(model, where),
            narrowed(model),
        ]
        content = pack(model) if any(changed) else content
    except DAMAGE:
        return content
    if reading.shapes or reading.batch_one:
        content = _resized(content, where, reading)
    return signed(content, where)


def _inlined(model: Any, content: bytes, where: str) -> bool:
    """Buffers that lie behind the flatbuffer, where files above 2 GB must have them."""
    found = False
    for index, buffer in enumerate(model.buffers or []):
        start, size = int(buffer.offset), int(buffer.size)
        if is_outside(buffer):
            if start + size > len(content):
                raise ModelError(
                    f"{where}: damaged: buffer {index} lies outside the file",
                    "Export, copy or download the file again.",
                )
            buffer.data = np.frombuffer(content, np.uint8, size, start)
            buffer.offset = buffer.size = 0
            found = True
    return found


def _dense(model: Any, where: str) -> bool:
    """Sparse constants with all their elements; DENSIFY operators, which would do that at run time, go."""
    found = False
    for graph in model.subgraphs or []:
        written = set()
        for index, tensor in enumerate(graph.tensors or []):
            if tensor.sparsity is not None:
                _write_out(model, tensor, where)
                written.add(index)
        if written:
            drop_operators(model, graph, schema.BuiltinOperator.DENSIFY, written)
            found = True
    return found


def _write_out(model: Any, tensor: Any, where: str) -> None:
    stored = model.buffers[int(tensor.buffer)].data
    item = {schema.TensorType.INT8: 1, schema.TensorType.FLOAT32: 4, schema.TensorType.FLOAT16: 2}.get(tensor.type)
    name = tensor.name.decode() if isinstance(tensor.name, bytes) else tensor.name
    if item is None:
        raise ModelError(
            f"{where}: the sparse tensor {name} is neither int8 nor float", "Export the model without sparse tensors."
        )
    try:
        values = np.frombuffer(bytes(bytearray(stored)), np.uint8).reshape(-1, item)
        shape = tuple(int(size) for size in tensor.shape)
        places = _places(tensor.sparsity, shape)
        if len(places) != len(values):
            raise ValueError(f"{len(values)} values for {len(places)} places")
    except DAMAGE as error:
        raise ModelError(f"{where}: damaged: the sparse tensor {name}: {first_line(error)}", _HINT) from error
    zero = tensor.quantization.zeroPoint[0] if item == 1 and tensor.quantization is not None else 0
    full = np.full((int(np.prod(shape)), item), int(zero) & 0xFF, np.uint8)
    full[places] = values
    made = schema.BufferT()
    made.data = full.reshape(-1)
    tensor.buffer, tensor.sparsity = len(model.buffers), None
    model.buffers.append(made)


def _places(sparsity: Any, shape: tuple[int, ...]) -> Array:
    """Where each stored value belongs, as flat positions.

    A level for each dimension in the order of traversal, blocks' inner dimensions last: dense ones go through all
    indices, compressed ones (CSR) through those listed. Source: TFLite's ``sparsity/format_converter``.
    """
    order = [int(dim) for dim in sparsity.traversalOrder]
    blocks = [int(dim) for dim in (sparsity.blockMap if sparsity.blockMap is not None else [])]
    rank = len(shape)
    if sorted(order) != list(range(rank + len(blocks))) or int(np.prod(shape, dtype=object)) > _MAX_ELEMENTS:
        raise ValueError(f"order {order} for shape {shape}")
    at = np.zeros(1, np.int64)
    coordinates: dict[int, Array] = {}
    sizes: dict[int, int] = {}
    for dim, level in zip(order, sparsity.dimMetadata, strict=True):
        if level.format == schema.DimensionType.DENSE:
            size = sizes[dim] = int(level.denseSize)
            if not 0 <= size * len(at) <= _MAX_ELEMENTS:
                raise ValueError(f"{size} elements in dimension {dim}")
            come_from = np.repeat(np.arange(len(at)), size)
            own = np.tile(np.arange(size), len(at))
            at = at[come_from] * size + own
        else:
            segments = np.asarray(level.arraySegments.values, np.int64)
            indices = np.asarray(level.arrayIndices.values, np.int64)
            counts = segments[at + 1] - segments[at]
            come_from = np.repeat(np.arange(len(at)), counts)
            at = np.concatenate([np.arange(a, b) for a, b in zip(segments[at], segments[at + 1], strict=True)])
            own = indices[at]
        coordinates = {known: values[come_from] for known, values in coordinates.items()} | {dim: own}
    for block, dim in enumerate(blocks):
        coordinates[dim] = coordinates[dim] * sizes[rank + block] + coordinates[rank + block]
    flat: Array = np.ravel_multi_index([coordinates[dim] for dim in range(rank)], shape)
    return flat


def drop_operators(model: Any, graph: Any, kind: int, constants: set[int]) -> None:
    """Without the operators of a kind that only hand on one of ``constants``: what reads them reads the constants."""
    kept, constant_of = [], {}
    for operator in graph.operators or []:
        code = model.operatorCodes[int(operator.opcodeIndex)]
        ends = {int(i) for i in operator.outputs} & {int(i) for i in graph.outputs}
        own = max(int(code.builtinCode), int(code.deprecatedBuiltinCode)) == kind
        if own and int(operator.inputs[0]) in constants and not ends:
            constant_of[int(operator.outputs[0])] = int(operator.inputs[0])
        else:
            kept.append(operator)
    for operator in kept:
        operator.inputs = [constant_of.get(int(i), int(i)) for i in operator.inputs]
    graph.operators = kept


def with_output_shapes(content: bytes, shapes: Sequence[Sequence[int]]) -> bytes:
    """The same file with a RESHAPE behind each output that has not the shape wanted."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RESHAPE
    model.operatorCodes.append(code)
    outputs = []
    for index, shape in zip(map(int, graph.outputs), shapes, strict=True):
        old = graph.tensors[index]
        outputs.append(index)
        if [int(size) for size in old.shape] != list(shape):
            made, op, options = schema.TensorT(), schema.OperatorT(), schema.ReshapeOptionsT()
            made.name, made.shape, made.hasRank, made.type = old.name, list(shape), True, old.type
            old.name = f"{old.name.decode() if isinstance(old.name, bytes) else old.name}/flat"
            options.newShape = list(shape)
            op.opcodeIndex, op.inputs, op.outputs = len(model.operatorCodes) - 1, [index], [len(graph.tensors)]
            op.builtinOptions, op.builtinOptionsType = options, schema.BuiltinOptions.ReshapeOptions
            graph.operators.append(op)
            outputs[-1] = len(graph.tensors)
            graph.tensors.append(made)
    graph.outputs = outputs
    model.signatureDefs = None  # they list the outputs once more, and would contradict them
    return pack(model)


def _resized(content: bytes, where: str, reading: Reading) -> bytes:
    """With the inputs' shapes as the user wants them; LiteRT works out all others."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    tensors = model.subgraphs[0].tensors
    with captured():
        try:
            interpreter = Interpreter(
                model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1
            )
            inputs = interpreter.get_input_details()
            reading.check_names([str(detail["name"]) for detail in inputs], where)
            for position, detail in enumerate(inputs):
                interpreter.resize_tensor_input(detail["index"], _wanted(position, detail, where, reading))
            interpreter.allocate_tensors()
            interpreter.invoke()  # for shapes that are computed
            shapes = {int(d["index"]): [int(size) for size in d["shape"]] for d in interpreter.get_tensor_details()}
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"{where} cannot have these input shapes: {first_line(error)}", "convert the model again with them"
            ) from error
    for index, tensor in enumerate(tensors):
        constant = model.buffers[int(tensor.buffer)].data
        if constant is None or not len(constant):
            tensor.shape, tensor.shapeSignature = shapes.get(index, tensor.shape), None
    resized = pack(model)
    parse_tflite(resized, "model", where)
    return resized


def _wanted(position: int, detail: Any, where: str, reading: Reading) -> list[int]:
    shape = [int(size) for size in detail["shape"]]
    sizes = reading.shape_for(position, str(detail["name"]))
    if sizes is not None:
        if len(sizes) + 1 != len(shape):
            raise ModelError(
                f"{detail['name']} has {len(shape)} dimensions, --input-shape gives {len(sizes)} and the batch",
                f"in the file it is {shape}",
            )
        return [1, *sizes]
    return [1, *shape[1:]] if shape else shape
