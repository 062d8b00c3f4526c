"""What `make verdict-bench` measures with: the planted runs that are kept, the curves made by formula, the alarms in use."""

import re
import resource
from collections import Counter
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.diagnosis import Yardstick, judge
from tests.benchmarks import remedies
from tests.benchmarks.verdict import __main__ as table
from tests.benchmarks.verdict import kept, plan, plant, replaying, synthetic, truth
from tests.benchmarks.verdict.baselines import early_stopping, sagemaker_overfit, sagemaker_overtraining
from tests.benchmarks.verdict.training import train

FACTS = {"name", "cause", "strength", "net", "dataset", "seed", "planned", "n_val", "n_probe", "class_counts", "exact_twins"}
SERIES = {*replaying.PLAIN, *replaying.PICTURES}
SEEN = {"test_loss", "test_accuracy", "seen_loss", "seen_accuracy"}
LIMIT = 1.3 * np.log(10)


@pytest.fixture(scope="module")
def runs() -> list[dict[str, Any]]:
    return kept.read()


def test_every_kept_run_is_planned_and_has_what_the_table_asks_for(runs: list[dict[str, Any]]) -> None:
    assert list(plant.current(runs, list(plan.plan(plan.SEEDS)))) == [run["name"] for run in runs]
    for run in runs:
        assert run.keys() >= FACTS and run["series"].keys() >= SERIES and run["truth"].keys() >= SEEN, run["name"]
        assert {len(column) for part in kept.PARTS for column in run[part].values()} == {len(run["truth"]["test_loss"])}, run["name"]


@pytest.mark.slow
def test_every_kept_run_has_a_verdict_at_its_end(runs: list[dict[str, Any]]) -> None:
    yardsticks = replaying.yardsticks(runs)
    for run in runs:
        assert judge(replaying.history(run, yardsticks[run["dataset"]])).epoch == min(run["planned"], len(run["truth"]["test_loss"]))


