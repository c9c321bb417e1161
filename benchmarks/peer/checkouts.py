"""The checkouts of TFLM and CMSIS-NN, and what of them is compiled for a model.

The layouts are those of github.com/tensorflow/tflite-micro (a checkout whose Makefile has downloaded the third-party
headers, or a tree made by its ``create_tflm_tree.py``) and github.com/ARM-software/CMSIS-NN; the selection of sources
follows TFLM's own Makefile.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import DataError

TFLM_VARIABLE, CMSIS_NN_VARIABLE = "TFLM_DIR", "CMSIS_NN_DIR"
MICRO = Path("tensorflow/lite/micro")
DOWNLOADS = MICRO / "tools/make/downloads"
_THIRD_PARTY = {
    "flatbuffers/include": "flatbuffers/flatbuffers.h",
    "gemmlowp": "fixedpoint/fixedpoint.h",
    "ruy": "ruy/profiler/instrumentation.h",
}
_DOWNLOAD = f"In the checkout: make -f {MICRO}/tools/make/Makefile third_party_downloads"
_CMSIS_CORE = "CMSIS/Core/Include"

# By TFLite's builtin name: the method of MicroMutableOpResolver that adds it, and its kernel's file.
_OPERATORS = {
    "ADD": ("AddAdd", "add"),
    "AVERAGE_POOL_2D": ("AddAveragePool2D", "pooling"),
    "CONCATENATION": ("AddConcatenation", "concatenation"),
    "CONV_2D": ("AddConv2D", "conv"),
    "DEPTHWISE_CONV_2D": ("AddDepthwiseConv2D", "depthwise_conv"),
    "DEQUANTIZE": ("AddDequantize", "dequantize"),
    "EXPAND_DIMS": ("AddExpandDims", "expand_dims"),
    "FULLY_CONNECTED": ("AddFullyConnected", "fully_connected"),
    "MAX_POOL_2D": ("AddMaxPool2D", "pooling"),
    "MEAN": ("AddMean", "reduce"),
    "MUL": ("AddMul", "mul"),
    "PACK": ("AddPack", "pack"),
    "PAD": ("AddPad", "pad"),
    "PADV2": ("AddPadV2", "pad"),
    "QUANTIZE": ("AddQuantize", "quantize"),
    "RELU": ("AddRelu", "activations"),
    "RELU6": ("AddRelu6", "activations"),
    "RESHAPE": ("AddReshape", "reshape"),
    "SHAPE": ("AddShape", "shape"),
    "SOFTMAX": ("AddSoftmax", "softmax"),
    "SQUEEZE": ("AddSqueeze", "squeeze"),
    "STRIDED_SLICE": ("AddStridedSlice", "strided_slice"),
}
# Of the files in micro/: tests and their helpers, and logging, which would bring the C library's printf.
_NOT_CORE = ("test_", "testing_", "fake_", "mock_", "recording_", "debug_log")
_NOT_LITE = ("lite/micro", "lite/experimental", "lite/array.cc")


@dataclass(frozen=True)
class Checkouts:
    """``includes`` are the folders for the compiler's -I, in order."""

    tflm: Path
    cmsis_nn: Path
    includes: tuple[Path, ...]

    @property
    def versions(self) -> str:
        """The commits, where git knows them."""
        return f"TFLM {_commit(self.tflm)} with CMSIS-NN {_commit(self.cmsis_nn)}"

    def core(self) -> tuple[Path, ...]:
        """What every model needs of TFLM."""
        micro = self.tflm / MICRO
        folders = (micro, micro / "arena_allocator", micro / "memory_planner", micro / "tflite_bridge")
        found = [p for folder in folders for p in folder.glob("*.cc") if not p.name.startswith(_NOT_CORE)]
        root = self.tflm / "tensorflow"
        for path in (*root.rglob("*.cc"), *root.rglob("*.c")):
            if not path.relative_to(root).as_posix().startswith(_NOT_LITE):
                found.append(path)
        return tuple(sorted(p for p in found if not p.stem.endswith("_test")))

    def kernels(self, operators: Iterable[str]) -> tuple[Path, ...]:
        """TFLM's kernels of these operators, CMSIS-NN's form where there is one. Raises DataError for another one."""
        folder = self.tflm / MICRO / "kernels"
        stems = [stem for name in operators for stem in (_operator(name)[1], f"{_operator(name)[1]}_common")]
        names = dict.fromkeys(f"{stem}.cc" for stem in (*stems, "kernel_util", "micro_tensor_utils"))
        candidates = ((folder / "cmsis_nn" / name, folder / name) for name in names)
        return tuple(next(p for p in pair if p.is_file()) for pair in candidates if any(p.is_file() for p in pair))

    def library(self) -> tuple[Path, ...]:
        """CMSIS-NN itself, without its floating-point functions."""
        sources = (self.cmsis_nn / "Source").rglob("*.c")
        return tuple(sorted(p for p in sources if not p.stem.endswith(("_f16", "_f32"))))


