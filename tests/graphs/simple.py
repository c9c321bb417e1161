"""Clamps, identities, rows of codewise operators, poolings and repetitions."""

from __future__ import annotations

from support import make
from support.case import Case, Exact, Operator, Seeded, TensorSpec

from graphs import Reducible, chain, reading

A, B, FINE, COARSE = (0.05, -3), (0.08, 11), (0.01, -3), (0.4, 0)
LOW = (0.05, -128)


def _op(builtin: str, shape: tuple[int, ...], x: make.Quant, out: make.Quant, *more: TensorSpec) -> Operator:
    return Operator(builtin, (make.act(shape, x), *more), (make.act(shape, out),))


def _number(builtin: str, shape: tuple[int, ...], x: make.Quant, scale: float, code: int, out: make.Quant) -> Operator:
    """ADD or MUL with the number ``scale`` * ``code``."""
    return _op(builtin, shape, x, out, make.act((), (scale, 0), Exact((code,))))


def _view(old: tuple[int, ...], new: tuple[int, ...], quant: make.Quant = A) -> Operator:
    return Operator("RESHAPE", (make.act(old, quant), make.numbers(*new)), (make.act(new, quant),))


def _mean(shape: tuple[int, ...], x: make.Quant, out: make.Quant) -> Operator:
    return Operator("MEAN", (make.act(shape, x), make.numbers(1, 2)), (make.act((1, shape[3]), out),))


def _float(builtin: str, shape: tuple[int, ...], quant: make.Quant) -> Operator:
    """DEQUANTIZE or QUANTIZE between codes and real values."""
    real, codes = make.plain(shape, "float32"), make.act(shape, quant)
    return Operator(builtin, (codes,), (real,)) if builtin == "DEQUANTIZE" else Operator(builtin, (real,), (codes,))


def _island(name: str, left: str, x: make.Quant, out: make.Quant) -> Reducible:
    down, up = _float("DEQUANTIZE", (1, 40), x), _float("QUANTIZE", (1, 40), out)
    up = Operator("QUANTIZE", down.outputs, up.outputs)
    return Reducible(name, (down, up), tuple(left.split()))


def _conv(activation: int = make.NONE, out: make.Quant = A, name: str = "conv") -> Case:
    return make.conv2d(name, (5, 5, 3), 4, (3, 3), activation=activation, out=out)


S = (1, 5, 5, 4)
CLAMPS = (
    chain("conv_relu", "conv2d", _conv(), _op("RELU", S, A, A)),
    chain("conv_relu6", "conv2d", _conv(), _op("RELU6", S, A, A)),
    chain("conv_relu_relu6", "conv2d", _conv(make.RELU), _op("RELU6", S, A, A)),
    chain("conv_relu6_relu", "conv2d", _conv(make.RELU6), _op("RELU", S, A, A)),
    chain("conv_n1_relu", "conv2d relu", _conv(make.RELU_N1_TO_1), _op("RELU", S, A, A)),
    chain("conv_relu_rescales", "conv2d relu", _conv(), _op("RELU", S, A, B)),
    chain(
        "depthwise_relu6",
        "depthwise_conv2d",
        make.depthwise("d", (5, 5, 4), (3, 3), out=FINE),
        _op("RELU6", S, FINE, FINE),
    ),
    chain("fc_relu", "fully_connected", make.fully_connected("fc", (1, 24), 6, out=A), _op("RELU", (1, 6), A, A)),
    chain(
        "add_relu",
        "add",
        make.binary("add", "ADD", make.act(S, A), make.act(S, B), out=(0.1, 4)),
        _op("RELU", S, (0.1, 4), (0.1, 4)),
    ),
    chain(
        "mul_relu",
        "mul",
        make.binary("mul", "MUL", make.act(S, A), make.act((4,), B, Seeded())),
        _op("RELU", S, (0.1, 4), (0.1, 4)),
    ),
    chain(
        "average_relu", "average_pool2d", make.pool("p", (5, 5, 4), (2, 2), quant=A), _op("RELU", (1, 4, 4, 4), A, A)
    ),
    chain(
        "max_relu6",
        "max_pool2d",
        make.pool("p", (5, 5, 4), (2, 2), quant=A, largest=True),
        _op("RELU6", (1, 4, 4, 4), A, A),
    ),
)


