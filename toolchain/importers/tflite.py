"""A TFLite flatbuffer becomes a Graph.

The file is checked before anything is believed: identifier, every index, every buffer's size against its tensor's
shape. What the schema allows and mcuforge cannot run is refused with all reasons at once. Source of the format:
TensorFlow's ``schema.fbs``, version 3.
"""

from __future__ import annotations

import dataclasses
import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from toolchain.errors import ModelError
from toolchain.graph import DTYPES, Array, Graph, Node, QuantParams, Tensor
from toolchain.importers.layer_names import layers_of, own_layers
from toolchain.importers.signatures import names_of
from toolchain.importers.variables import with_states
from toolchain.ops import by_tflite_name
from toolchain.ops.base import TfliteOperator
from toolchain.ways_out import way_out

# The flatbuffers runtime reports damage by whatever its byte arithmetic runs into.
DAMAGE = (struct.error, IndexError, ValueError, TypeError, AttributeError, OverflowError, MemoryError, KeyError)

_BUILTIN_NAMES = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
_TYPE_NAMES = {v: k.lower() for k, v in vars(schema.TensorType).items() if isinstance(v, int)}
_HINT = "Export, copy or download the file again."
_MAX_TENSOR_BYTES = 1 << 30
FRESH = "mcuforge_fresh_states"  # metadata: variables begin every inference as they begin the first
_WITHOUT_OUTPUT = ("ASSIGN_VARIABLE", "CALL_ONCE", "IF", "WHILE")
_HALF_BYTE = "int4"


def looks_like_tflite(data: bytes) -> bool:
    return data[4:8] == b"TFL3"


def read_tflite(path: Path) -> Graph:
    """Read a ``.tflite`` file. Raises ModelError when it is missing, damaged or cannot be represented."""
    try:
        data = path.read_bytes()
    except OSError as e:
        raise ModelError(f"{path}: cannot be read: {e.strerror}", "Check the path.") from e
    return parse_tflite(data, path.stem, str(path))


def parse_tflite(data: bytes, name: str, where: str) -> Graph:
    """Parse a flatbuffer. ``where`` stands in the error messages.

    Operators that the registry does not know keep their builtin name as ``op``, so that all of them can be
    reported together (``verify.check_supported``).
    """
    if not data:
        raise ModelError(f"{where}: is empty", _HINT)
    if not looks_like_tflite(data):
        raise ModelError(f"{where}: not a TFLite file (the identifier TFL3 is missing)", _HINT)
    try:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
        reader = _Reader(_File(model, data, where), 0)
        graph = reader.graph(name)
        graph = dataclasses.replace(graph, names=names_of(model, reader.names, graph.inputs, graph.outputs))
        return with_states(graph)
    except DAMAGE as e:
        raise ModelError(f"{where}: damaged or truncated TFLite file ({type(e).__name__}: {e})", _HINT) from e


@dataclass(frozen=True, eq=False)
class _File:
    """A whole file; ``callers`` are the subgraphs that are being read, each by an operator of the one before."""

    model: Any
    data: bytes
    where: str
    callers: tuple[int, ...] = ()

    def damaged(self, what: str) -> ModelError:
        return ModelError(f"{self.where}: damaged: {what}", _HINT)


