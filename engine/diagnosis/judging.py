"""From a history, and what was said before, to the one verdict that comes first. Pure."""

from dataclasses import dataclass, replace

import numpy as np

from engine.diagnosis import measured
from engine.diagnosis.case import Case, Known
from engine.diagnosis.history import History
from engine.diagnosis.rules import RULES
from engine.diagnosis.rules.beginning import early_rows
from engine.diagnosis.rules.finding import Finding
from engine.diagnosis.rules.generalisation import overfit_signal, watch_signal
from engine.diagnosis.verdict import SHOWN, Verdict
from engine.statistics.proportions import half_width, wilson

RIVALS = 10
"""The best of ten runs by the same pictures is expected 1.5 standard errors too high (order statistics of the normal distribution)."""
NOISY_LABELS_FALL, NOISY_LABELS_PROBE = 0.02, 0.95
"""Accuracy down by two points while nearly all training pictures are learned: clean labels rarely cost accuracy, wrong ones do when they
are learned by heart (Arpit et al. 2017)."""


@dataclass(frozen=True)
class Alarms:
    """The 1-based epochs at which overfitting, and at which a watch, were first to be seen in the curves alone."""

    overfitting: int | None
    watch: int | None


def judge(history: History, previous: Verdict | None = None, known: Known | None = None) -> Verdict:
    """What is said about the run now. `previous` only keeps an overfitting confirmed by its pictures while its signal holds.

    `known`, handed over from epoch to epoch of one run, spares computing its earlier rows again; the verdict is the same without.
    """
    with np.errstate(all="ignore"):
        case = Case(history, known or Known())
        found = next(found for rule in RULES if (found := rule(case, previous)) is not None)
        return _verdict(case, _with_modifiers(case, _capped(found)))


def alarms(history: History) -> Alarms:
    """When each would first have been raised without looking at pictures, by causal replay; what else was wrong may have come first."""
    with np.errstate(all="ignore"):
        case = Case(history)
        low, high = wilson(case.val_accuracy, case.n_val)
        half = np.where(np.isfinite(case.val_accuracy), (high - low) / 2, half_width(case.n_val))
        precise = (half <= measured.LOW_EVIDENCE) | (case.n_val == 0)
        sayable = ~early_rows(case)
        return Alarms(_first(case, overfit_signal(case).state & sayable & precise), _first(case, watch_signal(case).state & sayable))


def _first(case: Case, said: np.ndarray) -> int | None:
    rows = np.flatnonzero(said)
    return case.epoch(rows[0]) if len(rows) else None


def _capped(found: Finding) -> Finding:
    """Low evidence caps the tier at weak, and its own line is among those shown."""
    if found.precision is None or not measured.is_low(found.precision):
        return found
    shown = found.evidence[: SHOWN - 1]
    evidence = (*shown, found.precision, *found.evidence[SHOWN - 1 :])
    return replace(found, tier=found.tier and "weak", evidence=evidence, modifiers=("low_evidence", *found.modifiers))


def _with_modifiers(case: Case, found: Finding) -> Finding:
    """What rides along with any verdict."""
    if found.name == "too_early":
        return found
    riding = {
        "imbalanced": case.imbalanced,
        "rate_dropped": bool(case.m) and bool(case.rate_dropped[-1]),
        "best_of_many": case.history.yardstick.runs >= RIVALS,
        "noisy_labels": _noisy_labels(case),
    }
    return replace(found, modifiers=(*found.modifiers, *(name for name, rides in riding.items() if rides)))


def _noisy_labels(case: Case) -> bool:
    """Whether accuracy fell, surely, while nearly every training picture came to be right."""
    if case.history.pictures is None or not case.m or not case.probe_accuracy[-1] > NOISY_LABELS_PROBE:
        return False
    flips = measured.flips(case, 0.05)
    fallen = float(case.val_accuracy_then[-1] - case.val_accuracy[-1])
    return fallen >= NOISY_LABELS_FALL and measured.number(flips.value) < 0.05 and measured.number(flips.fields["fall"]) > 0


def _verdict(case: Case, found: Finding) -> Verdict:
    """The finding as a stored verdict."""
    return Verdict(
        name=found.name,
        tier=found.tier,
        since_epoch=found.since_epoch,
        best_epoch=case.best_epoch,
        epoch=case.n,
        evidence=found.evidence,
        modifiers=found.modifiers,
        refuted_by=found.refuted_by,
    )
