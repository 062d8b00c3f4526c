"""How far learning has come: undertrained, underfitting, unstable, plateau, healthy."""

import math

import numpy as np

from engine.diagnosis import measured
from engine.diagnosis import quantities as q
from engine.diagnosis.case import HOLD_MIN, Case
from engine.diagnosis.holding import held
from engine.diagnosis.measured import number
from engine.diagnosis.rules.beginning import EARLY_EPOCHS
from engine.diagnosis.rules.finding import Finding, clearing, dated, probe_precision, val_precision
from engine.diagnosis.rules.generalisation import GAP, watch_limit
from engine.diagnosis.verdict import Evidence, Refutation, Verdict
from engine.statistics.proportions import wilson

STILL_FALLING, STILL_NATS = 0.02, 0.02
"""A fall of 2 % and .02 nats: as much as a rise that is worth watching."""
FALLING_SHARE = 1 / 3
"""Over the last third of the epochs: over the last fifth a fall that goes on is often lost in noise."""
STILL_SHARE = 0.5
"""And half of that over the last fifth: else it fell, and no longer does."""
ROOM = 0.02
"""Surely two points below what others reach: less is no reason to change a recipe."""
ROOM_UNKNOWN = 0.95
"""Without finished runs to compare with, flat training above 95 % right leaves too little room to speak of."""
NOISE_TIMES, NOISE_SHARE = 3.0, 0.10
"""Three times as noisy as comparable runs; where there are none, a loss that moves by a tenth of itself between two epochs."""
NOISE_OF_CHANCE = 0.02
"""And by 2 % of what guessing costs: a tenth of a loss that is nearly nothing is nothing."""
SPIKES = 0.10
"""One epoch in ten with a jump."""
UNSTABLE_EPOCHS = 10
"""Fewer epochs say nothing of one in ten."""
RATE_HELD = 0.9
"""A rate that has fallen by a tenth over the stretch is on its way down already: nothing is to be done about flat curves."""
PLATEAU_PATIENCE = 2
"""To say that nothing moves takes twice as long as to say that something does."""
RATE_LEFT = 0.1
"""A learning rate below a tenth of its largest has been decayed: flat curves are then what was wanted."""


def undertrained(case: Case, _previous: Verdict | None = None) -> Finding | None:
    """At the end of the plan probe and validation loss are both still falling, and not because the learning rate was let down."""
    if not case.history.planned_epochs or case.n < case.history.planned_epochs or case.m < EARLY_EPOCHS:
        return None
    losses = {"val": (case.losses["val_loss"][case.rows], case.val), "probe": (case.losses["probe_loss"][case.rows], case.probe)}
    trends = {name: q.plateau(x, smoothed, share=FALLING_SHARE) for name, (x, smoothed) in losses.items()}
    falls = [_falling(trends[name], losses[name][1]) for name in losses]
    lately = {"val": case.val_plateau[0], "probe": case.probe_plateau[0]}
    still = [-lately[name] >= STILL_SHARE * _worth_a_word(losses[name][1]) for name in losses]
    signal = held(falls[0] & falls[1] & still[0] & still[1] & ~_decayed(case), HOLD_MIN)
    if not signal.on or not signal.raw[-1]:
        return None
    stretch = int(q.plateau_lengths(case.m, FALLING_SHARE)[-1])
    evidence = (
        Evidence("val_falls", float(trends["val"][0, -1]), fields={"stretch": stretch, "val_loss": float(case.val[-1])}),
        Evidence("probe_falls", float(trends["probe"][0, -1]), fields={"stretch": stretch, "probe_loss": float(case.probe[-1])}),
        measured.gap(case, GAP),
    )
    refuted = Refutation("stops_falling", max(STILL_FALLING * float(case.val[-1]), STILL_NATS), stretch)
    return Finding("undertrained", "medium", evidence, refuted, val_precision(case))


def _decayed(case: Case) -> np.ndarray:
    """Whether little is left of the learning rate, `(m,)`."""
    rate = case.by_row(case.history.learning_rate)
    return rate < RATE_LEFT * np.fmax.accumulate(rate) if case.m else rate > 0


def _annealed(case: Case) -> np.ndarray:
    """Whether the learning rate has been falling over the stretch that a plateau is judged over, `(m,)`."""
    rate = case.by_row(case.history.learning_rate)
    before = np.maximum(np.arange(case.m) - q.plateau_lengths(case.m) + 1, 0)
    return rate < RATE_HELD * rate[before]


