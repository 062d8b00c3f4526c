"""The recorded ImageNet runs: overfitting alarms against what the separate test loss did (AlgoPerf logs, Apache-2.0)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.diagnosis.curves import lines, replay
from tests.benchmarks.verdict.baselines import BASELINES
from tests.benchmarks.verdict.replaying import ABLATIONS, without
from tests.benchmarks.verdict.scores import Alarmed, rate

FILE = Path(__file__).parents[4] / "shared/data/curves/algoperf-imagenet.jsonl.gz"


def tell() -> None:
    """The table of the recorded runs, where they are."""
    if not FILE.exists():
        print(f"recorded ImageNet runs: skipped, there is no {FILE.name} beside the project\n")
        return
    runs = [run for _, run in lines(FILE) if isinstance(run, Mapping)]
    ill = np.array([bool(run["overfits"]) for run in runs])
    print(f"recorded ImageNet runs: {len(runs)}, {ill.sum()} overfit by their test loss; any alarm counts")
    for part in ABLATIONS:
        with without(part):
            told = [replay(run)[1] for run in runs]
        _line(part, ill, runs, [one["first_alarm"] for one in told])
        if part == "the rule":
            watched = np.array([one["first_watch"] is not None for one in told])
            print(f"  {'watched, of the healthy':<34} {rate(int(watched[~ill].sum()), int((~ill).sum()))}")
    for name, rule in BASELINES.items():
        with np.errstate(all="ignore"):
            _line(name, ill, runs, [rule(*(_curve(run[key]) for key in ("train_loss", "val_loss"))) for run in runs])
    print()


def _line(name: str, ill: np.ndarray, runs: Sequence[Mapping[str, Any]], alarms: Sequence[int | None]) -> None:
    alarmed = np.array([alarm is not None for alarm in alarms])
    late = [delay(run, alarm) for run, alarm in zip(runs, alarms, strict=True) if alarm is not None and run["overfits"]]
    told = f"delay {np.median(late):.2f}   before the minimum {rate(int(np.sum(np.array(late) < 0)), len(late))}" if late else ""
    print(f"  {name:<34} {Alarmed(ill, alarmed).line()}   {told}", flush=True)


def delay(run: Mapping[str, Any], alarm: int) -> float:
    """From the minimum of the 3-point-median test loss to the alarm, as a share of the run."""
    loss = _curve(run["test_loss"])
    smooth = [np.nanmedian(loss[max(0, k - 1) : k + 2]) for k in range(len(loss))]
    return (alarm - int(np.nanargmin(smooth))) / len(loss)


def _curve(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=float)