def _two_read_the_sum() -> Reducible:
    conv, relu, scaled = _conv().operator, _op("RELU", S, A, A), _op("QUANTIZE", S, A, B)
    return Reducible(
        "two_read_before_the_clamp",
        (conv, reading(relu, conv.outputs[0]), reading(scaled, conv.outputs[0])),
        ("conv2d", "relu", "quantize"),
    )


IDENTITIES = (
    chain(
        "relu_after_pool",
        "conv2d max_pool2d",
        _conv(make.RELU),
        make.pool("p", (5, 5, 4), (2, 2), quant=A, largest=True),
        _op("RELU", (1, 4, 4, 4), A, A),
    ),
    chain("quantize_alike", "conv2d", _conv(), _op("QUANTIZE", S, A, A)),
    chain(
        "quantize_almost_alike",
        "conv2d reinterpret add",
        _conv(),
        _op("QUANTIZE", S, A, (0.05001, -3)),
        _number("ADD", S, (0.05001, -3), 0.1, 3, B),
    ),
    chain(
        "concatenation_of_one",
        "conv2d",
        _conv(),
        Operator("CONCATENATION", (make.act(S, A),), (make.act(S, A),), {"axis": 3}),
    ),
    chain(
        "relu_of_lowest_zero_point",
        "add",
        make.binary("add", "ADD", make.act(S, A), make.act(S, B), out=LOW),
        _op("RELU", S, LOW, LOW),
    ),
    chain(
        "single_pixels",
        "conv2d",
        _conv(),
        make.pool("p", (5, 5, 4), (1, 1), quant=A),
        make.pool("q", (5, 5, 4), (1, 1), quant=A, largest=True),
    ),
    chain(
        "single_pixels_clamped",
        "max_pool2d",
        make.pool("p", (5, 5, 4), (1, 1), quant=A, largest=True, activation=make.RELU),
    ),
    chain("single_pixels_apart", "average_pool2d", make.pool("p", (5, 5, 4), (1, 1), stride=(2, 2), quant=A)),
    chain("mean_of_one", "reshape fully_connected", _mean((1, 1, 1, 24), A, A), make.fully_connected("fc", (1, 24), 6)),
    chain("mean_of_one_rescaled", "mean", _mean((1, 1, 1, 24), A, B)),
    chain("times_one", "conv2d", _conv(), _number("MUL", S, A, 1 / 127, 127, A)),
    chain("plus_nothing", "conv2d", _conv(), _number("ADD", S, A, 0.01, 0, A)),
    chain(
        "rescaled_to_one",
        "reinterpret conv2d",
        _number("MUL", (1, 5, 5, 3), (1.0, -128), 1 / 255 / 127, 127, (1 / 255, -128)),
        make.conv2d("c", (5, 5, 3), 4, (3, 3), x=(1 / 255, -128)),
    ),
    chain("views_of_views", "reshape", _view((1, 4, 6), (1, 24)), _view((1, 24), (2, 12)), _view((2, 12), (3, 8))),
    chain(
        "views_there_and_back",
        "relu",
        _op("RELU", (1, 24), A, A),
        _view((1, 24), (2, 12)),
        _view((2, 12), (1, 24)),
        _op("QUANTIZE", (1, 24), A, A),
        make.unary("n", "QUANTIZE", make.act((1, 24), A), make.act((1, 24), B)),
    ),
    chain("from_caller_to_caller", "reshape", _op("QUANTIZE", (1, 24), A, A)),
    _two_read_the_sum(),
)
ROWS = (
    chain("through_coarse", "lookup", _op("QUANTIZE", (1, 41), A, COARSE), _op("QUANTIZE", (1, 41), COARSE, A)),
    chain("relu_then_requantize", "lookup", _op("RELU", (1, 41), A, B), _op("QUANTIZE", (1, 41), B, FINE)),
    chain("requantize_then_relu", "relu", _op("QUANTIZE", (1, 41), A, B), _op("RELU", (1, 41), B, B)),
    chain(
        "rescaled_around_zero",
        "reinterpret",
        _number("MUL", (1, 3, 3, 3), (1.0, -128), 1 / 127.5 / 127, 127, (2 / 255, -128)),
        _number("ADD", (1, 3, 3, 3), (2 / 255, -128), 1 / 127, -127, (2 / 255, -1)),
    ),
    chain(
        "rescaled_coarsely",
        "lookup",
        _number("MUL", (1, 3, 3, 3), (1.0, -128), 1 / 127.5 / 127, 127, (3 / 255, -43)),
        _number("ADD", (1, 3, 3, 3), (3 / 255, -43), 1 / 127, -127, (2 / 255, -1)),
    ),
    chain(
        "four_in_a_row",
        "lookup",
        _op("QUANTIZE", (1, 42), A, COARSE),
        _op("RELU", (1, 42), COARSE, B),
        _op("QUANTIZE", (1, 42), B, A),
        _op("RELU6", (1, 42), A, A),
    ),
    _island("island_alike", "reshape", A, A),
    _island("island_coarser", "quantize", A, B),
)
POOLINGS = (
    chain(
        "halved_twice",
        "max_pool2d",
        make.pool("p", (9, 8, 4), (2, 2), stride=(2, 2), quant=A, largest=True),
        make.pool("q", (4, 4, 4), (2, 2), stride=(2, 2), quant=A, largest=True, activation=make.RELU),
    ),
    chain(
        "wide_windows",
        "max_pool2d max_pool2d",
        make.pool("p", (16, 16, 2), (3, 3), quant=A, largest=True),
        make.pool("q", (14, 14, 2), (3, 3), quant=A, largest=True),
    ),
    chain(
        "padded_windows",
        "max_pool2d max_pool2d",
        make.pool("p", (9, 9, 4), (2, 2), stride=(2, 2), padding=make.SAME, quant=A, largest=True),
        make.pool("q", (5, 5, 4), (2, 2), stride=(2, 2), quant=A, largest=True),
    ),
    chain(
        "windows_with_gaps",
        "max_pool2d max_pool2d",
        make.pool("p", (9, 9, 4), (1, 1), stride=(2, 2), quant=A, largest=True),
        make.pool("q", (5, 5, 4), (2, 2), stride=(2, 2), quant=A, largest=True),
    ),
)


