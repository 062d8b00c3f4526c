"""The rate at every step, against torch's schedulers where they have the same one."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as some
from torch.optim import SGD
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)

from engine.config import KNOBS, RunConfig
from engine.errors import BadKnob
from engine.training.schedules import Plateau, rate, watched

PEAK = 0.3
SCHEDULES = KNOBS["schedule"].choices


def config(schedule: str, epochs: int, **knobs: Any) -> RunConfig:
    plan = {"schedule": schedule, "epochs": epochs, "step_epochs": min(2, epochs), "learning_rate": PEAK}
    return RunConfig.from_flat(plan | knobs)


def ours(schedule: str, epochs: int, steps: int, **knobs: Any) -> list[float]:
    return [rate(config(schedule, epochs, **knobs), step, steps) for step in range(epochs * steps)]


def theirs(build: Callable[[SGD], LRScheduler], count: int) -> list[float]:
    optimiser = SGD([torch.zeros(1, requires_grad=True)], lr=PEAK)
    scheduler = build(optimiser)
    rates = []
    for _ in range(count):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return rates


SIZES = pytest.mark.parametrize(("epochs", "steps"), [(1, 10), (4, 7), (20, 13), (3, 3)])


@SIZES
def test_cosine_is_that_of_torch(epochs: int, steps: int) -> None:
    expected = theirs(lambda optimiser: CosineAnnealingLR(optimiser, T_max=epochs * steps), epochs * steps)
    assert ours("cosine", epochs, steps) == pytest.approx(expected, rel=1e-9)


@SIZES
def test_one_cycle_is_that_of_torch(epochs: int, steps: int) -> None:
    # torch's last step would ask for one beyond the end; it is left out.
    total = epochs * steps
    expected = theirs(lambda optimiser: OneCycleLR(optimiser, max_lr=PEAK, total_steps=total + 1), total)
    shorter = theirs(lambda optimiser: OneCycleLR(optimiser, max_lr=PEAK, total_steps=total), total - 1)
    assert ours("one_cycle", epochs, steps)[:-1] == pytest.approx(shorter, rel=1e-9)
    assert ours("one_cycle", epochs, steps) != pytest.approx(expected, rel=1e-9)
    assert ours("one_cycle", epochs, steps)[-1] == pytest.approx(PEAK / 25 / 1e4)


@SIZES
def test_multistep_is_that_of_torch(epochs: int, steps: int) -> None:
    total = epochs * steps
    milestones = [-(-total // 2), -(-3 * total // 4)]
    expected = theirs(lambda optimiser: MultiStepLR(optimiser, milestones), total)
    assert ours("multistep", epochs, steps) == pytest.approx(expected, rel=1e-9)


def test_milestones_are_epochs_or_shares_of_the_run_as_in_torch() -> None:
    # The bird recipe: a quarter of the rate at 20, 30, 40 and 50 of 60 epochs.
    expected = theirs(lambda optimiser: MultiStepLR(optimiser, [5 * place for place in (20, 30, 40, 50)], 0.25), 300)
    for milestones in ("20, 30,40, 50", "20, 50%, 40, 83.333%"):
        assert ours("multistep", 60, 5, milestones=milestones, step_factor=0.25) == pytest.approx(expected, rel=1e-9)
    two = {"plan": "last_then_all", "stage1_epochs": 10, "stage1_schedule": "multistep", "milestones": "50%", "stage1_rate": PEAK}
    rates = [round(each / PEAK, 6) for each in ours("multistep", 30, 1, **two)]
    assert rates == [1.0] * 5 + [0.1] * 5 + [1.0] * 10 + [0.1] * 10, "shares of the stage"


@pytest.mark.parametrize(
    ("milestones", "knobs"),
    [
        ("10", {}), ("5, 10", {}), ("0", {}), ("100%", {}), ("0%", {}), ("5, 120", {}),
        ("5", {"plan": "last_then_all", "stage1_epochs": 5}),
        ("5", {"schedule": "constant", "stage1_schedule": "multistep", "plan": "last_then_all", "stage1_epochs": 5}),
    ],
)  # fmt: skip
def test_a_milestone_outside_its_epochs_is_refused(milestones: str, knobs: dict[str, Any]) -> None:
    with pytest.raises(BadKnob) as caught:
        RunConfig.from_flat({"schedule": "multistep", "epochs": 10, "milestones": milestones, **knobs})
    assert (caught.value.fields["knob"], caught.value.key) == ("milestones", "errors.milestone_outside")
    RunConfig.from_flat({"epochs": 10, "milestones": milestones})


@pytest.mark.parametrize("milestones", ["", ",", "5,", "-1", "half", "5; 6", "1e9", "50 %", ", ".join(["5"] * 21), "nan", "inf"])
def test_what_is_no_list_of_milestones_is_refused(milestones: str) -> None:
    with pytest.raises(BadKnob) as caught:
        RunConfig.from_flat({"milestones": milestones})
    assert "EPOCH or SHARE%" in str(caught.value)


@SIZES
@pytest.mark.parametrize("factor", [0.1, 0.5])
def test_steps_are_those_of_torch(epochs: int, steps: int, factor: float) -> None:
    for every in {1, epochs // 2 or 1, epochs}:
        expected = theirs(lambda optimiser, every=every: StepLR(optimiser, every * steps, factor), epochs * steps)
        assert ours("step", epochs, steps, step_epochs=every, step_factor=factor) == pytest.approx(expected, rel=1e-9)


@SIZES
def test_exponential_is_that_of_torch_and_ends_where_it_shall(epochs: int, steps: int) -> None:
    total = epochs * steps
    expected = theirs(lambda optimiser: ExponentialLR(optimiser, 0.02 ** (1 / total)), total)
    assert ours("exponential", epochs, steps, end_factor=0.02) == pytest.approx(expected, rel=1e-9)
    assert rate(config("exponential", epochs, end_factor=0.02), total, steps) == pytest.approx(0.02 * PEAK)


@given(some.lists(some.floats(0.01, 9.0), min_size=1, max_size=25), some.integers(0, 4), some.sampled_from([0.1, 0.5, 0.9]))
@tried(max_examples=60)
def test_plateaus_are_those_of_torch(losses: list[float], patience: int, factor: float) -> None:
    plan = config("reduce_on_plateau", len(losses), plateau_patience=patience, step_factor=factor)
    optimiser = SGD([torch.zeros(1, requires_grad=True)], lr=PEAK)
    scheduler, plateau = ReduceLROnPlateau(optimiser, factor=factor, patience=patience, eps=0.0), Plateau()
    for epoch, loss in enumerate(losses, 1):
        assert rate(plan, 3 * epoch - 1, 3, plateau.drops) == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9)
        scheduler.step(loss)
        plateau = watched(plateau, plan, epoch, loss)
    assert rate(plan, 3 * len(losses), 3, plateau.drops) == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9)


def test_no_plateau_is_looked_for_within_the_warm_up_or_by_another_schedule() -> None:
    flat = [1.0] * 8
    drops = {}
    for name, plan in (
        ("at once", config("reduce_on_plateau", 8, plateau_patience=0)),
        ("warming up", config("reduce_on_plateau", 8, plateau_patience=0, warmup=4.5)),
        ("constant", config("constant", 8, plateau_patience=0)),
    ):
        plateau = Plateau()
        for epoch, loss in enumerate(flat, 1):
            plateau = watched(plateau, plan, epoch, loss)
        drops[name] = plateau.drops
    assert drops == {"at once": 7, "warming up": 3, "constant": 0}


def test_constant_stays() -> None:
    assert set(ours("constant", 3, 5)) == {PEAK}


@pytest.mark.parametrize("schedule", [name for name in SCHEDULES if name != "one_cycle"])
def test_warmup_rises_in_equal_steps_to_the_peak(schedule: str) -> None:
    rates = ours(schedule, epochs=10, steps=8, warmup=1.5, step_epochs=5)
    assert rates[:12] == pytest.approx([PEAK * (step + 1) / 12 for step in range(12)])
    assert rates[12] == pytest.approx(PEAK)
    assert max(rates) == pytest.approx(PEAK)


def test_warmup_does_not_touch_one_cycle() -> None:
    assert ours("one_cycle", 10, 8, warmup=2.0) == ours("one_cycle", 10, 8)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("total", [1, 2, 3, 4, 5])
def test_the_shortest_runs_learn_something(schedule: str, total: int) -> None:
    rates = ours(schedule, epochs=1, steps=total)
    assert max(rates) > PEAK / 4
    assert all(0 < rate <= PEAK * 1.000001 for rate in rates)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "multistep", "step", "exponential"])
def test_past_the_end_of_a_shortened_run_the_rate_does_not_rise_again(schedule: str) -> None:
    shortened = config(schedule, epochs=5)
    assert rate(shortened, 79, 10) <= rate(shortened, 49, 10)
