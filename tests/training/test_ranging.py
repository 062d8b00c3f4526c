"""The learning-rate range test: what it suggests, that it leaves no trace, that it ends."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.config import RunConfig
from engine.data.arrivals import Arrivals
from engine.errors import DataError
from engine.jobs import asking
from engine.training import ranging
from engine.training.inheriting import Shelf
from engine.training.numerics import choose
from engine.training.ranging import Range, found, of_stage, range_test, running_mean
from engine.training.rehearsal import Unwanted
from tests.models.weights_server import sell, serving
from tests.training.short_runs import settings


@pytest.fixture
def arrivals(tmp_path: Path) -> Arrivals:
    return Arrivals([tmp_path / "data"], tmp_path / "cache")


def swept(config: RunConfig, arrivals: Arrivals) -> Range:
    return range_test(config, arrivals, choose(config, cores=1))


def config(**knobs: object) -> RunConfig:
    return settings(**{"dataset": "digits", "architecture": "lenet", "resolution": 16, "width": 1.0, **knobs})


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("optimizer", "low", "high"), [("adam", 1e-3, 1e-2), ("sgd", 2e-2, 1e-1), ("rmsprop", 4e-4, 4e-3)])
def test_the_suggestion_is_a_rate_that_such_networks_learn_at(
    arrivals: Arrivals, optimizer: str, low: float, high: float, seed: int
) -> None:
    said = swept(config(optimizer=optimizer, seed=seed), arrivals)
    assert said.suggested is not None and low <= said.suggested <= high
    assert said.suggested <= 1.06 * ranging.SAFE * said.lowest, "rounded to two digits"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_last_layer_on_few_pictures_is_not_given_the_rate_of_noise(arrivals: Arrivals, tmp_path: Path, seed: int) -> None:
    knobs = {
        "architecture": "efficientnet_lite0", "weights": "imagenet", "plan": "last", "resolution": 64, "optimizer": "sgd",
        "batch_size": 32, "train_share": 0.15, "seed": seed,
    }  # fmt: skip
    few = config(**knobs)
    said = range_test(few, arrivals, choose(few, cores=1), shelf=Shelf(tmp_path / "weights", lambda run: pytest.fail("no run is asked")))
    assert said.suggested is not None and 1e-4 <= said.suggested <= 1e-2


def test_it_goes_on_until_the_loss_is_hopeless(arrivals: Arrivals) -> None:
    said = swept(config(optimizer="sgd", momentum=0.99), arrivals)
    assert len(said.rates) == len(said.losses) == len(said.smoothed) <= ranging.STEPS
    assert np.mean(said.losses[-ranging.WINDOW :]) > ranging.HOPELESS * min(said.smoothed) * 0.9


@pytest.mark.slow
def test_it_does_not_look_at_the_rate_and_the_schedule_of_the_form(arrivals: Arrivals) -> None:
    otherwise = {"learning_rate": 1.0, "schedule": "cosine", "warmup": 1.0, "epochs": 3, "early_stopping": 1}
    assert swept(config(**otherwise), arrivals) == swept(config(), arrivals)


def test_chance_goes_on_as_if_it_had_not_been(arrivals: Arrivals) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    swept(config(), arrivals)
    assert torch.equal(torch.rand(3), expected)


def test_each_of_two_stages_is_a_plan_of_its_own() -> None:
    two = config(plan="last_then_all", stage1_epochs=1, weight_decay=0.1, stage1_weight_decay=0.2)
    first, second = (of_stage(two, stage) for stage in (1, 2))
    assert (first.stages.plan, first.optimisation.weight_decay) == ("last", 0.2)
    assert (second.stages.plan, second.optimisation.weight_decay) == ("all", 0.1)
    assert of_stage(config(plan="last"), 1) == config(plan="last")


def test_a_first_stage_on_a_layer_that_stays_as_it_was_drawn_is_tested_as_it_may_be_started(
    arrivals: Arrivals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knobs = {"architecture": "resnet18", "resolution": 32, "weights": "imagenet", "plan": "last_then_all", "stage1_epochs": 1}
    with serving(b"") as shop, pytest.raises(DataError):
        sell(monkeypatch, "resnet18", shop.url)
        range_test(config(**knobs), arrivals, choose(config(), cores=1), shelf=Shelf(tmp_path, lambda run: pytest.fail("no run")), stage=1)
    assert shop.asked, "nothing was refused before the weights were fetched"


def test_nobody_waits_for_it_any_longer(arrivals: Arrivals) -> None:
    asked = iter([True] * 3)
    with pytest.raises(Unwanted):
        range_test(config(), arrivals, choose(config(), cores=1), lambda: next(asked, False))


def test_nobody_waits_while_frozen_layers_are_computed(arrivals: Arrivals) -> None:
    asked = 0

    def wanted() -> bool:
        nonlocal asked
        asked += 1
        return False

    with pytest.raises(Unwanted):
        range_test(settings(plan="last"), arrivals, choose(settings(), cores=1), wanted)
    assert asked == 1


@pytest.mark.parametrize("kind", ["facts", "probe", "range"])
@pytest.mark.parametrize(
    "knobs",
    [
        {"epochs": 50, "stage1_epochs": 30},
        {"epochs": 20, "stage1_epochs": 5, "stage1_schedule": "step", "step_epochs": 2},
        {"epochs": 2, "stage1_epochs": 1},
    ],
)
def test_whatever_plan_may_be_started_may_be_asked_about(knobs: dict[str, object], kind: str) -> None:
    flat = RunConfig.from_flat({"plan": "last_then_all", **knobs}).flat()
    assert RunConfig.from_flat({name: flat[name] for name in asking.MATTERS[kind]}).stages.plan == "last_then_all"


def test_the_running_mean_of_a_constant_is_that_constant() -> None:
    assert running_mean(np.full(5, 2.0)) == pytest.approx(np.full(5, 2.0))


def test_where_nothing_falls_nothing_is_suggested() -> None:
    rates = np.geomspace(1e-7, 10, 50)
    assert found(rates, np.full(50, 2.3)).suggested is None
    assert found(rates, np.linspace(2.3, 9.0, 50)).suggested is None
    assert found(rates[:1], np.array([2.3])).suggested is None
    assert found(rates[:0], np.array([])) == Range([], [], [], None, 0.0)


@pytest.mark.parametrize("seed", range(8))
def test_noise_is_not_taken_for_a_fall(seed: int) -> None:
    rates = np.geomspace(1e-5, 10, ranging.STEPS)
    fall = 2.3 - 1.5 / (1 + np.exp(-3 * (np.log10(rates) + 2)))
    noise = np.random.default_rng(seed).normal(0, 0.25, ranging.STEPS)
    said = found(rates, np.where(rates > 0.3, 9.0, fall + noise))
    assert said.suggested is not None and 2e-3 <= said.suggested <= 5e-2


def test_the_steepest_fall_is_suggested_and_a_loss_that_breaks_ends_it() -> None:
    rates = np.geomspace(1e-7, 10, 80)
    fall = 2.3 - 2.0 / (1 + np.exp(-3 * (np.log10(rates) + 3)))
    said = found(rates, np.where(rates > 0.5, np.nan, fall))
    assert said.suggested == pytest.approx(1e-3, rel=0.5)
    assert said.rates[-1] <= 0.5 and np.isfinite(said.losses).all()
