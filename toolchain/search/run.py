"""From a job to a recipe: the problem, the first choices, the search, and the test set at the very end."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from toolchain import metrics
from toolchain.compare.results import merit_of
from toolchain.data import Dataset, load_data
from toolchain.errors import DataError, ModelError, ToolError, UserError
from toolchain.front import AnyFloatModel, open_source, samples_of
from toolchain.graph import Array
from toolchain.job import Job
from toolchain.progress import Progress
from toolchain.quantize.formats import FORMATS, INT8, INT16X8, is_float, parts_of
from toolchain.quantize.recipe import LEAST_SQUARES, NEAREST, Recipe
from toolchain.results import Score
from toolchain.search.objective import LIMITS, Choice, Outcome, Problem, outputs_of, quantized
from toolchain.search.prior import first_choices
from toolchain.search.workers import workers
from toolchain.sensitivity.floats import FloatNetwork, network
from toolchain.sensitivity.measure import sensitivity

DEFAULT_FORMATS = (INT16X8, INT8, "kmeans5", "int4", "kmeans4", "kmeans3", "kmeans2", "ternary")
FIRST = 14  # trials, and at most half of all, that sensitivity proposes


@dataclass(frozen=True)
class Options:
    """``scheduler`` is Dask's address; ``study`` the journal; ``validation`` data to judge by, in place of --data's."""

    study: Path
    formats: tuple[str, ...] = DEFAULT_FORMATS
    trials: int = 40
    seed: int = 0
    jobs: int = 1
    scheduler: str | None = None
    max_drop: float = 0.5
    rounding: str = LEAST_SQUARES
    validation: str | None = None


@dataclass(frozen=True)
class Mixture:
    """A trial as a user reads it. ``number`` is the trial's; ``layers`` the formats by layer."""

    number: int
    layers: dict[str, str]
    outcome: Outcome


@dataclass(frozen=True)
class Final:
    """What the chosen recipe reaches on the test set, which no choice has seen; the float model's beside it."""

    metric: str
    samples: int
    recipe: float | None
    float_model: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Found:
    """``front``: no other feasible trial is better in flash, cycles and drop at once."""

    model: str
    target: str
    trials: int
    resumed: int
    judged: int
    best: Mixture
    front: tuple[Mixture, ...]
    recipe: Recipe
    final: Final | None


