"""The layers that the costs of kernels for weights of few values are measured on."""

from __future__ import annotations

from benchmarks.shapes import NONE, SIGNS, VALID, Shape, convolution, depthwise, fully_connected, of_signs

TWO, FOUR, EIGHT, TERNARY = range(-60, 61, 120), range(-60, 61, 40), range(-60, 60, 16), range(-1, 2)  # few weights
FOUR_APART, SIXTEEN_APART = (-60, -17, 5, 43), (-60, -47, -36, -27, -20, -13, -8, -4, 0, 3, 7, 12, 19, 28, 40, 61)
SIXTEEN, THIRTY_TWO, SIXTY_FOUR, INT4 = range(-60, 61, 8), range(-62, 63, 4), range(-63, 64, 2), range(-8, 8)


def convolutions() -> list[Shape]:
    """Convolutions whose weights take fewer bits."""
    return [
        convolution((32, 32, 3), 16, (3, 3), codes=SIXTEEN),
        convolution((32, 32, 16), 32, (3, 3), stride=(2, 2), codes=SIXTEEN),
        convolution((16, 16, 32), 64, (1, 1), stride=(2, 2), activation=NONE, codes=SIXTEEN),
        convolution((16, 16, 32), 32, (3, 3), codes=SIXTEEN),
        convolution((25, 5, 64), 64, (1, 1), codes=SIXTEEN),
        convolution((49, 10, 1), 64, (10, 4), stride=(2, 2), codes=INT4),
        convolution((8, 8, 64), 64, (3, 3), codes=FOUR),
        convolution((12, 12, 24), 16, (3, 3), activation=NONE, codes=EIGHT),
        convolution((12, 20, 16), 16, (3, 3), codes=THIRTY_TWO),
        convolution((9, 12, 20), 12, (3, 3), activation=NONE, codes=SIXTY_FOUR),
        convolution((24, 18, 8), 8, (3, 3), codes=TWO),
        convolution((15, 15, 10), 8, (5, 5), stride=(2, 2), padding=VALID, activation=NONE, codes=THIRTY_TWO),
        convolution((12, 12, 32), 40, (1, 1), codes=EIGHT),
        convolution((20, 20, 8), 16, (3, 3), stride=(2, 2), codes=FOUR),
        convolution((6, 6, 48), 32, (1, 1), activation=NONE, codes=SIXTY_FOUR),
        convolution((10, 9, 16), 12, (2, 2), codes=TWO),
        convolution((16, 12, 7), 24, (1, 5), codes=SIXTEEN),
        convolution((3, 3, 128), 64, (1, 1), codes=SIXTEEN),
        convolution((16, 16, 32), 64, (3, 3), stride=(2, 2), codes=SIXTEEN_APART, group=16),
        convolution((20, 20, 8), 16, (3, 3), stride=(2, 2), codes=FOUR_APART, group=4),
        convolution((25, 5, 64), 64, (1, 1), codes=EIGHT, group=16),
        convolution((3, 3, 128), 64, (1, 1), activation=NONE, codes=THIRTY_TWO, group=8),
        convolution((8, 8, 64), 64, (3, 3), codes=SIXTEEN_APART, group=16),
        convolution((12, 12, 24), 24, (3, 3), activation=NONE, codes=FOUR_APART, group=8),
        convolution((16, 16, 32), 32, (3, 3), codes=TERNARY),
        convolution((25, 5, 64), 64, (1, 1), codes=TERNARY),
        convolution((20, 20, 8), 16, (3, 3), stride=(2, 2), codes=TERNARY),
        convolution((3, 3, 128), 64, (1, 1), activation=NONE, codes=TERNARY),
        convolution((8, 8, 64), 64, (3, 3), kept=50),
        convolution((25, 5, 64), 64, (1, 1), kept=50),
        convolution((20, 20, 8), 16, (3, 3), stride=(2, 2), kept=70),
        convolution((6, 6, 128), 64, (1, 1), kept=15),
        convolution((12, 12, 24), 16, (3, 3), activation=NONE, kept=30),
    ]


