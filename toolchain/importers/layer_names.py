"""Which layers of the Keras model an operator came from, read from TFLite's tensor names.

The converter names a result after all that it fused, last first: "model/relu/Relu;model/bn/FusedBatchNormV3;
model/conv/BiasAdd;model/conv/Conv2D" is conv, bn, relu. Names of neighbours slip in through shared constants.

Of a PyTorch model they are paths of modules: "__main__.Net/blocks.Block_first/torch.nn.modules.conv.Conv2d_conv;" is
first.conv.

A QUANTIZE that mcuforge puts beside a layer makes "model/conv/BiasAdd@int16": what the layer made, on another grid.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence

from toolchain.graph import Node

# The converter numbers what it split: such a number is no layer.
_ANONYMOUS = re.compile(r"(StatefulPartitionedCall|PartitionedCall|Identity)(_\d+|_int8)*(:\d+)?|\d+")
# A module of PyTorch: where its class is, its class and its name in the model.
_TORCH = re.compile(r"(?:\w+\.)+[A-Za-z0-9]+_(\w+)")
_ON_ANOTHER_GRID = re.compile(r".*@int(8|16)", re.S)


def on_another_grid(tensor: str, dtype: str) -> str:
    """The name of ``tensor`` as integers of ``dtype`` in other steps. It names no layer: the QUANTIZE is none's own."""
    return f"{tensor}@{dtype}"


def layers_of(tensor: str) -> tuple[str, ...]:
    """The layer of each part of a tensor's name, first layer first, with repetitions; empty when it names none."""
    if _ON_ANOTHER_GRID.fullmatch(tensor):
        return ()
    layers = []
    for part in tensor.split(";"):
        scopes = [p for p in part.split("/") if p]
        modules = [m[1] for scope in scopes if (m := _TORCH.fullmatch(scope))]
        if modules:
            layers.append(".".join(modules))
        elif scopes and not _ANONYMOUS.fullmatch(part):
            layers.append(scopes[min(1, len(scopes) - 1)])
    return tuple(reversed(layers))


def own_layers(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The nodes with each layer only where it is mentioned most (the last such node), without repetitions.

    A QUANTIZE has only what nobody else mentions: it is called after the layer whose values it brings to another grid.
    A node that is left with none gets its own name, marked where a layer is called so. First names differ.
    """
    best: dict[str, tuple[bool, int, int]] = {}
    for i, node in enumerate(nodes):
        for layer, count in Counter(node.layers).items():
            best[layer] = max(best.get(layer, (False, 0, 0)), (node.op != "quantize", count, i))
    result = []
    for i, node in enumerate(nodes):
        own = [layer for layer in dict.fromkeys(node.layers) if best[layer][2] == i]
        unnamed = f"{node.name}#2" if node.name in best else node.name
        result.append(dataclasses.replace(node, layers=tuple(own) or (unnamed,)))
    return tuple(result)
