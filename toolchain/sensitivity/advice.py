"""Why a layer bears a format or does not, and what to do: figures of its weights and activations, and words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolchain.graph import Array
from toolchain.quantize.formats import weight_bits
from toolchain.quantize.ties import rule_of
from toolchain.sensitivity.floats import FloatNetwork

if TYPE_CHECKING:
    from toolchain.sensitivity.measure import Cell

BEARABLE, BEARABLE_ANSWERS, BEARABLE_DB = 0.01, 2, 20.0
_OUTLIERS, _HEAVY, _SPREAD, _FEW = 3.0, 10.0, 20.0, 16
_UNEVEN_DB, _GROWS_DB = 3.0, 3.0
_UNPUZZLING_BITS = 4  # a layer that bears this needs no more reasons


@dataclass(frozen=True)
class LayerFacts:
    """Figures of a layer. ``outliers``: the largest magnitude over that which 99.9 % stay below.

    ``kurtosis`` is that of the weights (3 for a normal distribution). ``spread``: the widest channel's range over the
    middle one's. ``dead`` channels have only weights below a millionth of the largest. ``activation_outliers``: the
    same as ``outliers``, of the values that the layer gives.
    """

    op: str
    weights: int
    per_channel: int
    low: float
    high: float
    outliers: float
    kurtosis: float
    channels: int
    spread: float
    dead: int
    activation_low: float
    activation_high: float
    activation_outliers: float


def facts_of(net: FloatNetwork) -> dict[str, LayerFacts]:
    """The figures of every layer with weights."""
    outputs = {name: node.outputs[0] for name, node in net.layers.items()}
    values = net.values({}, list(dict.fromkeys(outputs.values())))
    found = {}
    for name, node in net.layers.items():
        axis = rule_of(node).weights_axis or 0
        found[name] = layer_facts(node.op, net.weights(name), axis, values[outputs[name]])
    return found


def layer_facts(op: str, weights: Array, axis: int, activations: Array) -> LayerFacts:
    """The figures of one layer; ``axis`` of ``weights`` counts the channels."""
    w = weights.astype(np.float64)
    channels = np.moveaxis(w, axis, 0).reshape(w.shape[axis], -1)
    reach = np.abs(channels).max(axis=1)
    dead = reach <= 1e-6 * reach.max() if reach.max() else np.ones(len(reach), bool)
    alive = reach[~dead]
    return LayerFacts(
        op=op,
        weights=int(w.size),
        per_channel=int(channels.shape[1]),
        low=float(w.min()),
        high=float(w.max()),
        outliers=_outliers(w),
        kurtosis=_kurtosis(w),
        channels=len(reach),
        spread=float(alive.max() / np.median(alive)) if len(alive) else 1.0,
        dead=int(dead.sum()),
        activation_low=float(activations.min()),
        activation_high=float(activations.max()),
        activation_outliers=_outliers(activations.astype(np.float64)),
    )


def _outliers(values: Array) -> float:
    magnitudes = np.abs(values).reshape(-1)
    usual = float(np.percentile(magnitudes, 99.9))
    return float(magnitudes.max()) / usual if usual else 1.0


def _kurtosis(values: Array) -> float:
    centred = values - values.mean()
    variance = float(np.square(centred).mean())
    return float((centred**4).mean() / variance**2) if variance else 0.0


def bearable(cell: Cell, samples: int) -> bool:
    """Whether it costs this layer next to nothing, as far as so many samples can tell: two answers are no evidence."""
    if cell.changed is not None:
        most = max(BEARABLE, BEARABLE_ANSWERS / samples)
        return max(cell.changed, (cell.lost or 0.0) / 100) <= most + 1e-9
    return cell.output_sqnr is None or cell.output_sqnr >= BEARABLE_DB


def advice(
    facts: LayerFacts, cells: Mapping[str, Cell], activations: Cell | None = None, samples: int = 1000
) -> tuple[str, ...]:
    """What to do with the layer, and what makes it what it is.

    ``activations`` is what int8 does to its outputs; ``samples`` were judged.
    """
    by_size = sorted(cells, key=weight_bits)
    smallest = next((name for name in by_size if bearable(cells[name], samples)), None)
    reasons = _reasons(facts)
    if smallest is None or weight_bits(smallest) > _UNPUZZLING_BITS:
        reasons += _noise_reasons(cells)
    wide = []
    if activations is not None and not bearable(activations, samples):
        wide = [
            f"Its outputs suffer as int8 ({_harm(activations)}): give it and the layers that read it int16 activations."
        ]
    return (_choice(facts, cells, smallest), *reasons, *wide)


def _choice(facts: LayerFacts, cells: Mapping[str, Cell], smallest: str | None) -> str:
    if smallest is not None and weight_bits(smallest) < 8:
        saved = facts.weights * (8 - weight_bits(smallest)) / 8
        return f"{smallest} costs next to nothing here and saves {saved:,.0f} bytes against int8."
    least = min(cells, key=lambda name: (cells[name].changed or 0.0, -(cells[name].output_sqnr or 0.0)))
    below = [name for name in cells if weight_bits(name) < 8]
    if smallest is None:
        return f"Sensitive: {least} does least, and {_harm(cells[least])}."
    if not below:
        return "Keep it int8: nothing smaller was tried."
    best = min(below, key=lambda name: (cells[name].changed or 0.0, -(cells[name].output_sqnr or 0.0)))
    return f"Sensitive: keep it int8; with {best}, {_harm(cells[best])}."


def _harm(cell: Cell) -> str:
    if cell.changed is not None:
        return f"{100 * cell.changed:.1f} % of the answers change"
    return (
        "nothing changes" if cell.output_sqnr is None else f"the model's output is left with {cell.output_sqnr:.0f} dB"
    )


def _noise_reasons(cells: Mapping[str, Cell]) -> list[str]:
    """What the noise itself tells: steps that do not suit the weights, and noise that grows behind the layer."""
    found = []
    even, uneven = cells.get("int4"), cells.get("kmeans4")
    if even and uneven and even.sqnr is not None and uneven.sqnr is not None and uneven.sqnr - even.sqnr > _UNEVEN_DB:
        found.append(
            f"Even steps do not suit its weights: 16 centroids leave {uneven.sqnr:.0f} dB, the 15 steps of int4 "
            f"{even.sqnr:.0f} dB."
        )
    grows = [c.sqnr - c.output_sqnr for c in cells.values() if c.sqnr is not None and c.output_sqnr is not None]
    if grows and float(np.median(grows)) > _GROWS_DB:
        found.append(
            f"Noise made here grows by {np.median(grows):.0f} dB on its way to the model's output: what follows "
            "depends on it."
        )
    return found


def _reasons(facts: LayerFacts) -> list[str]:
    found = []
    if facts.outliers > _OUTLIERS or facts.kurtosis > _HEAVY:
        found.append(
            f"A few weights are far out (largest {facts.outliers:.1f} times the 99.9 % mark, kurtosis "
            f"{facts.kurtosis:.0f}): a k-means codebook or a clipped scale serves the others better than min-max."
        )
    if facts.spread > _SPREAD:
        found.append(
            f"Channels differ in range by {facts.spread:.0f} times: one codebook for all of them is tight; try "
            "equalization = true in the recipe."
        )
    if facts.dead:
        found.append(f"{facts.dead} of {facts.channels} channels are dead: they can be pruned from the model.")
    if facts.per_channel <= _FEW:
        found.append(
            f"Only {facts.per_channel} weights a channel: little is saved by fewer bits, and every one counts."
        )
    if facts.activation_outliers > _OUTLIERS:
        found.append(
            f"Its outputs have outliers ({facts.activation_outliers:.1f} times the 99.9 % mark): calibrate by "
            "percentile or mse, or give the layer int16 activations."
        )
    return found
