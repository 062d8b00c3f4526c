"""Many small pictures as one: rows of tiles, ready for a screen. Knows nothing of where they come from."""

import io

import numpy as np
from PIL import Image
from torch import Tensor

WHITE = 255


def to_bytes(pictures: Tensor) -> np.ndarray:
    """Pictures (N, C, R, R) in [0, 1] as uint8."""
    return pictures.clamp(0, 1).mul(255).round().byte().cpu().numpy()


def tiled(pictures: np.ndarray, columns: int, gap: int = 0) -> np.ndarray:
    """uint8 (N, C, R, R) -> (height, width, C): so many tiles a row, `gap` white pixels between two; what is left over is white."""
    count, channels, side, _ = pictures.shape
    rows, pace = -(-count // columns), side + gap
    sheet = np.full((rows * pace - gap, columns * pace - gap, channels), WHITE, dtype=np.uint8)
    for place, picture in enumerate(pictures):
        top, left = pace * (place // columns), pace * (place % columns)
        sheet[top : top + side, left : left + side] = picture.transpose(1, 2, 0)
    return sheet


def shrunk(pictures: np.ndarray, most: int) -> np.ndarray:
    """uint8 (N, C, R, R) with sides of at most `most` pixels."""
    side = pictures.shape[2]
    if side <= most:
        return pictures
    small = [[np.asarray(Image.fromarray(plane).resize((most, most), Image.Resampling.BOX)) for plane in picture] for picture in pictures]
    return np.array(small, dtype=np.uint8)


def png(sheet: np.ndarray) -> bytes:
    """uint8 (height, width, C) as a PNG file: grey for one channel, else colour."""
    file = io.BytesIO()
    Image.fromarray(sheet[..., 0] if sheet.shape[2] == 1 else sheet).save(file, "PNG", compress_level=1)
    return file.getvalue()
