"""Tiles on a sheet: where they lie, how hard their edges are, and that every resolution makes a sheet of one size."""

import io

import numpy as np
import pytest
from PIL import Image

from engine.data.tiles import Layout, sheet, tile

SMALL = Layout(side=16, gap=4, lead=6, radius=0)


def opened(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


@pytest.mark.parametrize("resolution", [1, 8, 16, 24, 28, 64, 448])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_resolution_makes_a_sheet_of_one_size(resolution: int, channels: int) -> None:
    pictures = np.zeros((5, channels, resolution, resolution), dtype=np.uint8)
    assert opened(sheet(pictures, 4, SMALL)).shape == (36, 82, channels + 1)


def test_tiles_lie_row_by_row_and_the_gaps_are_transparent() -> None:
    pictures = np.arange(1, 6, dtype=np.uint8).reshape(5, 1, 1, 1) * np.ones((5, 1, 8, 8), dtype=np.uint8)
    grey, opaque = np.moveaxis(opened(sheet(pictures, 3, SMALL)), 2, 0)
    for place in range(5):
        left, top = SMALL.place(place % 3, place // 3)
        assert (grey[top : top + 16, left : left + 16] == place + 1).all()
        assert (opaque[top : top + 16, left : left + 16] == 255).all()
    assert (opaque == 255).sum() == 5 * 16 * 16
    assert (opaque[:, 16:26] == 0).all()


def test_a_small_picture_keeps_its_hard_edges_and_a_large_one_its_mean() -> None:
    board = (np.indices((8, 8)).sum(0) % 2 * 255).astype(np.uint8)[None]
    assert set(np.unique(tile(board, 112))) == {0, 255}
    large = np.random.default_rng(0).integers(0, 256, (3, 448, 448), dtype=np.uint8)
    assert tile(large, 112).mean() == pytest.approx(large.mean(), abs=0.5)


def test_corners_are_round() -> None:
    opaque = opened(sheet(np.zeros((1, 1, 8, 8), dtype=np.uint8), 1, Layout(side=40, radius=12)))[..., 1]
    assert opaque[0, 0] == opaque[-1, -1] == 0
    assert opaque[20, 0] == opaque[0, 20] == 255
