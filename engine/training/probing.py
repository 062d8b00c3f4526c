"""Measured before a launch: memory, speed, how long it will take, the largest batch, and which setting is the fastest here.

Torch side; knows no store. Every number is measured on a sample of the run's own data, in the run's own loop, or says that it is not.
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import psutil
import torch

from engine.config import KNOBS, RunConfig
from engine.data.arrivals import Arrivals
from engine.data.resident import PROBE as PROBED
from engine.data.sample import Counts, Sample, sample
from engine.models.building import build
from engine.training import footprint
from engine.training.evaluation import at_once, chunk_size
from engine.training.facts import facts, kept_for_backward
from engine.training.numerics import Numerics, Precision, precisions
from engine.training.rehearsal import Rehearsal, Stint, Unwanted, unchanged_flags
from engine.training.staging import Staging

log = logging.getLogger("athanor.servant")

# Seconds: waited for the pictures; timed for each candidate; that one step may take; after which no further candidate is begun.
DATA, SHARE, STEP, LONGEST = 1.0, 0.25, 0.8, 10.0
# The first rehearsal's batch: what batch norm can take. The next is at most so many times as large.
FIRST, GROWTH = 2, 16
# Pictures of the larger of two evaluations, and how many times as many it has.
EVALUATED, APART = 256, 4


@dataclass(frozen=True)
class Candidate:
    """A way to compute, and its images per second."""

    precision: Precision
    channels_last: bool
    images_per_second: float
    chosen: bool


@dataclass(frozen=True)
class Compiled:
    """The run's own setting, compiled: images per second, seconds until its first timed step, and from how many epochs of this
    data a run is over sooner with it; None: never, or nobody knows how many pictures there are."""

    images_per_second: float
    ready_seconds: float
    from_epochs: int | None


@dataclass(frozen=True)
class Memory:
    """Bytes. Training takes `fixed` plus `per_image` for each picture of a batch; `peak` is the run's, evaluation included.

    `features` is what the frozen layers make of all pictures, in the stage that keeps most of it: there from before its first step to its
    end, gone before the next stage makes its own. `evaluation` includes it; the steps of such a stage, in which only the layers behind
    learn, are taken to need no more than that. `measured`: the run's own batch was tried; else the peak is what the line through two
    smaller ones comes to. `free` is what a run may take now; `largest_batch` is 0 when not even evaluation fits.
    """

    peak: int
    fixed: int
    per_image: float
    evaluation: int
    features: int
    measured: bool
    free: int
    largest_batch: int


@dataclass(frozen=True)
class Speed:
    """Images per second: measured in training with batches of `batch`, expected at the run's own batch, measured in evaluation.

    `batch` is smaller than the run's where a step of that would take too long or too much memory; then the expected speed is what
    the line through two batches comes to. Seconds are of one epoch and of the run without its start; None: nobody knows how many
    pictures there are.
    """

    batch: int
    measured: float
    expected: float
    evaluated: float
    epoch_seconds: float | None
    evaluation_share: float | None
    seconds: float | None


@dataclass(frozen=True)
class Probe:
    """What was found. `data` is `real` or `synthetic`; `batch` the pictures that really are in one. `left_out` names candidates
    for which no time was left; `fastest` is an index into `candidates`. `elsewhere`: how many cores other programs kept
    busy meanwhile; the more, the lower the numbers. `compiled` is measured on CUDA alone: on CPUs it gains nothing."""

    parameters: int
    flops: int
    data: str
    counts: Counts | None
    numerics: dict[str, Any]
    batch: int
    speed: Speed
    memory: Memory
    candidates: list[Candidate]
    left_out: list[list[Any]]
    fastest: int
    compiled: Compiled | None
    elsewhere: float
    took: float

    def as_dict(self) -> dict[str, Any]:
        """As stored and told."""
        return asdict(self)


def probe(config: RunConfig, arrivals: Arrivals, numerics: Numerics, wanted: Callable[[], bool] = lambda: True) -> Probe:
    """Measure a config in the numerics that a run of it would take. Raises DataError, and Unwanted once `wanted` says no."""
    with unchanged_flags():
        numerics.apply()
        found = sample(config.data, arrivals, DATA, numerics.device)
        footprint.require_room(config, found.outline.classes, footprint.free(numerics.device))
        torch.manual_seed(config.budget.seed)
        model = build(config.model, found.outline.channels, found.outline.classes, config.data.resolution)
        return _Probing(config, numerics, found, Rehearsal(config, numerics.place_model(model), found.data, wanted)).make()


class _Probing:
    """One measurement, from small batches to the one that is wanted, then sideways through the candidates."""

    def __init__(self, config: RunConfig, numerics: Numerics, found: Sample, rehearsal: Rehearsal) -> None:
        self.began = time.monotonic()
        self.load = Load()
        self.config = config
        self.numerics = numerics
        self.found = found
        self.counts = found.outline.counts
        self.rehearsal = rehearsal
        self.free = footprint.free(numerics.device)
        self.batch = effective_batch(config, self.counts)
        self.tried: dict[int, Stint] = {}
        self.evaluated: dict[int, Stint] = {}

    def make(self) -> Probe:
        known = facts(self.config, self.found.outline.channels, self.found.outline.classes)
        size = self._grow(self.batch, self.tried, self._step)
        accumulation = self._accumulation(size)
        chosen = self._chosen(size, accumulation)
        self._grow(EVALUATED, self.evaluated, self._evaluation)
        speed, memory = self._speed(size, chosen), self._memory(size)
        candidates, left_out = self._candidates(size, accumulation, chosen)
        elsewhere = self.load.elsewhere()  # before the compiler's own processes begin
        return Probe(
            known.parameters, known.flops, "real" if self.found.real else "synthetic", self.counts, self.numerics.as_dict(), self.batch,
            speed, memory, candidates, left_out, fastest(candidates), self._compiled(size, chosen), elsewhere,
            time.monotonic() - self.began,
        )  # fmt: skip

    def _grow(self, wanted: int, tried: dict[int, Stint], attempt: Callable[[int], Stint]) -> int:
        """As many pictures as are wanted, or as time and memory allow: found by growing, never by exceeding."""
        size = min(FIRST, wanted)
        while True:
            stint = tried[size] = attempt(size)
            in_time, in_memory = size * STEP / stint.step_seconds, size * self.free / max(stint.bytes, 1)
            allowed = min(int(in_time), int(in_memory), size * GROWTH, wanted)
            if allowed < min(2 * size, wanted) or allowed <= size:
                return size
            size = allowed

    def _accumulation(self, size: int) -> int:
        times = int(STEP / self.tried[size].step_seconds)
        return max(1, min(self.config.optimisation.accumulation, times)) if size == self.batch else 1

    def _chosen(self, size: int, accumulation: int) -> Stint:
        """The run's own setting, timed for as long as the others."""
        if accumulation == 1 and self.tried[size].step_seconds > SHARE / 2:
            return self.tried[size]
        return self.rehearsal.steps(self.numerics, size, SHARE, accumulation)

    def _two(self, tried: dict[int, Stint], attempt: Callable[[int], Stint]) -> tuple[tuple[int, Stint], tuple[int, Stint]]:
        """The largest size tried, and before it one that is far enough away to draw a line through both."""
        size = max(tried)
        other = size // APART if size // APART >= FIRST else 2 * size
        stint = tried.get(other) or attempt(other)
        return (other, stint), (size, tried[size])

    def _speed(self, size: int, chosen: Stint) -> Speed:
        (low, one), (high, other) = self._two(self.tried, self._step)
        self.tried[low] = one
        evaluated = max(stint.images_per_second for stint in self.evaluated.values())
        expected = chosen.images_per_second
        if size < self.batch:
            fixed, per_image = line((low, one.step_seconds), (high, other.step_seconds), other.step_seconds / high / APART)
            expected = self.batch / (fixed + per_image * self.batch)
        epoch, share = epoch_seconds(self.counts, expected, evaluated)
        seconds = None
        if epoch is not None and self.counts is not None:
            seconds = epoch * self.config.budget.epochs + self.counts.test / evaluated
        return Speed(size, chosen.images_per_second, expected, evaluated, epoch, share, seconds)

    def _step(self, batch: int) -> Stint:
        return self.rehearsal.steps(self.numerics, batch)

    def _evaluation(self, images: int) -> Stint:
        return self.rehearsal.evaluation(self.numerics, images)

    def _memory(self, size: int) -> Memory:
        """Training and evaluation each on its own line; in evaluation the optimiser's memory and the gradients are held too."""
        weights = sum(p.numel() * p.element_size() for p in self.rehearsal.model.parameters())
        side = self.config.data.resolution
        least = 4.0 * self.found.outline.channels * side**2
        (low, one), (high, other) = self._two(self.tried, self._step)
        kept = kept_for_backward(self.config, self.found.outline.channels, self.found.outline.classes)
        fixed, per_image = line((low, one.bytes), (high, other.bytes), kept / 2 if self.numerics.precision == "bf16" else kept)
        (low, one), (high, other) = self._two(self.evaluated, self._evaluation)
        idle, per_evaluated = line((self._at_once(low), one.bytes), (self._at_once(high), other.bytes), least)
        features = self._features()
        evaluating = int(weights + fixed + idle + per_evaluated * self._at_once(self._evaluated_most())) + features
        training = int(weights + (self.tried[size].bytes if size == self.batch else fixed + per_image * self.batch))
        fits = int((self.free - weights - fixed) / per_image) if evaluating <= self.free else 0
        largest = max(0, min(fits, int(KNOBS["batch_size"].high or fits)))
        peak = max(training, evaluating)
        return Memory(peak, int(weights + fixed), per_image, evaluating, features, size == self.batch, self.free, largest)

    def _at_once(self, images: int | None) -> int:
        """Of so many pictures to evaluate those that are held at the same time; None: there are more than that."""
        chunk, replicas = chunk_size(self.numerics.device, self.rehearsal.model, self.config.data.resolution**2), self.numerics.replicas
        return at_once(chunk * replicas if images is None else images, chunk, replicas)

    def _evaluated_most(self) -> int | None:
        """Pictures of the largest part that is evaluated."""
        return None if self.counts is None else max(self.counts.validation, self.counts.test)

    def _features(self) -> int:
        """Bytes of what the frozen layers make of all pictures; 0 where they are asked every time, or nobody knows how many there are."""
        if self.counts is None:
            return 0
        staging = Staging(self.rehearsal.model, [], self.rehearsal.data, self.numerics)
        return staging.most_kept(self.config, self.counts.train + self.counts.validation)

    def _candidates(self, size: int, accumulation: int, chosen: Stint) -> tuple[list[Candidate], list[list[Any]]]:
        """Every precision that differs for this network in both layouts, the chosen one first: it has been timed already."""
        ways = [(precision, last) for precision in precisions(self.rehearsal.model) for last in (True, False)]
        candidates, left_out = list[Candidate](), list[list[Any]]()
        for precision, last in sorted(ways, key=lambda way: way != self._way()):
            stint = chosen if (precision, last) == self._way() else None
            if stint is None and time.monotonic() - self.began < LONGEST:
                quick = replace(self.numerics, precision=precision, channels_last=last, deterministic=False, fused=True)
                stint = self.rehearsal.steps(quick, size, SHARE, accumulation)
            if stint is None:
                left_out.append([precision, last])
            else:
                candidates.append(Candidate(precision, last, stint.images_per_second, stint is chosen))
        return candidates, left_out

    def _compiled(self, size: int, chosen: Stint) -> Compiled | None:
        """The run's own way once more, compiled. Batches that are added up before a step would write over each other's graphs."""
        alone = self.config.optimisation.accumulation == 1 and not self.numerics.deterministic
        if self.numerics.device == "cpu" or not alone or time.monotonic() - self.began > LONGEST:
            return None
        try:
            stint = self.rehearsal.steps(replace(self.numerics, compiled=True), size, SHARE)
        except Unwanted:
            raise
        except Exception:  # torch's compiler raises many kinds where a C compiler or Triton is missing; training goes without it
            log.warning("%s was not compiled", self.config.model.architecture, exc_info=True)
            return None
        train = None if self.counts is None else self.counts.train
        paid = repaid_after(train, chosen.images_per_second, stint)
        return Compiled(stint.images_per_second, stint.ready_seconds, paid)

    def _way(self) -> tuple[Precision, bool] | None:
        """The chosen setting among the candidates; None when it is the exact one, which is not of them."""
        return None if self.numerics.deterministic else (self.numerics.precision, self.numerics.channels_last)


