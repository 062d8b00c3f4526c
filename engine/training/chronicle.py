"""A run's epochs as the diagnosis wants them, and what a table of runs shows of them. Knows no loop and no store."""

from typing import Any

import numpy as np
import torch

from engine.data.resident import Resident
from engine.diagnosis.history import History, PerImage
from engine.diagnosis.judging import judge
from engine.diagnosis.verdict import Verdict
from engine.training.checkpoints import Extra
from engine.training.evaluation import Evaluation
from engine.training.happenings import EpochDone

JUDGED = ("val_loss", "val_accuracy", "probe_loss", "probe_accuracy", "train_loss")


class Chronicle:
    """Grows by an epoch at a time."""

    def __init__(self, data: Resident, planned_epochs: int, reference: float | None) -> None:
        self.planned_epochs = planned_epochs
        self.reference = reference
        self.n_probe, self.n_val = len(data.probe), len(data.validation)
        self.class_counts = tuple(np.bincount(data.labels[data.train].cpu().numpy(), minlength=len(data.classes)).tolist())
        self.series: dict[str, list[float]] = {name: [] for name in JUDGED}
        self.verdict: Verdict | None = None
        self.best: EpochDone | None = None
        self.last: EpochDone | None = None

    def judge(self, done: EpochDone) -> Verdict:
        """Take in an epoch; what is to be said of the run now."""
        for name in JUDGED:
            self.series[name].append(done.metrics[name])
        self.last = done
        self.best = done if done.best or self.best is None else self.best
        self.verdict = judge(self._history(self.best, done), self.verdict)
        return self.verdict

    def keep(self) -> Extra:
        """Everything, so that a resumed run is judged as if it had never been interrupted."""
        if self.best is None or self.last is None:
            return Extra()
        verdict = None if self.verdict is None else self.verdict.as_dict()
        marks = {name: {"epoch": done.epoch, "step": done.step, "metrics": done.metrics} for name, done in self._marks().items()}
        series = torch.tensor([self.series[name] for name in JUDGED], dtype=torch.float64)
        images = {
            f"{name}.{column}": value.clone() for name, done in self._marks().items() for column, value in vars(done.validation).items()
        }
        return Extra({"verdict": verdict, **marks}, {"series": series, **images})

    def _marks(self) -> dict[str, EpochDone]:
        assert self.best is not None and self.last is not None
        return {"best_epoch": self.best, "last_epoch": self.last}

    def restore(self, kept: Extra) -> None:
        """What `keep` gave."""
        if "series" not in kept.tensors:
            return
        self.series = dict(zip(JUDGED, kept.tensors["series"].tolist(), strict=True))
        self.verdict = None if kept.facts["verdict"] is None else Verdict.from_dict(kept.facts["verdict"])
        self.best, self.last = (_epoch(kept, name) for name in ("best_epoch", "last_epoch"))

    def _history(self, best: EpochDone, now: EpochDone) -> History:
        images = PerImage(
            best.epoch, best.validation.loss.cpu().numpy(), now.validation.loss.cpu().numpy(),
            best.validation.correct.cpu().numpy(), now.validation.correct.cpu().numpy(),
        )  # fmt: skip
        return History(
            **self.series, n_probe=self.n_probe, n_val=self.n_val, class_counts=self.class_counts,
            planned_epochs=self.planned_epochs, reference_accuracy=self.reference, images=images,
        )  # fmt: skip

    def summary(self) -> dict[str, Any]:
        """The run in a few numbers: `val_*` are of the best epoch, `last_*` of the newest. Not finite is None."""
        assert self.best is not None and self.last is not None
        best, last = self.best.metrics, self.last.metrics
        numbers = {
            "best_epoch": self.best.epoch, "val_loss": best["val_loss"], "val_accuracy": best["val_accuracy"],
            "probe_loss": best["probe_loss"], "probe_accuracy": best["probe_accuracy"], "epoch": self.last.epoch,
            "last_val_loss": last["val_loss"], "last_val_accuracy": last["val_accuracy"], "last_probe_loss": last["probe_loss"],
            "last_probe_accuracy": last["probe_accuracy"], "images_per_second": last["images_per_second"],
        }  # fmt: skip
        return {name: value if np.isfinite(value) else None for name, value in numbers.items()}


def _epoch(kept: Extra, name: str) -> EpochDone:
    columns = {column: kept.tensors[f"{name}.{column}"] for column in ("loss", "correct", "predicted", "confidence")}
    return EpochDone(**kept.facts[name], validation=Evaluation(**columns), nonfinite=False, best=name == "best_epoch")
