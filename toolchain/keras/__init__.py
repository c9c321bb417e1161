"""Keras layers whose weights, and inputs if asked, take the few values that the device computes with.

Training keeps real weights under the few values and passes gradients straight through the rounding. Importing this
package imports Keras; nothing else in ``toolchain`` does so before a model is read.
"""

from __future__ import annotations

from toolchain.keras.activations import FakeQuantize, Negative, Sign, Threshold
from toolchain.keras.layers import QuantConv2D, QuantDense, QuantDepthwiseConv2D

__all__ = ["FakeQuantize", "Negative", "QuantConv2D", "QuantDense", "QuantDepthwiseConv2D", "Sign", "Threshold"]