def test_a_kept_run_is_replayed_epoch_by_epoch(runs: list[dict[str, Any]]) -> None:
    for run in runs[:: len(runs) // 5]:
        said = replaying.said(replaying.history(run, Yardstick()))
        assert len(said) == min(run["planned"], len(run["truth"]["test_loss"])) and said[0] in ("too_early", "diverged")


@pytest.mark.slow
def test_the_table_tells_every_negative_and_the_score_without_what_the_rules_are_given(
    runs: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    few = [run for run in runs if run["net"] == "lenet" and run["dataset"] == "digits" and not run["strength"] and not run["seed"]]
    table.told_planted(few)
    told = capsys.readouterr().out
    assert all(re.search(rf"  {cause} called overfitting: .* of 1\)\n", told) for cause in plan.NEGATIVES)
    assert "  without the runs that are data_suspect: " in told


def test_the_yardstick_is_the_upper_quartile_at_the_lowest_loss() -> None:
    accuracies = (0.1, 0.2, 0.4, 0.8)
    curves = {"val_loss": np.array([3.0, 1, 2]), "learning_rate": np.ones(3)}
    series = [curves | {"val_accuracy": np.array([0, best, 0.9])} for best in accuracies]
    runs = [{"dataset": "digits", "cause": replaying.HEALTHY, "series": each} for each in series]
    assert replaying.yardsticks(runs)["digits"].accuracy == pytest.approx(0.5)
    assert replaying.yardsticks(runs[:2])["digits"] == Yardstick()


def test_writing_that_breaks_off_leaves_what_was_kept(tmp_path: Path, runs: list[dict[str, Any]]) -> None:
    file = tmp_path / "planted.npz"
    kept.write(runs[:2], file)
    _, most = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, most))
    try:
        with pytest.raises(OSError, match="File too large"):
            kept.write(runs, file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [run["name"] for run in kept.read(file)] == [run["name"] for run in runs[:2]] and list(tmp_path.iterdir()) == [file]


def test_a_run_is_kept_with_what_was_planned_for_it(tmp_path: Path) -> None:
    one = next(plan.plan({"lenet": 1}))
    short = replace(one, knobs=one.knobs | {"epochs": 2})
    trained = train(short, tmp_path)
    kept.write([trained], tmp_path / "planted.npz")
    (read,) = kept.read(tmp_path / "planted.npz")
    assert plant.current([read], [short]) and not plant.current([read], [one])
    assert np.allclose(read["truth"]["test_loss"], trained["truth"]["test_loss"], rtol=2**-12)


def test_a_run_is_trained_anew_when_anything_but_its_name_was_planned_otherwise() -> None:
    one = next(plan.plan({"lenet": 1}))
    changed = (
        replace(one, knobs=one.knobs | {"epochs": 1}),
        replace(one, flaw=replace(one.flaw, noise=0.5)),
        replace(one, restarts=2),
    )
    for other in changed:
        assert not plant.current([{"name": one.name, "digest": other.digest}], [one])
    assert plant.current([{"name": one.name, "digest": one.digest}], [one])
    assert plant.current([{"name": one.name}], [one]), "kept before there were digests"
    assert not plant.current([{"name": "forgotten"}], [one])


def test_no_two_synthetic_curves_are_the_same_and_twins_differ_by_their_cause_alone() -> None:
    drawn = list(synthetic.draw(1))
    assert len({each.history.val_loss.tobytes() for each in drawn}) == len(drawn) == 96
    for ill, twin in zip(drawn[::2], drawn[1::2], strict=True):
        assert (ill.ill, twin.ill, twin.onset, twin.n_val) == (True, False, ill.onset, ill.n_val)
        rise = ill.history.val_loss - twin.history.val_loss
        assert np.allclose(rise[: ill.onset], 0) and np.all(np.diff(rise)[ill.onset :] > 0)
        assert np.array_equal(ill.history.probe_loss, twin.history.probe_loss)


def test_divergence_began_with_the_unbroken_stretch_before_the_alarm() -> None:
    def begun(losses: list[float], alarm: int, val: float = 1.0) -> int:
        series = {"train_loss": losses, "val_loss": [1.0] * (len(losses) - 1) + [val], "probe_loss": [1.0] * len(losses)}
        return truth.begun({"dataset": "digits", "series": {name: np.array(each) for name, each in series.items()}}, alarm)

    high, low = LIMIT + 0.1, LIMIT - 0.1
    assert begun([high, high, high], 3) == 1
    assert begun([high, high, low, high, high, high, low], 6) == 4
    assert begun([low, high, np.nan], 3) == 2
    assert begun([low, low, low], 3, val=np.inf) == 3
    assert begun([low, low, low], 3) == 4, "an alarm before there was anything to see"


def test_sagemakers_rules_are_those_that_aws_documents() -> None:
    falling = np.linspace(2, 1, 30)
    assert sagemaker_overfit(falling, 1.09 * falling) is None
    assert sagemaker_overfit(falling, np.where(np.arange(30) < 7, 1, 1.11) * falling) == 7
    assert sagemaker_overtraining(np.linspace(9, 1, 30), np.ones(30)) is None, "training loss is still falling"
    assert sagemaker_overtraining(np.ones(30), np.ones(30)) == 10
    assert sagemaker_overtraining(np.ones(30), 1 - 0.01 * np.arange(30)) == 10, "by less than a tenth"
    assert early_stopping(5)(falling, np.array([3, 2, 2.5, 2, 2, 2, 2])) == 6


def test_no_run_is_in_two_null_interventions(capsys: pytest.CaptureFixture[str]) -> None:
    planned = list(chain(*remedies.null_runs(20)))
    keys = [remedies.key(run) for run in planned]
    assert max(Counter(keys).values()) == 1
    found = {key: {"accuracy": 0.5 + 0.1 * (place % 20 >= 15) + 0.001 * (place % 3)} for place, key in enumerate(keys)}
    remedies.nulls(found, 20)
    assert "12 null interventions of 6 configs: effects declared 50.0 % (25.4 to 74.6, 6 of 12)" in capsys.readouterr().out
