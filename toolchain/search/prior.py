"""Mixtures that are worth trying first: uniform ones, and greedy ones by each layer's sensitivity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from toolchain.quantize.formats import INT8, INT16X8, weight_bits
from toolchain.search.objective import Choice
from toolchain.sensitivity.measure import Cell, Sensitivity

_LEAST_HARM = 1e-4
_WORST = (1, 3)  # layers whose outputs get int16


def first_choices(
    layers: Sequence[str],
    formats: Sequence[str],
    weights: Mapping[str, int],
    found: Sensitivity,
    most: int,
    readers: Mapping[str, Sequence[str]],
) -> list[Choice]:
    """At most ``most`` choices: all layers in the best format, the ends in it and the rest in one, greedy mixtures.

    ``weights`` are their numbers by layer, ``readers`` the layers that read a layer's values. A greedy mixture takes
    step by step the change of one layer's format that saves most bytes for the harm that it does when done alone.
    """
    has_int16 = INT16X8 in formats
    formats = [name for name in formats if name != INT16X8]
    best = INT8 if INT8 in formats else max(formats, key=weight_bits)
    wide = [tuple([INT16X8] * len(layers)), *_wide(layers, found, readers, best)] if has_int16 else []
    cells = {row.name: row.cells for row in found.rows}
    harms = {(layer, name): _harm(cells[layer][name]) for layer in layers for name in formats if name in cells[layer]}
    chain = _greedy(layers, formats, weights, harms, best)
    uniform = [
        tuple(best if i in (0, len(layers) - 1) else name for i in range(len(layers)))
        for name in sorted(formats, key=weight_bits, reverse=True)
    ]
    # The greedy chain goes from all int8 to the smallest; some of it, evenly, between the uniform ones.
    room = max(most - len(uniform) - len(wide), 0)
    step = max(1, -(-len(chain) // room)) if room else len(chain) + 1
    chosen = [tuple([best] * len(layers)), *chain[step - 1 :: step], *wide, *uniform]
    return list(dict.fromkeys(chosen))[:most]


def _greedy(
    layers: Sequence[str],
    formats: Sequence[str],
    weights: Mapping[str, int],
    harms: Mapping[tuple[str, str], float],
    best: str,
) -> list[Choice]:
    current = dict.fromkeys(layers, best)
    chain: list[Choice] = []
    while True:
        moves = [
            ((weight_bits(current[layer]) - weight_bits(name)) * weights[layer], harms[layer, name], layer, name)
            for layer in layers
            for name in formats
            if weight_bits(name) < weight_bits(current[layer]) and (layer, name) in harms
        ]
        if not moves:
            return chain
        # The harm that is added: a layer that has lost something already pays the difference.
        now = {layer: harms.get((layer, current[layer]), 0.0) for layer in layers}
        _, _, layer, name = max(moves, key=lambda m: (m[0] / max(m[1] - now[m[2]], _LEAST_HARM), m[2], m[3]))
        current[layer] = name
        chain.append(tuple(current[each] for each in layers))


def _wide(layers: Sequence[str], found: Sensitivity, readers: Mapping[str, Sequence[str]], best: str) -> list[Choice]:
    """The ``best`` format, but int16 for the layers whose outputs lose most as int8, and for those that read them."""
    harm = {row.name: _harm(row.activations) for row in found.rows if row.activations is not None}
    worst = sorted(harm, key=lambda name: (-harm[name], name))
    chosen = []
    for count in _WORST:
        kept = {each for name in worst[:count] for each in (name, *readers[name])}
        chosen.append(tuple(INT16X8 if name in kept else best for name in layers))
    return chosen


def _harm(cell: Cell) -> float:
    """From 0: changed answers, and the noise of the output, which tells harmless formats apart."""
    noise = 0.0 if cell.output_sqnr is None else 10 ** (-cell.output_sqnr / 10)
    return (cell.changed or 0.0) + 0.1 * min(noise, 10.0)
