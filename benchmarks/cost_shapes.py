"""The layers that the costs of kernels are measured on: of the five networks, a seeded spread, and other families."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

from benchmarks import cost_shapes_few_values as few_values
from benchmarks.cost_shapes_functions import functions
from benchmarks.cost_shapes_moves import moves
from benchmarks.cost_shapes_products import products, recurrent
from benchmarks.cost_shapes_reductions import reductions
from benchmarks.cost_shapes_signals import signals
from benchmarks.shapes import (
    NONE,
    RELU,
    RELU6,
    SAME,
    VALID,
    Shape,
    as_float,
    as_int16,
    binary,
    concatenation,
    convolution,
    depthwise,
    fully_connected,
    lookup,
    mean,
    pad,
    pool,
    softmax,
    unary,
)

SEED = 11
MOST_MACS = 700_000  # of a random layer: the slow kernels run it too
MOST_BYTES = 24_000  # of a random layer's input or output


@cache
def all_shapes() -> tuple[Shape, ...]:
    """By operator, each layer once."""
    rng = random.Random(SEED)
    found = [shape for group in _GROUPS for shape in group(rng)]
    found += [shape for family in _FIXED for shape in family()]
    return tuple({shape.name: shape for shape in found}.values())


def _several(count: int, make: Callable[[], Shape]) -> list[Shape]:
    """So many random layers that are neither toys nor too large."""
    shapes: list[Shape] = []
    while len(shapes) < count:
        shape = make()
        sizes = [shape.graph.tensor(n).nbytes for n in (*shape.graph.inputs, *shape.graph.outputs)]
        if max(sizes) <= MOST_BYTES and sum(sizes) >= 600 and shape.macs <= MOST_MACS:
            shapes.append(shape)
    return shapes


def _convolutions(rng: random.Random) -> list[Shape]:
    """Resnet-8, DS-CNN and MobileNet 0.25 first."""

    def spread() -> Shape:
        kernel = rng.choice(((1, 1), (3, 3), (3, 3), (5, 5), (1, 5), (3, 1)))
        side, stride = rng.choice((6, 8, 9, 12, 15, 20)), rng.choice(((1, 1), (1, 1), (2, 2)))
        return convolution(
            (side, rng.choice((side, side + 3)), rng.choice((3, 4, 8, 10, 12, 16, 20, 24, 32, 48))),
            rng.choice((4, 8, 10, 12, 16, 24, 32, 40)),
            kernel,
            stride=stride,
            padding=rng.choice((SAME, SAME, VALID)),
            activation=rng.choice((RELU, RELU, NONE, RELU6)),
        )

    fixed = [
        convolution((32, 32, 3), 16, (3, 3)),
        convolution((32, 32, 16), 16, (3, 3), activation=NONE),
        convolution((32, 32, 16), 32, (3, 3), stride=(2, 2)),
        convolution((16, 16, 32), 32, (3, 3)),
        convolution((16, 16, 32), 32, (3, 3), activation=NONE),
        convolution((32, 32, 16), 32, (1, 1), stride=(2, 2), activation=NONE),
        convolution((16, 16, 32), 64, (3, 3), stride=(2, 2)),
        convolution((8, 8, 64), 64, (3, 3)),
        convolution((16, 16, 32), 64, (1, 1), stride=(2, 2), activation=NONE),
        convolution((49, 10, 1), 64, (10, 4), stride=(2, 2)),
        convolution((25, 5, 64), 64, (1, 1)),
        convolution((28, 1, 40), 128, (1, 1)),
        convolution((24, 1, 128), 128, (1, 1)),
        convolution((1, 1, 128), 32, (1, 1)),
        convolution((96, 96, 3), 8, (3, 3), stride=(2, 2)),
        convolution((48, 48, 8), 16, (1, 1)),
        convolution((24, 24, 16), 32, (1, 1)),
        convolution((12, 12, 32), 64, (1, 1)),
        convolution((6, 6, 64), 128, (1, 1)),
        convolution((6, 6, 112), 72, (1, 1)),
        convolution((6, 6, 20), 40, (1, 1)),
        convolution((3, 3, 128), 256, (1, 1)),
        convolution((3, 3, 52), 24, (1, 1)),
        convolution((14, 14, 8), 12, (3, 3), dilation=(2, 2)),
        convolution((14, 14, 8), 10, (3, 3), dilation=(2, 2)),
        convolution((18, 12, 16), 8, (3, 3), dilation=(1, 3)),
        convolution((12, 14, 12), 7, (3, 3), dilation=(3, 2), padding=VALID),
        convolution((10, 10, 20), 12, (3, 3)),
        convolution((14, 9, 8), 16, (3, 3), padding=VALID, activation=NONE),
        convolution((12, 12, 48), 24, (3, 3)),
        convolution((15, 20, 4), 8, (3, 3), activation=NONE),
        convolution((6, 6, 64), 32, (3, 3), padding=VALID),
        convolution((24, 24, 8), 8, (3, 3)),
        convolution((12, 20, 16), 16, (3, 3), activation=NONE),
        convolution((16, 5, 12), 24, (3, 3)),
        convolution((9, 9, 24), 40, (1, 1), activation=NONE),
        convolution((7, 11, 8), 12, (1, 1)),
        convolution((10, 10, 48), 16, (1, 1), activation=NONE),
        convolution((14, 14, 12), 4, (1, 1)),
    ]
    return fixed + _several(28, spread) + few_values.convolutions()


def _depthwise(rng: random.Random) -> list[Shape]:
    def spread() -> Shape:
        stride = rng.choice(((1, 1), (1, 1), (2, 2)))
        image = (rng.choice((8, 9, 12, 16, 23)), rng.choice((8, 9, 12, 16, 23)), rng.choice((3, 8, 12, 16, 22, 40, 64)))
        kernel = rng.choice(((3, 3), (3, 3), (5, 5), (3, 5), (1, 7), (5, 1), (7, 7)))
        padding, activation = rng.choice((SAME, SAME, VALID)), rng.choice((RELU, RELU, NONE, RELU6))
        return depthwise(image, kernel, stride=stride, padding=padding, activation=activation)

    fixed = [
        depthwise((25, 5, 64), (3, 3)),
        depthwise((30, 1, 40), (3, 1), padding=VALID, activation=NONE),
        depthwise((28, 1, 128), (5, 1), padding=VALID, activation=NONE),
        depthwise((24, 1, 128), (10, 1), padding=VALID, activation=NONE),
        depthwise((15, 1, 128), (15, 1), padding=VALID, activation=NONE),
        depthwise((48, 48, 8), (3, 3)),
        depthwise((48, 48, 16), (3, 3), stride=(2, 2)),
        depthwise((24, 24, 32), (3, 3)),
        depthwise((24, 24, 32), (3, 3), stride=(2, 2)),
        depthwise((12, 12, 64), (3, 3)),
        depthwise((12, 12, 64), (3, 3), stride=(2, 2)),
        depthwise((6, 6, 128), (3, 3)),
        depthwise((6, 6, 20), (3, 3)),
        depthwise((6, 6, 128), (3, 3), stride=(2, 2)),
        depthwise((3, 3, 256), (3, 3)),
        depthwise((49, 10, 1), (10, 4), multiplier=8, stride=(2, 2)),
        depthwise((14, 14, 16), (3, 3), dilation=(2, 2)),
        depthwise((10, 10, 6), (3, 3), multiplier=3),
        depthwise((49, 1, 24), (9, 1)),
        depthwise((1, 40, 32), (1, 5), activation=NONE),
        depthwise((20, 8, 12), (3, 1)),
        depthwise((12, 12, 16), (1, 7)),
        depthwise((8, 25, 22), (1, 4), padding=VALID),
    ]
    return fixed + few_values.depthwise_layers() + _several(24, spread)


def _fully_connected(rng: random.Random) -> list[Shape]:
    def spread() -> Shape:
        return fully_connected(
            rng.choice((30, 50, 64, 66, 100, 144, 200, 256, 333)),
            rng.choice((5, 10, 17, 24, 31, 40, 64, 100)),
            rows=rng.choice((1, 1, 1, 4, 9)),
            activation=rng.choice((RELU, RELU, NONE, RELU6)),
            per_channel=rng.choice((False, True)),
        )

    fixed = [
        fully_connected(640, 128),
        fully_connected(640, 128, per_channel=True),
        fully_connected(128, 128),
        fully_connected(128, 128, per_channel=True),
        fully_connected(128, 8),
        fully_connected(8, 128),
        fully_connected(8, 128, per_channel=True),
        fully_connected(128, 640, activation=NONE),
        fully_connected(128, 640, activation=NONE, per_channel=True),
        fully_connected(64, 12, activation=NONE),
        fully_connected(64, 10, activation=NONE, per_channel=True),
        fully_connected(32, 3, activation=NONE),
        fully_connected(24, 2, activation=NONE),
        fully_connected(256, 2, activation=NONE),
    ]
    return fixed + _several(18, spread) + few_values.connected()


def _pools(rng: random.Random) -> list[Shape]:
    def spread(largest: bool) -> Shape:
        kernel = rng.choice(((2, 2), (2, 2), (3, 3), (4, 1), (1, 2), (5, 5)))
        image = (rng.choice((8, 12, 15, 20)), rng.choice((8, 12, 15, 20)), rng.choice((3, 4, 8, 10, 16, 24, 32)))
        stride, padding = rng.choice((kernel, kernel, (1, 1))), rng.choice((SAME, VALID))
        activation = rng.choice((NONE, NONE, NONE, RELU6)) if largest else NONE
        return pool(image, kernel, stride=stride, padding=padding, activation=activation, largest=largest)

    images = ((25, 5, 64), (8, 8, 64), (3, 3, 24), (3, 3, 256), (7, 7, 40), (20, 15, 16))
    everything = [pool(i, i[:2], stride=i[:2], largest=largest) for i in images for largest in (False, True)]
    return everything + _several(16, lambda: spread(False)) + _several(16, lambda: spread(True))


def _elementwise(rng: random.Random) -> list[Shape]:
    images = ((32, 32, 16), (16, 16, 32), (8, 8, 64), (12, 12, 24), (7, 9, 5))
    shapes = [binary("ADD", (1, *i), (1, *i), activation=RELU) for i in images]
    shapes += [binary("ADD", (1, *i), (1, *i)) for i in images[1:]]
    shapes += [binary("ADD", (1, *i), (1, *i), activation=RELU6, zero_point=-100) for i in images[2:4]]
    shapes += [binary("MUL", (1, *i), (1, *i)) for i in images[1:]]
    for builtin in ("ADD", "MUL"):
        shapes += [binary(builtin, (1, h, w, c), (c,)) for h, w, c in ((12, 12, 24), (20, 10, 3), (9, 9, 64))]
        shapes += [binary(builtin, (1, h, w, c), (1, h, w, 1)) for h, w, c in ((12, 12, 24), (20, 10, 8))]
        shapes += [binary(builtin, (1, h, w, c), (1, 1, 1, c)) for h, w, c in ((6, 6, 40), (16, 16, 2))]
    return shapes


def _rest(rng: random.Random) -> list[Shape]:
    means = [mean((1, h, w, c), (1, 2)) for h, w, c in ((25, 5, 64), (8, 8, 64), (7, 7, 6), (12, 12, 24), (3, 3, 256))]
    means += [mean((1, 16, 20, 8), (1,)), mean((1, 16, 20, 8), (2,)), mean((1, 12, 12, 24), (3,)), mean((1, 300), (1,))]
    means += [mean((1, 40, 30, 10), (1, 2)), mean((1, 49, 10), (1,))]
    logits = ((1, 2), (1, 3), (1, 10), (1, 12), (1, 35), (1, 100), (1, 1000), (20, 10), (49, 49))
    softmaxes = [softmax(rows, columns, scale) for rows, columns in logits for scale in (0.05, 0.12)]
    borders = (((1, 1), (1, 1)), ((0, 1), (0, 1)), ((2, 2), (3, 3)))
    images = ((32, 32, 16), (24, 24, 32), (49, 10, 1), (12, 12, 64), (96, 96, 3), (15, 15, 7))
    pads = [pad((1, *i), ((0, 0), *b, (0, 0))) for i, b in zip(images, borders * 2, strict=True)]
    pads += [pad((1, *i), ((0, 0), (1, 1), (1, 1), (0, 0))) for i in ((12, 12, 4), (9, 9, 8), (20, 20, 24), (30, 8, 2))]
    pads += [
        pad((1, 28, 28, 1), ((0, 0), (2, 2), (2, 2), (0, 0))),
        pad((1, 16, 16, 6), ((0, 0), (0, 0), (0, 0), (1, 1))),
    ]
    pads += [pad((1, 12, 12, 16), ((0, 0), (0, 0), (0, 0), (0, 16))), pad((1, 300), ((0, 0), (20, 20)))]
    joined = [concatenation(3, (1, h, w, a), (1, h, w, b)) for h, w, a, b in ((12, 12, 24, 8), (16, 16, 16, 16))]
    joined += [concatenation(3, (1, 8, 8, 33), (1, 8, 8, 15), (1, 8, 8, 3)), concatenation(3, *[(1, 10, 10, 4)] * 3)]
    joined += [concatenation(1, (1, 10, 16, 16), (1, 6, 16, 16)), concatenation(1, (1, 500), (1, 100))]
    joined += [concatenation(2, (1, 14, 5, 8), (1, 14, 9, 8))]
    joined += [
        concatenation(3, (1, 6, 6, a), (1, 6, 6, b)) for a, b in ((64, 64), (40, 12), (6, 10), (100, 28), (20, 5))
    ]
    joined += [concatenation(1, (1, 4, 9, 10), (1, 5, 9, 10)), concatenation(3, *[(1, 7, 7, 16)] * 4)]
    sizes = ((1, 640), (1, 49, 10, 1), (1, 32, 32, 3), (1, 16, 16, 24))
    others = [unary("QUANTIZE", s, real=True) for s in sizes] + [unary("DEQUANTIZE", s, None) for s in sizes]
    others += [unary("QUANTIZE", s, (0.03, 20)) for s in sizes] + [unary("RELU", s, (0.025, -128)) for s in sizes]
    others += [unary("RELU6", s) for s in sizes] + [lookup(s) for s in sizes]
    return [*means, *softmaxes, *pads, *joined, *others]


def _of_all_types() -> list[Shape]:
    return [
        convolution((16, 16, 3), 16, (3, 3)),
        convolution((16, 16, 16), 16, (3, 3), activation=NONE),
        convolution((16, 16, 16), 32, (3, 3), stride=(2, 2)),
        convolution((8, 8, 32), 32, (3, 3)),
        convolution((8, 8, 64), 24, (3, 3)),
        convolution((25, 5, 16), 12, (3, 3)),
        convolution((49, 10, 1), 64, (10, 4), stride=(2, 2)),
        convolution((25, 5, 32), 32, (1, 1)),
        convolution((24, 1, 64), 64, (1, 1)),
        convolution((12, 12, 20), 10, (1, 1), activation=NONE),
        convolution((16, 16, 16), 32, (1, 1), stride=(2, 2), activation=NONE),
        convolution((14, 14, 8), 12, (3, 3), dilation=(2, 2)),
        convolution((12, 14, 12), 7, (3, 3), dilation=(1, 2), padding=VALID),
        convolution((20, 20, 4), 8, (5, 5)),
        convolution((10, 17, 8), 6, (1, 5), activation=RELU6),
        convolution((6, 6, 40), 16, (3, 3), padding=VALID),
        depthwise((25, 5, 32), (3, 3)),
        depthwise((24, 24, 8), (3, 3)),
        depthwise((16, 16, 16), (3, 3), stride=(2, 2)),
        depthwise((6, 6, 64), (3, 3)),
        depthwise((15, 1, 128), (15, 1), padding=VALID, activation=NONE),
        depthwise((30, 1, 40), (3, 1), padding=VALID),
        depthwise((14, 14, 14), (3, 3), dilation=(2, 2)),
        depthwise((12, 12, 11), (5, 5)),
        depthwise((20, 10, 1), (10, 4), multiplier=8, stride=(2, 2)),
        depthwise((10, 10, 6), (3, 3), multiplier=3),
        fully_connected(640, 32),
        fully_connected(128, 128),
        fully_connected(64, 10, activation=NONE),
        fully_connected(200, 31, rows=4),
        fully_connected(66, 17, rows=9),
        *(pool(i, k, stride=k, largest=m) for m in (False, True) for i, k in _POOLED),
        *(binary(b, (1, *i), (1, *i), activation=RELU) for b in ("ADD", "MUL") for i in ((16, 16, 16), (7, 9, 5))),
        *(binary(b, (1, 12, 12, 24), (24,)) for b in ("ADD", "MUL")),
        *(binary(b, (1, 20, 10, 8), (1, 20, 10, 1)) for b in ("ADD", "MUL")),
        *(mean((1, h, w, c), (1, 2)) for h, w, c in ((25, 5, 32), (8, 8, 64), (7, 7, 6))),
        mean((1, 12, 12, 24), (3,)),
        *(softmax(rows, columns, 0.05) for rows, columns in ((1, 10), (1, 100), (20, 10), (1, 2), (30, 3))),
        *(pad((1, *i), ((0, 0), (1, 1), (1, 1), (0, 0))) for i in ((12, 12, 4), (20, 20, 8), (15, 15, 7))),
        pad((1, 300), ((0, 0), (20, 20))),
    ]


def _floats(rng: random.Random) -> list[Shape]:
    """On float32, with weights that kernels can hold in 16 bits, too."""
    clamps = [unary(b, s) for b in ("RELU", "RELU6") for s in ((1, 640), (1, 16, 16, 12))]
    return [as_float(layer) for layer in (*_of_all_types(), *clamps)]


def _wide(rng: random.Random) -> list[Shape]:
    """With int16 activations."""
    sizes = ((1, 640), (1, 16, 16, 12))
    shapes = [as_int16(layer) for layer in _of_all_types()]
    shapes += [as_int16(unary("QUANTIZE", s, real=True), inputs=False) for s in sizes]
    shapes += [as_int16(unary("DEQUANTIZE", s, None), outputs=False) for s in sizes]
    for inputs, outputs in ((True, True), (False, True), (True, False)):
        shapes += [as_int16(unary("QUANTIZE", s, (0.03, 20)), inputs=inputs, outputs=outputs) for s in sizes]
    return shapes


def _signs(rng: random.Random) -> list[Shape]:
    return few_values.signs()


_POOLED = (((25, 5, 32), (25, 5)), ((8, 8, 64), (8, 8)), ((12, 12, 24), (2, 2)), ((15, 15, 10), (3, 3)))
_GROUPS = (_convolutions, _depthwise, _fully_connected, _pools, _elementwise, _rest, _floats, _wide, _signs)
_FIXED = (reductions, products, recurrent, functions, moves, signals)
