"""From a history to the one verdict that comes first. Pure: the same history always gets the same verdict."""

from dataclasses import replace

import numpy as np

from engine.diagnosis import measured
from engine.diagnosis.case import Case
from engine.diagnosis.history import History
from engine.diagnosis.rules import EARLY_EPOCHS, EARLY_SHARE, RULES, Finding, overfit_signal
from engine.diagnosis.verdict import Verdict
from engine.statistics.proportions import wilson

EVIDENCE_LINES = 3
"""The card shows three lines; the precision line must be among them when it caps the verdict."""


def judge(history: History, previous: Verdict | None = None) -> Verdict:
    """What is said about the run now. `previous` only keeps an overfitting confirmed by its pictures while its signal holds."""
    with np.errstate(all="ignore"):
        case = Case(history)
        found = next(found for rule in RULES if (found := rule(case, previous)) is not None)
        return _verdict(case, _capped(found))


def first_alarm(history: History) -> int | None:
    """The 1-based epoch at which `judge` without pictures would first have said overfitting, by causal replay of the curves."""
    with np.errstate(all="ignore"):
        case = Case(history)
        epochs, judged = case.rows + 1, np.arange(1, case.m + 1)
        early = (judged < EARLY_EPOCHS) | (epochs < EARLY_SHARE * history.planned_epochs)
        low, high = wilson(case.val_accuracy, history.n_val)
        said = np.flatnonzero(overfit_signal(case).state & ~early & ((high - low) / 2 <= measured.LOW_EVIDENCE))
        return case.epoch(said[0]) if len(said) else None


def _capped(found: Finding) -> Finding:
    """Low evidence caps the tier at weak and shows its own line."""
    if found.precision is None or not measured.is_low(found.precision):
        return found
    shown = found.evidence[: EVIDENCE_LINES - 1]
    evidence = (*shown, found.precision, *found.evidence[EVIDENCE_LINES - 1 :])
    return replace(found, tier=found.tier and "weak", evidence=evidence, modifiers=("low_evidence", *found.modifiers))


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
