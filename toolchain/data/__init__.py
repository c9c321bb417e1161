"""Calibration and evaluation samples: from files, image folders and functions, checked against the model."""

from __future__ import annotations

from toolchain.data.codes import dequantize, quantize_input
from toolchain.data.dataset import Dataset
from toolchain.data.load import load_data, load_training

__all__ = ["Dataset", "dequantize", "load_data", "load_training", "quantize_input"]
