"""What each contender for an accuracy is given: a preset's network and its training pictures; and how it is timed."""

import argparse
import json
import time

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from engine.models.building import build
from engine.presets import PRESETS


class Target:
    """Read from the command line: a preset, a seed, the validation accuracy to reach, and the seconds after which it is given up.

    `pictures` is a file of uint8 (N, 1, R, R), the last `held` of them for validation.
    """

    def __init__(self) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("--preset", required=True, choices=PRESETS)
        parser.add_argument("--pictures", required=True)
        parser.add_argument("--seed", type=int, required=True)
        parser.add_argument("--accuracy", type=float, required=True)
        parser.add_argument("--seconds", type=float, required=True)
        given = parser.parse_args()
        with np.load(given.pictures) as file:
            self.images, self.labels, self.held = file["images"], file["labels"], int(file["held"])
        self.config = PRESETS[given.preset].config().changed(seed=given.seed)
        self.wanted, self.limit, self.best = given.accuracy, given.seconds, 0.0
        torch.manual_seed(given.seed)
        self.began = time.perf_counter()

    def network(self) -> nn.Module:
        return build(self.config.model, self.images.shape[1], 10, self.config.data.resolution)

    def loaders(self, batch: int) -> tuple[DataLoader, DataLoader]:
        """Training and validation as normalised tensors in memory, in torch's loader with its defaults."""
        pictures = torch.from_numpy(self.images).float().div_(255)
        train = len(self.labels) - self.held
        pictures.sub_(pictures[:train].mean()).div_(pictures[:train].std())
        labels = torch.from_numpy(self.labels)
        parts = TensorDataset(pictures[:train], labels[:train]), TensorDataset(pictures[train:], labels[train:])
        return DataLoader(parts[0], batch, shuffle=True), DataLoader(parts[1], batch)

    def over(self, accuracy: float) -> bool:
        """Take note of an epoch's validation accuracy; True when it is enough, or too late."""
        self.best = max(self.best, accuracy)
        return self.best >= self.wanted or time.perf_counter() - self.began > self.limit

    def tell(self) -> None:
        """Print the seconds until now, whether it was reached, and the best accuracy, as JSON on the last line."""
        seconds = time.perf_counter() - self.began
        print(json.dumps({"seconds": seconds, "reached": self.best >= self.wanted, "best": self.best}))
