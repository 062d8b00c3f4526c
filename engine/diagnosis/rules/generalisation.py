"""Whether what is learned holds for other pictures: overfitting, watch, overconfident, gap, memorising, data suspect."""

import numpy as np

from engine.diagnosis import measured
from engine.diagnosis import quantities as q
from engine.diagnosis.answers import PURE
from engine.diagnosis.case import HOLD_MIN, Case
from engine.diagnosis.holding import Held, held
from engine.diagnosis.measured import number
from engine.diagnosis.rules.finding import Finding, clearing, dated, val_precision
from engine.diagnosis.verdict import Evidence, Refutation, Verdict
from engine.statistics.proportions import wilson

WATCH_RISE, WATCH_NATS = 0.02, 0.02
"""Validation loss up by 2 % and .02 nats: F1 .86 on 802 ImageNet runs, where patience rules reach .27."""
WATCH_NOISE = 2.0
"""And by two standard errors of the two medians it is the difference of: without it 2.2 % instead of 1.3 % of the healthy ImageNet runs are
alarmed, and 5 instead of none of the ill ones before their test loss turns."""
MEDIAN_ERROR = 1.2533
"""The standard error of a median over that of a mean, of normal noise: sqrt(pi / 2)."""
PROBE_FALL = 0.01
"""Training loss at least 1 % lower than at the best epoch: otherwise both rise, which is no overfitting."""
OVERFIT_RISE, OVERFIT_Z = 0.05, 2.33
"""Loss up 5 % and the pictures agree at one-sided p = .01."""
OVERFIT_P, OVERFIT_FALL = 0.05, 0.005
"""Or accuracy down by half a point, McNemar p below .05."""
OVERFIT_GAP, GAP = 0.10, 0.05
"""Or a gap surely above 10 points; above 5 points it is worth a word of its own."""
CALIBRATION, CALIBRATION_RISE = 0.05, 0.02
"""Confidence 5 points off the accuracy, or 2 points more than at the best epoch: below that nobody would decide otherwise."""
KNOWN_BY_HEART = 0.7
"""Training pictures right, while others are guessed at: more than most networks have of pictures that teach nothing."""
EXACT_TWINS, NEAR_TWINS = 0.005, 0.02
"""Validation pictures that are training pictures too: half a point of accuracy may be theirs; of near ones two, for a hash may err."""
DROP_PATIENCE = 2
"""After a drop of the learning rate the watch waits twice as long: the curves settle on another level first."""


def watch_raw(case: Case) -> np.ndarray:
    """Validation loss up by what is worth watching while the probe is at least 1 % lower than at the best, `(m,)`."""
    return (case.val - case.val_best >= watch_rise(case)) & (case.probe <= (1 - PROBE_FALL) * case.probe_then)


def watch_rise(case: Case) -> np.ndarray:
    """The rise of the validation loss that is worth watching: 2 %, .02 nats and beyond its noise, `(m,)` in nats."""
    error = MEDIAN_ERROR * case.noise * np.sqrt(2 / q.window_lengths(case.m))
    return np.maximum(np.maximum(WATCH_RISE * case.val_best, WATCH_NATS), WATCH_NOISE * error)


def watch_signal(case: Case) -> Held:
    """The watch rule held 3 epochs, 6 after a drop of the learning rate."""
    return held(watch_raw(case), _patient(case, np.full(case.m, HOLD_MIN)))


def overfit_signal(case: Case) -> Held:
    """The watch rule held max(3, 5 % n) epochs, twice that after a drop of the learning rate."""
    return held(watch_raw(case), _patient(case, case.hold))


def _patient(case: Case, hold: np.ndarray) -> np.ndarray:
    return np.where(case.rate_dropped, DROP_PATIENCE * hold, hold)


def data_suspect(case: Case, _previous: Verdict | None = None) -> Finding | None:
    """Validation pictures that are training pictures too, or right answers under wrong names."""
    history = case.history
    twins = (("exact_twins", history.exact_twins, EXACT_TWINS), ("near_twins", history.near_twins, NEAR_TWINS))
    found = tuple(Evidence(name, share, limit, fields={"pictures": history.n_val}) for name, share, limit in twins if number(share) > limit)
    if found:
        return Finding("data_suspect", "strong", found, Refutation("no_twins", found[0].threshold, 1))
    return _mixed_up(case)


def _mixed_up(case: Case) -> Finding | None:
    """Validation surely below chance, while renaming the classes makes most answers right."""
    if case.history.pictures is None:
        return None
    renamed = case.by_row(case.history.pictures.renamed_accuracy)
    _, high = wilson(case.val_accuracy, case.n_val)
    signal = held((high < case.chance[1]) & (renamed > PURE), HOLD_MIN)
    if not signal.on:
        return None
    last = float(renamed[np.flatnonzero(np.isfinite(renamed))[-1]])
    evidence = (
        Evidence("below_chance", float(case.val_accuracy[-1]), case.chance[1], high=float(high[-1])),
        Evidence("renamed", last, PURE),
    )
    return dated(case, signal, Finding("data_suspect", "strong", evidence, Refutation("names_right", case.chance[1], clearing(signal))))


