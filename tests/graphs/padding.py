"""PAD before convolutions and poolings."""

from __future__ import annotations

from support import make
from support.case import Case, Choice, Exact, Operator, TensorSpec

from graphs import Reducible, chain, reading

A = (0.05, -3)
RELU_OUT = (None, -20)
Sides = tuple[tuple[int, int], ...]


def pad(
    image: tuple[int, int, int],
    rows: tuple[int, int],
    columns: tuple[int, int],
    quant: make.Quant = A,
    fill: int | None = None,
    channels: tuple[int, int] = (0, 0),
) -> Operator:
    """PAD of an image; PADV2 with a code as ``fill``."""
    sides = ((0, 0), rows, columns, channels)
    widths = TensorSpec((4, 2), "int32", data=Exact(tuple(n for side in sides for n in side)))
    shape = tuple(d + sum(s) for d, s in zip((1, *image), sides, strict=True))
    inputs = (make.act((1, *image), quant), widths)
    if fill is None:
        return Operator("PAD", inputs, (make.act(shape, quant),))
    return Operator("PADV2", (*inputs, make.act((1,), quant, Choice((fill,)))), (make.act(shape, quant),))


def _conv(
    name: str,
    left: str,
    image: tuple[int, int, int],
    channels: int,
    kernel: make.Pair,
    rows: tuple[int, int],
    columns: tuple[int, int],
    x: make.Quant = A,
    fill: int | None = None,
    **more: object,
) -> Reducible:
    """PAD and a convolution without padding of its own; depthwise when there are no channels."""
    padded = pad(image, rows, columns, x, fill)
    size = padded.outputs[0].shape[1:]
    options: dict[str, object] = {"padding": make.VALID, "x": x, **more}
    if channels:
        case = make.conv2d(name, (size[0], size[1], size[2]), channels, kernel, **options)  # type: ignore[arg-type]
    else:
        case = make.depthwise(name, (size[0], size[1], size[2]), kernel, **options)  # type: ignore[arg-type]
    return chain(name, left, padded, case)


def _pool(name: str, image: tuple[int, int, int], kernel: make.Pair, stride: make.Pair, largest: bool) -> Case:
    return make.pool(name, image, kernel, stride=stride, quant=A, largest=largest)


def _two_readers(name: str, left: str, second: Operator) -> Reducible:
    padded = pad((8, 8, 4), (1, 1), (1, 1))
    conv = make.conv2d(name, (10, 10, 4), 8, (3, 3), stride=(2, 2), padding=make.VALID)
    readers = (reading(op, padded.outputs[0]) for op in (conv.operator, second))
    return Reducible(name, (padded, *readers), tuple(left.split()))


def _after_relu(name: str, left: str, fill: int | None = None) -> Reducible:
    """The stem of a ResNet: no code is below the zero point when the maximum is taken."""
    conv = make.conv2d(name, (8, 8, 3), 4, (3, 3), activation=make.RELU, out=(0.05, -20))
    padded = pad((8, 8, 4), (1, 1), (1, 1), (0.05, -20), fill)
    pool = make.pool(name, (10, 10, 4), (3, 3), stride=(2, 2), quant=(0.05, -20), largest=True)
    return chain(name, left, conv, padded, pool)


WINDOWS = (
    _conv("keras_stride_2", "conv2d", (8, 8, 4), 8, (3, 3), (0, 1), (0, 1), stride=(2, 2)),
    _conv("one_all_round_stride_2", "conv2d", (8, 8, 4), 8, (3, 3), (1, 1), (1, 1), stride=(2, 2)),
    _conv("one_all_round_odd", "conv2d", (9, 7, 4), 8, (3, 3), (1, 1), (1, 1), stride=(2, 2)),
    _conv("one_all_round", "conv2d", (8, 9, 4), 8, (3, 3), (1, 1), (1, 1), activation=make.RELU, out=(None, -128)),
    _conv("before_only", "conv2d", (9, 8, 4), 4, (3, 3), (1, 0), (1, 0)),
    _conv("rows_only", "conv2d", (5, 6, 8), 4, (3, 3), (1, 1), (0, 0), out=(None, -128)),
    _conv("columns_only", "conv2d", (6, 5, 8), 4, (3, 3), (0, 0), (0, 1)),
    _conv("stem_7x7", "conv2d", (9, 10, 3), 8, (7, 7), (3, 3), (3, 3), stride=(2, 2)),
    _conv("5x5_few_channels", "conv2d", (6, 6, 3), 5, (5, 5), (1, 2), (2, 2)),
    _conv("2x2", "conv2d", (5, 5, 2), 4, (2, 2), (0, 1), (0, 1)),
    _conv("dilated", "conv2d", (7, 7, 4), 4, (3, 3), (2, 2), (2, 2), dilation=(2, 2)),
    _conv("lowest_zero_point", "conv2d", (6, 6, 4), 4, (3, 3), (1, 1), (1, 1), x=(0.05, -128)),
    _conv("highest_zero_point", "conv2d", (6, 6, 4), 4, (3, 3), (1, 1), (1, 1), x=(0.05, 127)),
    _conv("fill_is_zero_point", "conv2d", (6, 6, 4), 4, (3, 3), (1, 1), (1, 1), fill=-3),
    _conv("depthwise_stride_2", "depthwise_conv2d", (8, 8, 8), 0, (3, 3), (0, 1), (0, 1), stride=(2, 2)),
    _conv("depthwise_round_stride_2", "depthwise_conv2d", (8, 8, 8), 0, (3, 3), (1, 1), (1, 1), stride=(2, 2)),
    _conv("depthwise_round", "depthwise_conv2d", (7, 6, 8), 0, (3, 3), (1, 1), (1, 1)),
    _conv("depthwise_before_only", "depthwise_conv2d", (7, 6, 5), 0, (3, 3), (1, 0), (1, 0)),
    _conv("depthwise_5x5", "depthwise_conv2d", (9, 8, 4), 0, (5, 5), (1, 2), (2, 2), stride=(2, 2)),
    _conv("depthwise_column", "depthwise_conv2d", (12, 1, 8), 0, (5, 1), (2, 0), (0, 0)),
    _conv("depthwise_row", "depthwise_conv2d", (1, 12, 8), 0, (1, 7), (0, 0), (1, 3)),
)

