"""How a float model is quantized: formats for the whole model and for single layers, and by which methods.

A recipe is data. ``mcuforge`` reads and writes it as TOML::

    weights = "int4"
    activations = "int8"
    keep_ends = true              # the first and the last layer with weights stay int8
    calibration = "percentile"    # ranges of activations; "percentile:99.9" names the share
    bias_correction = "empirical" # or "analytic", "none"
    equalization = false          # cross-layer equalization
    rounding = "least-squares"    # or "adaround", "nearest"

    [layers.conv2d_3]
    weights = "kmeans3:16"        # a codebook for each 16 output channels

Layers go by the names that ``mcuforge inspect`` prints.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolchain.errors import UserError
from toolchain.graph import Graph, Node
from toolchain.ops import registry
from toolchain.quantize.formats import (
    ACTIVATIONS,
    FLOAT32,
    INT8,
    INT16,
    is_below_int8,
    is_float,
    parts_of,
    sparse_fraction,
    weight_format,
)
from toolchain.quantize.observers import check_calibration

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EMPIRICAL, ANALYTIC, NONE = BIAS_CORRECTIONS = "empirical", "analytic", "none"
NEAREST, LEAST_SQUARES, ADAROUND = ROUNDINGS = "nearest", "least-squares", "adaround"
DEFAULT_CALIBRATION = "percentile"
SHOWN_NAMES = 8  # of layers, in a message about one that there is not


@dataclass(frozen=True)
class LayerRecipe:
    """What one layer does otherwise than the model; None: as the model does."""

    weights: str | None = None
    activations: str | None = None


@dataclass(frozen=True)
class Recipe:
    """Formats are names of ``formats.WEIGHTS`` and ``formats.ACTIVATIONS``.

    ``keep_ends``: where ``weights`` are below int8, the first and the last layer with weights stay int8, unless
    ``layers`` has them. ``rounding`` concerns formats below int8: ``nearest`` takes each weight by itself; the others
    choose codes, scales and codebooks so that the layers' outputs for the representative samples are kept,
    ``least-squares`` by coordinate descent, ``adaround`` from there on by learning, behind the activations.
    """

    weights: str = INT8
    activations: str = INT8
    keep_ends: bool = True
    calibration: str = DEFAULT_CALIBRATION
    bias_correction: str = EMPIRICAL
    equalization: bool = False
    rounding: str = NEAREST
    layers: Mapping[str, LayerRecipe] = field(default_factory=dict)

    @property
    def is_float(self) -> bool:
        """Whether the model stays float."""
        return is_float(self.weights)


def recipe_for(format_name: str, rounding: str | None = None) -> Recipe:
    """The recipe of ``--format``: the whole model in one format, below int8 by least squares if nothing is named."""
    weights, activations = parts_of(format_name)
    chosen = rounding or (LEAST_SQUARES if is_below_int8(weights) else NEAREST)
    return Recipe(weights=weights, activations=activations, rounding=chosen)


def layer_name(node: Node) -> str:
    """The name that ``mcuforge inspect`` prints and recipes use."""
    return node.layers[0] if node.layers else node.name


def layers_with_weights(graph: Graph) -> list[Node]:
    """The nodes that a recipe can name, in the order of execution."""
    rules = ((node, registry()[node.op].ptq) for node in graph.nodes if node.op in registry())
    return [node for node, rule in rules if rule is not None and rule.weights_axis is not None]


def weight_formats(recipe: Recipe, graph: Graph, where: str = "the recipe") -> dict[str, str]:
    """The weight format of each layer of ``graph`` by name. UserError for layers that the model does not have."""
    weighted = layers_with_weights(graph)
    names = [layer_name(node) for node in weighted]
    _check_names(recipe, graph, names, where)
    ends = {*names[:1], *names[-1:]} if recipe.keep_ends and is_below_int8(recipe.weights) else set()
    # A depthwise layer has few weights and needs each of them: pruning it saves nothing.
    spared = {layer_name(n) for n in weighted if n.op == "depthwise_conv2d" and sparse_fraction(recipe.weights)}
    chosen = {name: INT8 if name in ends | spared else recipe.weights for name in names}
    chosen |= {n: layer.weights for n, layer in recipe.layers.items() if layer.weights}
    _check_low_bits(chosen, recipe, where)
    return chosen


def activation_types(recipe: Recipe, graph: Graph) -> dict[str, str]:
    """The type of activations of the nodes of ``graph``, by the node's name, that have another one than the model."""
    wanted = {name: layer.activations for name, layer in recipe.layers.items()}
    found = {node.name: wanted.get(layer_name(node)) for node in graph.nodes}
    return {name: dtype for name, dtype in found.items() if dtype is not None and dtype != recipe.activations}


def _check_names(recipe: Recipe, graph: Graph, weighted: list[str], where: str) -> None:
    names = [layer_name(node) for node in graph.nodes]
    for name, layer in recipe.layers.items():
        if name not in names:
            raise UserError(f"{where}: the model has no layer {name!r}", _instead(name, graph, names))
        if layer.weights and name not in weighted:
            raise UserError(
                f"{where}: the layer {name!r} has no weights", f"those with are {', '.join(_nearest(name, weighted))}"
            )


