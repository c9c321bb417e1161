"""What a mixture of formats costs and loses: the function that every worker runs, here or on another machine.

The model is quantized as ``deploy --recipe`` would do it, planned for the target as ``compile`` would, and run by the
reference interpreter. Nothing of the test set is in a ``Problem``, so no choice can look at it.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field

import numpy as np

from toolchain import metrics, reference
from toolchain.assess import real_values, to_codes
from toolchain.budget import Budget
from toolchain.errors import TargetError, UserError
from toolchain.front import checked_graph
from toolchain.graph import Array, Graph
from toolchain.importers.float_model import Port
from toolchain.importers.float_tflite import FloatTflite
from toolchain.importers.tflite import parse_tflite
from toolchain.passes import reduce
from toolchain.plan import Plan
from toolchain.planner import make_plan
from toolchain.progress import Progress
from toolchain.quantize.formats import INT16, is_below_int8, parts_of
from toolchain.quantize.ptq import quantize
from toolchain.quantize.recipe import NEAREST, LayerRecipe, Recipe
from toolchain.target import Target

LIMITS = ("flash", "RAM", "latency", "drop")  # in the order of ``Outcome.excess``
Choice = tuple[str, ...]  # a format for each of ``Problem.layers``


@dataclass(frozen=True, eq=False)
class Problem:
    """All that an evaluation needs; it can be sent to another process.

    ``content`` is the float ``.tflite``; ``columns`` are the representative samples, ``judged`` those that answers are
    compared on, with ``labels`` (None: the float model's answers; ``floats`` are its outputs). ``base`` is the recipe
    whose layers a choice sets. ``followers`` are the nodes without weights, with the layers whose values they read:
    they have int16 activations where all of those have, so that the values go on as they are.

    ``max_drop`` is in points of expected accuracy: how much less probability the right class gets on average. That is
    the accuracy lost where probabilities mean what they say, and a hundred samples tell a fraction of a point of it,
    where counting right answers tells whole points. For a model that is no classifier it is in per cent of noise in
    the power of its output.
    """

    name: str
    source: str
    content: bytes
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    layers: tuple[str, ...]
    formats: tuple[str, ...]
    columns: tuple[Array, ...]
    judged: tuple[Array, ...]
    labels: Array | None
    floats: Array
    target: Target
    budget: Budget
    max_drop: float
    base: Recipe = field(default_factory=Recipe)
    followers: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def recipe(self, choice: Choice) -> Recipe:
        """What ``deploy --recipe`` takes."""
        chosen = {name: parts_of(each) for name, each in zip(self.layers, choice, strict=True)}
        wide = {name for name, (_, activations) in chosen.items() if activations == INT16}
        layers = {n: LayerRecipe(weights, INT16 if n in wide else None) for n, (weights, _) in chosen.items()}
        layers |= {n: LayerRecipe(activations=INT16) for n, read in self.followers if wide.issuperset(read)}
        return dataclasses.replace(self.base, layers=layers)

    @property
    def digest(self) -> str:
        """What a study belongs to: the same for equal models, samples, targets, budgets and formats."""
        digest = hashlib.sha256(self.content)
        for array in (*self.columns, *self.judged, self.floats):
            digest.update(np.ascontiguousarray(array).tobytes())
        if self.labels is not None:
            digest.update(np.ascontiguousarray(self.labels).tobytes())
        rest = (self.layers, self.formats, self.followers, dataclasses.asdict(self.budget), self.max_drop, self.base)
        digest.update(f"{rest} {self.target.model_dump_json()}".encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class Outcome:
    """Bytes and cycles (modelled) as predicted; ``drop`` in the terms of ``Problem.max_drop``.

    ``changed`` is the fraction of answers that are not the float model's, or of noise. ``excess`` says by which part
    of each limit (flash, RAM, cycles, drop) it is passed, 0 or less where it is kept. ``refused``: why it cannot run.
    """

    flash: int = 0
    ram: int = 0
    cycles: float = 0.0
    drop: float = 0.0
    changed: float = 1.0
    excess: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    refused: str = ""

    @property
    def feasible(self) -> bool:
        return not self.refused and all(part <= 0 for part in self.excess)


def evaluate(problem: Problem, choice: Choice) -> Outcome:
    """Quantize, plan and judge. What cannot be quantized or run is an ``Outcome`` with its reason.

    What costs too much even so is judged with weights rounded to the nearest: better rounding takes long and changes
    hardly more than the drop.
    """
    recipe = problem.recipe(choice)
    try:
        quick = _outcome(problem, dataclasses.replace(recipe, rounding=NEAREST))
        passed = any(part > 0 for part in quick.excess[:3])
        learned = recipe.rounding != NEAREST and any(is_below_int8(parts_of(name)[0]) for name in choice)
        return quick if passed or not learned else _outcome(problem, recipe)
    except UserError as e:
        return Outcome(refused=e.problem.splitlines()[0])


def _outcome(problem: Problem, recipe: Recipe) -> Outcome:
    graph = quantized(problem, recipe)
    plan = _plan(problem, graph)
    drop, changed = judge(problem, outputs_of(graph, problem.judged))
    flash, ram = plan.predicted_flash, plan.memory.arena_bytes
    cycles = sum(step.cycles for step in plan.steps)
    limits = problem.budget
    pairs = ((flash, limits.max_flash), (ram, limits.max_ram), (cycles, limits.max_cycles))
    parts = [-1.0 if limit is None else value / limit - 1 for value, limit in pairs]
    over = (drop - problem.max_drop) / max(problem.max_drop, 1.0)
    return Outcome(flash, ram, cycles, drop, changed, (parts[0], parts[1], parts[2], over))


def quantized(problem: Problem, recipe: Recipe) -> Graph:
    """The graph that ``recipe`` makes, ready to be planned or run. Raises UserError."""
    model = FloatTflite(problem.name, problem.source, "", problem.inputs, problem.outputs, problem.content)
    content = quantize(model, list(problem.columns), recipe=recipe)
    return checked_graph(parse_tflite(content, problem.name, problem.source), problem.source)


def _plan(problem: Problem, graph: Graph) -> Plan:
    """Within the budget where that can be, else what it would be without limits: then it is known by how much."""
    reduced = reduce(graph, Progress())
    try:
        return make_plan(reduced, problem.target, problem.budget)
    except TargetError:
        free = dataclasses.replace(problem.budget, max_flash=None, max_ram=None, max_cycles=None)
        return make_plan(reduced, problem.target, free)


def outputs_of(graph: Graph, columns: tuple[Array, ...]) -> Array:
    """Real values of the first output, by the reference interpreter: what the device gives, code by code."""
    return real_values(graph, reference.run(graph, to_codes(graph, columns))[0])


def judge(problem: Problem, values: Array) -> tuple[float, float]:
    """``drop`` and ``changed`` of ``Outcome``."""
    floats = problem.floats
    if not metrics.classifies(floats):
        signal = float(np.square(floats.astype(np.float64)).sum()) or 1.0
        noise = float(np.square(values.reshape(floats.shape).astype(np.float64) - floats).sum()) / signal
        return 100 * noise, min(noise, 1.0)
    answers = metrics.predicted_classes(floats)
    changed = float((metrics.predicted_classes(values) != answers).mean())
    right = answers if problem.labels is None else metrics.class_labels(problem.labels)
    rows = np.arange(len(right))
    return 100 * float((probabilities(floats) - probabilities(values))[rows, right].mean()), changed


def probabilities(outputs: Array) -> Array:
    """The outputs as they are where they are probabilities, else their softmax; in float64, (samples, classes)."""
    flat = outputs.reshape(len(outputs), -1).astype(np.float64)
    # Codes of probabilities do not add up to one exactly.
    if flat.min() >= 0 and flat.max() <= 1 and np.abs(flat.sum(axis=1) - 1).max() < 0.1:
        return flat
    powers = np.exp(flat - flat.max(axis=1, keepdims=True))
    found: Array = powers / powers.sum(axis=1, keepdims=True)
    return found