class _Reader:
    """One subgraph of a file."""

    def __init__(self, file: _File, index: int) -> None:
        self.file = dataclasses.replace(file, callers=(*file.callers, index))
        self.model, self.data, self.where = file.model, file.data, file.where
        subgraphs = self.model.subgraphs or []
        if not subgraphs:
            raise ModelError(f"{self.where}: holds no subgraph", _HINT)
        if not 0 <= index < len(subgraphs):
            raise self._damaged(f"an operator calls subgraph {index} of {len(subgraphs)}")
        if index in file.callers:
            raise self._damaged(f"subgraph {index} calls itself")
        self.subgraph = subgraphs[index]
        self.open_shapes: dict[str, list[int]] = {}
        self.names = self._unique_names()
        self.fresh = any(_text(entry.name) == FRESH for entry in self.model.metadata or [])

    def body(self, index: int) -> Graph:
        """Another subgraph, for an operator of this one."""
        return dataclasses.replace(_Reader(self.file, int(index)).graph(f"subgraph_{index}"), external=True)

    def graph(self, name: str) -> Graph:
        tensors = {n: self._tensor(i, n) for i, n in enumerate(self.names)}
        self._check_shapes()
        nodes = []
        taken: Counter[str] = Counter()
        for op in self.subgraph.operators or []:
            nodes.append(self._node(op, tensors, taken))
        # What an operator writes whole is no state, even if the file says that it lasts.
        tensors |= {
            n: dataclasses.replace(tensors[n], initial=None, fresh=False) for node in nodes for n in node.outputs
        }
        graph = Graph(
            name=name,
            tensors=tensors,
            nodes=own_layers(nodes),
            inputs=self._names(self.subgraph.inputs, "graph input"),
            outputs=self._names(self.subgraph.outputs, "graph output"),
        )
        self._check_order(graph)
        return graph

    def _check_shapes(self) -> None:
        """ModelError that names every open shape, of the inputs when it is theirs, and all operators that are unknown:
        no operator can be looked at closer."""
        inputs = set(self._names(self.subgraph.inputs, "graph input")) & set(self.open_shapes)
        lines = [
            f"{'input' if inputs else 'tensor'} {name} has the dynamic shape {shape}"
            for name, shape in self.open_shapes.items()
            if name in inputs or not inputs
        ]
        if not lines:
            return
        builtins = dict.fromkeys(self._builtin(op) for op in self.subgraph.operators or [])
        lines += [f"{b}: this operator is not supported: {way_out(b)}" for b in builtins if b not in by_tflite_name()]
        raise ModelError(
            f"{self.where}: cannot run\n  " + "\n  ".join(lines),
            "Fix the inputs' dimensions: --input-shape 49x10 (a sample's); only the batch may be open, it becomes 1.",
        )

    def _check_order(self, graph: Graph) -> None:
        """Every tensor is written once, before it is read."""
        if "" in (*graph.inputs, *graph.outputs) or len(set(graph.inputs)) < len(graph.inputs):
            raise self._damaged("an input or output is absent or listed twice")
        written = {n for n, t in graph.tensors.items() if t.data is not None or t.initial is not None}
        written |= set(graph.inputs)
        for node in graph.nodes:
            for name in node.inputs:
                if name and name not in written:
                    raise self._damaged(f"{node.name} reads {name}, which nothing has written")
            for name in node.outputs:
                if name in written:
                    raise self._damaged(f"{node.name} writes {name}, which is written already")
                written.add(name)
        for name in graph.outputs:
            if name not in written:
                raise self._damaged(f"output {name} is never written")

    def _damaged(self, what: str) -> ModelError:
        return self.file.damaged(what)

    def _unique_names(self) -> list[str]:
        seen: Counter[str] = Counter()
        names: dict[str, None] = {}
        for i, tensor in enumerate(self.subgraph.tensors or []):
            name = base = _text(tensor.name) or f"tensor_{i}"
            while name in names:
                seen[base] += 1
                name = f"{base}#{seen[base] + 1}"
            names[name] = None
        return list(names)

    def _names(self, indices: Iterable[int] | None, what: str) -> tuple[str, ...]:
        result = []
        for i in [] if indices is None else [int(i) for i in indices]:
            if i >= len(self.names) or i < -1:
                raise self._damaged(f"{what} refers to tensor {i} of {len(self.names)}")
            result.append("" if i == -1 else self.names[i])
        return tuple(result)

    def _tensor(self, index: int, name: str) -> Tensor:
        raw = self.subgraph.tensors[index]
        shape = tuple(int(d) for d in (raw.shape if raw.shape is not None else []))
        signature = [int(d) for d in (raw.shapeSignature if raw.shapeSignature is not None else [])]
        if any(d < 0 for d in shape) or any(d < 0 for d in signature[1:]):
            self.open_shapes[name] = signature or list(shape)
            shape = tuple(max(d, 1) for d in shape)
        dtype = _TYPE_NAMES.get(int(raw.type), f"type {raw.type}")
        if raw.sparsity is not None:
            raise ModelError(f"{self.where}: tensor {name} is sparse", "Export the model without sparse tensors.")
        quant, data = _quantization(raw.quantization), self._data(raw, name, shape, dtype)
        if data is not None and dtype == _HALF_BYTE:
            dtype = str(data.dtype)  # codes like others: that they need fewer bits is seen from their values
        initial = _initial(shape, dtype, quant) if raw.isVariable and data is None else None
        return Tensor(name, shape, dtype, quant, data, initial, fresh=self.fresh and initial is not None)

    def _data(self, raw: Any, name: str, shape: tuple[int, ...], dtype: str) -> Array | None:
        buffers = self.model.buffers or []
        if not 0 <= int(raw.buffer) < len(buffers):
            raise self._damaged(f"tensor {name} refers to buffer {raw.buffer} of {len(buffers)}")
        buffer = buffers[int(raw.buffer)]
        content = buffer.data
        if content is None or len(content) == 0:
            if not is_outside(buffer):
                empty = 0 in shape and dtype in ("int32", "int64")  # the shape operand of a reshape to a scalar
                return np.zeros(shape, dtype) if empty else None
            start, size = int(buffer.offset), int(buffer.size)
            if start + size > len(self.data):
                raise self._damaged(f"buffer {raw.buffer} lies outside the file")
            content = self.data[start : start + size]
        content = bytes(bytearray(content))
        if dtype not in (*DTYPES, _HALF_BYTE):
            return np.frombuffer(content, np.uint8)  # refused later, together with its operator
        count = int(np.prod(shape, dtype=object))
        want = -(-count // 2) if dtype == _HALF_BYTE else count * np.dtype(dtype).itemsize
        if want > _MAX_TENSOR_BYTES or want != len(content):
            raise self._damaged(
                f"tensor {name} of shape {list(shape)} needs {want} bytes, its buffer has {len(content)}"
            )
        if dtype == _HALF_BYTE:
            return _halves(np.frombuffer(content, np.int8))[:count].reshape(shape)
        return np.frombuffer(content, np.dtype(dtype).newbyteorder("<")).reshape(shape)

    def _builtin(self, op: Any) -> str:
        """The operator's name in the schema, a custom one's behind CUSTOM."""
        codes = self.model.operatorCodes or []
        if not 0 <= int(op.opcodeIndex) < len(codes):
            raise self._damaged(f"an operator has code {op.opcodeIndex} of {len(codes)}")
        code = codes[int(op.opcodeIndex)]
        number = max(int(code.builtinCode), int(code.deprecatedBuiltinCode))
        builtin = _BUILTIN_NAMES.get(number, f"builtin {number}")
        return f"CUSTOM {_text(code.customCode)}" if builtin == "CUSTOM" else builtin

    def _node(self, op: Any, tensors: dict[str, Tensor], taken: Counter[str]) -> Node:
        builtin = self._builtin(op)
        inputs = self._names(op.inputs, builtin)
        outputs = self._names(op.outputs, builtin)
        if not all(outputs) or (not outputs and builtin not in _WITHOUT_OUTPUT):
            raise self._damaged(f"a {builtin} has no output")
        known = by_tflite_name().get(builtin)
        kind = known.name if known else builtin
        name = f"{kind}_{taken[kind]}" if known else (*outputs, builtin)[0]
        taken[kind] += 1
        layers = layers_of((*outputs, *inputs, "")[0])
        if known is None:
            return Node(name, kind, inputs, outputs, layers=layers)
        view = TfliteOperator(
            builtin,
            _bytes(op.customOptions) if builtin.startswith("CUSTOM ") else op.builtinOptions,
            tuple(tensors[n] if n else None for n in inputs),
            tuple(tensors[n] for n in outputs),
            self.body,
        )
        try:
            attrs = known.read(view)
            states = known.states(view, attrs)
        except (*DAMAGE, AssertionError) as e:
            raise self._damaged(f"{name} ({builtin}) lacks options or inputs that it must have") from e
        if known.order is not None:
            inputs = tuple(inputs[i] for i in known.order if i < len(inputs))
        own = [Tensor(f"{name}/state{k}", s.shape, str(s.dtype), initial=s) for k, s in enumerate(states)]
        tensors |= {t.name: t for t in own}
        return Node(name, kind, (*inputs, *(t.name for t in own)), outputs, attrs, layers=layers)


def _initial(shape: tuple[int, ...], dtype: str, quant: QuantParams | None) -> Array | None:
    """What TFLM puts into a variable tensor first: real zeros into int8, the number 0 into all else."""
    if dtype not in DTYPES or int(np.prod(shape, dtype=object)) > _MAX_TENSOR_BYTES:
        return None  # refused later, with its operator
    return np.full(shape, quant.zero_point[0] if quant and dtype == "int8" else 0, dtype)


def is_outside(buffer: Any) -> bool:
    """Whether its bytes lie behind the flatbuffer. Offset 1 is kept for writers that fill it in later."""
    return int(buffer.offset) > 1


def _halves(pairs: Array) -> Array:
    """The signed halves of bytes, the lower ones first."""
    both: Array = np.stack([(pairs << 4).astype(np.int8) >> 4, pairs >> 4], axis=1).reshape(-1)
    return both


def _quantization(raw: Any) -> QuantParams | None:
    if raw is None or raw.scale is None or len(raw.scale) == 0:
        return None
    scale = tuple(float(np.float32(s)) for s in raw.scale)
    zero = [] if raw.zeroPoint is None else [int(z) for z in raw.zeroPoint]
    if len(zero) not in (0, len(scale)):
        raise ValueError(f"{len(scale)} scales and {len(zero)} zero points")
    return QuantParams(scale, tuple(zero) or (0,) * len(scale), int(raw.quantizedDimension))


def _bytes(raw: Any) -> bytes:
    return b"" if raw is None else bytes(bytearray(raw))


def _text(raw: Any) -> str:
    if raw is None:
        return ""
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
