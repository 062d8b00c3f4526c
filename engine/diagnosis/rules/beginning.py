"""Whether the run learns at all: too early, diverged, not learning."""

import math

import numpy as np

from engine.diagnosis import quantities as q
from engine.diagnosis.case import HOLD_MIN, Case
from engine.diagnosis.holding import CLEAR_FACTOR, held, held_at_once
from engine.diagnosis.rules.finding import Finding, clearing, dated, probe_precision
from engine.diagnosis.verdict import Evidence, Refutation, Verdict
from engine.statistics.proportions import wilson

EARLY_EPOCHS, EARLY_SHARE = 6, 0.10
"""Nothing is said before 6 epochs or 10 % of the plan: warm-up looks like every illness."""
BLOW_UP, ABSURD = 1.3, 2.0
"""Training loss 30 % above chance and above its own minimum: it knows less than the class shares, and knew more. Or twice what it costs to
hold all classes equally likely: it never knew more, and is sure of what is wrong."""
COLLAPSE = 0.5
"""Or half of what it had come down from chance is lost, and it is 30 % above its minimum: too much for a restart of the learning rate."""
NOT_LEARNED_LOSS, NOT_LEARNED_MARGIN = 0.95, 0.05
"""Probe loss above 95 % of chance, and accuracy surely less than 5 points above the largest class."""
NOTHING_LEARNED_LOSS = 0.975
"""Or a loss within 2.5 % of chance: the answers are all but uniform, which few pictures can show where their accuracy cannot."""
NOT_LEARNING_EPOCHS, NOT_LEARNING_SHARE = 5, 0.20
"""Even a slow start has left chance after 20 % of the plan."""


def too_early(case: Case, _previous: Verdict | None = None) -> Finding | None:
    """Fewer than 6 judged epochs, or less than 10 % of the plan."""
    needed = max(EARLY_EPOCHS, math.ceil(EARLY_SHARE * case.history.planned_epochs))
    if case.m >= EARLY_EPOCHS and case.n >= needed:
        return None
    epochs = Evidence("epochs", case.n, needed, fields={"judged": case.m, "planned": case.history.planned_epochs})
    return Finding("too_early", None, (epochs,), Refutation("enough_epochs", needed, max(1, needed - case.n)))


def early_rows(case: Case) -> np.ndarray:
    """At which rows `(m,)` it was too early to say anything."""
    judged = np.arange(1, case.m + 1)
    return (judged < EARLY_EPOCHS) | (case.rows + 1 < EARLY_SHARE * case.history.planned_epochs)


def diverged(case: Case, _previous: Verdict | None = None) -> Finding | None:
    """A loss that is not finite, or training loss that left its range for 3 epochs. It is never too early to say so."""
    signal = held_at_once(case.broken, HOLD_MIN)
    if not signal.on:
        return _blown_up(case)
    since, last = signal.since_row + 1, int(np.flatnonzero(signal.raw)[-1]) + 1
    evidence = Evidence("non_finite", last, fields={"count": int(signal.raw.sum())})
    refuted = Refutation("finite", None, CLEAR_FACTOR * HOLD_MIN)
    easing = () if signal.raw[-1] else ("easing",)
    return Finding("diverged", "certain", (evidence,), refuted, since_epoch=since, modifiers=easing)


def _blown_up(case: Case) -> Finding | None:
    """Training loss far above chance and its own minimum, or back half the way to chance, 3 epochs in a row."""
    rows = np.flatnonzero(np.isfinite(case.losses["train_loss"]))
    loss = case.losses["train_loss"][rows]
    absurd = ABSURD * case.ignorance
    if not np.any((loss > BLOW_UP * np.minimum.accumulate(loss)) | (loss > absurd)):  # spares the medians on nearly every run
        return None
    smoothed = q.smooth(loss[None])
    lowest, (chance_loss, _) = smoothed.then[0], case.chance
    start = chance_loss if np.isfinite(chance_loss) else smoothed.now[0, :HOLD_MIN][-1]
    far = np.fmin(BLOW_UP * np.maximum(chance_loss, lowest), absurd)
    lost = np.maximum(BLOW_UP * lowest, lowest + COLLAPSE * (start - lowest))
    limit = np.fmin(far, lost)
    signal = held(loss > limit, HOLD_MIN)
    if not signal.on:
        return None
    worse = bool(loss[-1] > far[-1])
    fields = {"best_loss": float(lowest[-1]), "chance_loss": chance_loss, "best_epoch": int(rows[smoothed.best_row[-1]]) + 1}
    evidence = Evidence("blow_up" if worse else "collapse", float(loss[-1]), float(limit[-1]), fields=fields)
    refuted = Refutation("train_below", float(limit[-1]), CLEAR_FACTOR * HOLD_MIN)
    easing = () if signal.raw[-1] else ("easing",)
    since = int(rows[signal.since_row]) + 1
    return Finding("diverged", "certain" if worse else "strong", (evidence,), refuted, since_epoch=since, modifiers=easing)


def not_learning(case: Case, _previous: Verdict | None = None) -> Finding | None:
    """After 20 % of the plan the probe still stands at chance, in loss and in accuracy."""
    if case.n < max(NOT_LEARNING_EPOCHS, NOT_LEARNING_SHARE * case.history.planned_epochs):
        return None
    loss_limit, accuracy_limit = NOT_LEARNED_LOSS * case.chance[0], case.chance[1] + NOT_LEARNED_MARGIN
    low, high = wilson(case.probe_accuracy, case.n_probe)
    uniform = (case.probe > NOTHING_LEARNED_LOSS * case.chance[0]) & (low < accuracy_limit)
    signal = held((case.probe > loss_limit) & ((high < accuracy_limit) | uniform), case.hold)
    if not signal.on:
        return None
    accuracy, fields = float(case.probe_accuracy[-1]), {"chance_share": case.chance[1]}
    evidence = (
        Evidence("chance_loss", float(case.probe[-1]), loss_limit, fields={"chance_loss": case.chance[0]}),
        Evidence("chance_accuracy", accuracy, accuracy_limit, float(low[-1]), float(high[-1]), fields),
    )
    refuted = Refutation("leaves_chance", loss_limit, clearing(signal), {"share": accuracy_limit})
    return dated(case, signal, Finding("not_learning", "strong", evidence, refuted, probe_precision(case)))