class Load:
    """What the processor does from now on."""

    def __init__(self) -> None:
        self._began, self._busy, self._own = time.monotonic(), _busy(), time.process_time()

    def elsewhere(self) -> float:
        """Cores that other programs kept busy on average."""
        seconds = max(time.monotonic() - self._began, 1e-3)
        return max(0.0, (_busy() - self._busy) - (time.process_time() - self._own)) / seconds


def _busy() -> float:
    """Seconds of all cores, spent on anything."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


def effective_batch(config: RunConfig, counts: Counts | None) -> int:
    """Pictures that really are in a batch: a training part smaller than the knob is all of them."""
    wanted = config.optimisation.batch_size
    return wanted if counts is None else max(1, min(wanted, counts.train))


def line(one: tuple[int, float], other: tuple[int, float], least: float) -> tuple[float, float]:
    """What is fixed and what each image adds, of the line through two measured (images, amount); an image adds at least `least`.

    Of two as large the greater amount counts.
    """
    (low, low_amount), (high, high_amount) = sorted((one, other))
    per_image = max((high_amount - low_amount) / (high - low), least) if high > low else least
    return max(0.0, high_amount - per_image * high), per_image


def epoch_seconds(counts: Counts | None, trained: float, evaluated: float) -> tuple[float | None, float | None]:
    """Seconds of one epoch and evaluation's share of them, at so many images per second; the probe part is as large as validation."""
    if counts is None:
        return None, None
    training = counts.train / trained
    evaluation = (counts.validation + min(counts.train, counts.validation, PROBED)) / evaluated
    return training + evaluation, evaluation / (training + evaluation)


def repaid_after(train: int | None, eager: float, compiled: Stint) -> int | None:
    """From how many epochs of so many pictures the compiled way is over sooner than an eager one of so many images per second."""
    saved = 0.0 if train is None else train / eager - train / compiled.images_per_second
    return math.ceil(compiled.ready_seconds / saved) if saved > 0 else None


def as_compiled(found: Probe, epochs: int) -> Probe:
    """The same with the speed and time of a run that will be compiled, as far as that was measured."""
    if found.compiled is None:
        return found
    trained, speed = found.compiled.images_per_second, found.speed
    epoch, share = epoch_seconds(found.counts, trained, speed.evaluated)
    seconds = None
    if epoch is not None and found.counts is not None:
        seconds = found.compiled.ready_seconds + epoch * epochs + found.counts.test / speed.evaluated
    return replace(found, speed=replace(speed, expected=trained, epoch_seconds=epoch, evaluation_share=share, seconds=seconds))


def fastest(candidates: list[Candidate]) -> int:
    """Where the fastest stands."""
    return max(range(len(candidates)), key=lambda place: candidates[place].images_per_second, default=0)
