"""Whole networks for tests of exactness: what makes each, and its inputs.

The MLPerf Tiny networks are the reference models when ``MCUFORGE_REFERENCE`` names a folder with their ``models/`` and
``data/``, otherwise their twins, which have the same layers. What goes into SOFTMAX is an output as well: after it,
differences would hide. Beside them are small networks of many architectures (``benchmarks/architectures``), quantized
by mcuforge. ``NETWORKS`` has a builder for each network.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.architectures import ARCHITECTURES, architecture, samples
from benchmarks.twins import TWINS, twin_inputs, twin_tflite
from support.case import Array
from support.firmware import build_firmware, checked_plan, failed_selftests, flash, run_on_board, run_on_host
from support.flatbuffer import with_softmax_input
from support.suites import M4, PLAIN
from toolchain.affine import quantize_array
from toolchain.firmware_files import Selftest
from toolchain.front import checked_graph
from toolchain.graph import Graph
from toolchain.importers.keras import load_keras
from toolchain.importers.tflite import parse_tflite
from toolchain.link.selftest import selftest_crc, selftest_inputs
from toolchain.quantize.ptq import quantize
from toolchain.virtual.folders import cache_folder

SAMPLES, FEW_SAMPLES = 100, 10  # of each of MLPerf Tiny's networks, of each other architecture
# The board carries inputs in its flash, which has no room for many large ones; others it makes itself, from seeds.
LARGE_INPUT, CARRIED_OF_LARGE = 1 << 14, 16
REFERENCE = os.environ.get("MCUFORGE_REFERENCE")
KIND = "reference" if REFERENCE else "twin"
CALIBRATION = 16
DATA = {
    "ad_autoencoder": "ad_toycar_normal",
    "ic_resnet8": "ic_cifar10",
    "kws_dscnn": "kws_mfcc",
    "sww_dscnn": "sww_specs",
}


@dataclass(frozen=True, eq=False)
class Network:
    """``content`` has what goes into SOFTMAX as its first output, where there is one.

    ``seeds`` are those of the last inputs among ``codes``, which a board can make itself.
    """

    content: bytes
    graph: Graph
    codes: Array
    seeds: tuple[int, ...] = ()


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


def network_of(name: str, content: bytes, real: Array) -> Network:
    """A network from its file and inputs as real numbers; the last two are made of all codes instead."""
    content = with_softmax_input(content)
    graph = checked_graph(parse_tflite(content, name, name), name)
    x = graph.tensor(graph.inputs[0])
    codes = quantize_array(real, x.scale, x.zero_point).reshape(len(real), *x.shape)
    codes[-2:] = np.random.default_rng(6).integers(-128, 128, codes[-2:].shape)  # beyond what real data reaches
    if x.nbytes < LARGE_INPUT:
        return Network(content, graph, codes)
    seeds = tuple(range(1, len(codes) - CARRIED_OF_LARGE + 1))
    made = [np.frombuffer(selftest_inputs(seed, [x.nbytes])[0], np.int8).reshape(x.shape) for seed in seeds]
    return Network(content, graph, np.concatenate([codes[-CARRIED_OF_LARGE:], *[m[None] for m in made]]), seeds)


def _twin(name: str) -> Network:
    content = twin_tflite(name, cache_folder()).read_bytes()
    return network_of(f"{name}_twin", content, twin_inputs(name, SAMPLES, seed=5))


def _reference(name: str) -> Network:
    assert REFERENCE
    content = (Path(REFERENCE) / "models" / f"{name}_int8.tflite").read_bytes()
    return network_of(f"{name}_reference", content, _real_inputs(name))


def _architecture(name: str) -> Network:
    model = architecture(name)
    content = quantize(load_keras(model), samples(model, CALIBRATION, seed=1))
    return network_of(name, content, samples(model, FEW_SAMPLES, seed=5))


NETWORKS: Mapping[str, Callable[[], Network]] = {
    **{f"{name}-{KIND}": functools.partial(_reference if REFERENCE else _twin, name) for name in TWINS},
    **{f"{name}-architecture": functools.partial(_architecture, name) for name in ARCHITECTURES},
}


def host_outputs(network: Network, folder: Path, count: int, sanitize: bool = False) -> list[Array]:
    """Of the C code as a process of this computer."""
    plan = checked_plan(network.graph, PLAIN)
    firmware = build_firmware(plan, PLAIN, folder, sanitize=sanitize)
    return run_on_host(firmware, network.graph, PLAIN, [network.codes[:count]])


def wrong_on_board(network: Network, folder: Path, expected: Sequence[Array]) -> list[int]:
    """The numbers of the samples whose outputs on the emulated Cortex-M4 are others; the board compares CRC-32s.

    With state the samples follow one another, and the outputs come over the line.
    """
    plan = checked_plan(network.graph, M4)
    if network.graph.states:
        outputs = run_on_board(build_firmware(plan, M4, folder), network.graph, M4, [network.codes])
        return [
            i
            for i in range(len(network.codes))
            if any((a[i] != b[i]).any() for a, b in zip(expected, outputs, strict=True))
        ]
    carried = len(network.codes) - len(network.seeds)
    given = [(1, x.tobytes()) for x in network.codes[:carried]] + [(seed, b"") for seed in network.seeds]
    crcs = [selftest_crc(out[i].tobytes() for out in expected) for i in range(len(network.codes))]
    tests = [Selftest(seed, crc, data) for (seed, data), crc in zip(given, crcs, strict=True)]
    flash(build_firmware(plan, M4, folder, selftests=tests), M4)
    return failed_selftests(network.graph, M4)