def _instead(name: str, graph: Graph, names: list[str]) -> str:
    """Which layer may be meant: the one that computes ``name`` too, or those that are called nearly so."""
    within = next((layer_name(node) for node in graph.nodes if name in node.layers), None)
    if within is not None:
        return f"it is computed as a part of {within!r}: name that one"
    few = len(names) <= SHOWN_NAMES
    what = "its layers are" if few else "those called nearly so are"
    more = "" if few else f"; mcuforge inspect prints all {len(names)}"
    return f"{what} {', '.join(_nearest(name, names))}{more}"


def _nearest(name: str, names: list[str]) -> list[str]:
    """At most ``SHOWN_NAMES`` of ``names``, those that are most like ``name`` first."""
    return difflib.get_close_matches(name, names, SHOWN_NAMES, cutoff=0.0)


def _check_low_bits(formats: Mapping[str, str], recipe: Recipe, where: str) -> None:
    """Weights below int8 are multiplied by int8 activations only: there is no kernel for others."""
    for name, weights in formats.items():
        layer = recipe.layers.get(name, LayerRecipe())
        if is_below_int8(weights) and (layer.activations or recipe.activations) == INT16:
            raise UserError(
                f"{where}: the layer {name!r} has {weights} weights and int16 activations",
                "give it int8 activations or int8 weights",
            )


def check_recipe(recipe: Recipe, where: str) -> None:
    """UserError, about ``where``, for the first thing in ``recipe`` that cannot be done."""
    weight_format(recipe.weights, where)
    _check_activations(recipe.activations, where)
    check_calibration(recipe.calibration, where)
    _check_one(recipe.bias_correction, BIAS_CORRECTIONS, "bias correction", where)
    _check_one(recipe.rounding, ROUNDINGS, "rounding", where)
    for name, layer in recipe.layers.items():
        place = f"{where}, layer {name}"
        if layer.weights is not None:
            weight_format(layer.weights, place)
        if layer.activations is not None:
            _check_activations(layer.activations, place)
    floats = [is_float(recipe.weights), recipe.activations == FLOAT32]
    for layer in recipe.layers.values():
        floats += [is_float(layer.weights)] if layer.weights else []
        floats += [layer.activations == FLOAT32] if layer.activations else []
    if any(floats) and not all(floats):
        raise UserError(
            f"{where}: float and integer layers cannot be mixed",
            'a float model has activations = "float32" and weights float32, float16 or bfloat16 in every layer',
        )


def _check_activations(text: str, where: str) -> None:
    _check_one(text, ACTIVATIONS, "type of activations", where)


def _check_one(text: str, choices: tuple[str, ...], what: str, where: str) -> None:
    if text not in choices:
        raise UserError(f"{where}: there is no {what} {text!r}", f"choose one of {', '.join(choices)}")


def read_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file. UserError, with the file and the layer, for what is wrong in it."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise UserError(f"{path}: cannot be read: {e.strerror}", "Check the path.") from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise UserError(f"{path}: not a TOML file: {e}", "Correct it there.") from e
    return recipe_from_dict(table, str(path))


def recipe_from_dict(table: Mapping[str, Any], where: str) -> Recipe:
    """The inverse of ``recipe_to_dict``, for what users write too."""
    values = dict(table)
    layers = values.pop("layers", {})
    if not isinstance(layers, dict) or not all(isinstance(layer, dict) for layer in layers.values()):
        raise UserError(f"{where}: layers must be tables", "write [layers.NAME], then weights = ...")
    _check_types(Recipe, values, where)
    for name, layer in layers.items():
        _check_types(LayerRecipe, layer, f"{where}, layer {name}")
    values.setdefault("rounding", LEAST_SQUARES)  # as --format has it
    recipe = Recipe(**values, layers={name: LayerRecipe(**layer) for name, layer in layers.items()})
    check_recipe(recipe, where)
    return recipe


def _check_types(kind: type[Any], values: Mapping[str, Any], where: str) -> None:
    known = {f.name: bool if f.type == "bool" else str for f in dataclasses.fields(kind) if f.name != "layers"}
    for name, value in values.items():
        if name not in known:
            raise UserError(f"{where}: there is no setting {name!r}", f"the settings are {', '.join(known)}")
        if not isinstance(value, known[name]):
            wanted = "true or false" if known[name] is bool else "text in quotes"
            raise UserError(f"{where}: {name} is {value!r}", f"write {wanted}")


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """Plain values for TOML and JSON; what a layer leaves open is left out."""
    table = {f.name: getattr(recipe, f.name) for f in dataclasses.fields(recipe) if f.name != "layers"}
    layers = {name: dataclasses.asdict(layer) for name, layer in recipe.layers.items()}
    table["layers"] = {n: {k: v for k, v in layer.items() if v is not None} for n, layer in layers.items()}
    return table


def recipe_text(recipe: Recipe) -> str:
    """``recipe`` as the text of a TOML file that ``read_recipe`` reads to an equal one."""
    table = recipe_to_dict(recipe)
    layers = table.pop("layers")
    lines = [f"{name} = {_toml(value)}" for name, value in table.items()]
    for name, layer in layers.items():
        lines += ["", f"[layers.{_toml(name)}]", *(f"{key} = {_toml(value)}" for key, value in layer.items())]
    return "\n".join(lines) + "\n"


def write_recipe(recipe: Recipe, path: Path) -> None:
    """The file that ``read_recipe`` reads to an equal recipe."""
    path.write_text(recipe_text(recipe), encoding="utf-8")


def _toml(value: str | bool) -> str:
    """A TOML boolean or basic string, whose escapes are JSON's, but for DEL, which TOML wants escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
