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

from toolchain.job import Job
from toolchain.progress import Progress
from toolchain.quantize.recipe import LayerRecipe, read_recipe
from toolchain.search import run as searching
from toolchain.search.objective import Outcome, probabilities
from toolchain.search.prior import first_choices
from toolchain.sensitivity.advice import LayerFacts
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
    assert "none of 2 mixtures keeps the limits; the nearest has" in refusal.problem
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
    choices = first_choices(("a", "b", "c"), ("int8", "int4"), dict.fromkeys("abc", 100), found, 10)
    assert choices[0] == ("int8", "int8", "int8")
    assert choices[1:4] == [("int8", "int4", "int8"), ("int8", "int4", "int4"), ("int4", "int4", "int4")]
    assert len(first_choices(("a", "b", "c"), ("int8", "int4"), dict.fromkeys("abc", 100), found, 2)) == 2


def test_what_cannot_run_is_an_outcome() -> None:
    assert not Outcome(refused="no kernel").feasible
    assert not Outcome(excess=(0.1, 0, 0, 0)).feasible
    assert Outcome(excess=(0, 0, 0, 0)).feasible
