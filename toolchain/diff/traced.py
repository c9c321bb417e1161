"""A firmware's layers, one by one: the codes that each wrote, where they are not the reference's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from toolchain.graph import Array
from toolchain.link import selftest_crc
from toolchain.link.client import PROFILE_LAYERS, Link
from toolchain.plan import Layer, Plan


def departing(link: Link, plan: Plan, inputs: Sequence[Array], expected: Mapping[str, Array]) -> dict[str, Array]:
    """What the first layer that departs wrote, tensor by tensor, samples first; empty when every layer is right.

    ``inputs`` and ``expected``, of every tensor that a layer makes, have the samples first. Layers are told apart by
    the CRC-32 of their outputs, so that little goes over the line; only those of the layer found come as a whole.
    """
    layers = plan.layers
    first = len(layers)
    for sample in range(len(inputs[0])):
        if first == 0:
            break
        crcs = _crcs(link, inputs, sample, first)
        wanted = [selftest_crc(expected[name][sample].tobytes() for name in layer.made) for layer in layers[:first]]
        first = next((k for k, (a, b) in enumerate(zip(crcs, wanted, strict=True)) if a != b), first)
    return {} if first == len(layers) else _outputs(link, plan, layers[first], first, inputs, expected)


def _crcs(link: Link, inputs: Sequence[Array], sample: int, count: int) -> list[int]:
    """Of the first ``count`` layers; an inference may overwrite its inputs, and some requests are needed for many."""
    crcs: list[int] = []
    while len(crcs) < count:
        _write(link, inputs, sample)
        crcs += link.trace(len(crcs), min(PROFILE_LAYERS, count - len(crcs)))
    return crcs


def _outputs(
    link: Link, plan: Plan, layer: Layer, number: int, inputs: Sequence[Array], expected: Mapping[str, Array]
) -> dict[str, Array]:
    rows: dict[str, list[Array]] = {name: [] for name in layer.made}
    for sample in range(len(inputs[0])):
        _write(link, inputs, sample)
        link.trace(number, 1)
        for name in layer.made:
            like = expected[name][sample]
            data = link.peek(plan.memory.offsets[name], like.nbytes)
            rows[name].append(np.frombuffer(data, like.dtype).reshape(like.shape))
    return {name: np.stack(arrays) for name, arrays in rows.items()}


def _write(link: Link, inputs: Sequence[Array], sample: int) -> None:
    for index, x in enumerate(inputs):
        link.write(index, np.ascontiguousarray(x[sample]).tobytes())
