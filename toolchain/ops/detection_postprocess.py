"""TFLM's custom TFLite_Detection_PostProcess: boxes decoded from anchors, and of those that overlap the best.

All is float32, as TFLM has it; a model that gives codes has a DEQUANTIZE in front. TFLM refuses, while it runs, boxes
without area: there is nothing detected then. Of fast suppression it leaves outputs behind the last detection as they
were; here they are 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.flexbuffer import read_map, write_map
from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import (
    Const,
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    TfliteOperator,
    TfliteRecord,
    Value,
)
from toolchain.ops.custom import types

NAME = "CUSTOM TFLite_Detection_PostProcess"
PER_CLASS = 100  # detections, without the option
_F = np.float32


@dataclass(frozen=True)
class DetectionAttrs:
    """``regular``: boxes are suppressed class by class, at most ``per_class`` are left of each; else all at once, each
    as its best class, at most ``most_classes`` of it. ``scales`` of y, x, height and width."""

    most: int
    most_classes: int
    per_class: int
    regular: bool
    least_score: float
    most_overlap: float
    classes: int
    scales: tuple[float, float, float, float]


def _read(op: TfliteOperator) -> DetectionAttrs:
    o = read_map(op.options)
    return DetectionAttrs(
        most=int(o["max_detections"]),
        most_classes=int(o["max_classes_per_detection"]),
        per_class=int(o.get("detections_per_class", PER_CLASS)),
        regular=bool(o.get("use_regular_nms", False)),
        least_score=float(_F(o["nms_score_threshold"])),
        most_overlap=float(_F(o["nms_iou_threshold"])),
        classes=int(o["num_classes"]),
        scales=(_real(o["y_scale"]), _real(o["x_scale"]), _real(o["h_scale"]), _real(o["w_scale"])),
    )


def _real(value: float) -> float:
    return float(_F(value))


def _write(graph: Graph, node: Node) -> TfliteRecord:
    a: DetectionAttrs = node.attrs
    numbers = {
        "max_detections": a.most,
        "max_classes_per_detection": a.most_classes,
        "detections_per_class": a.per_class,
        "use_regular_nms": a.regular,
        "nms_score_threshold": a.least_score,
        "nms_iou_threshold": a.most_overlap,
        "num_classes": a.classes,
        **{f"{what}_scale": scale for what, scale in zip("yxhw", a.scales, strict=True)},
    }
    return TfliteRecord(NAME, node.inputs, 1, custom=write_map(numbers))


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    codes, scores, anchors = inputs
    samples = max(map(len, inputs))
    made = [
        _detections(node.attrs, codes[i % len(codes)][0], scores[i % len(scores)][0], anchors[i % len(anchors)])
        for i in range(samples)
    ]
    shapes = [graph.tensor(name).shape for name in node.outputs]
    return [
        np.stack(column).reshape(samples, *shape) for column, shape in zip(zip(*made, strict=True), shapes, strict=True)
    ]


def _detections(a: DetectionAttrs, codes: Array, scores: Array, anchors: Array) -> tuple[Array, Array, Array, Array]:
    """(boxes, classes, scores, their number) of one sample."""
    boxes = _decoded(a, codes, anchors)
    found: list[tuple[int, int]] = []
    if not ((boxes[:, 0] >= boxes[:, 2]) | (boxes[:, 1] >= boxes[:, 3])).any():
        found = (_regular if a.regular else _fast)(a, boxes, scores[:, scores.shape[1] - a.classes :])
    out = np.zeros((a.most, 4), _F), np.zeros(a.most, _F), np.zeros(a.most, _F)
    for place, (box, kind) in enumerate(found):
        out[0][place], out[1][place] = boxes[box], kind
        out[2][place] = scores[box, scores.shape[1] - a.classes + kind]
    return *out, np.array([len(found)], _F)


def _decoded(a: DetectionAttrs, codes: Array, anchors: Array) -> Array:
    """(ymin, xmin, ymax, xmax) of each box, in double precision as far as the centre and half the size."""
    y, x, h, w = (codes[:, k].astype(np.float64) for k in range(4))
    ay, ax, ah, aw = (anchors[:, k].astype(np.float64) for k in range(4))
    with np.errstate(all="ignore"):
        centre = [
            (v / s * size + at).astype(_F) for v, s, size, at in ((y, a.scales[0], ah, ay), (x, a.scales[1], aw, ax))
        ]
        half = [(0.5 * np.exp(v / s) * size).astype(_F) for v, s, size in ((h, a.scales[2], ah), (w, a.scales[3], aw))]
        sides = (centre[0] - half[0], centre[1] - half[1], centre[0] + half[0], centre[1] + half[1])
    return np.stack(sides, axis=1)


def _fast(a: DetectionAttrs, boxes: Array, scores: Array) -> list[tuple[int, int]]:
    best = np.zeros(len(scores), np.int64)
    rows = np.arange(len(scores))
    for kind in range(1, scores.shape[1]):
        best = np.where(scores[rows, best] < scores[:, kind], kind, best)
    kept = _suppressed(a, boxes, scores[rows, best], a.most)
    return [(box, int(best[box])) for box in kept]


def _regular(a: DetectionAttrs, boxes: Array, scores: Array) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for kind in range(a.classes):
        found += [(box, kind) for box in _suppressed(a, boxes, scores[:, kind], a.per_class)]
        found = sorted(found, key=lambda f: -float(scores[f]))[: a.most]  # those found before come first
    return found


def _suppressed(a: DetectionAttrs, boxes: Array, scores: Array, most: int) -> list[int]:
    """Boxes by their scores, best first, without those that overlap a better one too much."""
    left = [int(i) for i in np.nonzero(scores >= _F(a.least_score))[0]]
    left.sort(key=lambda i: -float(scores[i]))
    kept: list[int] = []
    while left and len(kept) < most:
        kept.append(left.pop(0))
        overlap = _overlaps(boxes[kept[-1]], boxes[left])
        left = [i for i, much in zip(left, overlap > _F(a.most_overlap), strict=True) if not much]
    return kept


def _overlaps(box: Array, others: Array) -> Array:
    """Intersection over union, 0 where there is no area."""
    with np.errstate(all="ignore"):
        area = (box[2] - box[0]) * (box[3] - box[1])
        areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
        low = [np.where(box[k] < others[:, k], others[:, k], box[k]) for k in (0, 1)]
        high = [np.where(others[:, k] < box[k], others[:, k], box[k]) for k in (2, 3)]
        sides = [high[k] - low[k] for k in (0, 1)]
        sides = [np.where(side < 0, _F(0), side) for side in sides]
        shared = sides[0] * sides[1]
        share: Array = np.where((area <= 0) | (areas <= 0), _F(0), shared / (area + areas - shared))
    return share


def _lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    a: DetectionAttrs = node.attrs
    codes, scores, _ = (graph.tensor(n) for n in node.inputs)
    boxes = codes.shape[1]
    params: tuple[tuple[str, Value], ...] = (
        ("boxes", boxes),
        ("coordinates", codes.shape[2]),
        ("columns", scores.shape[2]),
        ("classes", a.classes),
        ("most", a.most),
        ("per_class", a.per_class),
        ("least_score", a.least_score),
        ("most_overlap", a.most_overlap),
        ("scales", Const("scales", "float", np.array(a.scales, _F))),
    )
    symbol = "nn_detection_regular" if a.regular else "nn_detection_fast"
    # decoded boxes and the order of the candidates; the best score and class of each, or boxes found so far
    scratch = 4 * (4 * boxes + boxes + (a.most if a.regular else 2 * boxes))
    header, struct = "nn_detection.h", "nn_detection_params"
    return (KernelCall(symbol, header, struct, params, node.inputs, node.outputs, scratch),)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """Boxes, scores, and pairs of boxes: of each class if it is regular."""
    scores, a = graph.tensor(node.inputs[1]), node.attrs
    boxes = scores.shape[1]
    return float(boxes), float(scores.size), float(boxes * boxes * (a.classes if a.regular else 1))


def _variant(name: str, cycles: tuple[float, float, float]) -> KernelVariant:
    """How many boxes are good enough and overlap is in the data: cycles are those of some of each."""
    return KernelVariant(
        name=name,
        sources=("nn_detection.c",),
        lower=_lower,
        cost=FittedCost(cycles, _terms),
        supports=lambda g, n: n.attrs.regular == (name == "regular"),
    )


def _fits(graph: Graph, node: Node) -> bool:
    codes, scores, anchors = (graph.tensor(n).shape for n in node.inputs)
    boxes, a = codes[1], node.attrs
    if len(codes) != 3 or len(scores) != 3 or codes[0] != 1 or codes[2] < 4 or anchors != (boxes, 4):
        return False
    return scores[:2] == (1, boxes) and scores[2] - a.classes in (0, 1)


def _outputs(graph: Graph, node: Node) -> bool:
    most, sizes = node.attrs.most, [graph.tensor(n).size for n in node.outputs]
    return most >= 1 and sizes == [4 * most, most, most, 1]


def _one_class(graph: Graph, node: Node) -> bool:
    a: DetectionAttrs = node.attrs
    return a.classes >= 1 and (a.per_class >= 1 if a.regular else min(a.most_classes, a.classes) == 1)


OPS = (
    Op(
        name="detection_postprocess",
        tflite=(NAME,),
        read=_read,
        write=_write,
        reference=_reference,
        constraints=(
            types("its inputs and outputs must be float32", ("float32",) * 3, ("float32",) * 4),
            Constraint(
                "it must have a class at least, regular suppression a detection of each class, fast suppression one "
                "class for each detection",
                _one_class,
            ),
            Constraint(
                "its inputs must be of 1 image: 4 numbers or more for each box, a score for each class (and one for "
                "the background, or none), an anchor of 4 numbers for each box",
                _fits,
            ),
            Constraint("its outputs must hold its most detections", _outputs),
            Constraint(
                "boxes must be suppressed from an overlap of more than 0 and at most 1 on",
                lambda g, n: 0 < n.attrs.most_overlap <= 1,
            ),
            Constraint(
                "its scales must be numbers other than 0",
                lambda g, n: all(np.isfinite(s) and s for s in n.attrs.scales),
            ),
        ),
        variants=(_variant("regular", (7321.0, 241.5, 4.73)), _variant("fast", (8197.0, 15.82, 1.975))),
    ),
)
