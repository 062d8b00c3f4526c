"""Curves made by formula with a known cause, and their twins with the cause off: only here is the truth known exactly.

Noise is that of a mean over n_val pictures; learning-rate steps, spikes and warm restarts ride along in pairs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engine.diagnosis import History

COUNTS = (500,) * 10
SPREAD = 0.15
"""Standard deviation in nats, from epoch to epoch, of the loss on a single picture; the mean over n pictures has it over sqrt(n)."""
SLOPES = (0.004, 0.01, 0.03)
"""How fast an ill validation loss rises, in nats an epoch."""
DISTURBANCES = ("none", "step", "spikes", "restart")


@dataclass(frozen=True)
class Drawn:
    """A history, whether it was made to overfit and from which epoch on, and how many pictures validated it."""

    history: History
    ill: bool
    onset: int
    n_val: int


def draw(seeds: int) -> Iterator[Drawn]:
    """Ill runs and their twins, over validation sizes, slopes and disturbances."""
    for n_val in (30, 100, 1_000, 10_000):
        for seed in range(seeds):
            for slope in SLOPES:
                for disturbance in DISTURBANCES:
                    yield from _pair(n_val, seed, slope, disturbance)


def _pair(n_val: int, seed: int, slope: float, disturbance: str, epochs: int = 80) -> Iterator[Drawn]:
    """An ill run, then its twin: the same noise and disturbances, without the cause. No other pair has the same."""
    rng = np.random.default_rng([seed, n_val, SLOPES.index(slope), DISTURBANCES.index(disturbance)])
    t = np.arange(1, epochs + 1, dtype=float)
    onset = int(rng.integers(20, 45))
    fall = 1.8 * np.exp(-t / rng.uniform(5, 10))
    noise = SPREAD / np.sqrt(n_val) * rng.standard_normal(epochs)
    val, probe = 0.5 + fall + noise, 0.3 + fall
    rate = np.full(epochs, 1e-3)
    if disturbance == "step":
        val, probe, rate = val - 0.08 * (t > 40), probe - 0.1 * (t > 40), np.where(t > 40, 1e-4, 1e-3)
    if disturbance == "spikes":
        jumps = (rng.random(epochs) < 0.05) * rng.exponential(0.3, epochs)
        val, probe = val + jumps, probe + jumps
    if disturbance == "restart":
        wave = 0.05 * (1 + np.cos(np.pi * ((t - 1) % 20) / 20)) / 2
        val, probe, rate = val + wave, probe + wave, 1e-3 * (1 + np.cos(np.pi * ((t - 1) % 20) / 20)) / 2
    probe = np.maximum(probe - 0.0015 * t, 0.01 * probe)
    guesses = rng.standard_normal(epochs) * 0.1 / np.sqrt(n_val)
    for steep in (slope, 0.0):
        rise = steep * np.maximum(t - onset, 0)
        shown = np.round(np.clip(np.clip(0.85 - 0.5 * fall / 1.8 - rise / 4, 0, 1) + guesses, 0, 1) * n_val) / n_val
        seen = np.clip(0.9 - 0.5 * fall / 1.8, 0, 1)
        history = History(val + rise, shown, probe, seen, probe, min(n_val, 2000), n_val, COUNTS, epochs, rate)
        yield Drawn(history, steep > 0, onset, n_val)
