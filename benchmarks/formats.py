"""Writes docs/weights.md: what layers take in each format of weights. ``python -m benchmarks.formats``

For each layer and format the fastest kernel that stores weights so, its constants in flash and its predicted cycles.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.board_run import TARGET
from benchmarks.shapes import ALL_CODES, NONE, SIGNS, Shape, convolution, depthwise, fully_connected, of_signs
from toolchain.ops import registry
from toolchain.ops.base import Const
from toolchain.ops.conv2d_xnor import OUTPUT_CYCLES, XNOR
from toolchain.options import Option, options_of
from toolchain.target import load_target

PAGE = Path(__file__).resolve().parent.parent / "docs" / "weights.md"
TEXT = """# Formats of weights

Made by `python -m benchmarks.formats`; do not edit. Every layer is int8 for its neighbours and for the
exported `.tflite`: a format is a restriction of the weights' codes, and TFLM, which knows nothing of it, computes the
same outputs. The planner looks at the codes and takes the kernels below where they serve the budget. No layer is
unpacked to int8 in RAM: a kernel decodes four output channels at a time, or into registers.

| format | codes of a layer | stored as |
|--|--|--|
| int4 | -7 to 7 | indices of 4 bits; fully connected: digits of 4 bits |
| kmeans6 to kmeans2 | at most 64, 32, 16, 8, 4 values | indices of 6 to 2 bits and the values (Han et al. 2016) |
| kmeans3:16 | at most 8 values in each 16 output channels | indices of 3 bits and the values of each group |
| ternary | -1, 0, 1, or three others that are equally far apart | convolution: five digits of base three in a byte; \
else 2 bits |
| binary | two values | 1 bit |
| binary, binary inputs | -1, 1, and so is all that the layer reads ([how](finetuning.md#binary-inputs)) | 1 bit, \
multiplied as such |
| sparse | any, with fours of zeros | a bit for each four, and the fours that are not zero |

Codebooks of groups are found in the codes as well: one for the layer, or one for each 64, 32, 16, 8 or 4 output
channels, whichever takes the fewest bytes with its values. Groups of other sizes are stored as these fit them best.

## How they are decoded
- **Convolution, 1x1 included** (`compressed_16`, `_6`, `_2`): the windows of 32, 12 or 4 pixels are widened; then the
  weights of four output channels after the other are expanded and multiplied with all of these, as paired bytes. A
  layer takes whichever storage needs the fewest bytes. `winograd_compressed` makes transformed weights from the same
  storage at run time. Fours of zeros are expanded like others: in convolutions `sparse` saves flash, but no products.
  Codebooks become tables of pairs in scratch: those of all groups once for each inference, with Winograd one after the
  other.
- **Fully connected**: `codebook` looks up two centroids at a time; `lanes` has digits so that one AND leaves those of
  two inputs as half-words for SMLAD, and multiplies by the weights' distance once for each output; `sparse` skips fours
  of zeros.
- **Depthwise** (`... codebook`): the int8 kernels, for four channels at a time, whose weights are made of indices just
  before. Weights are few here; the numbers that requantization needs, nine bytes for each channel, stay.
- **Binary inputs** (`xnor`): the image becomes bits, those of a window are compared with those of each channel, 32 by
  one instruction, and the bits that differ are counted. Any convolution, 1x1 included, and fully connected; the same C
  on every core. Depthwise layers have no such kernel: an output takes {output:.0f} cycles before the first product,
  {depthwise:.1f} for each of 9, more than the whole kernel for int8.

All these, and the fast kernels for int8, want multipliers below 1/2 for requantization. A code of 1 stands for much in
ternary and binary weights; where a layer sums up few inputs, as depthwise layers do, the multiplier would often be
larger. mcuforge's quantizer makes the codes a power of two larger there, and the scales smaller.

Constants are bytes in flash: weights, centroids and what requantization needs. Cycles are predicted for a Cortex-M4 by
costs that are fitted to modelled ones ([performance](performance.md)); constants vary a little with how a layer's codes
are rounded. The int8 kernel is the fastest one whose weights take their own size, the others the fastest ones that keep
the format in flash; decoding costs less where more pixels share it.

{tables}
"""
KMEANS = tuple(n * n * (1 if n > 0 else -1) // 9 for n in range(-32, 33) if n)  # unequal distances


def _spread(count: int) -> tuple[int, ...]:
    """So many values, the more apart the larger."""
    return tuple(KMEANS[(2 * i + 1) * len(KMEANS) // (2 * count)] for i in range(count))


OF_SIGNS = "binary, binary inputs"
Format = tuple[str, Sequence[int], int, int]  # its name, codes, of a hundred fours those not zero, channels of a group
Layer = Callable[[Sequence[int], int, int], Shape]
FORMATS: tuple[Format, ...] = (
    ("int8", ALL_CODES, 100, 0),
    ("kmeans6", _spread(64), 100, 0),
    ("kmeans5", _spread(32), 100, 0),
    ("kmeans4", _spread(16), 100, 0),
    ("int4", range(-7, 8), 100, 0),
    ("kmeans3", _spread(8), 100, 0),
    ("kmeans3, groups of 16", _spread(8), 100, 16),
    ("kmeans2", _spread(4), 100, 0),
    ("kmeans2, groups of 16", _spread(4), 100, 16),
    ("ternary", range(-16, 17, 16), 100, 0),  # as the quantizer has them in layers of few inputs
    ("binary", range(-16, 17, 32), 100, 0),
    (OF_SIGNS, SIGNS, 100, 0),
    ("sparse, half", ALL_CODES, 50, 0),
    ("sparse, a fifth", ALL_CODES, 20, 0),
)
LAYERS: tuple[tuple[str, Layer], ...] = (
    (
        "Convolution 3x3, 16x16x32 to 16x16x32",
        lambda c, k, g: convolution((16, 16, 32), 32, (3, 3), codes=c, kept=k, group=g),
    ),
    (
        "Convolution 3x3 stride 2, 16x16x32 to 8x8x64",
        lambda c, k, g: convolution((16, 16, 32), 64, (3, 3), stride=(2, 2), codes=c, kept=k, group=g),
    ),
    (
        "Convolution 1x1, 25x5x64 to 25x5x64",
        lambda c, k, g: convolution((25, 5, 64), 64, (1, 1), codes=c, kept=k, group=g),
    ),
    (
        "Fully connected, 640 to 128",
        lambda c, k, g: fully_connected(640, 128, activation=NONE, codes=c, kept=k, group=g),
    ),
    ("Depthwise 3x3, 25x5x64", lambda c, k, g: depthwise((25, 5, 64), (3, 3), codes=c, group=g)),
)


def _constants(option: Option) -> int:
    return sum(v.data.nbytes for call in option.calls for _, v in call.params if isinstance(v, Const))


def _is_compressed(option: Option) -> bool:
    names = ("compressed", "codebook", "lanes", "sparse")
    return any(name in option.variant.name for name in names)


def _stored(option: Option) -> str:
    """What becomes words again, where the kernel's name does not tell."""
    symbols = [str(v.name) for call in option.calls for _, v in call.params if hasattr(v, "name")]
    found = [name.removeprefix("nn_expand_").removesuffix("_bytes") for name in symbols if "nn_expand_" in name]
    return f"{option.variant.name} ({found[0].replace('_', ' ')})" if found else option.variant.name


def _rows(make: Layer, formats: Sequence[Format]) -> Iterator[str]:
    target, whole = load_target(TARGET), 0
    for name, codes, kept, group in formats:
        signs = name == OF_SIGNS
        shape = make(codes, kept, group)
        shape = of_signs(shape) if signs else shape
        options = [o for o in options_of(shape.graph, shape.node, target) if "stored" not in o.variant.name]
        if signs:
            usable = [o for o in options if o.variant.name == XNOR.name]
        else:
            usable = [o for o in options if _is_compressed(o) == (name != "int8")]
        if not usable:
            continue
        best = min(usable, key=lambda o: o.cycles)
        whole = whole or _constants(best)
        macs = registry()[shape.node.op].macs(shape.graph, shape.node)
        share, cycles = _constants(best) / whole, best.cycles / macs
        yield f"| {name} | {_stored(best)} | {_constants(best):,} | {share:.2f} | {cycles:.2f} | {best.scratch:,} |"


def text() -> str:
    """The page."""
    tables = []
    for title, make in LAYERS:
        formats = [f for f in FORMATS if f[2] == 100 or not title.startswith("Depthwise")]
        head = f"## {title}\n| format | kernel | constants B | x int8 | cycles/MAC | scratch B |\n|--|--|--|--|--|--|\n"
        tables.append(head + "\n".join(_rows(make, formats)))
    return TEXT.format(tables="\n\n".join(tables), output=OUTPUT_CYCLES, depthwise=OUTPUT_CYCLES / 9)


def main() -> None:
    PAGE.write_text(text(), encoding="utf-8")
    sys.exit(0)


if __name__ == "__main__":
    main()
