"""Online numbers of an epoch, summed on the device. Nothing waits for the device until someone reads.

Knows no loop. Reading is a host synchronisation; adding never is.
"""

import time
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sums:
    """Sums since the epoch began: loss and hits over images, gradient norm over steps, and how many of each."""

    loss: float = 0.0
    correct: float = 0.0
    grad_norm: float = 0.0
    images: int = 0
    steps: int = 0

    def __sub__(self, other: "Sums") -> "Sums":
        return Sums(
            self.loss - other.loss,
            self.correct - other.correct,
            self.grad_norm - other.grad_norm,
            self.images - other.images,
            self.steps - other.steps,
        )


@dataclass(frozen=True)
class Window:
    """Online means over the images since the last read; nan when there were none, or when training has blown up."""

    loss: float
    accuracy: float
    images: int


class Meter:
    """Adds up what the steps report; float64 on the device, so that a million images still count singly."""

    def __init__(self, device: str, start: Sums = Sums()) -> None:
        self._totals = torch.tensor([start.loss, start.correct, start.grad_norm], dtype=torch.float64, device=device)
        self._loss, self._correct, self._grad_norm = self._totals.unbind()
        self._images, self._steps = start.images, start.steps
        self._seen = start

    def add_batch(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Mean loss () of the batch, logits (n, classes), labels (n,); all detached, on the device."""
        self._loss.add_(loss, alpha=len(labels))
        self._correct.add_((logits.argmax(1) == labels).sum())
        self._images += len(labels)

    def add_step(self, grad_norm: Tensor) -> None:
        """The gradient norm () of one optimiser step."""
        self._grad_norm.add_(grad_norm)
        self._steps += 1

    def read(self) -> Sums:
        """The epoch so far; waits for the device."""
        loss, correct, grad_norm = self._totals.tolist()
        return Sums(loss, correct, grad_norm, self._images, self._steps)

    def window(self) -> Window:
        """Means since the last window, across the end of an epoch too; waits for the device."""
        now = self.read()
        new, self._seen = now - self._seen, now
        if not new.images:
            return Window(float("nan"), float("nan"), 0)
        return Window(new.loss / new.images, new.correct / new.images, new.images)

    def close(self) -> Sums:
        """The whole epoch; begins the next. What no window has read yet goes into the next one."""
        epoch = self.read()
        self._seen = self._seen - epoch
        self._totals.zero_()
        self._images = self._steps = 0
        return epoch


class Stopwatch:
    """Seconds of work: runs between `start` and `stop`, less what was slept through."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._kept = seconds
        self._since: float | None = None

    def start(self) -> None:
        if self._since is None:
            self._since = time.perf_counter()

    def skip(self, seconds: float) -> None:
        """Leave out a pause."""
        self._kept -= seconds

    def read(self) -> float:
        return self._kept + (0.0 if self._since is None else time.perf_counter() - self._since)

    def close(self) -> float:
        """The seconds so far; back to zero, stopped."""
        seconds = self.read()
        self._kept, self._since = 0.0, None
        return seconds
