"""The track record: what came of the prescriptions that were followed. Pure; knows no store and no screen.

A pair is a run and the run that tried a prescription on it: same seed, same split, computed alike. Its score is the difference of their
validation accuracies, each at its best epoch, that of the lowest validation loss; the test part is never looked at.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Protocol

from engine.catalog import AUGMENTATIONS
from engine.diagnosis import Prescription
from engine.statistics.means import SIGN_FLIP_LEAST, Estimate, mean
from engine.strings import figures, known, say

# Pairs from which the interval of a mean says something; fewer are a rule of thumb.
ENOUGH = 5
# Half an interval below this is none: accuracies are shares of pictures, and differ by a millionth or not at all.
NO_WIDTH = 1e-12


class Tried(Protocol):
    """As much of a followed prescription as is scored."""

    @property
    def parent(self) -> int: ...
    @property
    def prescription(self) -> str: ...
    @property
    def before(self) -> float | None: ...
    @property
    def after(self) -> float | None: ...
    @property
    def comparable(self) -> bool: ...
    @property
    def pair(self) -> int: ...


@dataclass(frozen=True)
class Track:
    """How often a prescription was tried to the end here, how often it helped, and the mean difference (0..1) with its interval.

    Copies of a pair count once, as their mean.
    """

    tried: int
    helped: int
    effect: Estimate

    @property
    def measured(self) -> bool:
        """Whether there are pairs enough to speak of an effect; where all gave the same, as many as the signs alone take to tell."""
        half = self.effect.half
        return half is not None and self.tried >= (ENOUGH if half > NO_WIDTH else SIGN_FLIP_LEAST)

    def effect_words(self, language: str) -> str:
        """What may be expected of it."""
        if not self.measured or self.effect.low is None or self.effect.high is None:
            return say("verdict.effect.rule_of_thumb", language)
        numbers = {"points": self.effect.value, "low": self.effect.low, "high": self.effect.high}
        return say("verdict.effect.measured", language, **{name: figures.gain_points(one) for name, one in numbers.items()})


def score(one: Tried) -> float | None:
    """Validation accuracy with it minus without it, 0..1; None where there are no two that may be held against each other."""
    return None if not one.comparable or one.before is None or one.after is None else one.after - one.before


def outcome(one: Tried, language: str = "en") -> str:
    """What is to be said of a run that tried a prescription; empty where there are no words for it."""
    if not known(label := f"verdict.try.{one.prescription}.label", language):
        return ""
    fields, difference = {"label": say(label, language), "parent": one.parent}, score(one)
    if difference is None:
        return say("ui.card.trying", language, **fields)
    return say("ui.card.tried", language, **fields, points=figures.gain_points(difference))


def tracks(tried: Iterable[Tried]) -> dict[str, Track]:
    """The record of each prescription that was followed to the end."""
    found: dict[str, dict[int, list[float]]] = {}
    for one in tried:
        difference = score(one)
        if difference is not None:
            found.setdefault(one.prescription, {}).setdefault(one.pair, []).append(difference)
    return {name: _track([fmean(copies) for copies in pairs.values()]) for name, pairs in found.items()}


def _track(values: list[float]) -> Track:
    return Track(len(values), sum(value > 0 for value in values), mean(values))


def expected(record: Mapping[str, Track], prescription: str, language: str = "en") -> tuple[str, str]:
    """What the record says of a prescription: its effect, or a rule of thumb; and how often it helped, if it was tried."""
    found = record.get(prescription)
    if found is None:
        return say("verdict.effect.rule_of_thumb", language), ""
    return found.effect_words(language), say("verdict.effect.helped", language, n=found.tried, helped=found.helped)


def seconds(summary: Mapping[str, Any], epochs: int, prescription: Prescription) -> float | None:
    """About how long a run with the prescription trains, by the pace of the run that it is for; None before its first epoch.

    None, too, where that pace says nothing: a slower stage was still to come, or frozen layers, asked once, would be asked every time.
    """
    done, spent, stage = summary.get("epoch", 0), summary.get("seconds"), summary.get("stage") or {"number": 1, "stages": 1}
    varied = stage.get("computed") == "once" and any(name in AUGMENTATIONS for name in prescription.changes)
    if not done or not spent or varied or stage["number"] < stage["stages"]:
        return None
    return spent / done * epochs * prescription.cost
