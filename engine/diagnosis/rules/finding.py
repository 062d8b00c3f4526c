"""What a rule finds, and what all rules do with it: date it, mark it as easing, say how long it takes to be taken back."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.diagnosis import measured
from engine.diagnosis.case import Case
from engine.diagnosis.holding import Held
from engine.diagnosis.verdict import Evidence, Refutation, Tier, Verdict


@dataclass(frozen=True)
class Finding:
    """What a rule found, before low evidence caps it: `precision` is that of the accuracy it rests upon, None for neither."""

    name: str
    tier: Tier | None
    evidence: tuple[Evidence, ...]
    refuted_by: Refutation
    precision: Evidence | None = None
    since_epoch: int | None = None
    modifiers: tuple[str, ...] = ()


Rule = Callable[[Case, Verdict | None], Finding | None]


def dated(case: Case, signal: Held, found: Finding) -> Finding:
    """The finding with its first epoch, and the mark that its signal is easing: still said, but not true at this epoch."""
    easing = () if signal.raw[-1] else ("easing",)
    return replace(found, since_epoch=case.epoch(signal.since_row), modifiers=found.modifiers + easing)


def clearing(signal: Held) -> int:
    """Epochs in a row without the signal that take the verdict back."""
    return int(signal.clear[-1])


def val_precision(case: Case) -> Evidence:
    """How well the validation accuracy is known."""
    return measured.precision(float(case.val_accuracy[-1]), case.n_val, case.history.n_val)


def probe_precision(case: Case) -> Evidence:
    """How well the probe accuracy is known."""
    return measured.precision(float(case.probe_accuracy[-1]), case.n_probe, case.history.n_probe)
