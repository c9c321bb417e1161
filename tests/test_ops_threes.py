"""Three sums are found again in two words, up to the last that 21 bits hold, and parts of K are short enough."""

from __future__ import annotations

import ctypes
import itertools
import subprocess
from pathlib import Path

import numpy as np
import pytest

from toolchain import resources
from toolchain.graph import Array
from toolchain.ops.conv2d_threes import HIGHEST, LOWEST, part_of

SHIM = """
#include "nn_threes.h"
void unpack(int32_t n, const int32_t *sums, int32_t *out)
{
    for (int32_t i = 0; i < n; i++, sums += 3, out += 3) {
        uint32_t a = (uint32_t)sums[0], b = (uint32_t)sums[1], c = (uint32_t)sums[2];
        nn_threes_sums s = nn_threes_unpack(a + (b << 21), c + (b << 10));
        out[0] = s.a;
        out[1] = s.b;
        out[2] = s.c;
    }
}
"""
EDGES = sorted({v for k in range(21) for s in (1, -1) for d in (-1, 0, 1) if LOWEST <= (v := s * 2**k + d) <= HIGHEST})


@pytest.fixture(scope="module")
def c(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder: Path = tmp_path_factory.mktemp("threes")
    (folder / "shim.c").write_text(SHIM)
    flags = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-shared", "-fPIC"]
    flags += ["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
    include = f"-I{resources.templates() / 'runtime'}"
    subprocess.run(["gcc", *flags, include, "shim.c", "-o", "shim.so"], check=True, cwd=folder)
    return ctypes.CDLL(str(folder / "shim.so"))


def _unpacked(c: ctypes.CDLL, sums: Array) -> Array:
    values = np.ascontiguousarray(sums, np.int32)
    out = np.empty_like(values)
    c.unpack(ctypes.c_int32(len(values)), *(a.ctypes.data_as(ctypes.c_void_p) for a in (values, out)))
    return out


def test_sums_are_found_again(c: ctypes.CDLL) -> None:
    assert {LOWEST, HIGHEST, 0} <= set(EDGES)
    edges = np.array(list(itertools.product(EDGES, repeat=3)))
    sums = np.concatenate([edges, np.random.default_rng(0).integers(LOWEST, HIGHEST + 1, (50_000, 3))])
    np.testing.assert_array_equal(_unpacked(c, sums), sums)


def test_a_sum_beyond_21_bits_is_lost(c: ctypes.CDLL) -> None:
    assert not np.array_equal(_unpacked(c, np.array([[HIGHEST + 1, 0, 0]])), [[HIGHEST + 1, 0, 0]])


@pytest.mark.parametrize(("weight", "k", "part"), [(-128, 128, 44), (-127, 128, 64), (127, 64, 64), (0, 999, 1000)])
def test_parts_are_as_long_as_21_bits_allow(weight: int, k: int, part: int) -> None:
    """Of 64 times -128 * -128 the sum is just too large; parts are even."""
    weights = np.zeros((3, k), np.int64)
    weights[1] = weight
    assert part_of(weights) == part
    ends = [f(-128 * weights, 127 * weights) for f in (np.minimum, np.maximum)]
    sums = np.array([e[1, i : i + part].sum() for e in ends for i in range(0, k, part)])
    assert LOWEST <= sums.min() <= sums.max() <= HIGHEST
