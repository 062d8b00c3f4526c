"""What every peer is given: the same network, pictures, batch, augmentation and optimiser; and how it is timed."""

import argparse
import json
import os
import time

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from engine.config import RunConfig
from engine.models.building import build

SIDE, CLASSES, EPOCHS = 32, 10, 3
RATE, MOMENTUM = 0.01, 0.9
CORES = os.cpu_count() or 1


class Task:
    """Read from the command line: `net`, `batch`, and the file of pictures, uint8 (N, 1, 32, 32), the last `validation` held out."""

    def __init__(self) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("--net", required=True)
        parser.add_argument("--pictures", required=True)
        parser.add_argument("--batch", type=int, required=True)
        parser.add_argument("--validation", type=int, required=True)
        given = parser.parse_args()
        with np.load(given.pictures) as file:
            self.images, self.labels = file["images"], file["labels"]
        self.net, self.batch, self.held = given.net, given.batch, given.validation
        self.config = RunConfig.from_flat(
            {
                "architecture": self.net, "batch_size": self.batch, "resolution": SIDE, "epochs": EPOCHS, "crop": 0.125, "flip": 0.5,
                "optimizer": "sgd", "learning_rate": RATE, "momentum": MOMENTUM,
            }
        )  # fmt: skip

    def network(self) -> nn.Module:
        torch.manual_seed(0)
        return build(self.config.model, 1, CLASSES, SIDE)

    def loaders(self) -> tuple[DataLoader, DataLoader]:
        """Training and validation as torchvision's reference has them: one picture at a time, a worker for each core."""
        train, held = len(self.labels) - self.held, self.held
        return self._loader(slice(0, train), True), self._loader(slice(train, train + held), False)

    def _loader(self, part: slice, train: bool) -> DataLoader:
        pictures = Pictures(self.images[part], self.labels[part], train)
        return DataLoader(pictures, self.batch, shuffle=train, num_workers=CORES, persistent_workers=True, drop_last=train)


class Pictures(Dataset):
    """PIL pictures, transformed one by one."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, train: bool) -> None:
        vary = [transforms.RandomCrop(SIDE, padding=SIDE // 8), transforms.RandomHorizontalFlip()] if train else []
        self.images, self.labels = images, labels
        self.transform = transforms.Compose([*vary, transforms.ToTensor(), transforms.Normalize(0.29, 0.35)])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.images[place, 0])), int(self.labels[place])


class Laps:
    """Marks after each epoch and its validation. The first epoch is not timed: it starts workers and warms up."""

    def __init__(self, task: Task) -> None:
        self.images = len(task.labels) - task.held
        self.marks: list[float] = []

    def mark(self, *_: object) -> None:
        self.marks.append(time.perf_counter())

    def tell(self) -> None:
        """Print images per second as JSON, on the last line."""
        laps = len(self.marks) - 1
        print(json.dumps({"images_per_second": laps * self.images / (self.marks[-1] - self.marks[0]), "epochs": laps}))