GRAPHS = (
    *WINDOWS,
    _conv("wider_than_same", "pad conv2d", (5, 5, 4), 4, (3, 3), (2, 2), (2, 2)),
    _conv("wider_in_front", "pad conv2d", (5, 5, 4), 4, (2, 2), (1, 0), (0, 0)),
    _conv("another_fill", "pad conv2d", (6, 6, 4), 4, (3, 3), (1, 1), (1, 1), fill=-4),
    chain(
        "channels",
        "pad conv2d",
        pad((4, 4, 3), (1, 1), (1, 1), channels=(0, 1)),
        make.conv2d("channels", (6, 6, 4), 4, (3, 3), padding=make.VALID),
    ),
    chain(
        "own_padding_too",
        "conv2d",
        pad((7, 7, 4), (1, 0), (1, 0)),
        make.conv2d("own_padding_too", (8, 8, 4), 4, (5, 5), stride=(2, 2)),
    ),
    _two_readers(
        "two_readers", "conv2d depthwise_conv2d", make.depthwise("r", (10, 10, 4), (3, 3), padding=make.VALID).operator
    ),
    _two_readers(
        "a_reader_that_needs_it",
        "pad conv2d relu6",
        Operator("RELU6", (make.act((1, 10, 10, 4), A),), (make.act((1, 10, 10, 4), A),)),
    ),
    chain(
        "twice",
        "conv2d",
        pad((6, 6, 4), (0, 1), (1, 0)),
        pad((7, 7, 4), (1, 0), (0, 1)),
        make.conv2d("twice", (8, 8, 4), 4, (3, 3), padding=make.VALID),
    ),
    chain("twice_alone", "pad", pad((3, 4, 2), (0, 1), (2, 0)), pad((4, 6, 2), (1, 1), (0, 3), channels=(1, 0))),
    chain("two_fills", "pad pad", pad((3, 4, 2), (0, 1), (2, 0), fill=5), pad((4, 6, 2), (1, 1), (0, 3))),
    chain(
        "stem",
        "conv2d max_pool2d",
        make.conv2d("stem", (8, 8, 3), 4, (3, 3), out=(0.05, -20)),
        Operator("RELU", (make.act((1, 8, 8, 4), (0.05, -20)),), (make.act((1, 8, 8, 4), (0.05, -20)),)),
        pad((8, 8, 4), (1, 1), (1, 1), (0.05, -20)),
        make.pool("stem", (10, 10, 4), (3, 3), stride=(2, 2), quant=(0.05, -20), largest=True),
    ),
    _after_relu("max_pool_after_relu", "conv2d max_pool2d"),
    _after_relu("max_pool_low_fill", "conv2d max_pool2d", fill=-90),
    _after_relu("max_pool_high_fill", "conv2d pad max_pool2d", fill=-19),
    chain(
        "max_pool_of_anything",
        "pad max_pool2d",
        pad((6, 6, 4), (1, 1), (1, 1)),
        _pool("p", (8, 8, 4), (3, 3), (2, 2), True),
    ),
    chain(
        "max_pool_lowest_fill",
        "max_pool2d",
        pad((6, 7, 3), (1, 1), (1, 1), fill=-128),
        _pool("p", (8, 9, 3), (3, 3), (2, 2), True),
    ),
    chain(
        "average_pool_counts",
        "pad average_pool2d",
        pad((6, 6, 4), (1, 1), (1, 1)),
        _pool("p", (8, 8, 4), (2, 2), (2, 2), False),
    ),
    chain(
        "average_pool_out_of_reach",
        "average_pool2d",
        pad((6, 6, 4), (0, 1), (0, 1)),
        _pool("p", (7, 7, 4), (2, 2), (2, 2), False),
    ),
)
