"""The training itself: epoch by epoch, with ranges as the quantizer will find them, and the best epoch kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from toolchain import metrics
from toolchain.errors import ModelError
from toolchain.finetune.network import Network
from toolchain.graph import Array
from toolchain.importers.tensorflow import keras3
from toolchain.progress import Progress
from toolchain.quantize.float_run import Fetch
from toolchain.quantize.observers import observer_of
from toolchain.quantize.ptq import observed_grids
from toolchain.quantize.recipe import Recipe
from toolchain.quantize.ties import Tied

keras = keras3()

HELD_OUT = 0.15  # of the samples, to choose the best epoch by
HELD_OUT_OF_FEW = 0.25  # when there are fewer than ``FEW``
FEW = 400
AVERAGED = 256  # samples in one batch that sets the averages of normalized layers
_CHUNK = 32  # samples whose inner tensors are held at a time


@dataclass(frozen=True)
class Options:
    """``learning_rate`` is that of the first step, None for ``rate_for`` the format; a cosine takes it to zero.

    ``binary_inputs``: layers with binary weights read the signs of their inputs.
    """

    epochs: int = 20
    learning_rate: float | None = None
    batch_size: int = 32
    seed: int = 0
    binary_inputs: bool = False


def rate_for(weights: str) -> float:
    """Signs must turn to be trained; finer formats start so near to the float weights that small steps do."""
    return 4e-3 if weights in ("ternary", "binary") else 1e-3


@dataclass(frozen=True)
class Epoch:
    """``loss`` and ``accuracy`` are of the samples held out, with activations on their grids; 0 is the start."""

    number: int
    loss: float
    accuracy: float | None


@dataclass(frozen=True, eq=False)
class Samples:
    """``columns`` has an array for each input, ``targets`` what the outputs should be, ``labels`` classes or None."""

    columns: Sequence[Array]
    targets: Array
    labels: Array | None

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, index: Array) -> Samples:
        labels = None if self.labels is None else self.labels[index]
        return Samples([c[index] for c in self.columns], self.targets[index], labels)


def targets_of(outputs: Array, labels: Array | None) -> Array:
    """What to train towards: the float model's ``outputs``, with class ``labels`` halfway to them.

    Cross-entropy against the average of two distributions is the average of both losses, that of the labels and that of
    distillation (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015).
    """
    if labels is None:
        return outputs
    wanted = labels if labels.ndim > 1 and labels.shape[1] > 1 else np.eye(outputs.shape[1])[labels.reshape(-1)]
    result: Array = ((outputs + wanted) / 2).astype(np.float32)
    return result


def split(samples: Samples, seed: int) -> tuple[Samples, Samples]:
    """(those to train with, those held out), shuffled."""
    order = np.random.default_rng(seed).permutation(len(samples))
    share = HELD_OUT_OF_FEW if len(samples) < FEW else HELD_OUT
    held = max(1, round(share * len(samples)))
    return samples.take(order[held:]), samples.take(order[:held])


class Training:
    """``columns`` are the representative samples, which set the ranges."""

    def __init__(self, network: Network, tied: Tied, columns: Sequence[Array], recipe: Recipe, train: Samples) -> None:
        self.network, self.tied, self.columns = network, tied, columns
        self.rate = rate_for(recipe.weights)
        self.averaged = [c[:AVERAGED] for c in train.columns]
        self.observer = observer_of(recipe.calibration)
        names = {n for sources in tied.sources.values() for n in sources if not tied.graph.is_constant(n)}
        self.names = sorted(names)
        self.probe = keras.Model(network.deployed.inputs, [network.values[n] for n in self.names])

    def calibrate(self) -> None:
        """Averages and ranges for the weights as they are now; the ranges are those that the quantizer will find.

        The running averages of training lag behind signs that turn.
        """
        normalized = [layer for layer in self.network.layers.values() if layer.normalized]
        for layer in normalized:
            layer.momentum = 0.0
        if normalized:
            self.network.deployed(self.averaged, training=True)
        for layer in normalized:
            del layer.momentum
        self.network.set_grids(observed_grids(self.tied, self._fetches(), self.observer, []))

    def _fetches(self) -> Iterator[Fetch]:
        for start in range(0, len(self.columns[0]), _CHUNK):
            part = [c[start : start + _CHUNK] for c in self.columns]
            results = self.probe.predict_on_batch(part)
            values = dict(zip(self.names, results if isinstance(results, list) else [results], strict=True))
            for i in range(len(part[0])):
                yield partial(_row, values, i)

    def run(self, train: Samples, held: Samples, loss: Any, options: Options, progress: Progress) -> list[Epoch]:
        """Train and leave the weights of the epoch with the least loss in the network.

        Few samples are held out, of which the loss says more than the accuracy.
        """
        model = self.network.trained
        steps = options.epochs * -(-len(train) // options.batch_size)
        rate = keras.optimizers.schedules.CosineDecay(options.learning_rate or self.rate, steps)
        model.compile(keras.optimizers.Adam(rate), loss=loss, jit_compile=False)
        rng = np.random.default_rng(options.seed)
        self.calibrate()
        epochs = [self._judged(0, held)]
        progress.info(f"  start: {told(epochs[0])}")
        best, weights = epochs[0], model.get_weights()
        with progress.step("Fine-tuning", options.epochs) as advance:
            for number in range(1, options.epochs + 1):
                shuffled = train.take(rng.permutation(len(train)))
                model.fit(
                    list(shuffled.columns), shuffled.targets, batch_size=options.batch_size, shuffle=False, verbose=0
                )
                self.calibrate()
                epochs.append(self._judged(number, held))
                progress.info(f"  epoch {number} of {options.epochs}: {told(epochs[-1])}")
                if epochs[-1].loss < best.loss:
                    best, weights = epochs[-1], model.get_weights()
                advance(1)
        model.set_weights(weights)
        return epochs

    def _judged(self, number: int, held: Samples) -> Epoch:
        model = self.network.trained
        outputs = model.predict(list(held.columns), verbose=0)
        if not np.isfinite(outputs).all():
            raise ModelError(
                f"training came to values that are not finite in epoch {number}", "choose a smaller --learning-rate"
            )
        loss = float(model.loss(held.targets, outputs))
        if held.labels is None:
            return Epoch(number, loss, None)
        score = metrics.score(metrics.ACCURACY, outputs, held.labels)
        assert score is not None
        assert score.correct is not None
        return Epoch(number, loss, score.correct / len(held))


def _row(values: Mapping[str, Array], index: int, name: str) -> Array:
    return values[name][index : index + 1]


def told(epoch: Epoch) -> str:
    accuracy = "" if epoch.accuracy is None else f", accuracy {epoch.accuracy:.1%}"
    return f"loss {epoch.loss:.4f}{accuracy} (held out)"


def best_of(epochs: Sequence[Epoch]) -> Epoch:
    return min(epochs, key=lambda epoch: epoch.loss)
