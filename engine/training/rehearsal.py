"""A few steps of a run, timed: its own loop on a sample of its data, in any numerics and at any batch. Keeps nothing of it.

Knows no store; says nothing about what the numbers mean.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from engine.config.run import RunConfig
from engine.data.resident import Resident
from engine.training.evaluation import evaluate
from engine.training.footprint import Peak
from engine.training.happenings import Happening
from engine.training.loop import Training
from engine.training.numerics import Numerics

# Steps in an epoch of a rehearsal (fewer when they take many pictures), and steps after which it waits for the device: rarely, as
# a run does.
EPOCH, PICTURES, WAIT = 16, 2**16, 4
# Steps until a compiled network has been compiled, tried, recorded and replayed.
RECORDING = 4
# Seconds that a step may take for a second one to be timed.
LONG = 1.0
# A step must not make the weights explode, nor tend to denormal numbers, which are slow.
RATE = 1e-5


class Unwanted(Exception):  # no error: nobody waits for the measurement any longer
    """Raised out of a rehearsal between two steps."""


@dataclass(frozen=True)
class Stint:
    """What was measured: images per second over the timed steps, seconds of one step, bytes by which memory grew, seconds before the
    first timed step."""

    images_per_second: float
    step_seconds: float
    bytes: int
    ready_seconds: float = 0.0


class Rehearsal:
    """A network and a sample of its data. `wanted` is asked between steps, and may take its time."""

    def __init__(self, config: RunConfig, model: nn.Module, data: Resident, wanted: Callable[[], bool]) -> None:
        plain = {"learning_rate": RATE, "schedule": "constant", "warmup": 0.0, "early_stopping": 0, "epochs": 10_000}
        plain |= {"plan": "all", "frozen_layers": 0}  # what takes the longest, and the most memory
        self.config = config.changed(**plain)
        self.model = model
        self.data = data
        self.wanted = wanted

    def steps(self, numerics: Numerics, batch: int, seconds: float = 0.0, accumulation: int = 1) -> Stint:
        """One step to warm up, then two timed ones (one, if that is long) and as many as fit into `seconds`. Raises Unwanted.

        What is compiled is compiled anew, as in the process of a run, and forgotten afterwards.
        """
        if not numerics.compiled:
            return self._steps(numerics, batch, seconds, accumulation)
        torch.compiler.reset()
        try:
            return self._steps(numerics, batch, seconds, accumulation)
        finally:
            torch.compiler.reset()

    def _steps(self, numerics: Numerics, batch: int, seconds: float, accumulation: int) -> Stint:
        numerics.apply()
        began = time.perf_counter()
        with Peak(numerics.device) as peak:
            training = self._training(numerics, batch, accumulation)
            run = training.run()
            for _ in range(RECORDING if numerics.compiled else 1):
                next(run)
            settle(numerics.device)
            ready = time.perf_counter() - began
            count, spent = self._timed(training, run, seconds, epoch_of(batch * accumulation), peak)
        del training, run
        self.model.zero_grad(set_to_none=True)
        return Stint(count * batch * accumulation / spent, spent / count, peak.bytes, ready)

    def _training(self, numerics: Numerics, batch: int, accumulation: int) -> Training:
        config = self.config.changed(batch_size=batch, accumulation=accumulation)
        train = cycled(self.data.train, epoch_of(batch * accumulation) * batch * accumulation)
        few = self.data.validation[: max(1, min(batch, len(self.data.validation)))]
        data = replace(self.data, train=train, validation=few, probe=few)
        return Training(self.model, data, config, numerics)

    def _timed(self, training: Training, run: Iterator[Happening], seconds: float, epoch: int, peak: Peak) -> tuple[int, float]:
        """Timed steps and their seconds; what lies between two epochs is not among them."""
        device = training.numerics.device
        count, spent, began = 0, 0.0, time.perf_counter()
        give_up, long = began + seconds, began + LONG
        while not count or (count < 2 and time.perf_counter() < long) or time.perf_counter() < give_up:
            if training.step_in_epoch == epoch:
                settle(device)
                spent += time.perf_counter() - began
                next(run)
                began = time.perf_counter()
            next(run)
            count += 1
            if count % WAIT == 0 or time.perf_counter() > give_up:
                settle(device)
                paused = self._pause(peak)
                began, give_up = began + paused, give_up + paused
        settle(device)
        return count, spent + time.perf_counter() - began

    def _pause(self, peak: Peak) -> float:
        """Ask whether to go on; the seconds that this took, which are not those of a step, nor is its memory. Raises Unwanted."""
        began = time.perf_counter()
        with peak.aside():
            if not self.wanted():
                raise Unwanted
        return time.perf_counter() - began

    def evaluation(self, numerics: Numerics, images: int) -> Stint:
        """One evaluation of so many pictures, after one of two."""
        numerics.apply()
        model = numerics.place_model(self.model)
        indices = cycled(self.data.validation, images)
        evaluate(model, self.data, indices[:2], numerics)
        settle(numerics.device)
        with Peak(numerics.device) as peak:
            began = time.perf_counter()
            evaluate(model, self.data, indices, numerics)
            settle(numerics.device)
            spent = time.perf_counter() - began
        return Stint(images / spent, spent, peak.bytes)


def epoch_of(images: int) -> int:
    """Steps in an epoch when each takes so many pictures."""
    return max(2, min(EPOCH, PICTURES // images))


def cycled(indices: Tensor, count: int) -> Tensor:
    """So many indices; those there are again and again."""
    return indices.repeat(-(-count // len(indices)))[:count]


def settle(device: str) -> None:
    """Wait until all that was asked of the device is done."""
    if device != "cpu":
        torch.cuda.synchronize()


@contextmanager
def unchanged_flags() -> Iterator[None]:
    """Whatever numerics were tried inside, threads and flags of the process are afterwards what they were."""
    threads, deterministic, cudnn = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn
    kept = cudnn.benchmark, cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
        cudnn.benchmark, cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = kept
