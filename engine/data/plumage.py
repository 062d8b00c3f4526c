"""Plumage: small birds drawn by code. Classes differ in marks of a few pixels; all else is drawn by lot, alike for every class.

A picture follows from its marks and its number. Knows no cache, no split and no training.
"""

import cmath
import math
from dataclasses import dataclass
from itertools import product

import numpy as np
from PIL import Image

from engine.data.dataset import Contents
from engine.data.easel import FINE, Colour, Easel, Lots, mixed

IDENTITY = "plumage 1"  # raise it when a picture changes, so that those decoded before are left alone
SEED = 64
PER_CLASS = 150
SIDE = 64

# The marks in pixels of a picture of SIDE pixels, each as wide (along the bird) and as high; birds differ in size, their marks do not.
# A mark lies in a patch. What it takes of the patch's light or dark, the rest of the patch has less, and a short beak is thicker: averaged
# over 4 x 4 pixels little of any mark is left. A ResNet-18 of a quarter's width was right about 96 % at 64 px, 56 % at 32 and 16 % at 16
# (12 epochs, one cycle of AdamW to 3e-3, flips; one run each; 8 % by chance).
EYE, RING, FACE = (3, 3), (6, 6), (9, 8)  # pale, around the eye
BAR, BAR_STEP, PANEL = (2, 7), 4, (11, 8)  # pale, across the wing
STRIPE, STRIPES, STRIPE_STEP, FLANK = (2, 6), 3, 4, (12, 7)  # dark, on the breast
SHORT_BEAK, LONG_BEAK = (3, 5), (7, 3)  # beyond the head; as high where it leaves it

CREAM, INK, WOOD = (252, 246, 226), (34, 28, 32), (92, 68, 52)
BARS = "no bar", "one bar", "two bars"


@dataclass(frozen=True)
class Marks:
    """All that tells one class from another."""

    ring: bool
    bars: int
    long_beak: bool
    barred: bool

    def __str__(self) -> str:
        words = "ring" * self.ring, BARS[self.bars], "long beak" if self.long_beak else "short beak", "barred" * self.barred
        return ", ".join(filter(None, words))


# Half of all there could be: a bird is barred when it has either a ring or a long beak. So ring, beak and barring are on half the classes
# each, none of the three says anything of another, and two of them say the third.
CLASSES = tuple(Marks(ring, bars, long, ring != long) for bars, ring, long in product(range(len(BARS)), (False, True), (False, True)))


def read() -> Contents:
    """The dataset, class by class: 1,800 birds in two seconds or so."""
    labels = np.repeat(np.arange(len(CLASSES)), PER_CLASS)
    birds = [picture(CLASSES[label], number) for number, label in enumerate(labels)]
    names = [str(number) for number in range(len(labels))]
    return Contents(birds, names, labels.astype(np.int64), np.zeros(len(labels), dtype=bool), tuple(map(str, CLASSES)))


def picture(marks: Marks, number: int) -> np.ndarray:
    """The bird of this number with these marks, uint8 (64, 64, 3). Two of one number differ in the patches of their marks only."""
    lots = Lots(SEED, number)
    bird = _bird(lots)
    place = complex(lots.between(29, 36), lots.between(28, 35))
    easel = Easel(_ground(lots), place, cmath.rect(1, lots.between(-0.55, 0.1)))
    _paint_perch(easel, bird, lots)
    _paint_body(easel, bird, marks, lots)
    _paint_wing(easel, bird, marks, lots)
    _paint_head(easel, bird, marks, lots)
    return _lit(easel.averaged(), lots)


@dataclass(frozen=True)
class _Bird:
    """What the lots decide of a bird itself: its measures in pixels and its colours."""

    long: float
    deep: float
    head: float
    coat: Colour
    belly: Colour
    wing: Colour
    cap: Colour
    pale: Colour
    beak: Colour


def _bird(lots: Lots) -> _Bird:
    coat = lots.colour((0, 1), (0.2, 0.65), (0.4, 0.75))
    accent = lots.colour((0, 1), (0.3, 0.8), (0.25, 0.7))
    return _Bird(
        long=lots.between(25, 31), deep=lots.between(17, 21), head=lots.between(14, 17),
        coat=coat, belly=mixed(coat, CREAM, lots.between(0.5, 0.85)), wing=mixed(mixed(coat, accent, lots.between(0, 0.5)), INK, 0.4),
        cap=mixed(coat, accent, lots.between(0, 1)), pale=mixed(CREAM, coat, lots.between(0, 0.15)),
        beak=lots.colour((0.0, 0.13), (0.3, 0.9), (0.25, 0.95)),
    )  # fmt: skip


def _ground(lots: Lots) -> Image.Image:
    """Something green or sky-like, out of focus."""
    above = np.array(lots.colour((0.1, 0.7), (0.05, 0.4), (0.6, 1.0)))
    below = np.array(lots.colour((0.08, 0.55), (0.1, 0.45), (0.45, 0.95)))
    down = np.linspace(0, 1, 8).reshape(8, 1, 1)
    blurred = above + (below - above) * down + lots.grain(8, 8, 1) * lots.between(0.1, 0.3)
    small = Image.fromarray(np.clip(np.rint(blurred), 0, 255).astype(np.uint8))
    return small.resize((SIDE * FINE, SIDE * FINE), Image.Resampling.BICUBIC)


