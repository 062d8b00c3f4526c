"""Runs of known shape, made from a few numbers each: what the curves of a healthy or ill run look like."""

from dataclasses import replace

import numpy as np

from engine.diagnosis import History, Pictures, Yardstick

TEN = (500,) * 10
CHANCE = float(np.log(10))
SERIES = ("learning_rate", "val_balanced", "probe_balanced", "val_loss", "val_accuracy", "probe_loss", "probe_accuracy", "train_loss")


def epochs(n: int) -> np.ndarray:
    return np.arange(1, n + 1, dtype=float)


def noisy(curve: np.ndarray, sigma: float, seed: int = 0) -> np.ndarray:
    return curve + np.random.default_rng(seed).normal(0, sigma, len(curve))


def run(val: np.ndarray, probe: np.ndarray, val_accuracy: float = 0.90, probe_accuracy: float = 0.92, **more) -> History:
    """A run over 2,000 validation and 2,000 probe pictures of ten classes, accuracies constant unless given as arrays."""
    full = np.ones(len(val))
    numbers = dict(n_probe=2000, n_val=2000, class_counts=TEN, planned_epochs=len(val)) | more
    return History(list(val), list(val_accuracy * full), list(probe), list(probe_accuracy * full), list(probe), **numbers)


def healthy(n: int = 40) -> History:
    cosine = (1 + np.cos(np.pi * epochs(n) / n)) / 2
    curves = noisy(0.35 + 1.8 * cosine, 0.003), noisy(0.25 + 1.8 * cosine, 0.003, 1)
    return run(*curves, 0.93 - 0.6 * cosine, 0.96 - 0.6 * cosine, learning_rate=list(1e-3 * cosine))


def overfit(n: int = 60, after: int = 25, slope: float = 0.01) -> History:
    fall = np.exp(-epochs(n) / 6)
    val = noisy(0.48 + 1.8 * fall + slope * np.maximum(epochs(n) - after, 0), 0.004)
    return run(val, noisy(0.01 + 1.5 * np.exp(-epochs(n) / 15), 0.001, 1), 0.84 - 0.5 * fall, 0.98 - 0.6 * fall)


def diverged_nan(n: int = 20, at: int = 12) -> History:
    loss = np.where(epochs(n) >= at, np.nan, 1.5 - 0.05 * epochs(n))
    return run(loss, loss)


def diverged_blow_up(n: int = 30, at: int = 20) -> History:
    loss = np.where(epochs(n) >= at, 40.0, CHANCE * np.exp(-epochs(n) / 12))
    return run(loss, loss)


def collapsed(n: int = 40, at: int = 30) -> History:
    """From 98 % right to 40 %, on both sides of the split, and there it stays."""
    gone = epochs(n) >= at
    loss = np.where(gone, 1.6, 0.1 + CHANCE * np.exp(-epochs(n) / 4))
    right = np.where(gone, 0.4, 0.98 - 0.9 * np.exp(-epochs(n) / 4))
    return run(noisy(loss, 0.003), noisy(loss, 0.003, 1), right, right)


def flat_at_chance(n: int = 20) -> History:
    return run(noisy(np.full(n, CHANCE), 0.003), noisy(np.full(n, CHANCE), 0.003, 1), 0.10, 0.105)


def gap_without_rise(n: int = 40) -> History:
    fall = np.exp(-epochs(n) / 8)
    return run(noisy(0.60 + 1.6 * fall, 0.003), noisy(0.05 + 2.0 * fall, 0.003, 1), 0.82 - 0.5 * fall, 0.99 - 0.6 * fall)


def underfit(n: int = 40, reference: float | None = 0.91) -> History:
    fall = np.exp(-epochs(n) / 3)
    curves = noisy(1.10 + 1.1 * fall, 0.003), noisy(1.08 + 1.1 * fall, 0.003, 1)
    return run(*curves, 0.60 - 0.4 * fall, 0.61 - 0.4 * fall, yardstick=Yardstick(accuracy=reference))


def tiny_validation(seed: int, n: int = 60) -> History:
    """A healthy run whose 30 validation pictures make the curve jump by a tenth."""
    fall = np.exp(-epochs(n) / 10)
    accuracy = np.round(np.clip(noisy(0.88 - 0.5 * fall, 0.05, seed), 0, 1) * 30) / 30
    curves = noisy(0.45 + 1.6 * fall, 0.10, seed + 1000), 0.30 + 1.9 * fall - 0.002 * epochs(n)
    return run(*curves, accuracy, 0.91 - 0.5 * fall, n_val=30, n_probe=30)


def learning_rate_step(n: int = 60, at: int = 30) -> History:
    """The loss drops within two epochs of the step and creeps up by less than a percent afterwards."""
    after = epochs(n) > at
    val = np.where(after, 0.50 + 0.0001 * (epochs(n) - at), 0.80 + 1.4 * np.exp(-epochs(n) / 6))
    probe = np.where(after, 0.42 - 0.001 * (epochs(n) - at), 0.75 + 1.4 * np.exp(-epochs(n) / 6))
    return run(noisy(val, 0.002), noisy(probe, 0.002, 1), 0.96, 0.97, learning_rate=list(np.where(after, 3e-5, 1e-3)))


