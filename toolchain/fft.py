"""The FFT of real numbers as TFLM's signal operators have it: KISS FFT 130, in 16 and 32 bits and in float32.

In fixed point each stage divides by its radix before it adds, so a transform is scaled by 1 / length, and every
product is rounded to the type, halves upwards. What does not fit then wraps round. A transform of ``length`` real
numbers is a complex one of half the length, of even numbers (real) and odd ones (imaginary), and one pass behind it.

Sources: ``kiss_fft.c``, ``kiss_fftr.c`` and ``_kiss_fft_guts.h``.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolchain.graph import Array

RADICES = (4, 2, 3, 5)  # KISS FFT takes memory from the heap for others, which TFLM has none of


@dataclass(frozen=True, eq=False)
class Complex:
    """Arrays of one shape: int64 that hold numbers of a fixed-point type, or float32."""

    re: Array
    im: Array

    def __getitem__(self, key: Any) -> Complex:
        return Complex(self.re[key], self.im[key])

    def conjugate(self, type_: Type) -> Complex:
        return Complex(self.re, type_.wrapped(-self.im))


@dataclass(frozen=True)
class Type:
    """The arithmetic on numbers of ``bits``; 0: float32, each result rounded by itself."""

    bits: int

    @property
    def largest(self) -> int:
        return (1 << (self.bits - 1)) - 1

    @property
    def dtype(self) -> str:
        return f"int{self.bits}" if self.bits else "float32"

    def wrapped(self, x: Array) -> Array:
        return x.astype(self.dtype).astype(np.int64) if self.bits else x

    def rounded(self, x: Array) -> Array:
        """Of products."""
        return self.wrapped((x + (1 << (self.bits - 2))) >> (self.bits - 1)) if self.bits else x

    def add(self, a: Complex, b: Complex) -> Complex:
        return Complex(self.wrapped(a.re + b.re), self.wrapped(a.im + b.im))

    def sub(self, a: Complex, b: Complex) -> Complex:
        return Complex(self.wrapped(a.re - b.re), self.wrapped(a.im - b.im))

    def mul(self, a: Complex, b: Complex) -> Complex:
        return Complex(
            self.rounded(a.re * b.re - a.im * b.im),
            self.rounded(a.re * b.im + a.im * b.re),
        )

    def times(self, a: Complex, real: Array) -> Complex:
        return Complex(self.rounded(a.re * real), self.rounded(a.im * real))

    def divided(self, a: Complex, by: int) -> Complex:
        """In fixed point only: for the room that the sum of ``by`` numbers needs."""
        return self.times(a, np.int64(self.largest // by)) if self.bits else a

    def half(self, x: Array) -> Array:
        """Half of a sum of two, which only 32 bits can be too few for."""
        if not self.bits:
            halves: Array = x * np.float32(0.5)
        else:
            halves = (self.wrapped(x) if self.bits == 32 else x) >> 1
        return halves

    def unit(self, phases: list[float]) -> Complex:
        """The points of the unit circle."""
        cos, sin = ([f(p) for p in phases] for f in (math.cos, math.sin))
        if not self.bits:
            return Complex(np.array(cos, np.float32), np.array(sin, np.float32))
        re, im = (np.array([math.floor(0.5 + self.largest * v) for v in vs], np.int64) for vs in (cos, sin))
        return Complex(re, im)


TYPES = {"int16": Type(16), "int32": Type(32), "float32": Type(0)}


@functools.cache
def factors(count: int) -> tuple[int, ...]:
    """The radices of the stages of a complex transform; empty where one would be another than ``RADICES``."""
    result = []
    for radix in RADICES:
        while count % radix == 0:
            result.append(radix)
            count //= radix
    return tuple(result) if count == 1 else ()


@functools.cache
def twiddles(type_: Type, count: int, inverse: bool) -> Complex:
    """The ``count`` roots of unity of a complex transform."""
    sign = 1 if inverse else -1
    return type_.unit([sign * 2 * math.pi * i / count for i in range(count)])


@functools.cache
def turns(type_: Type, count: int, inverse: bool) -> Complex:
    """What the pass between ``count`` complex numbers and the spectrum of real ones turns by."""
    sign = 1 if inverse else -1
    return type_.unit([sign * math.pi * ((i + 1) / count + 0.5) for i in range(count // 2)])


def real_to_complex(type_: Type, x: Array) -> Array:
    """(..., length) to (..., length + 2): real and imaginary parts of length / 2 + 1 frequencies."""
    count = x.shape[-1] // 2
    x = x.astype(np.int64) if type_.bits else x
    z = _transform(type_, Complex(x[..., 0::2], x[..., 1::2]), inverse=False)
    first = type_.divided(z[..., :1], 2)
    re, im = (np.zeros((*x.shape[:-1], count + 1), x.dtype) for _ in range(2))
    re[..., :1] = type_.wrapped(first.re + first.im)
    re[..., count:] = type_.wrapped(first.re - first.im)
    k = np.arange(1, count // 2 + 1)
    a = type_.divided(z[..., k], 2)
    b = type_.divided(z[..., count - k].conjugate(type_), 2)
    even, odd = type_.add(a, b), type_.sub(a, b)
    odd = type_.mul(odd, turns(type_, count, False))
    re[..., k], im[..., k] = type_.half(even.re + odd.re), type_.half(even.im + odd.im)
    re[..., count - k], im[..., count - k] = type_.half(even.re - odd.re), type_.half(odd.im - even.im)
    return np.stack((re, im), axis=-1).reshape(*x.shape[:-1], -1).astype(type_.dtype)


def complex_to_real(type_: Type, spectrum: Array) -> Array:
    """(..., length + 2) to (..., length), the other way. TFLM divides float32 numbers by the length at the end."""
    count = spectrum.shape[-1] // 2 - 1
    f = spectrum.astype(np.int64) if type_.bits else spectrum
    z = Complex(f[..., 0::2], f[..., 1::2])
    re, im = (np.zeros((*f.shape[:-1], count), f.dtype) for _ in range(2))
    first, last = z[..., :1], z[..., count:]
    both = Complex(type_.wrapped(first.re + last.re), type_.wrapped(first.re - last.re))
    both = type_.divided(both, 2)
    re[..., :1], im[..., :1] = both.re, both.im
    k = np.arange(1, count // 2 + 1)
    a = type_.divided(z[..., k], 2)
    b = type_.divided(z[..., count - k].conjugate(type_), 2)
    even, odd = type_.add(a, b), type_.sub(a, b)
    odd = type_.mul(odd, turns(type_, count, True))
    sum_, difference = type_.add(even, odd), type_.sub(even, odd).conjugate(type_)
    re[..., k], im[..., k] = sum_.re, sum_.im
    re[..., count - k], im[..., count - k] = difference.re, difference.im
    real = _transform(type_, Complex(re, im), inverse=True)
    made = np.stack((real.re, real.im), axis=-1).reshape(*f.shape[:-1], -1)
    return made.astype(type_.dtype) if type_.bits else made / np.float32(2 * count)


def _transform(type_: Type, z: Complex, *, inverse: bool) -> Complex:
    count = z.re.shape[-1]
    roots, radices, lead = twiddles(type_, count, inverse), factors(count), z.re.shape[:-1]
    order = np.arange(count).reshape(radices[::-1]).transpose().reshape(-1)
    z = z[..., order]
    for stage in reversed(range(len(radices))):
        step, radix, inner = math.prod(radices[:stage]), radices[stage], math.prod(radices[stage + 1 :])
        shape = (*lead, step, radix, inner)
        parts = Complex(z.re.reshape(shape), z.im.reshape(shape))
        divided = [type_.divided(parts[..., q, :], radix) for q in range(radix)]
        turned = [type_.mul(divided[q], roots[np.arange(inner) * step * q]) for q in range(1, radix)]
        made = _butterfly(type_, divided[0], turned, roots[:: step * inner], inverse)
        stacked = [np.stack([getattr(m, part) for m in made], axis=-2) for part in ("re", "im")]
        z = Complex(*(a.reshape(*lead, count) for a in stacked))
    return z


def _butterfly(type_: Type, x: Complex, turned: list[Complex], roots: Complex, inverse: bool) -> list[Complex]:
    """The sums of ``x`` and the others, turned; ``roots`` are as many as there are numbers."""
    if len(turned) == 1:
        return [type_.add(x, turned[0]), type_.sub(x, turned[0])]
    if len(turned) == 2:
        return _of_three(type_, x, turned, roots)
    if len(turned) == 4:
        return _of_five(type_, x, turned, roots)
    difference, start = type_.sub(x, turned[1]), type_.add(x, turned[1])
    outer, across = type_.add(turned[0], turned[2]), type_.sub(turned[0], turned[2])
    quarter = Complex(across.im, type_.wrapped(-across.re))
    ends = [type_.add(difference, quarter), type_.sub(difference, quarter)]
    one, three = ends[::-1] if inverse else ends
    return [type_.add(start, outer), one, type_.sub(start, outer), three]


def _of_three(type_: Type, x: Complex, turned: list[Complex], roots: Complex) -> list[Complex]:
    total, across = type_.add(*turned), type_.sub(*turned)
    across = type_.times(across, roots.im[1])
    half = Complex(type_.half(total.re), type_.half(total.im))
    middle = type_.sub(x, half)
    quarter = Complex(across.im, type_.wrapped(-across.re))
    return [type_.add(x, total), type_.sub(middle, quarter), type_.add(middle, quarter)]


def _of_five(type_: Type, x: Complex, turned: list[Complex], roots: Complex) -> list[Complex]:
    a, b = roots[1], roots[2]
    outer, outer_across = type_.add(turned[0], turned[3]), type_.sub(turned[0], turned[3])
    inner, inner_across = type_.add(turned[1], turned[2]), type_.sub(turned[1], turned[2])
    wrapped = type_.wrapped

    def near(first: Array, second: Array) -> Complex:
        p, q = type_.times(outer, first), type_.times(inner, second)
        return Complex(wrapped(x.re + p.re + q.re), wrapped(x.im + p.im + q.im))

    p, q = type_.times(outer_across, a.im), type_.times(inner_across, b.im)
    start, turn = near(a.re, b.re), Complex(wrapped(p.im + q.im), wrapped(-p.re - q.re))
    one, four = type_.sub(start, turn), type_.add(start, turn)
    p, q = type_.times(outer_across, b.im), type_.times(inner_across, a.im)
    start, turn = near(b.re, a.re), Complex(wrapped(-p.im + q.im), wrapped(p.re - q.re))
    two, three = type_.add(start, turn), type_.sub(start, turn)
    sums = outer.re + inner.re, outer.im + inner.im
    return [Complex(wrapped(x.re + sums[0]), wrapped(x.im + sums[1])), one, two, three, four]
