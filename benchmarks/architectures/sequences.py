"""Networks that read sequences, small enough for a microcontroller."""

from __future__ import annotations

from typing import Any

STEPS, FEATURES = 16, 12


def _classified(keras: Any, series: Any, x: Any) -> Any:
    return keras.Model(series, keras.layers.Dense(6, activation="softmax")(x))


def lstm(keras: Any) -> Any:
    """An LSTM whose last output is classified."""
    series = keras.Input((STEPS, FEATURES))
    return _classified(keras, series, keras.layers.LSTM(20)(series))


def gru(keras: Any) -> Any:
    """A GRU whose last output is classified, unrolled: TensorFlow has no fused operator for it."""
    series = keras.Input((STEPS, FEATURES))
    return _classified(keras, series, keras.layers.GRU(16, unroll=True)(series))


def transformer(keras: Any) -> Any:
    """One encoder block: multi-head self-attention, layer normalization and a feed-forward network."""
    layers = keras.layers
    series = keras.Input((STEPS, FEATURES))
    x = layers.Dense(32)(series)
    y = layers.MultiHeadAttention(4, 8)(x, x)
    x = layers.LayerNormalization()(layers.Add()([x, y]))
    y = layers.Dense(32)(layers.Dense(64, activation="relu")(x))
    x = layers.LayerNormalization()(layers.Add()([x, y]))
    return _classified(keras, series, layers.GlobalAveragePooling1D()(x))


def autoencoder(keras: Any) -> Any:
    """One-dimensional convolutions down to a code and transposed ones back up."""
    layers = keras.layers
    series = keras.Input((64, 4))
    x = layers.Conv1D(16, 5, 2, "same", activation="relu")(series)
    x = layers.Conv1D(8, 5, 2, "same", activation="relu")(x)
    x = layers.Conv1DTranspose(16, 5, 2, "same", activation="relu")(x)
    x = layers.Conv1DTranspose(8, 4, 2, "same", activation="relu")(x)
    x = layers.Conv1D(8, 3, padding="causal", activation="relu")(x)
    return keras.Model(series, layers.Conv1D(4, 3, padding="same")(x))