def watched() -> History:
    """Overfitting on the curves, but the pictures do not agree."""
    return replace(run(overfit().val_loss, overfit().probe_loss), pictures=pictures())


def pictures(n: int = 60, **said: float) -> Pictures:
    """The same at every epoch: as at the best one, well calibrated, unless `said` otherwise."""
    numbers = dict(paired_z=0.0, turned_wrong=0, turned_right=0, calibration_error=0.01, overconfidence=0.0, renamed_accuracy=np.nan) | said
    return Pictures(**{name: [value] * n for name, value in numbers.items()})


WORSE = {"paired_z": 30.0, "turned_wrong": 60, "turned_right": 20}
"""Every picture a little worse, 60 turned wrong, 20 turned right."""


def overconfident(n: int = 60) -> History:
    """Loss creeps up by less than 5 % while accuracy holds and confidence leaves it behind."""
    fall = np.exp(-epochs(n) / 6)
    val = noisy(0.48 + 1.8 * fall + 0.005 * np.clip(epochs(n) - 25, 0, 11), 0.0005)
    error = np.where(epochs(n) > 28, 0.07, 0.02)
    seen = replace(pictures(n), calibration_error=list(error), overconfidence=list(error))
    curves = val, noisy(0.01 + 1.5 * np.exp(-epochs(n) / 15), 0.001, 1)
    return replace(run(*curves, 0.84 - 0.5 * fall, 0.91 - 0.5 * fall), pictures=seen)


def by_heart(n: int = 40) -> History:
    """Random labels: the training pictures are learned, the others stay at chance."""
    probe = 2.3 * np.exp(-epochs(n) / 8)
    return run(noisy(CHANCE + 0.05 * epochs(n), 0.01), noisy(probe, 0.003, 1), 0.10, 1 - 0.9 * np.exp(-epochs(n) / 8))


def mixed_up(n: int = 30) -> History:
    """The validation labels are those of the next class."""
    fall = np.exp(-epochs(n) / 5)
    curves = noisy(3.5 + 0.1 * epochs(n), 0.01), noisy(0.1 + 2 * fall, 0.003, 1)
    return replace(run(*curves, 0.01, 0.97 - 0.8 * fall), pictures=pictures(n, renamed_accuracy=0.95))


def undertrained(n: int = 30) -> History:
    """Still falling when the plan ends."""
    fall = np.exp(-epochs(n) / 25)
    return run(noisy(0.3 + 2.0 * fall, 0.003), noisy(0.28 + 2.0 * fall, 0.003, 1), 0.9 - 0.6 * fall, 0.91 - 0.6 * fall)


def unstable(n: int = 40) -> History:
    """The validation loss jumps by a fifth."""
    fall = np.exp(-epochs(n) / 4)
    return run(noisy(0.7 + 1.6 * fall, 0.14), noisy(0.68 + 1.6 * fall, 0.01, 1), 0.80 - 0.5 * fall, 0.81 - 0.5 * fall)


def flat(n: int = 60) -> History:
    """Nothing moves any more, at full learning rate, and nothing is missing."""
    fall = np.exp(-epochs(n) / 4)
    curves = noisy(0.15 + 2.1 * fall, 0.002), noisy(0.12 + 2.1 * fall, 0.002, 1)
    return run(*curves, 0.96 - 0.8 * fall, 0.97 - 0.8 * fall, learning_rate=[1e-3] * n)


def prefix(history: History, n: int) -> History:
    short = {name: getattr(history, name)[:n] for name in SERIES}
    seen = history.pictures and Pictures(*(column[:n] for column in vars(history.pictures).values()))
    return replace(history, **short, pictures=seen)


GOLDEN = {
    "healthy": healthy(),
    "learning rate step": learning_rate_step(),
    "overfitting": overfit(),
    "overfitting seen in pictures": replace(overfit(), pictures=pictures(**WORSE)),
    "watch": watched(),
    "diverged by nan": diverged_nan(),
    "diverged by blow-up": diverged_blow_up(),
    "collapsed": collapsed(),
    "not learning": flat_at_chance(),
    "generalisation gap": gap_without_rise(),
    "underfitting": underfit(),
    "room unknown": underfit(reference=None),
    "too early": prefix(healthy(), 4),
    "tiny validation": tiny_validation(3),
    "overconfident": overconfident(),
    "memorising": by_heart(),
    "names mixed up": mixed_up(),
    "twins": replace(healthy(), exact_twins=0.02),
    "near twins": replace(healthy(), near_twins=0.05),
    "undertrained": undertrained(),
    "unstable": unstable(),
    "unstable beside others": replace(unstable(), yardstick=Yardstick(noise=0.01)),
    "plateau": flat(),
    "pictures not counted": replace(overfit(), n_val=None, n_probe=None),
    "easing": replace(overfit(), val_loss=[*overfit().val_loss[:57], 0.3, 0.3, 0.3]),
}
"""One history of every kind, for tests that must hold for all."""
