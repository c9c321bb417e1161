"""Whole networks: TFLM, the numpy reference, the C code and the emulated Cortex-M4 give the same codes, every one.

The five MLPerf Tiny networks run when ``MCUFORGE_REFERENCE`` names a folder with their ``models/`` and ``data/``,
otherwise their twins, which have the same layers. What goes into SOFTMAX is compared as well: after it, differences
would hide.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from support.case import Array
from support.firmware import build_firmware, checked_plan, failed_selftests, run_on_board, run_on_host, strict_target
from support.flatbuffer import with_softmax_input
from support.oracle import run_tflm

from benchmarks.twins import TWINS, twin_inputs, twin_tflite
from toolchain.affine import quantize_array
from toolchain.firmware_files import Selftest
from toolchain.front import checked_graph
from toolchain.graph import Graph
from toolchain.importers.tflite import parse_tflite
from toolchain.link.selftest import selftest_crc, selftest_inputs
from toolchain.reference import run
from toolchain.virtual.folders import cache_folder

SAMPLES = 100
SANITIZED_SAMPLES = 3
# The virtual board's UART takes about a second for an input of 27 KB: of large inputs the board makes most itself,
# from the seeds of its self tests, and compares the CRC-32 of all output codes.
LARGE_INPUT, SENT_OF_LARGE = 1 << 14, 25
REFERENCE = os.environ.get("MCUFORGE_REFERENCE")
DATA = {
    "ad_autoencoder": "ad_toycar_normal",
    "ic_resnet8": "ic_cifar10",
    "kws_dscnn": "kws_mfcc",
    "sww_dscnn": "sww_specs",
}
HOST, M4 = strict_target("host"), strict_target("stm32")


@dataclass(frozen=True, eq=False)
class Network:
    """``content`` has what goes into SOFTMAX as its first output, where there is one.

    ``seeds`` are those of the last inputs among ``codes``, which a board can make itself.
    """

    content: bytes
    graph: Graph
    codes: Array
    seeds: tuple[int, ...]


def _names() -> list[str]:
    return [f"{name}-{'reference' if REFERENCE else 'twin'}" for name in TWINS]


def _real_inputs(name: str) -> Array:
    """Real data as far as there is some, then seeded random data of the network's range."""
    made = twin_inputs(name, SAMPLES, seed=5)
    assert REFERENCE
    path = Path(REFERENCE) / "data" / f"{DATA.get(name)}.npz"
    if not path.is_file():
        return made
    with np.load(path) as data:
        real = data["x_test" if "x_test" in data else "x_calib"][:SAMPLES].astype(np.float32)
    return np.concatenate([real.reshape(-1, *made.shape[1:]), made])[:SAMPLES]


def _network(which: str) -> Network:
    name, _, kind = which.rpartition("-")
    if kind == "twin":
        content, real = twin_tflite(name, cache_folder()).read_bytes(), twin_inputs(name, SAMPLES, seed=5)
    else:
        assert REFERENCE
        content = (Path(REFERENCE) / "models" / f"{name}_int8.tflite").read_bytes()
        real = _real_inputs(name)
    content = with_softmax_input(content)
    graph = checked_graph(parse_tflite(content, f"{name}_{kind}", which), which)
    x = graph.tensor(graph.inputs[0])
    codes = quantize_array(real, x.scale, x.zero_point).reshape(SAMPLES, *x.shape)
    codes[-2:] = np.random.default_rng(6).integers(-128, 128, codes[-2:].shape)  # beyond what real data reaches
    if x.nbytes < LARGE_INPUT:
        return Network(content, graph, codes, ())
    seeds = tuple(range(1, SAMPLES - SENT_OF_LARGE + 1))
    made = [np.frombuffer(selftest_inputs(seed, [x.nbytes])[0], np.int8).reshape(x.shape) for seed in seeds]
    return Network(content, graph, np.concatenate([codes[-SENT_OF_LARGE:], made]), seeds)


def _differing(expected: Sequence[Array], got: Sequence[Array]) -> list[int]:
    """Codes that differ, for each output."""
    return [int((a[: len(b)] != b).sum()) for a, b in zip(expected, got, strict=True)]


def _host_outputs(network: Network, folder: Path, samples: int, sanitize: bool) -> list[Array]:
    plan = checked_plan(network.graph, HOST)
    firmware = build_firmware(plan, HOST, folder, sanitize=sanitize)
    return run_on_host(firmware, network.graph, HOST, [network.codes[:samples]])


def _board_outputs(network: Network, folder: Path, expected: Sequence[Array]) -> list[Array]:
    """Outputs for the inputs that are sent; the others are proved by the board's self tests."""
    sent = len(network.codes) - len(network.seeds)
    crcs = [selftest_crc(out[i].tobytes() for out in expected) for i in range(sent, len(network.codes))]
    plan = checked_plan(network.graph, M4)
    firmware = build_firmware(plan, M4, folder, selftests=list(map(Selftest, network.seeds, crcs)))
    outputs = run_on_board(firmware, network.graph, M4, [network.codes[:sent]])
    assert failed_selftests(network.graph, M4) == []
    return outputs


@pytest.mark.parametrize("which", _names())
def test_every_code_is_the_same(which: str, tmp_path: Path) -> None:
    network = _network(which)
    assert len(network.codes) == SAMPLES
    outputs = len(network.graph.outputs)
    expected = run_tflm(network.content, [network.codes], outputs, arena_bytes=1 << 21)
    assert len(np.unique(expected[0], axis=0)) > SAMPLES // 4, "the outputs do not depend on the inputs"
    none = [0] * outputs
    assert _differing(expected, run(network.graph, [network.codes])) == none, "numpy reference"
    assert _differing(expected, _host_outputs(network, tmp_path / "host", SAMPLES, False)) == none
    assert _differing(expected, _host_outputs(network, tmp_path / "sanitized", SANITIZED_SAMPLES, True)) == none
    assert _differing(expected, _board_outputs(network, tmp_path / "m4", expected)) == none


def test_both_sides_of_softmax_are_compared() -> None:
    assert {which: len(_network(which).graph.outputs) for which in ("kws_dscnn-twin", "ad_autoencoder-twin")} == {
        "kws_dscnn-twin": 2,
        "ad_autoencoder-twin": 1,
    }
