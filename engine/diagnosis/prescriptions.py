"""What to try: from a verdict and the knobs of its run to changes of the config that can be launched at once.

A remedy is a function of the knobs; it gives the knobs to set, or None where it has nothing to offer. `python -m tests.benchmarks.remedies`
measures on runs that are ill what comes of those that stand first. Knows no words and no record of what helped.

Of a run of two stages, what is in `OF_A_STAGE` changes the rate, the weight decay or the schedule of the stage of which the verdict
speaks, and is not offered where it speaks of both. `tame` lowers both rates; its warm-up, as every one, is the second's. Batch, clip,
average and other penalties are of both; more epochs lengthen the second, where a run ends.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from engine import catalog
from engine.config import KNOBS, RunConfig
from engine.config.model import RUN
from engine.diagnosis.verdict import Prescription, Verdict
from engine.errors import BadKnob

Knobs = Mapping[str, Any]
Remedy = Callable[[Knobs], dict[str, Any] | None]

ADAPTIVE_RATE = 1e-3
"""A rate at which nearly every network learns something under Adam and its kin: its default."""
OTHER_RATES = {"sgd": 3e-2, "adagrad": 1e-2, "adafactor": 1e-2}
"""And under others: a third of what residual networks begin with, and the defaults of the other two."""
UNUSUAL = 3.0
"""A rate three times above or below that is worth moving."""
OF_A_STAGE = ("rate_up", "rate_down", "usual_rate", "decay_rate", "decay_more")
"""Remedies for the rate or the weight decay as it is now."""
IN_FIRST = {"learning_rate": "stage1_rate", "schedule": "stage1_schedule", "weight_decay": "stage1_weight_decay"}
"""What the first of two stages has in the place of these knobs."""


def _augment_more(knobs: Knobs) -> dict[str, Any] | None:
    """One notch up; strengths of one's own are lifted to the lowest notch above them."""
    now = {name: knobs[name] for name in catalog.AUGMENTATIONS}
    for level in catalog.LEVELS:
        there = catalog.strengths(level, knobs["dataset"])
        lifted = {name: max(value, now[name]) for name, value in there.items()}
        if lifted != now:
            return lifted
    return None


def _augment_less(knobs: Knobs) -> dict[str, Any] | None:
    """One notch down."""
    now = {name: knobs[name] for name in catalog.AUGMENTATIONS}
    for level in reversed(catalog.LEVELS):
        lowered = {name: min(value, now[name]) for name, value in catalog.strengths(level, knobs["dataset"]).items()}
        if lowered != now:
            return lowered
    return None


def _decay_more(knobs: Knobs) -> dict[str, Any] | None:
    """Weight decay five times as strong; from none to what is usual with the optimiser. Decoupled from a gradient with momentum it acts
    in one step only, so as much of it is weaker by 1 - momentum than in the loss."""
    usual = 1e-2
    if knobs["decay_kind"] == "l2":
        usual = 5e-4
    elif knobs["optimizer"] == "sgd":
        usual = float(f"{5e-4 / (1 - knobs['momentum']):.2g}")
    return _within("weight_decay", 5 * knobs["weight_decay"] or usual)


def _drop_more(knobs: Knobs) -> dict[str, Any] | None:
    return {"dropout": round(min(knobs["dropout"] + 0.2, 0.6), 3)} if knobs["dropout"] < 0.5 else None


def _smooth_labels(knobs: Knobs) -> dict[str, Any] | None:
    return {"label_smoothing": 0.1} if knobs["label_smoothing"] < 0.1 else None


def _larger_net(knobs: Knobs) -> dict[str, Any] | None:
    return _within("width", knobs["width"] * 2)


def _more_data(knobs: Knobs) -> dict[str, Any] | None:
    return {"train_share": min(1.0, 2 * knobs["train_share"])} if knobs["train_share"] < 1 else None