def _repeated(name: str, same: bool, left: str) -> Reducible:
    """Two convolutions of one input, with equal weights or not, and their sum."""
    x, out = make.act((1, 4, 4, 2), A), (make.act((1, 4, 4, 3), B), make.act((1, 4, 4, 3), B))
    weights = [
        TensorSpec((3, 1, 1, 2), "int8", (0.02,), (0,), data=Exact((7, -9, 90, 33, -5, k)))
        for k in (1, 1 if same else 2)
    ]
    bias = [TensorSpec((3,), "int32", (0.001,), (0,), data=Exact((100, -200, 300))) for _ in (0, 1)]
    options = {"padding": make.SAME, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    convs = [Operator("CONV_2D", (x, w, b), (o,), options) for w, b, o in zip(weights, bias, out, strict=True)]
    return Reducible(name, (*convs, Operator("ADD", out, (make.act((1, 4, 4, 3), (0.16, 9)),))), tuple(left.split()))


def _both_are_outputs() -> Reducible:
    x = make.act((1, 30), A)
    return Reducible(
        "repeated_outputs",
        tuple(Operator("QUANTIZE", (x,), (make.act((1, 30), B),)) for _ in (0, 1)),
        ("quantize", "quantize"),
    )


REPETITIONS = (
    _repeated("repeated", True, "conv2d add"),
    _repeated("not_repeated", False, "conv2d conv2d add"),
    _both_are_outputs(),
)
GRAPHS = (*CLAMPS, *IDENTITIES, *ROWS, *POOLINGS, *REPETITIONS)