def find_checkouts(environment: Mapping[str, str]) -> Checkouts | None:
    """What the two variables name; None when neither is set. Raises DataError for what is missing."""
    given = {name: environment.get(name, "") for name in (TFLM_VARIABLE, CMSIS_NN_VARIABLE)}
    if not any(given.values()):
        return None
    for name, value in given.items():
        if not value:
            other = next(n for n in given if n != name)
            raise DataError(f"{other} is set but not {name}", "The peer is TFLM with CMSIS-NN: name both, or neither.")
    tflm, cmsis_nn = (Path(value).expanduser().resolve() for value in given.values())
    _need(TFLM_VARIABLE, tflm, MICRO / "micro_interpreter.h", "Name a checkout of github.com/tensorflow/tflite-micro.")
    _need(TFLM_VARIABLE, tflm, MICRO / "kernels/cmsis_nn", "The checkout must have TFLM's kernels for CMSIS-NN.")
    hint = "Name a checkout of github.com/ARM-software/CMSIS-NN."
    _need(CMSIS_NN_VARIABLE, cmsis_nn, Path("Include/arm_nnfunctions.h"), hint)
    _need(CMSIS_NN_VARIABLE, cmsis_nn, Path("Source"), hint)
    includes = (tflm, *_third_party(tflm), cmsis_nn, cmsis_nn / "Include", *_cmsis_core(tflm, cmsis_nn))
    return Checkouts(tflm, cmsis_nn, includes)


def resolver_calls(operators: Iterable[str]) -> list[str]:
    """The methods that add these operators. Raises DataError for one that the benchmark does not know."""
    return [_operator(name)[0] for name in operators]


def _operator(name: str) -> tuple[str, str]:
    if name not in _OPERATORS:
        raise DataError(
            f"the benchmark does not know which of TFLM's kernels computes {name}",
            "Add it to benchmarks/peer/checkouts.py.",
        )
    return _OPERATORS[name]


def _need(variable: str, root: Path, part: Path, hint: str) -> None:
    if not (root / part).exists():
        raise DataError(f"{variable}: there is no {root / part}", hint)


def _third_party(tflm: Path) -> Iterator[Path]:
    for folder, header in _THIRD_PARTY.items():
        places = [tflm / DOWNLOADS / folder, tflm / "third_party" / folder]
        found = next((p for p in places if (p / header).is_file()), None)
        if found is None:
            raise DataError(f"{TFLM_VARIABLE}: there is no {header} in {' or '.join(map(str, places))}", _DOWNLOAD)
        yield found


def _cmsis_core(tflm: Path, cmsis_nn: Path) -> Iterator[Path]:
    """The folder of cmsis_compiler.h, which CMSIS-NN up to version 6 takes from CMSIS."""
    users = (p for p in (cmsis_nn / "Include").rglob("*.h") if "cmsis_compiler.h" in p.read_text(errors="replace"))
    if not any(users):
        return
    roots = (tflm / DOWNLOADS / "cmsis", tflm / "third_party/cmsis", *(cmsis_nn.parents[:2]))
    found = next((r / _CMSIS_CORE for r in roots if (r / _CMSIS_CORE / "cmsis_compiler.h").is_file()), None)
    if found is None:
        raise DataError(
            f"{CMSIS_NN_VARIABLE}: this version of CMSIS-NN needs cmsis_compiler.h, which is not in "
            f"{' or '.join(str(r / _CMSIS_CORE) for r in roots)}",
            f"{_DOWNLOAD} OPTIMIZED_KERNEL_DIR=cmsis_nn TARGET=cortex_m_generic TARGET_ARCH=cortex-m4+fp",
        )
    yield found


def _commit(folder: Path) -> str:
    command = ["git", "-C", str(folder), "log", "-1", "--format=%h of %cs"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "of an unknown commit"
    return told or "of an unknown commit"