def search(job: Job, options: Options, progress: Progress) -> Found:
    """Search until there are ``options.trials`` trials. Raises UserError, when no mixture keeps the limits too."""
    if find_spec("optuna") is None:
        raise ToolError("the search needs Optuna, which is not installed", "pip install 'mcuforge[search]'")
    from toolchain.search.study import opened

    _check_formats(options.formats)
    model, data = _opened(job, options, progress)
    net = network(model, samples_of(data.x_calib), data.y_calib, None)
    net = dataclasses.replace(net, name=job.name or net.name)
    problem = _problem(job, options, net, model, _validation(job, options, model, data, progress))

    def first() -> list[Choice]:
        found = sensitivity(net, problem.formats, progress)
        sizes = {name: int(net.weights(name).size) for name in net.layers}
        most = min(FIRST, max(options.trials // 2, 1))
        return first_choices(problem.layers, problem.formats, sizes, found, most, net.readers)

    with opened(problem, options.study, options.seed, first) as (study, resumed):
        if resumed:
            progress.info(f"{options.study}: goes on after {resumed} trials")
        if resumed < options.trials:
            with workers(options.jobs, options.scheduler) as (executor, jobs):
                study.run(options.trials, executor, jobs, progress)
        tried = [
            Mixture(t.number, dict(zip(problem.layers, t.choice, strict=True)), t.outcome) for t in study.finished()
        ]
    best = _best(tried, problem)
    recipe = problem.recipe(tuple(best.layers.values()))
    return Found(
        model=net.name,
        target=job.target.name,
        trials=len(tried),
        resumed=resumed,
        judged=len(problem.judged[0]),
        best=best,
        front=_front(tried),
        recipe=recipe,
        final=_final(job, problem, recipe, model, data, progress),
    )


def _check_formats(formats: Sequence[str]) -> None:
    for name in formats:
        if name.partition(":")[0] not in FORMATS or is_float(name):
            raise UserError(f"{name!r} is no format that layers can be mixed from", f"the default is {_list()}")
        parts_of(name, "--formats")
    if len(set(formats)) < 2:
        raise UserError("there is nothing to choose among: one format", f"name several; the default is {_list()}")


def _list() -> str:
    return ",".join(DEFAULT_FORMATS)


def _opened(job: Job, options: Options, progress: Progress) -> tuple[AnyFloatModel, Dataset]:
    source = open_source(job.model, progress, job.reading)
    if source.float_model is None:
        raise ModelError(f"{source.where} has integers already", "Give the float model, which formats are made from.")
    return source.float_model, load_data(
        job.data, source.float_model.inputs, job.representative, job.evaluation, progress
    )


def _validation(
    job: Job, options: Options, model: AnyFloatModel, data: Dataset, progress: Progress
) -> tuple[list[Array], Array | None]:
    """What choices are judged by: never the test set of ``--data``."""
    if options.validation is None:
        if options.rounding != NEAREST:
            progress.note(
                "weights below int8 are fitted to the samples that they are judged by: the drop is told too small; "
                "--validation gives others"
            )
        return samples_of(data.x_calib), data.y_calib
    other = load_data(None, model.inputs, None, options.validation, progress)
    if other.x_test is None:
        raise DataError(f"{options.validation}: has no x_test", "Put samples and labels there as x_test and y_test.")
    return samples_of(other.x_test), other.y_test


def _problem(
    job: Job, options: Options, net: FloatNetwork, model: AnyFloatModel, judged: tuple[list[Array], Array | None]
) -> Problem:
    columns, labels = judged
    shaped = tuple(c.astype(p.dtype).reshape(-1, *p.shape[1:]) for c, p in zip(columns, net.inputs, strict=True))
    floats = dataclasses.replace(net, columns=shaped).predict({})
    if labels is not None:
        chosen = metrics.choose_metric(labels, shaped[0].shape[1:], floats.shape[1:])
        labels = labels if chosen == metrics.ACCURACY and metrics.classifies(floats) else None
    return Problem(
        name=net.name,
        source=model.source,
        content=net.content({}),
        inputs=net.inputs,
        outputs=net.outputs,
        layers=tuple(net.layers),
        formats=options.formats,
        columns=net.columns,
        judged=shaped,
        labels=labels,
        floats=floats,
        target=job.target,
        budget=job.budget,
        max_drop=options.max_drop,
        base=Recipe(rounding=options.rounding),
        followers=net.followers,
    )


def _best(tried: Sequence[Mixture], problem: Problem) -> Mixture:
    """The feasible trial that is best for the budget's objective. Raises UserError when there is none."""
    feasible = [m for m in tried if m.outcome.feasible]
    if feasible:
        return min(feasible, key=lambda m: (*_rank(m.outcome, feasible, problem.budget.objective), m.number))
    runnable = [m for m in tried if not m.outcome.refused]
    if not runnable:
        raise ModelError(f"no mixture can run: {tried[0].outcome.refused}", "Choose other --formats.")
    raise _unmet([m.outcome for m in runnable], len(tried), problem)


def _unmet(outcomes: Sequence[Outcome], tried: int, problem: Problem) -> UserError:
    """Which limits no mixture keeps, by how much; or that none keeps them all at once."""
    budget = problem.budget
    near = min(outcomes, key=lambda o: sum(max(part, 0.0) for part in o.excess))
    nearest = (
        f"the nearest has {near.flash:,} bytes of flash, {near.ram:,} bytes of RAM, {near.cycles:,.0f} cycles "
        f"(modelled) and a drop of {near.drop:.2f}"
    )
    facts = (
        (budget.max_flash, min(o.flash for o in outcomes), "bytes"),
        (budget.max_ram, min(o.ram for o in outcomes), "bytes"),
        (budget.max_cycles, min(o.cycles for o in outcomes), "cycles (modelled)"),
        (problem.max_drop, min(o.drop for o in outcomes), "points"),
    )
    lines = [
        f"--max-{name.lower()} is {limit:,} {unit}; the least is {least:,.{0 if unit != 'points' else 2}f}"
        for i, (name, (limit, least, unit)) in enumerate(zip(LIMITS, facts, strict=True))
        if limit is not None and all(o.excess[i] > 0 for o in outcomes)
    ]
    if lines:
        return UserError(
            f"none of {tried} mixtures keeps this:\n  " + "\n  ".join(lines) + f"\n{nearest}",
            "Raise it, or name other --formats. The study is kept for another run of the same limits.",
        )
    return UserError(
        f"each limit is kept by some of {tried} mixtures, but no mixture keeps all; {nearest}",
        "Raise one of them, or go on with more --trials: the study is kept.",
    )


def _rank(outcome: Outcome, among: Sequence[Mixture], objective: str) -> tuple[float, ...]:
    if objective == "latency":
        return outcome.cycles, float(outcome.flash)
    if objective == "flash":
        return float(outcome.flash), outcome.cycles
    if objective == "ram":
        return float(outcome.ram), outcome.cycles
    least_flash = min(m.outcome.flash for m in among)
    least_cycles = min(m.outcome.cycles for m in among)
    return outcome.flash / least_flash + outcome.cycles / least_cycles, outcome.drop


def _front(tried: Sequence[Mixture]) -> tuple[Mixture, ...]:
    """In flash, cycles and drop; the smallest first, each mixture once."""
    feasible = list({tuple(m.layers.values()): m for m in reversed(tried) if m.outcome.feasible}.values())
    costs = [(float(m.outcome.flash), m.outcome.cycles, m.outcome.drop) for m in feasible]

    def beaten(own: tuple[float, ...]) -> bool:
        return any(all(a <= b for a, b in zip(c, own, strict=True)) and c != own for c in costs)

    kept = [m for m, own in zip(feasible, costs, strict=True) if not beaten(own)]
    return tuple(sorted(kept, key=lambda m: (m.outcome.flash, m.outcome.cycles, m.number)))


def _final(
    job: Job, problem: Problem, recipe: Recipe, model: AnyFloatModel, data: Dataset, progress: Progress
) -> Final | None:
    x = [column[: job.limit] for column in samples_of(data.x_test)]
    if not x:
        return None
    y = None if data.y_test is None else data.y_test[: job.limit]
    with progress.step("Running the recipe on the test set"):
        graph = quantized(problem, recipe)
        values, floats = outputs_of(graph, tuple(x)), model.predict(x)
    metric = metrics.choose_metric(y, x[0].shape[1:], floats.shape[1:])
    scores: list[Score | None] = [metrics.score(metric, v, y, x[0]) for v in (values, floats)]
    merits = [None if s is None else merit_of(s, metric) for s in scores]
    own = scores[0]
    interval = metrics.wilson(own.correct, own.total) if own and own.correct is not None and own.total else None
    return Final(metric, len(x[0]), merits[0], merits[1], interval)


def plain(found: Found) -> dict[str, Any]:
    """The result as JSON values."""
    from toolchain.quantize.recipe import recipe_to_dict

    table = dataclasses.asdict(dataclasses.replace(found, recipe=Recipe()))
    return {"schema": "mcuforge-search/1", **table, "recipe": recipe_to_dict(found.recipe)}
