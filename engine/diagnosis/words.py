"""The sentences of a verdict, in any language of the catalogue. Reads the stored verdict only; decides nothing."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.diagnosis.verdict import SHOWN, Evidence, Prescription, Refutation, Verdict
from engine.strings import known, say

UNKNOWN = "–"
"""Written where a number was never recorded."""
WORDLESS = (LookupError, AttributeError, TypeError, ValueError, ArithmeticError)
"""What goes wrong when words are made of what is no number, or of nothing, or of what another version has stored."""
LATER: dict[str, float | None] = {"window": None, "best_share": None}
"""Fields of evidence that verdicts stored by earlier versions do not have."""


@dataclass(frozen=True)
class Explanation:
    """A verdict in words: a badge, what stands beside it, one sentence, one to three lines, what would change it, what else to know."""

    title: str
    caption: str
    sentence: str
    evidence: tuple[str, ...]
    refuted_by: str
    notes: tuple[str, ...] = ()


def explain(verdict: Verdict, language: str = "en", *, ended: bool = False) -> Explanation:
    """The verdict's words; they follow the tier: "looks like" for weak and medium, "is" for strong and certain.

    Of a run that has `ended` nothing is said as if more epochs came, where the catalogue has other words for that.
    """
    return Explanation(
        title=say(_first_known(f"verdict.{verdict.name}", (*_variants(verdict, "title"), "title"), language), language),
        caption=_caption(verdict, language),
        sentence=_sentence(verdict, language, ended),
        evidence=tuple(line(one, language) for one in verdict.evidence[:SHOWN]),
        refuted_by=say("verdict.mind", language, condition=condition(verdict.refuted_by, language, ended=ended)),
        notes=tuple(say(key, language) for one in verdict.modifiers if known(key := f"verdict.note.{one}", language)),
    )


@dataclass(frozen=True)
class Remedy:
    """A prescription in words: what a button says, and why it may help."""

    label: str
    why: str


def remedy(prescription: Prescription, language: str = "en") -> Remedy:
    """The words of a prescription."""
    return Remedy(*(say(f"verdict.try.{prescription.name}.{part}", language) for part in ("label", "why")))


def sayable(verdict: Verdict) -> list[Prescription]:
    """The prescriptions that there are words for, best first; one of a newer Athanor is left out."""
    return [each for each in verdict.prescriptions if known(f"verdict.try.{each.name}.label") and all(map(_names_knob, each.changes))]


def _names_knob(name: str) -> bool:
    return known(f"knobs.{name}.label")


def meaning(name: str, language: str = "en") -> str:
    """What a verdict of this name means, whatever the run."""
    return say(f"verdict.{name}.means", language)


def line(evidence: Evidence, language: str = "en") -> str:
    """One evidence line."""
    unit = UNITS[evidence.name]
    numbers = {name: unit(getattr(evidence, name)) for name in ("value", "low", "high")}
    threshold = THRESHOLDS.get(unit, unit)(evidence.threshold)
    fields = _fields({**LATER, **evidence.fields}, language)
    return say(f"verdict.evidence.{evidence.name}", language, **numbers, threshold=threshold, **fields)


def condition(refutation: Refutation, language: str = "en", *, ended: bool = False) -> str:
    """What would have to be seen, with its number; of a run that has `ended` in its own words where the catalogue has them."""
    over = (f"{refutation.name}_ended",) if ended else ()
    key = _first_known("verdict.refuted", (*over, refutation.name), language)
    limit = CONDITIONS[refutation.name](refutation.limit)
    epochs = _count("epochs", refutation.epochs, language)
    return say(key, language, limit=limit, epochs=epochs, **_fields(refutation.fields, language))


def _caption(verdict: Verdict, language: str) -> str:
    fields = {"epoch": verdict.epoch, "since": verdict.since_epoch}
    if verdict.tier is None:
        return say(f"verdict.{verdict.name}.caption", language, **fields, **_fields(verdict.evidence[0].fields, language))
    key = "verdict.caption" if verdict.since_epoch is not None else "verdict.caption_always"
    return say(key, language, tier=say(f"verdict.tier.{verdict.tier}", language), **fields)


def _sentence(verdict: Verdict, language: str, ended: bool) -> str:
    voice = "is" if verdict.tier in ("strong", "certain") else "looks"
    over = ("ended",) if ended else ()
    key = _first_known(f"verdict.{verdict.name}", (*over, *_variants(verdict, voice), voice), language)
    first = verdict.evidence[0]
    lasted = _count("epochs", verdict.epoch - _begun(verdict) + 1, language)
    numbers = {"value": UNITS[first.name](first.value), "threshold": UNITS[first.name](first.threshold)}
    fields = {**_fields(first.fields, language), "since": verdict.since_epoch, "epoch": verdict.epoch, "lasted": lasted, **numbers}
    return say(key, language, **fields)


def _begun(verdict: Verdict) -> int:
    """The epoch to count from. A rise cannot be older than the best epoch, which may have moved since the verdict was raised."""
    begun = verdict.since_epoch or verdict.epoch
    return max(begun, (verdict.best_epoch or 0) + 1) if verdict.evidence[0].name == "rise" else begun


def _variants(verdict: Verdict, part: str) -> tuple[str, ...]:
    """More particular keys than `part`: by modifier (an easing signal first), then by the leading evidence."""
    modifiers = sorted(verdict.modifiers, key=lambda one: one != "easing")
    return (*(f"{part}_{one}" for one in modifiers), f"{part}_{verdict.evidence[0].name}")


def _first_known(area: str, names: tuple[str, ...], language: str) -> str:
    return next(f"{area}.{name}" for name in names if known(f"{area}.{name}", language) or name == names[-1])


def _fields(fields: Mapping[str, Any], language: str) -> dict[str, str]:
    """Fields as written numbers: losses by `*_loss` and `change`, shares by `*share`, pictures with their noun."""
    written = {}
    for name, value in fields.items():
        if name in ("wrong", "pictures"):
            written[name] = _count("pictures", value, language)
        elif name.endswith("loss") or name == "change":
            written[name] = _loss(value)
        elif name.endswith("share") or name == "fall":
            written[name] = _percent(value)
        else:
            written[name] = _integer(value)
    return written


def _count(noun: str, n: float, language: str) -> str:
    return say(f"verdict.count.{noun}_{'one' if n == 1 else 'many'}", language, n=_integer(n))


def _written(number: Callable[[float], str]) -> Callable[[float | None], str]:
    """A number format that says an unknown number as a dash and a negative one with a true minus."""

    def write(value: float | None) -> str:
        return UNKNOWN if value is None or not math.isfinite(value) else number(value).replace("-", "−")

    return write


@_written
def _loss(value: float) -> str:
    """Nats with about three digits: 0.541, 12.3, 4,120; 0.00016 below half a thousandth."""
    if abs(value) >= 1e6:
        return f"{value:.1e}"
    if 5e-6 <= abs(value) < 5e-4:
        return f"{value:.5f}"
    if abs(value) < 5e-6:
        return "0"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 1000 else f"{value:,.0f}"


_percent = _written(lambda share: f"{100 * share:.1f}")
_plain_percent = _written(lambda share: f"{100 * share:.1f}".removesuffix(".0") if abs(share) < 0.1 else f"{100 * share:,.0f}")
_one_digit = _written(lambda value: f"{value:.1f}")
_integer = _written(lambda value: f"{value:,.0f}")

UNITS: dict[str, Callable[[float | None], str]] = {
    "epochs": _integer,
    "non_finite": _integer,
    "blow_up": _loss,
    "collapse": _loss,
    "chance_loss": _loss,
    "chance_accuracy": _percent,
    "rise": _plain_percent,
    "steady": _loss,
    "gap": _percent,
    "flips": _one_digit,
    "paired_loss": _one_digit,
    "flat": _loss,
    "reference": _percent,
    "no_reference": _percent,
    "precision": _percent,
    "gap_uncounted": _percent,
    "exact_twins": _percent,
    "near_twins": _percent,
    "below_chance": _percent,
    "renamed": _percent,
    "by_heart": _percent,
    "val_at_chance": _percent,
    "calibration": _percent,
    "val_falls": _loss,
    "probe_falls": _loss,
    "val_flat": _loss,
    "noise": _percent,
    "noise_alone": _percent,
    "spikes": _percent,
}
"""How each evidence's value and interval are written."""
THRESHOLDS = {_percent: _plain_percent}
"""Thresholds are round numbers: 5, not 5.0."""
CONDITIONS: dict[str, Callable[[float | None], str]] = {
    "enough_epochs": _integer,
    "finite": _integer,
    "train_below": _loss,
    "leaves_chance": _loss,
    "below_best": _loss,
    "gap_below": _plain_percent,
    "room": _percent,
    "room_unknown": _plain_percent,
    "above_best": _loss,
    "no_twins": _plain_percent,
    "names_right": _percent,
    "val_leaves_chance": _percent,
    "stops_falling": _loss,
    "calm": _plain_percent,
    "moves": _loss,
}
"""How each refutation's limit is written."""
