"""Small trees of real picture files, made on the spot."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.config.data import DataConfig
from engine.data.dataset import Dataset


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def picture_file() -> Callable[..., Path]:
    """`picture_file(path, seed)` writes a noise PNG, colour unless told otherwise."""

    def write(path: Path, seed: int, grey: bool = False) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(seed).integers(0, 256, (10, 12) if grey else (10, 12, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
        return path

    return write


@pytest.fixture
def make_tree(tmp_path, picture_file) -> Callable[..., Path]:
    """`make_tree({"pets/cat": 5, ...})` writes so many different pictures into each folder under one root."""

    def make(folders: dict[str, int], grey: bool = False) -> Path:
        root = tmp_path / "root"
        for place, (folder, count) in enumerate(folders.items()):
            (root / folder).mkdir(parents=True)
            for index in range(count):
                picture_file(root / folder / f"{index}.png", 1000 * place + index, grey)
        return root

    return make


@pytest.fixture
def config() -> Callable[..., DataConfig]:
    def make(dataset: str = "pets", resolution: int = 8, **knobs) -> DataConfig:
        return DataConfig(dataset=dataset, resolution=resolution, **knobs)

    return make


@pytest.fixture(scope="session")
def dataset_of() -> Callable[..., Dataset]:
    """`dataset_of(labels, keys, official_test, kin)` is a dataset of one-pixel pictures."""

    def make(labels, keys=None, official_test=None, kin=None) -> Dataset:
        labels = np.asarray(labels, dtype=np.int64)
        keys = np.arange(len(labels)) if keys is None else keys
        test = np.zeros(len(labels), dtype=bool) if official_test is None else np.asarray(official_test)
        classes = tuple(str(index) for index in range(labels.max() + 1))
        images = (labels % 256).astype(np.uint8).reshape(-1, 1, 1, 1)
        kin = None if kin is None else np.asarray(kin, dtype=np.uint64)
        return Dataset("made", images, labels, classes, test, np.asarray(keys, dtype=np.uint64), (), kin)

    return make
