"""mcuforge search: budgets that hold, a kill that loses nothing, and the same evaluation on a Dask scheduler."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from float_kit import float_files
from job_kit import document, refused

from toolchain.budget import Budget
from toolchain.cli.options import Quantization, make_job
from toolchain.front import prepare, samples_of
from toolchain.importers.float_tflite import FloatTflite
from toolchain.job import Job
from toolchain.progress import Progress
from toolchain.quantize.ptq import quantize
from toolchain.quantize.recipe import LayerRecipe, Recipe, read_recipe, write_recipe
from toolchain.search import run as searching
from toolchain.search.objective import Outcome, Problem, evaluate, probabilities
from toolchain.search.prior import first_choices
from toolchain.search.study import _text as said
from toolchain.sensitivity.advice import LayerFacts
from toolchain.sensitivity.floats import network
from toolchain.sensitivity.measure import Cell, LayerRow, Sensitivity
from toolchain.target import load_target

TRIALS = 14
FORMATS = "int8,int4,kmeans2,binary"


def job(out: Path, *more: str) -> tuple[str, ...]:
    model, data = float_files()
    common = ("--formats", FORMATS, "--rounding", "nearest", "--trials", str(TRIALS), "--max-drop", "3")
    return ("search", model, "--data", data, *common, "--out", str(out), *more)


def journal(out: Path) -> list[Any]:
    return [json.loads(line) for line in (out / "study.journal").read_text().splitlines()]


def answers(out: Path) -> list[Any]:
    """What was told of each trial, in order."""
    told = [record for record in journal(out) if "outcome" in record.get("user_attr", {})]
    assert len({record["trial_id"] for record in told}) == len(told), "no trial is answered twice"
    return [record["user_attr"]["outcome"] for record in told]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A search that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole") / "out"
    done = subprocess.run(
        [sys.executable, "-m", "toolchain", *job(out, "--seed", "5", "--json")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out, json.loads(done.stdout)


def test_a_recipe_within_the_limits(whole: tuple[Path, dict[str, Any]]) -> None:
    out, found = whole
    assert found["trials"] == TRIALS
    assert found["best"]["outcome"]["drop"] <= 3
    assert found["final"]["samples"] == 24
    assert found["judged"] == 40, "the representative samples, not the test set"
    costs = [tuple(m["outcome"][k] for k in ("flash", "cycles", "drop")) for m in found["front"]]
    assert not [a for a in costs for b in costs if a != b and all(x <= y for x, y in zip(b, a, strict=True))]
    recipe = read_recipe(out / "recipe.toml")
    assert recipe.layers == {name: LayerRecipe(chosen) for name, chosen in found["best"]["layers"].items()}


def test_a_killed_search_goes_on_where_it_stopped(whole: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    out, command = (
        tmp_path / "out",
        [sys.executable, "-m", "toolchain", *job(tmp_path / "out", "--seed", "5", "--json")],
    )
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 200
        while not (out / "study.journal").exists() or len(answers_so_far(out)) < 4:
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
    kept = len(answers_so_far(out))
    assert 4 <= kept < TRIALS
    with (out / "study.journal").open("a") as file:
        file.write('{"op_code":6,"trial')  # a write that the kill cut off
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["resumed"] >= kept - 1
    assert answers(out) == answers(whole[0])
    assert {**found, "resumed": 0} == whole[1]


def answers_so_far(out: Path) -> list[str]:
    return [line for line in (out / "study.journal").read_text().split("\n")[:-1] if '"outcome"' in line]


def test_more_trials_go_on_and_another_problem_is_refused(
    whole: tuple[Path, dict[str, Any]], capfd: pytest.CaptureFixture[str]
) -> None:
    out, _ = whole
    before = len(journal(out))
    found = document(capfd, *job(out, "--seed", "5", "--trials", str(TRIALS)))
    assert (found["resumed"], len(journal(out))) == (TRIALS, before)
    assert "another model" in refused(capfd, *job(out, "--seed", "6")).problem
    assert "another model" in refused(capfd, *job(out, "--seed", "5", "--max-flash", "64k")).problem


def test_limits_that_nothing_keeps(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    refusal = refused(capfd, *job(tmp_path / "out", "--max-flash", "1k", "--trials", "2"))
    assert "none of 2 mixtures keeps this:\n  --max-flash is 1,000 bytes; the least is" in refusal.problem
    assert "--max-ram" not in refusal.problem
    (tmp_path / "text").write_text("no journal\n")
    assert "not the journal" in refused(capfd, *job(tmp_path / "o", "--study", str(tmp_path / "text"))).problem
    assert "no Dask scheduler" in refused(capfd, *job(tmp_path / "d", "--scheduler", "tcp://127.0.0.1:9")).problem
    assert "nothing to choose" in refused(capfd, *job(tmp_path / "f", "--formats", "int4")).problem
    assert "no format that layers" in refused(capfd, *job(tmp_path / "f", "--formats", "int8,float16")).problem


def test_a_dask_cluster_evaluates_the_same(tmp_path: Path) -> None:
    from distributed import LocalCluster

    model, data = float_files()
    options = searching.Options(
        study=tmp_path / "study.journal",
        formats=("int8", "kmeans2"),
        trials=4,
        max_drop=50.0,
        rounding="nearest",
    )
    with LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None) as cluster:
        scheduled = dataclasses.replace(options, scheduler=cluster.scheduler_address)
        asked = Job(model, load_target("stm32"), data=data)
        found = searching.search(asked, scheduled, Progress())
    assert found.trials == 4
    here = searching.search(asked, dataclasses.replace(options, study=tmp_path / "other.journal"), Progress())
    assert here.best == found.best, "the first choices are the same, and so are their outcomes"


def test_limits_that_are_kept_but_not_all_at_once() -> None:
    problem = small_problem(("int8", "int4"))
    problem = dataclasses.replace(problem, budget=Budget(max_flash=100, max_ram=50), max_drop=1.0)
    small, exact = (
        Outcome(90, 40, 9.0, 3.0, 0.1, (-0.1, -0.2, -1, 2.0)),
        Outcome(120, 40, 9.0, 0.0, 0, (0.2, -0.2, -1, -1)),
    )
    assert "each limit is kept by some of 7 mixtures" in searching._unmet([small, exact], 7, problem).problem
    refusal = searching._unmet([exact], 1, problem).problem
    assert refusal.splitlines()[1:] == [
        "  --max-flash is 100 bytes; the least is 120",
        "the nearest has 120 bytes of flash, 40 bytes of RAM, 9 cycles (modelled) and a drop of 0.00",
    ]
    assert "too much flash" in said(exact)
    assert "too much drop" in said(small)
    assert "within the limits" in said(dataclasses.replace(small, excess=(0, 0, 0, 0)))


def small_problem(formats: tuple[str, ...]) -> Problem:
    model, data = float_files()
    job, options = Job(model, load_target("stm32"), data=data), searching.Options(Path("none"), formats)
    opened, found = searching._opened(job, options, Progress())
    net = network(opened, samples_of(found.x_calib), found.y_calib, None)
    return searching._problem(job, options, net, opened, (samples_of(found.x_calib), found.y_calib))


def test_int16_for_layers_and_what_is_between_them(tmp_path: Path) -> None:
    """The network is conv2d, depthwise, their sum, mean, two dense layers and softmax."""
    problem = small_problem(("int16x8", "int8", "int4"))
    first, second, _, last = problem.layers
    followers = dict(problem.followers)
    assert sorted(followers.values()) == sorted([(first, second), (first, second), (last,)])
    recipe = problem.recipe(("int8", "int16x8", "int4", "int16x8"))
    wide = {name for name, layer in recipe.layers.items() if layer.activations == "int16"}
    assert wide == {second, last, *(name for name, read in followers.items() if read == (last,))}
    both = problem.recipe(("int16x8", "int16x8", "int4", "int8"))
    wide = {name for name, layer in both.layers.items() if layer.activations == "int16"}
    assert wide == {first, second, *(name for name, read in followers.items() if read == (first, second))}
    assert [both.layers[name].weights for name in problem.layers] == ["int8", "int8", "int4", "int8"]
    outcome = evaluate(problem, ("int16x8", "int16x8", "int4", "int16x8"))
    assert not outcome.refused
    assert outcome.drop < 2
    # What the search writes, deploy takes: the same integers.
    recipe = problem.recipe(("int16x8", "int16x8", "int4", "int16x8"))
    write_recipe(recipe, tmp_path / "recipe.toml")
    model, data = float_files()
    job = make_job(model, "stm32", Quantization(recipe=tmp_path / "recipe.toml"), data=data)
    made = prepare(job, Progress())
    assert made.tflite == export(problem, recipe)
    assert made.graph.tensor(made.graph.outputs[0]).dtype == "int16"


def export(problem: Problem, recipe: Recipe) -> bytes:
    model = FloatTflite(problem.name, "", "", problem.inputs, problem.outputs, problem.content)
    return quantize(model, list(problem.columns), recipe=recipe)


def test_probabilities() -> None:
    given = np.array([[0.25, 0.75], [1.0, 0.0]], np.float32)
    np.testing.assert_array_equal(probabilities(given), given)
    np.testing.assert_allclose(probabilities(np.array([[0.0, np.log(3)]])), [[0.25, 0.75]])


def test_the_first_choices_spend_where_it_hurts_least() -> None:
    facts = LayerFacts("conv2d", 100, 10, -1, 1, 1, 3, 10, 1, 0, -1, 1, 1)
    harms = {"a": 0.5, "b": 0.0, "c": 0.2}
    rows = tuple(
        LayerRow(name, facts, {"int8": Cell(40, 90, 0, 0), "int4": Cell(20, 90, 0, harm)}, ())
        for name, harm in harms.items()
    )
    found = Sensitivity("m", 10, None, ("int8", "int4"), {}, rows)
    readers = {"a": ("b",), "b": ("c",), "c": ()}
    sizes = dict.fromkeys("abc", 100)
    choices = first_choices(("a", "b", "c"), ("int8", "int4"), sizes, found, 10, readers)
    assert choices[0] == ("int8", "int8", "int8")
    assert choices[1:4] == [("int8", "int4", "int8"), ("int8", "int4", "int4"), ("int4", "int4", "int4")]
    assert len(first_choices(("a", "b", "c"), ("int8", "int4"), sizes, found, 2, readers)) == 2
    rows = tuple(dataclasses.replace(row, activations=Cell(30, 30, 0, harms[row.name])) for row in rows)
    found = dataclasses.replace(found, rows=rows)
    wide = first_choices(("a", "b", "c"), ("int16x8", "int8"), sizes, found, 10, readers)
    assert wide == [("int8",) * 3, ("int16x8",) * 3, ("int16x8", "int16x8", "int8")]


def test_what_cannot_run_is_an_outcome() -> None:
    assert not Outcome(refused="no kernel").feasible
    assert not Outcome(excess=(0.1, 0, 0, 0)).feasible
    assert Outcome(excess=(0, 0, 0, 0)).feasible
