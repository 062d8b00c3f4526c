"""What is to be said of a dataset before anybody trains on it: balance, doubles, how well validation can be known.

Pure functions of labels, keys and a split; knows no pictures and no screen. Says what is well, too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from engine.data.crossing import across
from engine.data.dataset import Dataset
from engine.data.split import Split
from engine.folders import one_line
from engine.statistics import proportions

# Largest to smallest class. At 3 to 1 of two classes, always naming the larger is right for 75 %: the accuracy no longer says much.
IMBALANCE = 3.0
# Training pictures of a class. Omniglot, the benchmark of learning from few (Lake et al. 2015), has 20 of each.
FEW = 20
# Points of accuracy. Knobs mostly move it by a few; what is known to no better than this hides them.
WIDE = 5.0

Level = Literal["good", "warn"]


@dataclass(frozen=True)
class Finding:
    """A sentence: `key` in the catalogue, `fields` that fill it, counts as int, names as str."""

    level: Level
    key: str
    fields: dict[str, int | float | str]

    def as_dict(self) -> dict[str, Any]:
        return {"level": self.level, "key": self.key, "fields": self.fields}


def audit(dataset: Dataset, parts: Split) -> list[Finding]:
    """Every finding, what is wrong before what is well."""
    found = [finding for look in LOOKS for finding in look(dataset, parts)]
    return sorted(found, key=lambda finding: finding.level == "good")


def half_width(count: int) -> float:
    """Half of Wilson's 95 % interval (1927) about an accuracy of 50 %, the widest there is, in points; 50 for no picture at all."""
    return 100 * proportions.half_width(count)


def balance(dataset: Dataset, _parts: Split) -> list[Finding]:
    """How many pictures the classes have, all parts together."""
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
    least, most = int(counts.min()), int(counts.max())
    if least * IMBALANCE <= most:
        names = {"large": _name(dataset, counts.argmax()), "small": _name(dataset, counts.argmin())}
        ratio = _ratio(most / max(least, 1))
        return [Finding("warn", "data_page.audit.imbalance", {**names, "most": most, "least": least, "ratio": ratio})]
    if least == most:
        return [Finding("good", "data_page.audit.equal", {"classes": len(counts), "count": least})]
    return [Finding("good", "data_page.audit.balanced", {"classes": len(counts), "least": least, "most": most})]


def few(dataset: Dataset, parts: Split) -> list[Finding]:
    """Classes that leave too little to learn from."""
    counts = np.bincount(dataset.labels[parts.train], minlength=len(dataset.classes))
    lacking = int((counts < FEW).sum())
    if not lacking:
        return []
    name, count = _name(dataset, counts.argmin()), int(counts.min())
    key = "data_page.audit.few" if lacking == 1 else "data_page.audit.few_classes"
    return [Finding("warn", key, {"classes": lacking, "name": name, "count": count, "few": FEW})]


def doubles(dataset: Dataset, parts: Split) -> list[Finding]:
    """The same picture in what is learned from and in what is asked about: pixel for pixel, or nearly so."""
    validation, test = across(dataset, parts), across(dataset, parts, "test")
    near_test = "near_official_test" if dataset.official_test.any() else "near_test"  # the official part is not ours to move
    counts = {"double_validation": validation.exact, "double_test": test.exact, "near_validation": validation.near, near_test: test.near}
    found = [Finding("warn", f"data_page.audit.{key}", {"count": count}) for key, count in counts.items() if count]
    return found or [Finding("good", "data_page.audit.apart", {})]


def contradictions(dataset: Dataset, _parts: Split) -> list[Finding]:
    """The same picture in two classes: nobody can be right about both."""
    order = np.lexsort((dataset.labels, dataset.keys))
    keys, labels = dataset.keys[order], dataset.labels[order]
    at_odds = np.flatnonzero((keys[1:] == keys[:-1]) & (labels[1:] != labels[:-1]))
    if not len(at_odds):
        return []
    first, other = (_name(dataset, labels[at_odds[0] + place]) for place in (0, 1))
    count = len(np.unique(keys[at_odds]))
    key = "data_page.audit.two_classes_one" if count == 1 else "data_page.audit.two_classes"
    return [Finding("warn", key, {"count": count, "first": first, "other": other})]


def certainty(_dataset: Dataset, parts: Split) -> list[Finding]:
    """How well the validation accuracy can be known, whatever it will be."""
    points = half_width(len(parts.validation))
    level: Level = "warn" if points > WIDE else "good"
    return [Finding(level, "data_page.audit.certainty", {"count": len(parts.validation), "points": round(points, 1)})]


def _name(dataset: Dataset, label: Any) -> str:
    return one_line(dataset.classes[int(label)])


def _ratio(value: float) -> int | float:
    return round(value) if value >= 10 else round(value, 1)


LOOKS: tuple[Callable[[Dataset, Split], list[Finding]], ...] = (balance, few, contradictions, doubles, certainty)
