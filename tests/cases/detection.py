"""Cases of TFLite_Detection_PostProcess: sets behind the third have boxes without area, which TFLM refuses."""

from __future__ import annotations

import numpy as np
from support.case import Case, Exact, Operator, TensorSpec

WITH_AREA = 3


def detection(
    name: str,
    boxes: int,
    classes: int,
    *,
    most: int = 5,
    background: bool = True,
    regular: bool = False,
    score: float = 0.3,
    overlap: float = 0.4,
    per_class: int = 100,
    most_classes: int = 1,
    coordinates: int = 4,
    sets: int | None = WITH_AREA,
) -> Case:
    """Anchors lie close together, so that boxes overlap."""
    places = np.random.default_rng(boxes).uniform(0.3, 0.7, (boxes, 4)).astype(np.float32)
    anchors = TensorSpec((boxes, 4), "float32", data=Exact(tuple(places.reshape(-1).tolist())))
    codes = TensorSpec((1, boxes, coordinates), "float32")
    scores = TensorSpec((1, boxes, classes + background), "float32")
    outputs = tuple(TensorSpec(shape, "float32") for shape in ((1, most, 4), (1, most), (1, most), (1,)))
    options = {
        "max_detections": most,
        "max_classes_per_detection": most_classes,
        "detections_per_class": per_class,
        "use_regular_nms": regular,
        "nms_score_threshold": score,
        "nms_iou_threshold": overlap,
        "num_classes": classes,
        "y_scale": 10.0,
        "x_scale": 10.0,
        "h_scale": 5.0,
        "w_scale": 5.0,
    }
    operator = Operator("CUSTOM TFLite_Detection_PostProcess", (codes, scores, anchors), outputs, options)
    return Case(f"detection_{name}", operator, oracle_sets=sets)


CASES = (
    detection("fast_all", 12, 3, most=12, score=-1e30, overlap=1.0),
    detection("fast_best", 30, 4, most=7, score=-1e30, overlap=1.0, background=False),
    detection("fast", 24, 3, most=10, sets=0),
    detection("fast_one_class", 20, 1, most=6, most_classes=4, coordinates=6, sets=0),
    detection("regular", 24, 3, most=10, regular=True),
    detection("regular_few_of_each", 30, 5, most=8, regular=True, per_class=2, background=False, overlap=0.7),
    detection("regular_best", 40, 3, most=4, regular=True, score=-1e30, overlap=1.0),
)