def _more_pixels(knobs: Knobs) -> dict[str, Any] | None:
    """The next resolution up, while the pictures have more pixels than the network sees.

    Not where weights came with the frozen layers: those of some networks fit one resolution only, and no layer is frozen as it was drawn.
    """
    if knobs["weights"] != "none" and (knobs["plan"] == "last" or knobs["frozen_layers"]):
        return None
    facts = catalog.DATASETS.get(knobs["dataset"])
    higher = [step for step in KNOBS["resolution"].steps if step > knobs["resolution"]]
    return {"resolution": higher[0]} if higher and facts is not None and knobs["resolution"] < facts.size else None


def _train_longer(knobs: Knobs) -> dict[str, Any] | None:
    """Half as long again; milestones that are epochs move with the end, as shares do by themselves."""
    longer = _within("epochs", math.ceil(1.5 * knobs["epochs"]))
    if longer is None or knobs["schedule"] != "multistep":
        return longer
    places = knobs["milestones"].replace(" ", "").split(",")
    return longer | {"milestones": ", ".join(place if place.endswith("%") else f"{1.5 * float(place):g}" for place in places)}


def _rate(factor: float) -> Remedy:
    def remedy(knobs: Knobs) -> dict[str, Any] | None:
        return _within("learning_rate", _times(factor, knobs["learning_rate"]))

    return remedy


def _times(factor: float, rate: float) -> float:
    return float(f"{factor * rate:.3g}")


def _first_stage(knobs: Knobs) -> int:
    """Epochs of the first of two stages; 0 where there is one."""
    return knobs["stage1_epochs"] if knobs["plan"] == "last_then_all" else 0


def _decays(knobs: Knobs) -> tuple[str, ...]:
    """The weight decay of each stage."""
    return ("weight_decay", "stage1_weight_decay") if _first_stage(knobs) else ("weight_decay",)


def _usual_rate(knobs: Knobs) -> dict[str, Any] | None:
    """A rate at which nearly everything learns, where this one is far from it."""
    usual = OTHER_RATES.get(knobs["optimizer"], ADAPTIVE_RATE)
    return {"learning_rate": usual} if not usual / UNUSUAL <= knobs["learning_rate"] <= usual * UNUSUAL else None


def _no_penalties(knobs: Knobs) -> dict[str, Any] | None:
    """Dropout, weight decay, L1 and stochastic depth off, where any is on."""
    return {name: 0.0 for name in ("dropout", *_decays(knobs), "l1", "stochastic_depth") if knobs[name]} or None


def _tame(knobs: Knobs) -> dict[str, Any] | None:
    """A tenth of the rate, of both stages where there are two, weight decay no stronger than usual, a warm-up, a clip: what diverged once
    does so again otherwise."""
    tamed: dict[str, Any] = {"learning_rate": _times(0.1, knobs["learning_rate"])}
    first = _first_stage(knobs)
    if first:
        tamed["stage1_rate"] = max(_times(0.1, knobs["stage1_rate"]), KNOBS["stage1_rate"].low or 0.0)
    if not knobs["warmup"] and knobs["schedule"] != "one_cycle":  # which warms up by itself
        tamed["warmup"] = min(2.0, float(knobs["epochs"] - first))
    if not knobs["clip"]:
        tamed["clip"] = 1.0
    return tamed | {name: 1e-2 for name in _decays(knobs) if knobs[name] > 1e-2}


def _larger_batch(knobs: Knobs) -> dict[str, Any] | None:
    return _within("batch_size", 2 * knobs["batch_size"])


def _average(knobs: Knobs) -> dict[str, Any] | None:
    """A mean of the weights over about a hundred steps, where none is taken."""
    return {"ema": 0.99} if not knobs["ema"] else None


def _batch_norm(knobs: Knobs) -> dict[str, Any] | None:
    twin = f"{knobs['architecture']}_bn"
    return {"architecture": twin} if twin in catalog.ARCHITECTURES and not knobs["weights"].startswith(RUN) else None


def _decay_rate(knobs: Knobs) -> dict[str, Any] | None:
    return {"schedule": "cosine"} if knobs["schedule"] == "constant" else None


