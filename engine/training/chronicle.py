"""A run's epochs as the diagnosis wants them, and what a table of runs shows of them. Knows no loop and no store."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from engine.config import RunConfig
from engine.data.resident import Resident
from engine.diagnosis import Answers, History, Known, Pictures, Verdict, Yardstick, balanced_accuracy, compare, judge, prescribe
from engine.diagnosis.case import uneven
from engine.diagnosis.quantities import usual_noise
from engine.training.checkpoints import Extra
from engine.training.evaluation import Evaluation
from engine.training.happenings import EpochDone

MEASURED = ("val_loss", "val_accuracy", "probe_loss", "probe_accuracy", "train_loss", "learning_rate")
PICTURES = tuple(Pictures.__dataclass_fields__)
BALANCED = ("val_balanced", "probe_balanced")
SERIES = (*MEASURED, *BALANCED, *PICTURES)
_COLUMNS = ("loss", "correct", "predicted", "confidence")


@dataclass(frozen=True)
class Twins:
    """Shares of the validation pictures that are training pictures too, 0..1; None: not looked for."""

    exact: float | None = None
    near: float | None = None


class Chronicle:
    """Grows by an epoch at a time."""

    def __init__(self, data: Resident, config: RunConfig, yardstick: Yardstick, twins: Twins = Twins()) -> None:
        self.config = config
        self.yardstick = yardstick
        self.twins = twins
        self.n_probe, self.n_val = len(data.probe), len(data.validation)
        self.classes = len(data.classes)
        self.labels = {"val": data.labels[data.validation].cpu().numpy(), "probe": data.labels[data.probe].cpu().numpy()}
        self.class_counts = tuple(np.bincount(data.labels[data.train].cpu().numpy(), minlength=self.classes).tolist())
        self.uneven = uneven(self.class_counts)
        self.series: dict[str, list[float]] = {name: [] for name in SERIES}
        self.known = Known()
        self.verdict: Verdict | None = None
        self.best: EpochDone | None = None
        self.last: EpochDone | None = None

    def judge(self, done: EpochDone) -> Verdict:
        """Take in an epoch; what is to be said of the run now, and what to try."""
        self.last = done
        self.best = done if done.best or self.best is None else self.best
        for name, value in {**done.metrics, **self._counted(self.best, done)}.items():
            if name in self.series:
                self.series[name].append(value)
        verdict = judge(self.history(), self.verdict, self.known)
        self.verdict = replace(verdict, prescriptions=prescribe(verdict, self.config))
        return self.verdict

    def newest(self, *names: str) -> dict[str, float]:
        """The newest values of some series."""
        return {name: self.series[name][-1] for name in names}

    def history(self) -> History:
        """Everything recorded so far."""
        series = {name: self.series[name] for name in (*MEASURED, *BALANCED)}
        return History(
            **series, n_probe=self.n_probe, n_val=self.n_val, class_counts=self.class_counts, planned_epochs=self.config.budget.epochs,
            pictures=Pictures(**{name: self.series[name] for name in PICTURES}), exact_twins=self.twins.exact,
            near_twins=self.twins.near, yardstick=self.yardstick,
        )  # fmt: skip

    def _counted(self, best: EpochDone, now: EpochDone) -> dict[str, float]:
        """What the single pictures of an epoch come to."""
        before, after = (self._answers(done.validation) for done in (best, now))
        balanced = {
            f"{part}_balanced": balanced_accuracy(self.labels[part], evaluation.correct.cpu().numpy(), self.classes)
            for part, evaluation in (("val", now.validation), ("probe", now.probe))
        }
        return {**balanced, **compare(before, after, self.classes)}

    def _answers(self, seen: Evaluation) -> Answers:
        return Answers(**{column: getattr(seen, column).cpu().numpy() for column in _COLUMNS}, label=self.labels["val"])

    def keep(self) -> Extra:
        """Everything, so that a resumed run is judged as if it had never been interrupted."""
        if self.best is None or self.last is None:
            return Extra()
        verdict = None if self.verdict is None else self.verdict.as_dict()
        marks = {"best_epoch": self.best, "last_epoch": self.last}
        facts = {name: {"epoch": done.epoch, "step": done.step, "metrics": done.metrics} for name, done in marks.items()}
        series = torch.tensor([self.series[name] for name in SERIES], dtype=torch.float64)
        pictures = {
            f"{part}.{column}": getattr(getattr(self.best, part), column).clone() for part in ("validation", "probe") for column in _COLUMNS
        }
        return Extra({"verdict": verdict, **facts}, {"series": series, **pictures})

    def restore(self, kept: Extra) -> None:
        """What `keep` gave."""
        if "series" not in kept.tensors:
            return
        self.series = dict(zip(SERIES, kept.tensors["series"].tolist(), strict=True))
        self.known = Known()
        self.verdict = None if kept.facts["verdict"] is None else Verdict.from_dict(kept.facts["verdict"])
        validation, probe = (
            Evaluation(**{column: kept.tensors[f"{part}.{column}"] for column in _COLUMNS}) for part in ("validation", "probe")
        )
        self.best, self.last = (
            EpochDone(**kept.facts[name], validation=validation, probe=probe, nonfinite=False, best=name == "best_epoch")
            for name in ("best_epoch", "last_epoch")
        )

    def summary(self) -> dict[str, Any]:
        """The run in a few numbers: `val_*` are of the best epoch, `last_*` of the newest. Not finite is None."""
        assert self.best is not None and self.last is not None
        best, last = self.best.metrics, self.last.metrics
        numbers = {
            "best_epoch": self.best.epoch, "val_loss": best["val_loss"], "val_accuracy": best["val_accuracy"],
            "probe_loss": best["probe_loss"], "probe_accuracy": best["probe_accuracy"], "epoch": self.last.epoch,
            "last_val_loss": last["val_loss"], "last_val_accuracy": last["val_accuracy"], "last_probe_loss": last["probe_loss"],
            "last_probe_accuracy": last["probe_accuracy"], "images_per_second": last["images_per_second"],
            "val_noise": usual_noise(*(np.array(self.series[name]) for name in ("val_loss", "learning_rate"))),
        }  # fmt: skip
        return {name: value if np.isfinite(value) else None for name, value in numbers.items()}
