"""Recipes: read, written, checked, and what they say of each layer of a graph."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from job_kit import document, small

from toolchain.cli.options import Quantization, make_job
from toolchain.errors import UserError
from toolchain.quantize.float_formats import rounded
from toolchain.quantize.formats import (
    FORMATS,
    channel_groups,
    codebook_bits,
    codebook_group,
    is_below_int8,
    sparse_fraction,
    weight_format,
)
from toolchain.quantize.methods import Method, method_from_json
from toolchain.quantize.recipe import LayerRecipe, Recipe, read_recipe, recipe_for, write_recipe

FULL = Recipe(
    weights="sparse:0.7",
    keep_ends=False,
    calibration="percentile:99.9",
    bias_correction="analytic",
    equalization=True,
    rounding="adaround",
    layers={
        "conv2d": LayerRecipe("int4"),
        'a "quoted" läyer\n\x7f': LayerRecipe("kmeans3:16", "int8"),
        "last": LayerRecipe(),
    },
)


@pytest.mark.parametrize("recipe", [Recipe(), FULL])
def test_what_is_written_is_read(recipe: Recipe, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    write_recipe(recipe, path)
    assert read_recipe(path) == recipe
    method = Method("mcuforge", recipe, {"conv2d": "int4"})
    assert method_from_json(method.to_json(), "build.json") == method


def test_a_file_that_names_a_format_alone_is_the_option(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("weights = 'int4'")
    assert read_recipe(path) == recipe_for("int4")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("weights = ", "not a TOML file"),
        ("weight = 'int4'", "no setting 'weight'"),
        ("weights = 4", "weights is 4"),
        ("keep_ends = 'yes'", "keep_ends is 'yes'"),
        ("weights = 'int5'", "no weight format 'int5'"),
        ("weights = 'int4:2'", "no weight format 'int4:2'"),
        ("weights = 'sparse:70'", "names no fraction"),
        ("weights = 'kmeans4:0'", "names no number of output channels"),
        ("weights = 'kmeans4:-4'", "names no number of output channels"),
        ("weights = 'kmeans4:'", "names no number of output channels"),
        ("[layers.conv2d]\nweights = 'ternary:16'", "layer conv2d: there is no weight format 'ternary:16'"),
        ("activations = 'int4'", "no type of activations 'int4'"),
        ("calibration = 'percentile:2'", "names no share"),
        ("calibration = 'mse:2'", "no calibration 'mse:2'"),
        ("rounding = 'up'", "no rounding 'up'"),
        ("bias_correction = 'some'", "no bias correction 'some'"),
        ("layers = 3", "layers must be tables"),
        ("[layers.conv2d]\nweights = 'int5'", "layer conv2d: there is no weight format 'int5'"),
        ("[layers.conv2d]\nbits = 4", "layer conv2d: there is no setting 'bits'"),
        ("weights = 'float16'", "float and integer layers cannot be mixed"),
        ("[layers.conv2d]\nweights = 'float16'", "float and integer layers cannot be mixed"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=reason) as caught:
        read_recipe(path)
    assert str(path) in caught.value.problem
    assert caught.value.hint
    with pytest.raises(UserError, match="cannot be read"):
        read_recipe(tmp_path / "none.toml")


def test_every_format_has_a_recipe() -> None:
    for name, (weights, activations) in FORMATS.items():
        recipe = recipe_for(name)
        assert (recipe.weights, recipe.activations) == (weights, activations)
        assert (recipe.rounding == "least-squares") == is_below_int8(weights)
    assert recipe_for("int4", "nearest").rounding == "nearest"
    assert recipe_for("sparse:0.25").weights == "sparse:0.25"
    assert sparse_fraction("sparse:0.25") == 0.25
    assert [codebook_bits(name) for name in ("kmeans5", "int4", "sparse:0.3", "kmeans2:16")] == [5, 0, 0, 2]
    assert recipe_for("kmeans3:8") == Recipe(weights="kmeans3:8", rounding="least-squares")
    assert [codebook_group(name) for name in ("kmeans3:8", "kmeans3", "sparse:0.3")] == [8, None, None]
    groups = [(g.start, g.stop) for g in channel_groups("kmeans3:8", 20)]
    assert (groups, channel_groups("int4", 20)) == ([(0, 8), (8, 16), (16, 20)], [slice(0, 20)])
    assert [weight_format(n, "").bits for n in ("int8", "kmeans6", "int4", "ternary", "binary")] == [8, 6, 4, 2, 1]
    for name in ("int3", "int8:2", "sparse:2"):
        with pytest.raises(UserError, match=name):
            recipe_for(name)


def test_options_and_recipes_go_together(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    write_recipe(FULL, path)
    job = make_job("m.keras", "host", Quantization(recipe=path, calibration="mse", bias_correction=False))
    assert job.quantizer == "mcuforge"
    assert job.recipe is not None
    assert (job.recipe.calibration, job.recipe.bias_correction) == ("mse", "none")
    assert job.recipe.layers == FULL.layers
    with pytest.raises(UserError, match="both name the weights"):
        make_job("m.keras", "host", Quantization(recipe=path, format="int4"))


@pytest.mark.parametrize(
    ("name", "values", "wanted"),
    [
        ("float16", [1 + 2**-11, 1 + 3 * 2**-11, 1e6, -(2.0**-25)], [1.0, 1 + 2**-9, 65504.0, -0.0]),
        ("bfloat16", [1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8 - 2**-20], [1.0, 1 + 2**-6, -1 - 2**-7]),
        ("float32", [0.1], [np.float32(0.1)]),
    ],
)
def test_floats_of_16_bits_are_the_nearest(name: str, values: list[float], wanted: list[Any]) -> None:
    np.testing.assert_array_equal(rounded(np.array(values), name), np.array(wanted, np.float32))


def test_a_deployment_says_how_its_weights_were_made(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """In the report, in build.json, and in the report of what is measured from that folder; C and reference agree."""
    path, out = tmp_path / "recipe.toml", tmp_path / "out"
    write_recipe(Recipe(weights="int4", layers={"dense_1": LayerRecipe("kmeans2")}), path)
    job = ("emulate", str(small() / "small.keras"), "--data", str(small() / "small.npz"))
    report = document(capfd, *job, "--recipe", str(path), "--calibration", "minmax", "--out", str(out))
    assert report["exactness"]["differing"] == 0
    weights = {"conv2d": "int8", "conv2d_1": "int4", "dense_1": "kmeans2", "dense_2": "int8"}
    assert report["quantization"]["weights"] == weights
    assert report["quantization"]["quantizer"] == "mcuforge"
    assert report["quantization"]["settings"]["calibration"] == "minmax"
    built = json.loads((out / "build.json").read_text())["quantization"]
    assert (built["weights"], built["recipe"]["layers"]) == (weights, {"dense_1": {"weights": "kmeans2"}})
    again = document(capfd, "emulate", str(out), "--out", str(tmp_path / "again"))
    assert again["quantization"] == report["quantization"]
