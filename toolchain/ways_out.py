"""What the user can do about an operator that mcuforge does not have, by its name in TFLite."""

from __future__ import annotations

import re

_WAYS = (
    (r"STABLEHLO_\w+", "convert the model again for TFLite's own operators (TFLITE_BUILTINS), not as StableHLO"),
    (r"CUSTOM Flex\w+", "convert the model again without SELECT_TF_OPS, with TFLite's own operators in its place"),
    (r"CUSTOM .*", "it is code of another program: end the exported model before it, or begin behind it"),
    (
        r"UNIQUE|WHERE|RANGE|NON_MAX_SUPPRESSION_V[45]|SEGMENT_SUM|UNSORTED_SEGMENT_\w+",
        "how much it gives depends on the values: compute it behind the model, from an output of fixed shape",
    ),
    (
        r"HASHTABLE\w*|LSH_PROJECTION|SKIP_GRAM|CONCAT_EMBEDDINGS|EMBEDDING_LOOKUP_SPARSE|BUCKETIZE",
        "look the numbers up before the model and give it positions or vectors",
    ),
    (r"CONV_3D\w*", "use Conv2D with the third dimension among its channels, or one Conv2D for each slice"),
    (r"RFFT2D|COMPLEX_ABS|REAL|IMAG", "compute the spectrum before the model, and give it real numbers"),
    (r"RANDOM_\w+|MULTINOMIAL", "random numbers are for training: export the model for inference (training=False)"),
    (
        r"(UN|BI)DIRECTIONAL_SEQUENCE_(LSTM|RNN)|RNN|LSTM",
        "unroll the layer (unroll=True), or use convolutions",
    ),
    (r"CALL|CALL_ONCE|IF|WHILE|DELEGATE|PLACEHOLDER\w*", "export the inference function alone, without control flow"),
    (r"builtin \d+", "the file is damaged or newer than this mcuforge"),
)


def way_out(operator: str) -> str:
    """What to do instead of ``operator``, the name of a builtin or ``CUSTOM`` and the name of a custom one."""
    for pattern, sentence in _WAYS:
        if re.fullmatch(pattern, operator):
            return sentence
    return "replace the layer with some that docs/operators.md lists"
