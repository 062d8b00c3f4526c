"""The rate at every step, against torch's schedulers where they have the same one."""

from collections.abc import Callable

import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, MultiStepLR, OneCycleLR

from engine.config import RunConfig
from engine.training.schedules import rate

PEAK = 0.3


def config(schedule: str, epochs: int, warmup: float = 0.0) -> RunConfig:
    return RunConfig.from_flat({"schedule": schedule, "epochs": epochs, "warmup": warmup, "learning_rate": PEAK})


def ours(schedule: str, epochs: int, steps: int, warmup: float = 0.0) -> list[float]:
    return [rate(config(schedule, epochs, warmup), step, steps) for step in range(epochs * steps)]


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


def test_constant_stays() -> None:
    assert set(ours("constant", 3, 5)) == {PEAK}


@pytest.mark.parametrize("schedule", ["constant", "multistep", "cosine"])
def test_warmup_rises_in_equal_steps_to_the_peak(schedule: str) -> None:
    rates = ours(schedule, epochs=10, steps=8, warmup=1.5)
    assert rates[:12] == pytest.approx([PEAK * (step + 1) / 12 for step in range(12)])
    assert rates[12] == pytest.approx(PEAK)
    assert max(rates) == pytest.approx(PEAK)


def test_warmup_does_not_touch_one_cycle() -> None:
    assert ours("one_cycle", 10, 8, warmup=2.0) == ours("one_cycle", 10, 8)


@pytest.mark.parametrize("schedule", ["constant", "multistep", "cosine", "one_cycle"])
@pytest.mark.parametrize("total", [1, 2, 3, 4, 5])
def test_the_shortest_runs_learn_something(schedule: str, total: int) -> None:
    rates = ours(schedule, epochs=1, steps=total)
    assert max(rates) > PEAK / 4
    assert all(0 < rate <= PEAK * 1.000001 for rate in rates)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "multistep"])
def test_past_the_end_of_a_shortened_run_the_rate_does_not_rise_again(schedule: str) -> None:
    shortened = config(schedule, epochs=5)
    assert rate(shortened, 79, 10) <= rate(shortened, 49, 10)
