"""A verdict as data: page, report, command line and API show the same. Knows no words and no rules.

Epochs are 1-based, as people say them. Losses in nats, accuracies and shares in 0..1.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

SHOWN = 3
"""Lines of evidence on a card."""
Tier = Literal["weak", "medium", "strong", "certain"]


@dataclass(frozen=True)
class Evidence:
    """One measured number, the threshold it is held against, its 95 % interval, and what its sentence needs."""

    name: str
    value: float | None
    threshold: float | None = None
    low: float | None = None
    high: float | None = None
    fields: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Refutation:
    """What would change the verdict: `name` of the condition, its limit, and for how many epochs in a row it must hold."""

    name: str
    limit: float | None
    epochs: int
    fields: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Prescription:
    """A change of the config that may help: `{knob: (from, to)}`, and how long it trains beside the run it is for.

    One without changes is something to look at.
    """

    name: str
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    cost: float = 1.0


@dataclass(frozen=True)
class Verdict:
    """What is said about a run at `epoch`. `tier` is None where nothing is claimed (too early, healthy)."""

    name: str
    tier: Tier | None
    since_epoch: int | None
    best_epoch: int | None
    epoch: int
    evidence: tuple[Evidence, ...]
    modifiers: tuple[str, ...]
    refuted_by: Refutation
    prescriptions: tuple[Prescription, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The verdict as JSON-clean data: numbers that are not finite become None."""
        return _clean(asdict(self))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Verdict":
        """The verdict that `as_dict` wrote."""
        read = {
            "evidence": tuple(Evidence(**one) for one in data["evidence"]),
            "modifiers": tuple(data["modifiers"]),
            "refuted_by": Refutation(**data["refuted_by"]),
            "prescriptions": tuple(_prescription(one) for one in data.get("prescriptions", ())),
        }
        return cls(**{**data, **read})


def _prescription(data: Mapping[str, Any]) -> Prescription:
    changes = {str(knob): (before, after) for knob, (before, after) in data["changes"].items()}
    return Prescription(str(data["name"]), changes, float(data["cost"]))


def _clean(value: Any) -> Any:
    """`value` in plain Python types, lists for tuples, None for what is not finite."""
    if isinstance(value, dict):
        return {name: _clean(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
