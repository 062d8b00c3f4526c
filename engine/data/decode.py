"""One picture to one square: any mode, orientation and size becomes uint8 (C, R, R).

The same functions serve training and prediction. Knows no dataset and no classes; raises `PictureError` with a catalogue key.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import xxhash
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
PIXEL_LIMIT = 64_000_000  # checked before decoding: 64 megapixels are 256 MB as RGBA
SIDE_LIMIT = 65_535  # the longest that JPEG knows; a line of 43 million pixels took 2 GB of filter weights to shrink
FILE_LIMIT = 256 * 2**20  # bytes; an honest picture within the pixel limit is smaller, and some readers take in the whole file
UPRIGHT = 1  # the EXIF orientation of a picture that needs no turning
GLANCE = 16  # rows and columns that are looked at first for colour: nearly every colour picture shows it there


class PictureError(Exception):
    """A picture that cannot be used; `reason` is a key of the string catalogue."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read(item: Path | np.ndarray) -> Image.Image:
    """The picture, upright, as L or RGB. `item` is a file or a uint8 array (H, W) or (H, W, 3). Raises PictureError."""
    if isinstance(item, np.ndarray):
        image = Image.fromarray(item)
        return image if image.mode == "L" else _grey_if_grey(image)
    return _read_file(item)


def _read_file(path: Path) -> Image.Image:
    try:
        size = path.stat().st_size
        if size == 0:
            raise PictureError("data.skip_empty")
        if size > FILE_LIMIT:
            raise PictureError("data.skip_too_large")
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > PIXEL_LIMIT or max(image.size) > SIDE_LIMIT:
                raise PictureError("data.skip_too_large")
            image.load()
            return upright(image)
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError("data.skip_too_large") from error
    except UnidentifiedImageError as error:
        raise PictureError("data.skip_not_a_picture") from error
    except Exception as error:  # Pillow's readers raise a dozen kinds on damaged files; the reason is kept as data
        raise PictureError(_reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "data.skip_too_large"
    if isinstance(error, OSError) and error.errno is not None:
        return "data.skip_unreadable"
    return "data.skip_truncated" if "truncated" in str(error).lower() else "data.skip_damaged"


@contextmanager
def _within_memory() -> Iterator[None]:
    """A picture for which memory does not suffice is too large; PictureError says so."""
    try:
        yield
    except MemoryError as error:
        raise PictureError("data.skip_too_large") from error


def upright(image: Image.Image) -> Image.Image:
    """Any picture as L (when it is grey) or RGB, turned as its EXIF orientation says, transparency on white."""
    if image.getexif().get(ExifTags.Base.Orientation, UPRIGHT) != UPRIGHT:  # exif_transpose copies what needs no turning, too
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_scaled(np.asarray(image), image.mode))
    if image.mode in ("1", "L") and "transparency" not in image.info:
        return image.convert("L")
    if image.has_transparency_data:
        return _grey_if_grey(_on_white(image))
    return _grey_if_grey(image if image.mode == "RGB" else image.convert("RGB"))


def _scaled(values: np.ndarray, mode: str) -> np.ndarray:
    """16-bit, 32-bit and float pixels as uint8: scaled over their range, never clipped. Integers within 16 bits span 0..65535."""
    numbers = np.nan_to_num(values.astype(np.float32 if values.dtype.itemsize <= 2 else np.float64))
    low, high = numbers.min(), numbers.max()
    if mode.startswith("I") and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    return np.rint((numbers - low) * (255.0 / max(high - low, 1e-12))).astype(np.uint8)


def _on_white(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def _grey_if_grey(image: Image.Image) -> Image.Image:
    few = image.resize((GLANCE, GLANCE), Image.Resampling.NEAREST)
    return image.getchannel(0) if _is_grey(few) and _is_grey(image) else image


def _is_grey(image: Image.Image) -> bool:
    pixels = np.asarray(image)
    return all(np.array_equal(pixels[..., 0], pixels[..., channel]) for channel in (1, 2))


@_within_memory()
def key(image: Image.Image) -> int:
    """64-bit hash of an upright picture's pixels and size: equal for equal pictures, whatever their file format. Raises PictureError."""
    digest = xxhash.xxh3_64(f"{image.mode} {image.width} {image.height}".encode())
    digest.update(image.tobytes())
    return digest.intdigest()


def square(image: Image.Image, resolution: int, policy: str) -> np.ndarray:
    """Any picture as uint8 (C, R, R), C = 1 for grey, else 3. `policy` is a key of POLICIES. Raises PictureError as `fit` does."""
    return fit(upright(image), resolution, policy)


@_within_memory()
def fit(image: Image.Image, resolution: int, policy: str) -> np.ndarray:
    """An upright picture (L or RGB) as uint8 (C, R, R). Raises PictureError when memory does not suffice."""
    pixels = np.asarray(POLICIES[policy](image, resolution))
    return np.ascontiguousarray(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))


def with_channels(picture: np.ndarray, channels: int) -> np.ndarray:
    """A square (C, R, R) with 1 or 3 channels: grey is repeated, colour becomes luma (ITU-R 601)."""
    if len(picture) == channels:
        return picture
    if channels == 3:
        return np.repeat(picture, 3, axis=0)
    return np.asarray(Image.fromarray(picture.transpose(1, 2, 0)).convert("L"))[None]


def _squash(image: Image.Image, resolution: int) -> Image.Image:
    return _resized(image, resolution, resolution)


def _crop(image: Image.Image, resolution: int) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return _resized(image.crop((left, top, left + side, top + side)), resolution, resolution)


def _pad(image: Image.Image, resolution: int) -> Image.Image:
    scale = resolution / max(image.size)
    small = _resized(image, *(max(1, round(side * scale)) for side in image.size))
    canvas = Image.new(image.mode, (resolution, resolution))
    canvas.paste(small, ((resolution - small.width) // 2, (resolution - small.height) // 2))
    return canvas


def _resized(image: Image.Image, width: int, height: int) -> Image.Image:
    """Antialiased when it shrinks (Lanczos); bilinear when it grows, since Lanczos rings around the strokes of 8 px scans."""
    if image.size == (width, height):
        return image
    grows = width >= image.width and height >= image.height
    return image.resize((width, height), Image.Resampling.BILINEAR if grows else Image.Resampling.LANCZOS)


POLICIES = {"squash": _squash, "crop": _crop, "pad": _pad}
