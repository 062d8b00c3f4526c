"""Counts -> rates with intervals, and the lines of the table. Knows no run."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.statistics.proportions import wilson


def rate(count: int, of: int) -> str:
    """`2.1 % (0.9 to 4.6, 7 of 318)`, by Wilson."""
    if not of:
        return "none to count"
    low, high = wilson(count / of, of)
    return f"{100 * count / of:.1f} % ({100 * max(0.0, float(low)):.1f} to {100 * float(high):.1f}, {count} of {of})"


@dataclass(frozen=True)
class Alarmed:
    """A yes-or-no alarm over many runs: which were ill, which were alarmed."""

    ill: np.ndarray
    alarmed: np.ndarray

    @property
    def f1(self) -> float:
        both = int(np.sum(self.ill & self.alarmed))
        return 2 * both / max(int(np.sum(self.ill)) + int(np.sum(self.alarmed)), 1)

    def line(self) -> str:
        """F1, caught, false alarms."""
        caught, false = int(np.sum(self.ill & self.alarmed)), int(np.sum(~self.ill & self.alarmed))
        recall, alarms = rate(caught, int(self.ill.sum())), rate(false, int((~self.ill).sum()))
        return f"F1 {self.f1:.3f}   caught {recall}   false alarms {alarms}"


def macro(pairs: Iterable[tuple[str, str]]) -> tuple[float, dict[str, tuple[float, int, int, int]]]:
    """Macro-F1 over the true names, and by name: F1, right, true, said. `pairs` are (true, said)."""
    counts, known = Counter(pairs), {}
    for name in sorted({true for true, _ in counts}):
        right = counts[name, name]
        true = sum(number for (a, _), number in counts.items() if a == name)
        told = sum(number for (_, b), number in counts.items() if b == name)
        known[name] = (2 * right / (true + told), right, true, told)
    return float(np.mean([each[0] for each in known.values()])) if known else 0.0, known


def confusion(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """What was taken for what, where it was taken for something else."""
    counts = Counter((true, told) for true, told in pairs if true != told)
    return [f"  {true} taken for {told}: {number}" for (true, told), number in counts.most_common()]