def depthwise_layers() -> list[Shape]:
    """Depthwise convolutions whose weights take fewer bits."""
    return [
        depthwise((25, 5, 64), (3, 3), codes=SIXTEEN),
        depthwise((25, 5, 64), (3, 3), codes=FOUR_APART, group=16),
        depthwise((3, 3, 256), (3, 3), codes=EIGHT, group=32),
        depthwise((24, 1, 128), (10, 1), padding=VALID, codes=FOUR_APART, group=8),
        depthwise((12, 10, 24), (5, 5), activation=NONE, codes=FOUR_APART, group=4),
        depthwise((24, 24, 32), (3, 3), stride=(2, 2), codes=INT4),
        depthwise((3, 3, 256), (3, 3), codes=TERNARY),
        depthwise((6, 6, 128), (3, 3), activation=NONE, codes=SIXTY_FOUR),
        depthwise((24, 1, 128), (10, 1), padding=VALID, codes=SIXTEEN),
        depthwise((15, 1, 128), (15, 1), padding=VALID, activation=NONE, codes=TWO),
        depthwise((12, 10, 24), (5, 5), codes=FOUR),
    ]


def connected() -> list[Shape]:
    """Fully connected layers whose weights take fewer bits."""
    return [
        fully_connected(640, 128, codes=SIXTEEN),
        fully_connected(640, 128, codes=INT4),
        fully_connected(128, 128, per_channel=True, codes=SIXTEEN),
        fully_connected(64, 12, activation=NONE, codes=SIXTEEN),
        fully_connected(66, 10, rows=4, codes=INT4),
        fully_connected(30, 17, rows=9, codes=INT4),
        fully_connected(128, 8, codes=INT4),
        fully_connected(100, 31, codes=INT4),
        fully_connected(255, 6, activation=NONE, codes=INT4),
        fully_connected(64, 40, rows=3, codes=INT4),
        fully_connected(9, 24, rows=7, codes=INT4),
        fully_connected(30, 17, rows=4, codes=EIGHT),
        fully_connected(144, 40, codes=EIGHT),
        fully_connected(333, 17, codes=FOUR),
        fully_connected(200, 31, rows=2, codes=FOUR),
        fully_connected(256, 40, codes=TWO),
        fully_connected(50, 24, rows=3, codes=TWO),
        fully_connected(144, 24, codes=THIRTY_TWO),
        fully_connected(35, 9, rows=5, codes=THIRTY_TWO),
        fully_connected(640, 128, codes=SIXTEEN_APART),
        fully_connected(128, 128, per_channel=True, codes=SIXTEEN_APART),
        fully_connected(66, 10, rows=4, codes=SIXTEEN_APART),
        fully_connected(333, 17, codes=FOUR_APART),
        fully_connected(200, 31, rows=2, codes=FOUR_APART),
        fully_connected(640, 128, codes=SIXTEEN_APART, group=16),
        fully_connected(128, 128, per_channel=True, codes=SIXTEEN_APART, group=32),
        fully_connected(144, 40, rows=2, codes=FOUR_APART, group=8),
        fully_connected(200, 64, codes=THIRTY_TWO, group=16),
        fully_connected(256, 16, kept=60),
        fully_connected(96, 50, kept=25),
        fully_connected(512, 7, rows=3, kept=40),
        fully_connected(640, 128, codes=TERNARY),
        fully_connected(128, 128, codes=range(-1, 2, 2)),
        fully_connected(100, 31, rows=2, codes=TERNARY),
        fully_connected(70, 12, rows=4, codes=range(-1, 2, 2)),
        fully_connected(64, 12, activation=NONE, codes=TERNARY),
        fully_connected(640, 128, kept=50),
        fully_connected(128, 128, kept=20),
        fully_connected(256, 40, rows=2, kept=5),
        fully_connected(64, 10, rows=3, activation=NONE, kept=75),
        fully_connected(200, 31, kept=35),
        fully_connected(200, 64, codes=SIXTY_FOUR),
        fully_connected(66, 20, rows=2, codes=SIXTY_FOUR),
    ]


def signs() -> list[Shape]:
    """Layers of signs with signs, of which 32 products are a word."""
    square = [((8, 8, 64), 64, 3, 1), ((16, 16, 32), 32, 3, 2), ((12, 10, 16), 24, 3, 1), ((10, 7, 40), 12, 5, 1)]
    square += [((12, 12, 64), 64, 1, 1), ((6, 6, 256), 48, 1, 1), ((10, 10, 50), 17, 1, 2), ((5, 5, 128), 40, 1, 1)]
    square += [((20, 15, 7), 10, 3, 1), ((24, 1, 128), 128, 1, 1)]
    layers = [convolution(i, c, (k, k), stride=(s, s), codes=SIGNS) for i, c, k, s in square]
    layers.append(convolution((9, 9, 96), 20, (3, 3), padding=VALID, codes=SIGNS))
    layers += [fully_connected(i, o, codes=SIGNS) for i, o in ((640, 128), (128, 96), (1000, 30), (94, 250))]
    return [of_signs(layer) for layer in layers]
