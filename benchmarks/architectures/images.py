"""Networks that read or make images, small enough for a microcontroller."""

from __future__ import annotations

from typing import Any

SIDE = 32


def mobilenet(keras: Any) -> Any:
    """MobileNet, alpha 0.25."""
    return keras.applications.MobileNet((SIDE, SIDE, 3), alpha=0.25, weights=None, classes=10)


def mobilenet_v2(keras: Any) -> Any:
    """MobileNetV2, alpha 0.35."""
    return keras.applications.MobileNetV2((SIDE, SIDE, 3), alpha=0.35, weights=None, classes=10)


def mobilenet_v3_small(keras: Any) -> Any:
    """MobileNetV3Small, alpha 0.35: squeeze and excitation, hard swish."""
    return keras.applications.MobileNetV3Small((SIDE, SIDE, 3), alpha=0.35, weights=None, classes=10)


def efficientnet(keras: Any) -> Any:
    """EfficientNetB0 shrunk: its blocks with a sixth of its channels, once each."""
    layers = keras.layers

    def scaled(channels: int) -> int:
        return max(8, channels // 6 // 4 * 4)

    def block(x: Any, filters: int, kernel: int, stride: int, expansion: int) -> Any:
        start, width = x, x.shape[-1] * expansion
        if expansion > 1:
            x = layers.Activation("swish")(_normalized(layers, layers.Conv2D(width, 1, use_bias=False)(x)))
        x = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False)(x)
        x = layers.Activation("swish")(_normalized(layers, x))
        y = layers.GlobalAveragePooling2D(keepdims=True)(x)
        y = layers.Conv2D(max(4, start.shape[-1] // 4), 1, activation="swish")(y)
        x = layers.Multiply()([x, layers.Conv2D(width, 1, activation="sigmoid")(y)])
        x = _normalized(layers, layers.Conv2D(filters, 1, use_bias=False)(x))
        return layers.Add()([x, start]) if stride == 1 and start.shape == x.shape else x

    image = keras.Input((SIDE, SIDE, 3))
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(scaled(48), 3, 2, "same", use_bias=False)(x)
    x = layers.Activation("swish")(_normalized(layers, x))
    for filters, kernel, stride, expansion in _EFFICIENTNET:
        x = block(x, scaled(filters), kernel, stride, expansion)
    x = layers.Activation("swish")(_normalized(layers, layers.Conv2D(128, 1, use_bias=False)(x)))
    return keras.Model(image, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


# Filters, kernel, stride, expansion of each stage of EfficientNetB0. Source: Tan and Le, 2019, table 1.
_EFFICIENTNET = (
    (16, 3, 1, 1),
    (24, 3, 2, 6),
    (40, 5, 2, 6),
    (80, 3, 2, 6),
    (112, 5, 1, 6),
    (192, 5, 2, 6),
    (192, 5, 1, 6),
    (320, 3, 1, 6),
)


def densenet(keras: Any) -> Any:
    """After DenseNet: every layer of a block reads all that came before, pooled between the blocks."""
    layers = keras.layers
    image = keras.Input((SIDE, SIDE, 3))
    x = layers.Conv2D(16, 3, 2, "same", use_bias=False)(image)
    for block in range(3):
        for _ in range(3):
            y = layers.Conv2D(32, 1, use_bias=False)(layers.ReLU()(_normalized(layers, x)))
            y = layers.Conv2D(8, 3, padding="same", use_bias=False)(layers.ReLU()(_normalized(layers, y)))
            x = layers.Concatenate()([x, y])
        if block < 2:
            x = layers.Conv2D(x.shape[-1] // 2, 1, use_bias=False)(layers.ReLU()(_normalized(layers, x)))
            x = layers.AveragePooling2D(2)(x)
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(_normalized(layers, x)))
    return keras.Model(image, layers.Dense(10, activation="softmax")(x))


def resnet(keras: Any) -> Any:
    """After ResNet50V2: bottleneck blocks, activations before the convolutions, a pooled shortcut."""
    layers = keras.layers
    image = keras.Input((SIDE, SIDE, 3))
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(layers.Conv2D(16, 7, 2, "same")(image)))
    for filters, stride in ((16, 1), (16, 2), (32, 1), (32, 2), (64, 1)):
        before = layers.ReLU()(_normalized(layers, x))
        if x.shape[-1] != 4 * filters:
            shortcut = layers.Conv2D(4 * filters, 1, stride)(before)
        else:
            shortcut = layers.MaxPooling2D(1, stride)(x) if stride > 1 else x
        y = layers.ReLU()(_normalized(layers, layers.Conv2D(filters, 1, use_bias=False)(before)))
        y = layers.Conv2D(filters, 3, stride, use_bias=False)(layers.ZeroPadding2D(1)(y))
        y = layers.Conv2D(4 * filters, 1)(layers.ReLU()(_normalized(layers, y)))
        x = layers.Add()([shortcut, y])
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(_normalized(layers, x)))
    return keras.Model(image, layers.Dense(10, activation="softmax")(x))


def unet(keras: Any) -> Any:
    """U-Net with transposed convolutions: a mask for each pixel."""
    layers = keras.layers

    def twice(x: Any, filters: int) -> Any:
        for _ in range(2):
            x = layers.ReLU()(_normalized(layers, layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)))
        return x

    image = keras.Input((SIDE, SIDE, 3))
    x, skipped = image, []
    for filters in (8, 16):
        x = twice(x, filters)
        skipped.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = twice(x, 32)
    for skip in reversed(skipped):
        x = layers.Conv2DTranspose(skip.shape[-1], 2, 2, "same")(x)
        x = twice(layers.Concatenate()([skip, x]), skip.shape[-1])
    return keras.Model(image, layers.Conv2D(1, 1, activation="sigmoid")(x))


def super_resolution(keras: Any) -> Any:
    """After ESPCN: convolutions at the small size, then depth to space doubles the image; beside it a bilinear one."""

    class DepthToSpace(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            import tensorflow

            return tensorflow.nn.depth_to_space(x, 2)

    layers = keras.layers
    image = keras.Input((SIDE // 2, SIDE // 2, 3))
    x = layers.Conv2D(16, 5, padding="same", activation="tanh")(image)
    x = layers.Conv2D(16, 3, padding="same", activation="tanh")(x)
    x = DepthToSpace()(layers.Conv2D(12, 3, padding="same")(x))
    larger = layers.UpSampling2D(2, interpolation="bilinear")(image)
    return keras.Model(image, layers.Add()([x, larger]))


def _normalized(layers: Any, x: Any) -> Any:
    return layers.BatchNormalization()(x)