def _stop_early(knobs: Knobs) -> dict[str, Any] | None:
    return {"early_stopping": max(5, knobs["epochs"] // 10)} if not knobs["early_stopping"] else None


def _part_twins(knobs: Knobs) -> dict[str, Any] | None:
    return {"twins": "near"} if knobs["twins"] == "exact" else None


def _look_at_data(_knobs: Knobs) -> dict[str, Any]:
    """Nothing to change: somebody has to look at labels and split."""
    return {}


def _within(name: str, value: float) -> dict[str, Any] | None:
    """The knob at this value, where its bounds allow it."""
    low, high = KNOBS[name].low, KNOBS[name].high
    return {name: value} if low is not None and high is not None and low <= value <= high else None


def prescribe(verdict: Verdict, config: RunConfig) -> tuple[Prescription, ...]:
    """What may be tried, best first; only what gives a config that can be launched."""
    names = PRESCRIBED.get(verdict.name, ())
    begun = verdict.since_epoch or verdict.epoch
    return tuple(found for name in names if (found := filled(name, config, begun, verdict.epoch)) is not None)


def filled(name: str, config: RunConfig, since: int, epoch: int) -> Prescription | None:
    """A remedy as a prescription for this config and what was said from one epoch to another; None: it has nothing to offer."""
    knobs = config.flat()
    values = _for_stage(name, knobs, since, epoch) if name in OF_A_STAGE else REMEDIES[name](knobs)
    if values is None:
        return None
    changes = {knob: (knobs[knob], value) for knob, value in values.items() if knobs[knob] != value}
    try:
        config.changed(**values)
    except BadKnob:
        return None
    return Prescription(name, changes, _cost(knobs, knobs | values)) if changes or not values else None


def _for_stage(name: str, knobs: Knobs, since: int, epoch: int) -> dict[str, Any] | None:
    """What a remedy for the rate sets in the stage in which these epochs lie; None when they lie in both."""
    first = _first_stage(knobs)
    if since > first:
        return REMEDIES[name](knobs)
    if epoch > first:
        return None
    values = REMEDIES[name]({**knobs, **{knob: knobs[its] for knob, its in IN_FIRST.items()}})
    return None if values is None else {IN_FIRST.get(knob, knob): value for knob, value in values.items()}


def _cost(before: dict[str, Any], after: dict[str, Any]) -> float:
    """How long it trains beside the run it is for: epochs, pictures, pixels; channels count twice, for both sides of a convolution."""
    ratio = {name: after[name] / before[name] for name in ("epochs", "train_share", "resolution", "width")}
    return float(ratio["epochs"] * ratio["train_share"] * ratio["resolution"] ** 2 * ratio["width"] ** 2)


REMEDIES: dict[str, Remedy] = {
    "augment_more": _augment_more,
    "augment_less": _augment_less,
    "decay_more": _decay_more,
    "drop_more": _drop_more,
    "smooth_labels": _smooth_labels,
    "larger_net": _larger_net,
    "more_data": _more_data,
    "more_pixels": _more_pixels,
    "train_longer": _train_longer,
    "rate_up": _rate(3.0),
    "rate_down": _rate(1 / 3),
    "usual_rate": _usual_rate,
    "no_penalties": _no_penalties,
    "tame": _tame,
    "larger_batch": _larger_batch,
    "ema": _average,
    "batch_norm": _batch_norm,
    "decay_rate": _decay_rate,
    "stop_early": _stop_early,
    "part_twins": _part_twins,
    "look_at_data": _look_at_data,
}

# In the order in which they helped where it was measured; docs/verdict.md has the table.
PRESCRIBED: dict[str, tuple[str, ...]] = {
    "diverged": ("tame",),
    "data_suspect": ("look_at_data", "part_twins"),
    "not_learning": ("usual_rate", "no_penalties", "batch_norm", "rate_up"),
    "memorising": ("look_at_data",),
    "overfitting": ("more_data", "smooth_labels", "augment_more", "drop_more", "decay_more"),
    "overconfident": ("smooth_labels", "more_data"),
    "generalisation_gap": ("more_data", "train_longer", "more_pixels", "smooth_labels", "augment_more"),
    "undertrained": ("train_longer", "rate_up"),
    "underfitting": ("no_penalties", "augment_less", "larger_net", "more_pixels", "train_longer"),
    "unstable": ("rate_down", "larger_batch", "decay_rate", "ema"),
    "plateau": ("larger_net", "more_pixels", "stop_early", "decay_rate"),
}
