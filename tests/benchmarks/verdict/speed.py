"""How long a verdict takes: one more epoch of a long run, and the replay of many recorded curves. Asserts nothing."""

import statistics
import time
from dataclasses import replace

import numpy as np

from engine.diagnosis import History, Known, Pictures, judge
from engine.diagnosis.curves import replay

EPOCHS, CURVES, POINTS = 1_000, 10_000, 100


def tell() -> None:
    """Milliseconds a call, seconds for all."""
    history, known, took = _long(), Known(), []
    for n in range(EPOCHS - 50, EPOCHS + 1):
        seen = history.pictures and Pictures(*(column[:n] for column in vars(history.pictures).values()))
        names = ("val_loss", "val_accuracy", "probe_loss", "probe_accuracy", "train_loss", "learning_rate")
        short = replace(history, **{name: getattr(history, name)[:n] for name in names}, pictures=seen)
        begun = time.perf_counter()
        judge(short, known=known)
        took.append(1000 * (time.perf_counter() - begun))
    median = statistics.median(took[1:])
    print(f"a verdict at {EPOCHS:,} epochs, every rule asked: median {median:.1f} ms; the first, from nothing, {took[0]:.1f} ms")
    curves = [_curve(seed) for seed in range(CURVES // 10)]
    begun = time.perf_counter()
    for curve in curves:
        replay(curve)
    print(f"{CURVES:,} recorded curves of {POINTS} points: {10 * (time.perf_counter() - begun):.0f} s, by a tenth of them")


def _long() -> History:
    """A run that goes well, so that no rule is spared; lists of numbers, as the worker has them."""
    draw, t = np.random.default_rng(0), np.arange(1, EPOCHS + 1)
    fall = np.exp(-t / 300)
    val, probe = 0.3 + 2 * fall + draw.normal(0, 0.01, EPOCHS), 0.28 + 2 * fall + draw.normal(0, 0.005, EPOCHS)
    accuracy = 0.9 - 0.5 * fall
    constant = Pictures(*(np.full(EPOCHS, value) for value in (0.0, 5.0, 5.0, 0.02, 0.01, np.nan)))
    series = [column.tolist() for column in (val, accuracy, probe, accuracy + 0.01, probe)]
    return History(*series, 2000, 2000, (500,) * 10, 2 * EPOCHS, [1e-3] * EPOCHS, pictures=constant)


def _curve(seed: int) -> dict[str, object]:
    draw, t = np.random.default_rng(seed), np.arange(1, POINTS + 1)
    fall = np.exp(-t / 15)
    val = 0.5 + 2 * fall + 0.01 * np.maximum(t - 50, 0) * (seed % 2) + draw.normal(0, 0.01, POINTS)
    train = 0.3 + 2 * fall - 0.002 * t
    accuracies = {"train_accuracy": (0.9 - 0.5 * fall).tolist(), "val_accuracy": (0.85 - 0.5 * fall).tolist()}
    return {"run": seed, "num_classes": 10, "train_loss": train.tolist(), "val_loss": val.tolist(), **accuracies}
