"""Codes of weights that keep a layer's outputs, not its weights: least squares over the layer's real inputs.

With the inputs x of the float layer and x^ of the quantized one, the error of a channel is
E (w x - s q x^)^2 = s^2 q' H q - 2 s q' t + constant, where H = cov(x^, x^) and t = cov(x^, x) w; means are left to the
bias. Codes are improved one after the other, each to the level where this parabola is lowest, then the scales and the
levels by linear least squares, until nothing changes. Sources: Nagel et al., "Up or Down? Adaptive Rounding for
Post-Training Quantization", 2020, section 3 (the objective, and why the nearest code is not the best one); Behdin et
al., "QuantEase", 2023 (coordinate descent on it); Han et al. 2016, section 3.3 (centroids trained by grouped sums).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array
from toolchain.quantize.lloyd import nearest
from toolchain.quantize.weights import Coded, whole_levels

SWEEPS = 12  # over all weights, with new scales and levels between them
DAMPING = 0.01  # of the mean variance: what directions that the samples hardly show cost


@dataclass(frozen=True, eq=False)
class Moments:
    """Second moments around the means. ``own`` is cov(x^, x^), ``cross`` cov(x^, x), both (n, n) or (channels, n, n).

    The latter where each channel has inputs of its own, as in a depthwise convolution.
    """

    own: Array
    cross: Array

    def of(self, channels: slice) -> Moments:
        """Those of these channels."""
        return self if self.own.ndim == 2 else Moments(self.own[channels], self.cross[channels])

    def damped(self) -> Moments:
        """With a little of the identity in both, which draws weights without influence to their own values."""
        diagonal = np.diagonal(self.own, axis1=-2, axis2=-1).mean(axis=-1)
        more = DAMPING * np.maximum(diagonal, 1e-12)[..., None, None] * np.eye(self.own.shape[-1])
        return Moments(self.own + more, self.cross + more)

    def targets(self, rows: Array) -> Array:
        """t of each channel for the float weights ``rows`` (channels, n)."""
        if self.cross.ndim == 2:
            result: Array = rows @ self.cross.T
            return result
        own: Array = np.einsum("cij,cj->ci", self.cross, rows)
        return own

    def products(self, codes: Array) -> Array:
        """H q of each channel."""
        if self.own.ndim == 2:
            result: Array = codes @ self.own
            return result
        own: Array = np.einsum("cij,cj->ci", self.own, codes)
        return own

    def column(self, j: int) -> Array:
        """Column j of H, for one or for each channel."""
        result: Array = self.own[..., :, j]
        return result


def fitted(start: Coded, rows: Array, moments: Moments, free_levels: bool) -> Coded:
    """``start`` with codes and scales, with ``free_levels`` levels too, for which the outputs are nearest."""
    moments = moments.damped()
    targets = moments.targets(rows)
    best, least = start, error(start, targets, moments)
    for _ in range(SWEEPS):
        made = _with_scales(_with_codes(best, targets, moments), targets, moments)
        if free_levels:
            made = _with_levels(made, targets, moments)
            made = _with_scales(_with_codes(made, targets, moments), targets, moments)
        found = error(made, targets, moments)
        if not found < least - 1e-6 * abs(least):
            break
        best, least = made, found
    return best


def wanted(made: Coded, rows: Array, moments: Moments) -> Array:
    """The real values that each code alone would best have, all others being as they are."""
    moments = moments.damped()
    gradient = made.scale[:, None] * moments.products(made.codes.astype(np.float64)) - moments.targets(rows)
    curvature = np.diagonal(moments.own, axis1=-2, axis2=-1) * made.scale[:, None]
    result: Array = made.codes - gradient / np.maximum(curvature, 1e-30)
    return result


def error(made: Coded, targets: Array, moments: Moments) -> float:
    """The squared error of all outputs, up to a constant."""
    real = made.values
    return float((real * (moments.products(real) - 2 * targets)).sum())


def _with_codes(made: Coded, targets: Array, moments: Moments) -> Coded:
    """One sweep over the weights, those of all channels at a time."""
    codes = made.codes.astype(np.float64)
    scale = made.scale[:, None]
    gradient = scale * moments.products(codes) - targets
    for j in range(codes.shape[1]):
        column = moments.column(j)
        curvature = column[..., j] * scale[:, 0]
        wanted = codes[:, j] - gradient[:, j] / np.maximum(curvature, 1e-30)
        chosen = made.levels[nearest(wanted, made.levels)].astype(np.float64)
        if made.kept is not None:
            chosen *= made.kept[:, j]
        change = chosen - codes[:, j]
        codes[:, j] = chosen
        gradient += (scale[:, 0] * change)[:, None] * column
    return dataclasses.replace(made, codes=codes.astype(np.int64))


def _with_scales(made: Coded, targets: Array, moments: Moments) -> Coded:
    codes = made.codes.astype(np.float64)
    above = (codes * targets).sum(axis=1)
    below = (codes * moments.products(codes)).sum(axis=1)
    fits = (above > 0) & (below > 0)
    return dataclasses.replace(made, scale=np.where(fits, above / np.where(fits, below, 1.0), made.scale))


def _with_levels(made: Coded, targets: Array, moments: Moments) -> Coded:
    """Centroids by linear least squares over all channels, rounded to int8 codes."""
    index = np.searchsorted(made.levels, made.codes)
    count = len(made.levels)
    normal, right = np.zeros((count, count)), np.zeros(count)
    for c, scale in enumerate(made.scale):
        chosen = np.eye(count)[index[c]]
        own = moments.own if moments.own.ndim == 2 else moments.own[c]
        normal += scale**2 * chosen.T @ (own @ chosen)
        right += scale * chosen.T @ targets[c]
    solved = np.linalg.lstsq(normal, right, rcond=1e-12)[0]
    rounded = np.clip(np.rint(solved), -127, 127).astype(np.int64)
    return dataclasses.replace(made, codes=rounded[index], levels=whole_levels(rounded))
