"""Runs of known shape, made from a few numbers each: what the curves of a healthy or ill run look like."""

from dataclasses import replace

import numpy as np

from engine.diagnosis import History, PerImage

TEN = (500,) * 10
CHANCE = float(np.log(10))
SERIES = ("val_loss", "val_accuracy", "probe_loss", "probe_accuracy", "train_loss")


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
    return run(noisy(0.35 + 1.8 * cosine, 0.003), noisy(0.25 + 1.8 * cosine, 0.003, 1), 0.93 - 0.6 * cosine, 0.96 - 0.6 * cosine)


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


def flat_at_chance(n: int = 20) -> History:
    return run(noisy(np.full(n, CHANCE), 0.003), noisy(np.full(n, CHANCE), 0.003, 1), 0.10, 0.105)


def gap_without_rise(n: int = 40) -> History:
    fall = np.exp(-epochs(n) / 8)
    return run(noisy(0.60 + 1.6 * fall, 0.003), noisy(0.05 + 2.0 * fall, 0.003, 1), 0.82 - 0.5 * fall, 0.99 - 0.6 * fall)


def underfit(n: int = 40, reference: float | None = 0.91) -> History:
    fall = np.exp(-epochs(n) / 3)
    curves = noisy(1.10 + 1.1 * fall, 0.003), noisy(1.08 + 1.1 * fall, 0.003, 1)
    return run(*curves, 0.60 - 0.4 * fall, 0.61 - 0.4 * fall, reference_accuracy=reference)


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
    return run(noisy(val, 0.002), noisy(probe, 0.002, 1))


def watched() -> History:
    """Overfitting on the curves, but the pictures do not agree."""
    return replace(run(overfit().val_loss, overfit().probe_loss), images=same_pictures(25))


def same_pictures(best: int, n: int = 2000) -> PerImage:
    loss = np.random.default_rng(5).exponential(0.5, n)
    return PerImage(best, loss, loss[::-1].copy(), np.ones(n), np.ones(n))


def worse_pictures(best: int, n: int = 2000) -> PerImage:
    """Every picture a little worse, 60 turned wrong, 20 turned right."""
    rng = np.random.default_rng(5)
    loss = rng.exponential(0.5, n)
    before, now = np.ones(n), np.ones(n)
    now[:60], before[60:80] = 0, 0
    return PerImage(best, loss, loss + rng.exponential(0.1, n), before, now)


def prefix(history: History, n: int) -> History:
    return replace(history, **{name: getattr(history, name)[:n] for name in SERIES})


GOLDEN = {
    "healthy": healthy(),
    "learning rate step": learning_rate_step(),
    "overfitting": overfit(),
    "overfitting seen in pictures": replace(overfit(), images=worse_pictures(25)),
    "watch": watched(),
    "diverged by nan": diverged_nan(),
    "diverged by blow-up": diverged_blow_up(),
    "not learning": flat_at_chance(),
    "generalisation gap": gap_without_rise(),
    "underfitting": underfit(),
    "room unknown": underfit(reference=None),
    "too early": prefix(healthy(), 4),
    "tiny validation": tiny_validation(3),
    "easing": replace(overfit(), val_loss=[*overfit().val_loss[:57], 0.3, 0.3, 0.3]),
}
"""One history of every kind, for tests that must hold for all."""