def _paint_perch(easel: Easel, bird: _Bird, lots: Lots) -> None:
    """A branch with leaves, and the legs down to it: level, however the bird leans."""
    level = easel.turn.conjugate()
    wood = mixed(WOOD, CREAM, lots.between(0, 0.4))
    below = 1j * (0.5 * bird.deep + lots.between(4, 6)) * level
    along = cmath.rect(1, lots.between(-0.15, 0.15)) * level
    easel.bar(below, (150, lots.between(2, 4.5)), wood, along)
    for _ in range(4):
        leaf = lots.colour((0.18, 0.4), (0.3, 0.7), (0.3, 0.75))
        middle = below + complex(lots.between(-34, 34), lots.between(-4, 4)) * along
        easel.oval(middle, (lots.between(5, 10), 4), leaf, cmath.rect(1, lots.between(0, math.tau)))
    for x in (-2.5, 2):
        easel.bar(below + (x - 4j) * level, (1, 8), mixed(bird.beak, INK, 0.4), level)


def _paint_body(easel: Easel, bird: _Bird, marks: Marks, lots: Lots) -> None:
    long, deep = bird.long, bird.deep
    end = complex(-long / 2 - lots.between(9, 14), lots.between(-2, 4))
    easel.shape([complex(-long / 3, -3), end - 2j, end + 2j, complex(-long / 3, 4)], bird.wing)
    easel.oval(0, (long, deep), bird.coat)
    easel.oval(complex(0.08 * long, 0.16 * deep), (0.8 * long, 0.66 * deep), bird.belly)
    flank = complex(0.05 * long + lots.between(-1, 1), 0.25 * deep)
    dark, shade = lots.between(0.28, 0.45), mixed(bird.coat, INK, 0.7)
    if not marks.barred:
        easel.oval(flank, FLANK, mixed(bird.belly, shade, dark))
        return
    darker = mixed(bird.belly, shade, dark * _area(FLANK) / (STRIPES * math.prod(STRIPE)))
    for step in _steps(STRIPES, STRIPE_STEP):
        easel.bar(flank + step, STRIPE, darker)


def _paint_wing(easel: Easel, bird: _Bird, marks: Marks, lots: Lots) -> None:
    along = cmath.rect(1, lots.between(-0.1, 0.1))
    middle = complex(-0.12 * bird.long, -0.18 * bird.deep)
    long, deep = 0.72 * bird.long, max(9.5, 0.5 * bird.deep)  # deep enough for a bar
    tip = middle + complex(-0.5 * long - lots.between(2, 6), 1.5) * along
    easel.shape([middle - deep / 2 * 1j * along, tip, middle + deep / 2 * 1j * along], bird.wing)
    easel.oval(middle, (long, deep), bird.wing, along)
    easel.bar(middle + complex(-0.35 * long, 1.5) * along, (0.4 * long, 1), mixed(bird.wing, INK, 0.5), along)
    panel = middle + (0.1 * long + lots.between(-1, 1)) * along
    rest = _rest(lots.between(0.42, 0.55), _area(PANEL), marks.bars * math.prod(BAR))
    easel.oval(panel, PANEL, mixed(bird.wing, bird.pale, rest), along)
    for step in _steps(marks.bars, BAR_STEP):
        easel.bar(panel + step * along, BAR, bird.pale, along)


def _paint_head(easel: Easel, bird: _Bird, marks: Marks, lots: Lots) -> None:
    middle, head = complex(0.42 * bird.long, -0.46 * bird.deep), bird.head
    reach, thick = LONG_BEAK if marks.long_beak else SHORT_BEAK
    root = head / 2 - thick**2 / (4 * head)  # as far out as the round head is as high as the beak
    along = cmath.rect(1, lots.between(-0.1, 0.35))
    easel.shape([middle + point * along for point in (root - thick / 2 * 1j, head / 2 + reach, root + thick / 2 * 1j)], bird.beak)
    easel.oval(middle, (head, head), bird.coat)
    easel.oval(middle + complex(-0.06, -0.17) * head, (0.8 * head, 0.55 * head), bird.cap)
    easel.oval(middle + complex(-0.02, 0.26) * head, (0.55 * head, 0.4 * head), mixed(bird.coat, bird.belly, lots.between(0, 1)))
    eye = middle + complex(lots.between(1, 2), lots.between(-1.5, -0.5))
    rest = _rest(lots.between(0.35, 0.5), _area(FACE) - _area(EYE), (_area(RING) - _area(EYE)) * marks.ring)
    easel.oval(eye, FACE, mixed(bird.cap, bird.pale, rest))
    if marks.ring:
        easel.oval(eye, RING, bird.pale)
    easel.oval(eye, EYE, INK)
    easel.oval(eye + complex(0.4, -0.5), (1, 1), CREAM)


def _steps(count: int, step: int) -> list[float]:
    """Places in a row about 0."""
    return [step * (place - (count - 1) / 2) for place in range(count)]


def _area(size: tuple[int, int]) -> float:
    """Of an ellipse so wide and so high."""
    return math.pi / 4 * math.prod(size)


def _rest(pale: float, patch: float, mark: float) -> float:
    """How pale a patch is beside its mark, for the whole to be as pale as `pale` in the mean; not below 0, so a ring may be paler."""
    return max(0.0, pale * patch - mark) / (patch - mark)


def _lit(pixels: np.ndarray, lots: Lots) -> np.ndarray:
    """Under some light, a little from the side, with a camera's grain, looking either way; whole numbers only."""
    light = np.array([int(lots.between(200, 256)) + int(lots.between(-20, 10)) for _ in range(3)])
    tinted = (light + light.sum() // 3) // 2
    slant = np.rint(np.linspace(-1, 1, SIDE) * lots.between(-20, 20)).astype(np.int64)
    noisy = pixels * (tinted + slant[:, None]) // 256 + lots.grain(SIDE, SIDE, 3) // int(lots.between(10, 25))
    shown = np.clip(noisy, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(shown[:, ::-1]) if lots.chance() else shown
