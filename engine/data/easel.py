"""Drawing by lot: chance from raw words, shapes without smoothing, so that a number gives the same picture everywhere. Knows no bird."""

import colorsys
import math
from collections.abc import Iterable

import numpy as np
from PIL import Image, ImageDraw

FINE = 4  # a picture is drawn so many times larger, and averaged when it is done
ROUND = np.exp(2j * np.pi * np.arange(32) / 32)

Colour = tuple[int, ...]
Size = tuple[float, float]


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """So much of the other."""
    return tuple(round(a + (b - a) * share) for a, b in zip(one, other, strict=True))


class Lots:
    """Chance from a generator's raw words: numpy promises that these stay the same, which it does not of its distributions."""

    def __init__(self, seed: int, number: int) -> None:
        self._words = np.random.PCG64([seed, number])

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * (int(self._words.random_raw()) >> 11) / 2**53

    def chance(self) -> bool:
        return self.between(0, 1) < 0.5

    def colour(self, hue: Size, saturation: Size, value: Size) -> Colour:
        """From ranges within [0, 1]."""
        red, green, blue = colorsys.hsv_to_rgb(self.between(*hue), self.between(*saturation), self.between(*value))
        return round(255 * red), round(255 * green), round(255 * blue)

    def grain(self, *shape: int) -> np.ndarray:
        """Whole numbers from -128 to 127, int16."""
        count = math.prod(shape)
        words = self._words.random_raw(-(-count // 8)).astype("<u8")
        return words.view(np.uint8)[:count].reshape(shape).astype(np.int16) - 128


class Easel:
    """A picture in the making. Points are x + iy in its pixels from `place`, y down, turned by `turn` on their way there."""

    def __init__(self, ground: Image.Image, place: complex, turn: complex) -> None:
        """Draws on `ground`, which is FINE times as large as the picture."""
        self.turn = turn
        self._ground, self._place = ground, place
        self._draw = ImageDraw.Draw(ground)

    def shape(self, points: Iterable[complex], colour: Colour) -> None:
        """A polygon. Its corners fall on whole fine pixels, so that machines that differ in a last bit draw the same."""
        at = [(self._place + point * self.turn) * FINE for point in points]
        self._draw.polygon([(round(point.real), round(point.imag)) for point in at], fill=colour)

    def oval(self, centre: complex, size: Size, colour: Colour, turn: complex = 1) -> None:
        """An ellipse so wide and so high."""
        wide, high = _inside(size)
        self.shape((centre + (ROUND.real * wide + 1j * ROUND.imag * high) * (turn / 2)).tolist(), colour)

    def bar(self, centre: complex, size: Size, colour: Colour, turn: complex = 1) -> None:
        """A rectangle so wide and so high."""
        wide, high = _inside(size)
        corners = complex(-wide, -high), complex(wide, -high), complex(wide, high), complex(-wide, high)
        self.shape([centre + corner * turn / 2 for corner in corners], colour)

    def averaged(self) -> np.ndarray:
        """The picture, uint8 (H, W, 3)."""
        return np.asarray(self._ground.reduce(FINE))


def _inside(size: Size) -> Size:
    """Pillow paints a polygon's edge too, half a fine pixel on each side: that is taken off."""
    return size[0] - 1 / FINE, size[1] - 1 / FINE
