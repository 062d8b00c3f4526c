"""The rules in order of precedence: each looks at a case and says a verdict or None.

A new verdict is one function here, one line in `RULES`, and its words. Knows no words itself.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.diagnosis import measured
from engine.diagnosis import quantities as q
from engine.diagnosis.case import HOLD_MIN, Case
from engine.diagnosis.history import PerImage
from engine.diagnosis.holding import CLEAR_FACTOR, Held, held, held_at_once
from engine.diagnosis.measured import number
from engine.diagnosis.verdict import Evidence, Refutation, Tier, Verdict
from engine.statistics.proportions import wilson

EARLY_EPOCHS, EARLY_SHARE = 6, 0.10
"""Nothing is said before 6 epochs or 10 % of the plan: warm-up looks like every illness."""
BLOW_UP = 1.3
"""Training loss 30 % above chance and above its own minimum: it knows less than the class shares, and knew more."""
NOT_LEARNED_LOSS, NOT_LEARNED_MARGIN = 0.95, 0.05
"""Probe loss above 95 % of chance, and accuracy surely less than 5 points above the largest class."""
NOT_LEARNING_EPOCHS, NOT_LEARNING_SHARE = 5, 0.20
"""Even a slow start has left chance after 20 % of the plan."""
WATCH_RISE, WATCH_NATS = 0.02, 0.02
"""Validation loss up by 2 % and .02 nats: F1 .86 on 802 ImageNet runs, where patience rules reach .27."""
PROBE_FALL = 0.01
"""Training loss at least 1 % lower than at the best epoch: otherwise both rise, which is no overfitting."""
OVERFIT_RISE, OVERFIT_Z = 0.05, 2.33
"""Loss up 5 % and the pictures agree at one-sided p = .01."""
OVERFIT_P, OVERFIT_FALL = 0.05, 0.005
"""Or accuracy down by half a point, McNemar p below .05."""
OVERFIT_GAP, GAP = 0.10, 0.05
"""Or a gap surely above 10 points; above 5 points it is worth a word of its own."""
ROOM_UNKNOWN = 0.95
"""Without finished runs to compare with, flat training above 95 % right leaves too little room to speak of."""


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


def too_early(case: Case, _previous: Verdict | None = None) -> Finding | None:
    """Fewer than 6 judged epochs, or less than 10 % of the plan; a loss that is no number is said at once."""
    needed = max(EARLY_EPOCHS, math.ceil(EARLY_SHARE * case.history.planned_epochs))
    if (case.m >= EARLY_EPOCHS and case.n >= needed) or non_finite_signal(case).on:
        return None
    epochs = Evidence("epochs", case.n, needed, fields={"judged": case.m, "planned": case.history.planned_epochs})
    return Finding("too_early", None, (epochs,), Refutation("enough_epochs", needed, max(1, needed - case.n)))


def non_finite_signal(case: Case) -> Held:
    """A loss that is no finite number, by epoch."""
    return held_at_once(case.broken, HOLD_MIN)


def diverged(case: Case, _previous: Verdict | None = None) -> Finding | None:
    """A loss that is not finite, or training loss far above chance and above its minimum for 3 epochs."""
    signal = non_finite_signal(case)
    if not signal.on:
        return blown_up(case)
    since, last = signal.since_row + 1, int(np.flatnonzero(signal.raw)[-1]) + 1
    evidence = Evidence("non_finite", last, fields={"count": int(signal.raw.sum())})
    refuted = Refutation("finite", None, CLEAR_FACTOR * HOLD_MIN)
    return Finding("diverged", "certain", (evidence,), refuted, since_epoch=since, modifiers=_easing(signal))


def blown_up(case: Case) -> Finding | None:
    """Training loss above 1.3 times chance and 1.3 times its own minimum, 3 epochs in a row."""
    chance_loss = case.chance[0]
    if not np.any(case.losses["train_loss"] > BLOW_UP * chance_loss):  # spares a millisecond of medians on nearly every run
        return None
    rows = np.flatnonzero(np.isfinite(case.losses["train_loss"]))
    train = q.smooth(case.losses["train_loss"][rows][None])
    limit = BLOW_UP * np.maximum(chance_loss, train.then[0])
    signal = held(train.now[0] > limit, HOLD_MIN)
    if not signal.on:
        return None
    fields = {"best_loss": float(train.then[0, -1]), "chance_loss": chance_loss, "best_epoch": int(rows[train.best_row[-1]]) + 1}
    evidence = Evidence("blow_up", float(train.now[0, -1]), float(limit[-1]), fields=fields)
    refuted = Refutation("train_below", float(limit[-1]), CLEAR_FACTOR * HOLD_MIN)
    since = int(rows[signal.since_row]) + 1
    return Finding("diverged", "certain", (evidence,), refuted, since_epoch=since, modifiers=_easing(signal))


def not_learning(case: Case, _previous: Verdict | None = None) -> Finding | None:
    """After 20 % of the plan the probe still stands at chance, in loss and in accuracy."""
    if case.n < max(NOT_LEARNING_EPOCHS, NOT_LEARNING_SHARE * case.history.planned_epochs):
        return None
    loss_limit, accuracy_limit = NOT_LEARNED_LOSS * case.chance[0], case.chance[1] + NOT_LEARNED_MARGIN
    low, high = wilson(case.probe_accuracy, case.history.n_probe)
    signal = held((case.probe > loss_limit) & (high < accuracy_limit), case.hold)
    if not signal.on:
        return None
    accuracy, fields = float(case.probe_accuracy[-1]), {"chance_share": case.chance[1]}
    evidence = (
        Evidence("chance_loss", float(case.probe[-1]), loss_limit, fields={"chance_loss": case.chance[0]}),
        Evidence("chance_accuracy", accuracy, accuracy_limit, float(low[-1]), float(high[-1]), fields),
    )
    refuted = Refutation("leaves_chance", loss_limit, _clear(signal), {"share": accuracy_limit})
    return _held_finding(case, signal, Finding("not_learning", "strong", evidence, refuted, _probe_precision(case)))


def watch_raw(case: Case) -> np.ndarray:
    """Validation loss up by max(2 %, .02 nats) while the probe is at least 1 % lower than at the best, `(m,)`."""
    risen = case.val - case.val_best >= np.maximum(WATCH_RISE * case.val_best, WATCH_NATS)
    return risen & (case.probe <= (1 - PROBE_FALL) * case.probe_then)


def overfit_signal(case: Case) -> Held:
    """The watch rule held max(3, 5 % n) epochs."""
    return held(watch_raw(case), case.hold)


def overfitting(case: Case, previous: Verdict | None = None) -> Finding | None:
    """The held watch rule, confirmed by the pictures where there are any; once confirmed, until the signal clears."""
    signal, images = overfit_signal(case), case.history.images
    if not signal.on:
        return None
    precision, refuted = _val_precision(case), _below_best(case, _clear(signal))
    if images is not None:
        said = previous is not None and previous.name == "overfitting" and previous.since_epoch == case.epoch(signal.since_row)
        evidence, confirmed = _confirmation(case, images)
        found = Finding("overfitting", "strong", evidence, refuted, precision)
        return _held_finding(case, signal, found) if confirmed or said else None
    # Nothing to confirm with: a validation set too small for its accuracy leaves it at "watch".
    evidence = (measured.rise(case, _watch_share(case)), measured.gap(case, OVERFIT_GAP))
    found = Finding("overfitting", "medium", evidence, refuted, precision)
    return None if measured.is_low(precision) else _held_finding(case, signal, found)


def _confirmation(case: Case, images: PerImage) -> tuple[tuple[Evidence, ...], bool]:
    """The evidence, what decides first, and whether one of the three confirmations holds."""
    rise, gap = measured.rise(case, OVERFIT_RISE), measured.gap(case, OVERFIT_GAP)
    flips, paired = measured.flips(images, OVERFIT_P), measured.paired_loss(images, OVERFIT_Z)
    by_loss = number(rise.value) > OVERFIT_RISE and number(paired.value) > OVERFIT_Z
    by_flips = number(flips.value) < OVERFIT_P and number(flips.fields["fall"]) >= OVERFIT_FALL
    order = (rise, paired, gap, flips) if by_loss and not by_flips else (rise, gap, flips, paired)
    return order, by_loss or by_flips or number(gap.low) > OVERFIT_GAP


def watch(case: Case, _previous: Verdict | None = None) -> Finding | None:
    """The watch rule held 3 epochs."""
    signal = held(watch_raw(case), HOLD_MIN)
    if not signal.on:
        return None
    evidence = (measured.rise(case, _watch_share(case)), measured.gap(case, OVERFIT_GAP))
    return _held_finding(case, signal, Finding("watch", "weak", evidence, _below_best(case, _clear(signal)), _val_precision(case)))


def generalisation_gap(case: Case, _previous: Verdict | None = None) -> Finding | None:
    """A gap surely above 5 points while validation loss is not rising."""
    rising = case.val - case.val_best >= np.maximum(WATCH_RISE * case.val_best, WATCH_NATS)
    signal = held((case.gap_interval[0] > GAP) & ~rising, case.hold)
    if not signal.on:
        return None
    evidence, refuted = (measured.gap(case, GAP), measured.steady(case)), Refutation("gap_below", GAP, _clear(signal))
    return _held_finding(case, signal, Finding("generalisation_gap", "medium", evidence, refuted, _val_precision(case)))


def underfitting(case: Case, _previous: Verdict | None = None) -> Finding | None:
    """Training is flat below what finished runs reach on unseen pictures; without such runs the room is unknown."""
    reference = case.history.reference_accuracy
    change, flat = q.plateau(case.losses["probe_loss"][case.rows], case.probe)
    low, high = wilson(case.probe_accuracy, case.history.n_probe)
    known = math.isfinite(number(reference))
    limit = number(reference) if known else ROOM_UNKNOWN
    signal = held((np.abs(change) < flat) & (high < limit) & (case.gap < GAP), case.hold)
    if not signal.on:
        return None
    stretch = int(q.plateau_lengths(case.m)[-1])
    room = Evidence("reference" if known else "no_reference", float(case.probe_accuracy[-1]), limit, float(low[-1]), float(high[-1]))
    plateau = Evidence("flat", float(change[-1]), float(flat[-1]), fields={"stretch": stretch, "probe_loss": float(case.probe[-1])})
    refuted = Refutation("room" if known else "room_unknown", limit, _clear(signal), {"change": float(flat[-1]), "stretch": stretch})
    evidence, precision = (room, plateau, measured.gap(case, GAP)), _probe_precision(case)
    if known:
        return _held_finding(case, signal, Finding("underfitting", "medium", evidence, refuted, precision))
    return _held_finding(case, signal, Finding("underfitting", "weak", evidence, refuted, precision, modifiers=("room_unknown",)))


def healthy(case: Case, _previous: Verdict | None = None) -> Finding:
    """None of the others."""
    refuted = Refutation("above_best", _watch_limit(case), HOLD_MIN, {"window": int(q.window_lengths(case.m)[-1])})
    return Finding("healthy", None, (measured.steady(case), measured.gap(case, GAP)), refuted, _val_precision(case))


def _held_finding(case: Case, signal: Held, found: Finding) -> Finding:
    """The finding with its first epoch, and the mark that its signal is easing."""
    modifiers = found.modifiers + _easing(signal)
    return Finding(found.name, found.tier, found.evidence, found.refuted_by, found.precision, case.epoch(signal.since_row), modifiers)


def _easing(signal: Held) -> tuple[str, ...]:
    """Still said, but not true at this epoch: the words must not claim it is going on."""
    return () if signal.raw[-1] else ("easing",)


def _clear(signal: Held) -> int:
    """Epochs in a row without the signal that take the verdict back."""
    return int(signal.clear[-1])


def _watch_limit(case: Case) -> float:
    """The validation loss at which watching starts."""
    best = float(case.val_best[-1])
    return best + max(WATCH_RISE * best, WATCH_NATS)


def _watch_share(case: Case) -> float | None:
    """The same as a share of the best loss."""
    best = float(case.val_best[-1])
    return max(WATCH_RISE, WATCH_NATS / best) if best > 0 else None


def _below_best(case: Case, epochs: int) -> Refutation:
    return Refutation("below_best", _watch_limit(case), epochs, {"window": int(q.window_lengths(case.m)[-1])})


def _val_precision(case: Case) -> Evidence:
    return measured.precision(float(case.val_accuracy[-1]), case.history.n_val)


def _probe_precision(case: Case) -> Evidence:
    return measured.precision(float(case.probe_accuracy[-1]), case.history.n_probe)


RULES: tuple[Rule, ...] = (too_early, diverged, not_learning, overfitting, watch, generalisation_gap, underfitting, healthy)