def memorising(case: Case, _previous: Verdict | None = None) -> Finding | None:
    """Most training pictures right while validation stands at chance."""
    chance = case.chance[1]
    val_low, val_high = wilson(case.val_accuracy, case.n_val)
    probe_low, probe_high = wilson(case.probe_accuracy, case.n_probe)
    signal = held((case.probe_accuracy > KNOWN_BY_HEART) & (val_low <= chance) & (case.val_accuracy < KNOWN_BY_HEART / 2), case.hold)
    if not signal.on or not case.n_val:
        return None
    probe, val = float(case.probe_accuracy[-1]), float(case.val_accuracy[-1])
    evidence = (
        Evidence("by_heart", probe, KNOWN_BY_HEART, float(probe_low[-1]), float(probe_high[-1])),
        Evidence("val_at_chance", val, chance, float(val_low[-1]), float(val_high[-1])),
    )
    refuted = Refutation("val_leaves_chance", chance, clearing(signal))
    return dated(case, signal, Finding("memorising", "strong", evidence, refuted, val_precision(case)))


def overfitting(case: Case, previous: Verdict | None = None) -> Finding | None:
    """The held watch rule, confirmed by the pictures where there are any; once confirmed, until the signal clears."""
    signal = overfit_signal(case)
    if not signal.on:
        return None
    precision, refuted = val_precision(case), _below_best(case, clearing(signal))
    if case.history.pictures is None:
        # Nothing to confirm with: a validation set too small for its accuracy leaves it at "watch".
        curves = (measured.rise(case, _watch_share(case)), measured.gap(case, OVERFIT_GAP))
        found = Finding("overfitting", "medium", curves, refuted, precision)
        return None if measured.is_low(precision) else dated(case, signal, found)
    said = previous is not None and previous.name == "overfitting" and previous.since_epoch == case.epoch(signal.since_row)
    evidence, confirmed = _confirmation(case)
    if not (confirmed or said):
        return None
    steady = ("accuracy_steady",) if overconfidence_raw(case)[-1] else ()
    return dated(case, signal, Finding("overfitting", "strong", evidence, refuted, precision, modifiers=steady))


def _confirmation(case: Case) -> tuple[tuple[Evidence, ...], bool]:
    """The evidence, what decides first, and whether one of the three confirmations holds."""
    rise, gap = measured.rise(case, OVERFIT_RISE), measured.gap(case, OVERFIT_GAP)
    flips, paired = measured.flips(case, OVERFIT_P), measured.paired_loss(case, OVERFIT_Z)
    by_loss = number(rise.value) > OVERFIT_RISE and number(paired.value) > OVERFIT_Z
    by_flips = number(flips.value) < OVERFIT_P and number(flips.fields["fall"]) >= OVERFIT_FALL
    order = (rise, paired, gap, flips) if by_loss and not by_flips else (rise, gap, flips, paired)
    return order, by_loss or by_flips or number(gap.low) > OVERFIT_GAP


def overconfident(case: Case, _previous: Verdict | None = None) -> Finding | None:
    """The watch rule, while accuracy has not fallen and confidence has left it behind."""
    if case.history.pictures is None:
        return None
    signal = held(watch_raw(case) & overconfidence_raw(case), _patient(case, np.full(case.m, HOLD_MIN)))
    if not signal.on:
        return None
    evidence = (measured.rise(case, _watch_share(case)), _calibration(case), measured.gap(case, OVERFIT_GAP))
    found = Finding("overconfident", "medium", evidence, _below_best(case, clearing(signal)), val_precision(case))
    return dated(case, signal, found)


def overconfidence_raw(case: Case) -> np.ndarray:
    """Confidence too high, worse than at the best epoch or plainly bad, while accuracy has not fallen, `(m,)`."""
    now, best, excess = measured.calibration(case)
    fallen = case.val_accuracy_then - case.val_accuracy >= OVERFIT_FALL
    return ~fallen & (excess > 0) & ((now - best >= CALIBRATION_RISE) | (now > CALIBRATION))


def _calibration(case: Case) -> Evidence:
    now, best, _ = measured.calibration(case)
    fields = {"best_share": float(best[-1]), "best_epoch": measured.lowest_epoch(case)}
    return Evidence("calibration", float(now[-1]), CALIBRATION, fields=fields)


def watch(case: Case, _previous: Verdict | None = None) -> Finding | None:
    """The watch rule held."""
    signal = watch_signal(case)
    if not signal.on:
        return None
    evidence = (measured.rise(case, _watch_share(case)), measured.gap(case, OVERFIT_GAP))
    return dated(case, signal, Finding("watch", "weak", evidence, _below_best(case, clearing(signal)), val_precision(case)))


def generalisation_gap(case: Case, _previous: Verdict | None = None) -> Finding | None:
    """A gap surely above 5 points while validation loss is not rising."""
    rising = case.val - case.val_best >= watch_rise(case)
    signal = held((case.gap_interval[0] > GAP) & ~rising, case.hold)
    if not signal.on:
        return None
    evidence, refuted = (measured.gap(case, GAP), measured.steady(case)), Refutation("gap_below", GAP, clearing(signal))
    return dated(case, signal, Finding("generalisation_gap", "medium", evidence, refuted, val_precision(case)))


def watch_limit(case: Case) -> float:
    """The validation loss at which watching starts."""
    return float(case.val_best[-1] + watch_rise(case)[-1])


def _watch_share(case: Case) -> float | None:
    """The rise at which watching starts, as a share of the best loss."""
    best = float(case.val_best[-1])
    return float(watch_rise(case)[-1]) / best if best > 0 else None


def _below_best(case: Case, epochs: int) -> Refutation:
    return Refutation("below_best", watch_limit(case), epochs, {"window": int(q.window_lengths(case.m)[-1])})
