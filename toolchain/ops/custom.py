"""What TFLM's custom operators share: options in a FlexBuffers map, read by name here and by position there."""

from __future__ import annotations

from toolchain.flexbuffer import Number, read_map, write_map
from toolchain.graph import Graph, Node
from toolchain.ops.base import Constraint, TfliteOperator, TfliteRecord

TENSOR_TYPES = {"float32": 0, "int32": 2, "int16": 7}  # schema.fbs, TensorType: the option T


def options_of(op: TfliteOperator, *names: str) -> dict[str, int]:
    """The options, which are whole numbers and have just these names: TFLM takes them in their names' order."""
    numbers = read_map(op.options)
    assert sorted(numbers) == sorted(names), numbers
    assert not any(isinstance(value, float) for value in numbers.values()), numbers
    return {name: int(value) for name, value in numbers.items()}


def record(node: Node, name: str, inputs: int | None = None, /, **numbers: Number) -> TfliteRecord:
    """The node as the custom operator ``name``; ``inputs``: so many of the node's, all by default."""
    return TfliteRecord(f"CUSTOM {name}", node.inputs[:inputs], 1, custom=write_map(numbers) if numbers else b"")


def types(sentence: str, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Constraint:
    """The operator has just these inputs and outputs, of these types."""

    def holds(graph: Graph, node: Node) -> bool:
        found = [tuple(graph.tensor(name).dtype for name in names) for names in (node.inputs, node.outputs)]
        return found == [inputs, outputs]

    return Constraint(sentence, holds)
