"""Pictures like a camera's, no two alike, and what becomes of them on the way into a folder."""

import io
from collections.abc import Callable
from functools import cache

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images


@cache
def pieces(side: int = 96) -> tuple[Image.Image, ...]:
    """scikit-learn's two photographs (427 x 640), cut up; about 50 of 96 px. Some are nothing but sky."""
    return tuple(
        Image.fromarray(photograph[top : top + side, left : left + side])
        for photograph in load_sample_images().images
        for top in range(0, len(photograph) - side + 1, side)
        for left in range(0, photograph.shape[1] - side + 1, side)
    )


def textures(count: int, side: int = 80, seed: int = 0) -> list[Image.Image]:
    """Grey noise with the spectrum of photographs: amplitudes fall as one over the frequency (Field 1987)."""
    draw, frequency = np.random.default_rng(seed), np.fft.fftfreq(side) * side
    fall = 1 / (1 + np.hypot(frequency[:, None], frequency[None]))
    waves = np.fft.ifft2(np.fft.fft2(draw.standard_normal((count, side, side))) * fall).real
    waves /= waves.std((1, 2), keepdims=True)
    return [Image.fromarray(wave) for wave in np.clip(128 + 45 * waves, 0, 255).astype(np.uint8)]


def resized(image: Image.Image, scale: float) -> Image.Image:
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)


def recompressed(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def brightened(image: Image.Image, by: float) -> Image.Image:
    return image.point(lambda value: value * by)


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "smaller": lambda image: resized(image, 0.8),
    "larger": lambda image: resized(image, 2.0),
    "quality 90": lambda image: recompressed(image, 90),
    "quality 60": lambda image: recompressed(image, 60),
    "brighter": lambda image: brightened(image, 1.05),
    "darker": lambda image: brightened(image, 0.95),
    "all of it": lambda image: recompressed(brightened(resized(image, 0.85), 1.03), 75),
}