def _falling(plateau: np.ndarray, smoothed: np.ndarray) -> np.ndarray:
    """Whether the slope predicts a fall beyond noise that is worth a word, `(m,)`."""
    change, flat = plateau
    return -change >= np.maximum(flat, _worth_a_word(smoothed))


def _worth_a_word(smoothed: np.ndarray) -> np.ndarray:
    """The change of a loss that is worth a word, in nats `(m,)`."""
    return np.maximum(STILL_FALLING * smoothed, STILL_NATS)


def underfitting(case: Case, _previous: Verdict | None = None) -> Finding | None:
    """Training is flat below what finished runs reach on unseen pictures; without such runs the room is unknown."""
    reference = case.history.yardstick.accuracy
    change, flat = case.probe_plateau
    reached = case.plain_probe_accuracy
    low, high = wilson(reached, case.n_probe)
    known = math.isfinite(number(reference))
    limit = number(reference) - ROOM if known else ROOM_UNKNOWN
    signal = held((np.abs(change) < flat) & (high < limit) & (case.gap_interval[0] < GAP), case.hold)
    if not signal.on:
        return None
    stretch = int(q.plateau_lengths(case.m)[-1])
    name, fields = ("reference", {"best_share": reference}) if known else ("no_reference", {})
    room = Evidence(name, float(reached[-1]), limit, float(low[-1]), float(high[-1]), fields)
    plateau = Evidence("flat", float(change[-1]), float(flat[-1]), fields={"stretch": stretch, "probe_loss": float(case.probe[-1])})
    refuted = Refutation("room" if known else "room_unknown", limit, clearing(signal), {"change": float(flat[-1]), "stretch": stretch})
    evidence, precision = (room, plateau, measured.gap(case, GAP)), probe_precision(case)
    if known:
        return dated(case, signal, Finding("underfitting", "medium", evidence, refuted, precision))
    return dated(case, signal, Finding("underfitting", "weak", evidence, refuted, precision, modifiers=("room_unknown",)))


def unstable(case: Case, _previous: Verdict | None = None) -> Finding | None:
    """Validation loss jumps about: far noisier than comparable runs, or one epoch in ten a spike."""
    reference = number(case.history.yardstick.noise)
    limit = NOISE_TIMES * reference if math.isfinite(reference) else NOISE_SHARE
    least_noise = np.minimum(case.noise, case.recent_noise)
    share = least_noise / case.val
    least = np.fmax(STILL_NATS, NOISE_OF_CHANCE * case.chance[0])
    noisy, spiky = (share > limit) & (least_noise > least), case.spikes(float(least)) > SPIKES
    signal = held((noisy | spiky) & (np.arange(case.m) >= UNSTABLE_EPOCHS - 1), case.hold)
    if not signal.on:
        return None
    noise = Evidence("noise" if math.isfinite(reference) else "noise_alone", float(share[-1]), limit, fields={"usual_share": reference})
    spikes = Evidence("spikes", float(case.spikes(float(least))[-1]), SPIKES)
    evidence = (noise, spikes) if noisy[-1] or not spiky[-1] else (spikes, noise)
    refuted = Refutation("calm", limit, clearing(signal))
    return dated(case, signal, Finding("unstable", "medium", evidence, refuted, val_precision(case)))


def plateau(case: Case, _previous: Verdict | None = None) -> Finding | None:
    """Both losses are flat while the learning rate is still high."""
    flat = [np.abs(change) < limit for change, limit in (case.probe_plateau, case.val_plateau)]
    signal = held(flat[0] & flat[1] & ~_decayed(case) & ~_annealed(case), PLATEAU_PATIENCE * case.hold)
    if not signal.on:
        return None
    stretch = int(q.plateau_lengths(case.m)[-1])
    (probe, probe_flat), (val, val_flat) = case.probe_plateau[:, -1], case.val_plateau[:, -1]
    evidence = (
        Evidence("val_flat", float(val), float(val_flat), fields={"stretch": stretch, "val_loss": float(case.val[-1])}),
        Evidence("flat", float(probe), float(probe_flat), fields={"stretch": stretch, "probe_loss": float(case.probe[-1])}),
        measured.gap(case, GAP),
    )
    refuted = Refutation("moves", float(val_flat), clearing(signal), {"stretch": stretch})
    return dated(case, signal, Finding("plateau", "medium", evidence, refuted, val_precision(case)))


def healthy(case: Case, _previous: Verdict | None = None) -> Finding:
    """None of the others."""
    refuted = Refutation("above_best", watch_limit(case), HOLD_MIN, {"window": int(q.window_lengths(case.m)[-1])})
    return Finding("healthy", None, (measured.steady(case), measured.gap(case, GAP)), refuted, val_precision(case))
