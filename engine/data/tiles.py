"""Pictures as tiles on a sheet: of one size whatever their resolution, with rounded corners, transparent between.

Knows no dataset. Pages cannot ask the browser for hard pixel edges, so small pictures are enlarged here.
"""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

Image.preinit()  # else the first sheet waits half a second for Pillow's writers

# The corners are drawn so many times larger and averaged.
SMOOTH = 4


@dataclass(frozen=True)
class Layout:
    """Pixels of the sheet: the side of a tile, the gap between two, what is added to it after the first column, a corner's radius."""

    side: int
    gap: int = 8
    lead: int = 0
    radius: int = 10

    def size(self, columns: int, rows: int) -> tuple[int, int]:
        """Width and height of a whole sheet."""
        step = self.side + self.gap
        return columns * step - self.gap + self.lead * (columns > 1), rows * step - self.gap

    def place(self, column: int, row: int) -> tuple[int, int]:
        """Left and upper edge of a tile."""
        step = self.side + self.gap
        return column * step + self.lead * (column > 0), row * step


def sheet(pictures: np.ndarray, columns: int, layout: Layout) -> bytes:
    """Pictures uint8 (N, C, R, R), N > 0, as PNG, row by row; the sheet is as wide as `columns` tiles, also where there are fewer."""
    width, height = layout.size(columns, -(-len(pictures) // columns))
    paper = np.zeros((height, width, pictures.shape[1] + 1), dtype=np.uint8)
    corners = _corners(layout)
    for place, picture in enumerate(pictures):
        left, top = layout.place(place % columns, place // columns)
        paper[top : top + layout.side, left : left + layout.side] = np.dstack([tile(picture, layout.side), corners])
    file = io.BytesIO()
    Image.fromarray(paper, "LA" if paper.shape[2] == 2 else "RGBA").save(file, "PNG", compress_level=1)
    return file.getvalue()


def tile(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture uint8 (C, R, R) as (side, side, C): each pixel a square, its edges shared out where they fall between two."""
    image = Image.fromarray(picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0))
    if image.width < side:
        whole = image.width * -(-side // image.width)
        image = image.resize((whole, whole), Image.Resampling.NEAREST)
    return np.asarray(image.resize((side, side), Image.Resampling.BOX)).reshape(side, side, len(picture))


def _corners(layout: Layout) -> np.ndarray:
    """How opaque a tile is, (side, side)."""
    large = layout.side * SMOOTH
    mask = Image.new("L", (large, large))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, large - 1, large - 1), layout.radius * SMOOTH, fill=255)
    return np.asarray(mask.resize((layout.side, layout.side), Image.Resampling.BOX))
