"""What the loop says, what it can be told, and how it ends."""

import dataclasses
import math
from concurrent.futures import ThreadPoolExecutor
from operator import methodcaller
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.utils._python_dispatch import TorchDispatchMode

from engine.config import KNOBS
from engine.config.optimisation import FUSED
from engine.data.resident import Resident
from engine.models.stochastic_depth import StochasticDepth
from engine.training.evaluation import evaluate
from engine.training.happenings import Change, Changed, Diverged, Ended, EpochDone, Happening, StepDone, Stop
from engine.training.loop import Training, group_batches
from engine.training.numerics import choose
from engine.training.randomness import derive
from tests.training.short_runs import begin, digits, epochs, follow, misled, network, same_weights, settings, steps

METRICS = {
    *("train_loss", "train_accuracy", "probe_loss", "probe_accuracy", "val_loss", "val_accuracy"),
    *("learning_rate", "grad_norm", "epoch_seconds", "images_per_second"),
}


def test_says_every_step_and_every_epoch_in_order() -> None:
    happened, ended = follow(begin(settings(), digits(train=150)))
    assert [type(happening).__name__ for happening in happened] == (["StepDone"] * 5 + ["EpochDone"]) * 2
    assert [(happening.epoch, happening.step) for happening in happened] == [
        *((1, step) for step in (1, 2, 3, 4, 5, 5)),
        *((2, step) for step in (6, 7, 8, 9, 10, 10)),
    ]
    assert ended == Ended("finished", epoch=2, step=10)


def test_an_epoch_tells_all_the_metrics_and_the_validation_per_image() -> None:
    happened, _ = follow(begin(settings(), digits()))
    for done in epochs(happened):
        assert done.metrics.keys() == METRICS
        assert all(math.isfinite(value) for value in done.metrics.values())
        assert not done.nonfinite
        assert done.validation.loss.shape == done.validation.correct.shape == (60,)
        assert done.metrics["val_loss"] == done.validation.loss.double().mean().item()
        assert done.metrics["val_accuracy"] == done.validation.correct.double().mean().item()


def test_the_probe_and_the_validation_are_measured_without_dropout() -> None:
    training = begin(settings(dropout=0.9), digits())
    happened, _ = follow(training)
    probe = evaluate(training.model, training.data, training.data.probe, training.numerics)
    assert epochs(happened)[-1].metrics["probe_loss"] == probe.loss.double().mean().item()


def test_windows_cover_every_image_once_also_across_epochs() -> None:
    windows = []

    def read_now_and_then(happening: Happening) -> None:
        if isinstance(happening, StepDone) and happening.step % 3 == 0 or happening.step == 10:
            windows.append(happening.window() if isinstance(happening, StepDone) else None)

    happened, _ = follow(begin(settings(epochs=2), digits(train=150)), read_now_and_then)
    read = [window for window in windows if window is not None]
    assert [window.images for window in read] == [96, 32 + 22 + 32, 96, 22]
    total = sum(window.loss * window.images for window in read)
    assert total / 300 == pytest.approx(sum(done.metrics["train_loss"] for done in epochs(happened)) / 2)


def test_a_window_read_twice_is_empty() -> None:
    seen = []
    follow(
        begin(settings(epochs=1), digits()),
        lambda done: seen.extend((done.window(), done.window())) if isinstance(done, StepDone) else None,
    )
    assert seen[0].images == 32
    assert seen[1].images == 0
    assert math.isnan(seen[1].loss)


class Guarded:
    """The data without its test part: to look at it is an error."""

    def __init__(self, data: Resident) -> None:
        self._data = data

    def __getattr__(self, name: str) -> Any:
        assert name != "test", "the loop looked at the test part"
        return getattr(self._data, name)


def test_never_looks_at_the_test_part() -> None:
    with pytest.raises(AssertionError, match="test part"):
        _ = Guarded(digits()).test
    _, ended = follow(begin(settings(), Guarded(digits())))  # type: ignore[arg-type]
    assert ended.reason == "finished"


# Whatever brings numbers of a tensor to the host, and so waits for its device.
WAITS = ("item", "tolist", "cpu", "numpy", "nonzero", "__bool__", "__int__", "__float__", "__index__", "__array__")
BUSY = [
    {},
    {"accumulation": 2, "l1": 1e-4, "weight_decay": 0.1, "label_smoothing": 0.1, "crop": 0.1, "rotation": 9.0},
    {"colour_jitter": 0.2, "flip": 0.5, "flip_order": "alternating"},
    {"optimizer": "sgd", "nesterov": "on", "clip": 0.1, "ema": 0.99, "decay_all": "on", "weight_decay": 0.1},
    {"architecture": "resnet18", "width": 0.125, "stochastic_depth": 0.3, "norm_momentum": 0.3, "ema": 0.9, "clip": 1.0},
    {"schedule": "reduce_on_plateau", "warmup": 1.0},
    *({"optimizer": optimizer, "weight_decay": 0.01, "ema": 0.9} for optimizer in KNOBS["optimizer"].choices),
    *({"optimizer": optimizer, "precision": "auto"} for optimizer in FUSED),
]


def on_the_host(tensor: Tensor, optimiser: Optimizer | None) -> bool:
    """Whether it is one of the optimiser's numbers of steps: torch keeps those that it reads on the host, whatever the device."""
    slots = () if optimiser is None else (slot for kept in optimiser.state.values() for slot in kept.values())
    return any(slot is tensor for slot in slots if slot is not None and slot.ndim == 0)


def waits(monkeypatch: pytest.MonkeyPatch, optimiser: Optimizer | None = None) -> list[str]:
    """Everything that waits for a device from now on, in whatever thread, is written down here."""
    seen: list[str] = []

    def told(name: str, usual: Any) -> Any:
        def tell(tensor: Tensor, *given: Any, **named: Any) -> Any:
            if not on_the_host(tensor, optimiser):
                seen.append(name)
            return usual(tensor, *given, **named)

        return tell

    for name in WAITS:
        monkeypatch.setattr(Tensor, name, told(name, getattr(Tensor, name)))
    return seen


class Scalars(TorchDispatchMode):
    """Counts what brings numbers to the host below Python, in this thread."""

    def __init__(self, optimiser: Optimizer) -> None:
        super().__init__()
        self.count = 0
        self.optimiser = optimiser

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        reads = function is torch.ops.aten._local_scalar_dense.default or function is torch.ops.aten.nonzero.default
        self.count += reads and not on_the_host(args[0], self.optimiser)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("wait", [*map(methodcaller, ("item", "tolist", "cpu", "numpy")), bool, int, float, range, np.asarray])
def test_whatever_waits_is_seen_in_any_thread(monkeypatch: pytest.MonkeyPatch, wait: Any) -> None:
    seen = waits(monkeypatch)
    with ThreadPoolExecutor(1) as aside:
        aside.submit(lambda: wait(torch.tensor(1))).result()
    assert seen


@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("knobs", BUSY)
def test_waits_for_nothing_inside_an_epoch(monkeypatch: pytest.MonkeyPatch, knobs: dict[str, Any], replicas: int) -> None:
    config, data = settings(**({"optimizer": "sgd", "dropout": 0.2, "epochs": 1} | knobs)), digits()
    numerics = dataclasses.replace(choose(config, cores=1), replicas=replicas)
    numerics.apply()
    count = len(group_batches(data.train, 32, config.optimisation.accumulation))
    training = Training(network(config), data, config, numerics)
    run = training.run()
    seen = waits(monkeypatch, training.optimiser)
    with Scalars(training.optimiser) as scalars:
        happened = [next(run) for _ in range(count)]
    assert (seen, scalars.count) == ([], 0)
    assert [type(happening) for happening in happened] == [StepDone] * count


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("knobs", BUSY)
def test_waits_for_nothing_inside_an_epoch_on_cuda(knobs: dict[str, Any]) -> None:
    data = digits(train=310)
    moved = {name: value.cuda() for name, value in vars(data).items() if isinstance(value, Tensor)}
    config = settings(**({"device": "cuda", "precision": "auto", "dropout": 0.2, "epochs": 1} | knobs))
    run = begin(config, dataclasses.replace(data, **moved)).run()
    next(run)
    torch.cuda.set_sync_debug_mode("error")
    try:
        assert [type(next(run)) for _ in range(4)] == [StepDone] * 4
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_diverges_after_telling_the_epoch() -> None:
    run = begin(settings(optimizer="sgd", learning_rate=100.0), digits()).run()
    told: list[Happening] = []
    with pytest.raises(Diverged) as diverged:
        told.extend(run)
    # `extend` keeps what came before the error.
    last = told[-1]
    assert isinstance(last, EpochDone)
    assert last.nonfinite
    assert diverged.value.fields == {"epoch": 1, "step": 5}


def test_a_window_after_a_blow_up_is_not_finite() -> None:
    windows = []
    with pytest.raises(Diverged):
        follow(
            begin(settings(optimizer="sgd", learning_rate=100.0), digits()),
            lambda happening: windows.append(happening.window()) if isinstance(happening, StepDone) else None,
        )
    assert not math.isfinite(windows[-1].loss)
    assert windows[-1].images


def test_stop_ends_after_the_step() -> None:
    happened, ended = follow(begin(settings(), digits()), lambda happening: Stop() if happening.step == 3 else None)
    assert len(happened) == 3
    assert ended == Ended("stopped", epoch=0, step=3)


def test_stop_after_an_epoch_ends_there() -> None:
    happened, ended = follow(begin(settings(), digits()), lambda happening: Stop() if isinstance(happening, EpochDone) else None)
    assert len(happened) == 6
    assert ended == Ended("stopped", epoch=1, step=5)


def test_early_stopping_waits_for_the_given_epochs() -> None:
    happened, ended = follow(begin(settings(epochs=50, early_stopping=3, learning_rate=5e-3), misled(digits())))
    losses = [done.metrics["val_loss"] for done in epochs(happened)]
    best = losses.index(min(losses)) + 1
    assert ended.reason == "early_stopping"
    assert ended.epoch == best + 3 < 50
    assert [done.epoch for done in epochs(happened) if done.best][-1] == best


def change_at(step: int, **knobs: Any) -> Any:
    config = settings(epochs=3).changed(**knobs)
    return lambda happening: Change(config) if happening.step == step and isinstance(happening, StepDone) else None


def test_a_learning_rate_acts_at_the_next_step() -> None:
    happened, _ = follow(begin(settings(epochs=3), digits()), change_at(2, learning_rate=0.01))
    assert [step.learning_rate for step in steps(happened)] == [1e-3] * 2 + [0.01] * 13
    assert [change for change in happened if isinstance(change, Changed)] == [
        Changed(epoch=1, step=2, knobs={"learning_rate": (1e-3, 0.01)})
    ]


def test_a_batch_size_acts_at_the_next_epoch() -> None:
    happened, _ = follow(begin(settings(epochs=3), digits(train=150)), change_at(2, batch_size=75, accumulation=2))
    assert [sum(step.epoch == epoch for step in steps(happened)) for epoch in (1, 2, 3)] == [5, 1, 1]
    assert [change for change in happened if isinstance(change, Changed)] == [
        Changed(epoch=2, step=5, knobs={"batch_size": (32, 75), "accumulation": (1, 2)})
    ]


def test_knobs_of_both_kinds_in_one_change_act_each_at_its_time() -> None:
    happened, _ = follow(begin(settings(epochs=3), digits()), change_at(2, crop=0.1, dropout=0.5))
    assert [(change.step, list(change.knobs)) for change in happened if isinstance(change, Changed)] == [(2, ["dropout"]), (5, ["crop"])]


def test_momentum_penalties_and_dropout_reach_the_next_step() -> None:
    training = begin(settings(optimizer="sgd", epochs=3), digits())
    now = {"momentum": 0.5, "nesterov": "on", "weight_decay": 0.2, "l1": 1e-3, "dropout": 0.6, "label_smoothing": 0.1}
    config = training.config.changed(**now)
    run = training.run()
    next(run)
    changed = run.send(Change(config))
    assert isinstance(changed, Changed)
    assert set(changed.knobs) == set(now)
    weights, others = training.optimiser.param_groups
    read = ("momentum", "nesterov", "shrink", "l1")
    assert [weights[name] for name in read] == [0.5, True, 0.2, 1e-3]
    assert [others[name] for name in read] == [0.5, True, 0.0, 0.0]
    assert {module.p for module in training.model.modules() if isinstance(module, torch.nn.Dropout)} == {0.6}


@pytest.mark.parametrize(
    "knobs",
    [
        {"label_smoothing": 0.3}, {"weight_decay": 1.0}, {"weight_decay": 1.0, "decay_all": "on"}, {"l1": 0.01}, {"dropout": 0.5},
        {"crop": 0.2}, {"flip": 0.5}, {"clip": 0.01}, {"ema": 0.9},
    ],
)  # fmt: skip
def test_every_change_changes_the_weights(knobs: dict[str, Any]) -> None:
    still, moved = begin(settings(epochs=3), digits()), begin(settings(epochs=3), digits())
    follow(still)
    follow(moved, change_at(2, **knobs))
    assert not same_weights(still, moved)


def test_stochastic_depth_reaches_the_next_step_each_block_its_part() -> None:
    training = begin(settings(architecture="resnet18", width=0.125, epochs=3), digits())
    run = training.run()
    next(run)
    run.send(Change(training.config.changed(stochastic_depth=0.4)))
    shares = [module.p for module in training.model.modules() if isinstance(module, StochasticDepth)]
    assert shares == pytest.approx([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4])


def test_an_average_begins_where_it_is_switched_on_and_is_gone_when_it_is_off() -> None:
    training = begin(settings(epochs=3, ema=0.9), digits())
    run = training.run()
    next(run)
    assert training.live.evaluated() is not training.model
    run.send(Change(training.config.changed(ema=0)))
    assert training.live.evaluated() is training.model
    next(run)
    run.send(Change(training.config.changed(ema=0.99)))
    mean, trained = training.live.evaluated(), training.model
    assert mean is not trained
    assert all(torch.equal(one, its) for one, its in zip(mean.state_dict().values(), trained.state_dict().values(), strict=True))


def test_fewer_epochs_end_the_run_and_more_prolong_it() -> None:
    assert follow(begin(settings(epochs=3), digits()), change_at(7, epochs=1))[1] == Ended("finished", epoch=2, step=10)
    assert follow(begin(settings(epochs=3), digits()), change_at(7, epochs=4))[1] == Ended("finished", epoch=4, step=20)


def test_a_knob_that_needs_a_fork_is_left_as_it_is() -> None:
    training = begin(settings(epochs=3), digits())
    happened, _ = follow(training, change_at(2, optimizer="sgd", width=1.0))
    assert not [change for change in happened if isinstance(change, Changed)]
    assert training.config == settings(epochs=3)


def test_a_change_may_be_answered_by_a_stop() -> None:
    config = settings(learning_rate=0.01)
    happened, ended = follow(begin(settings(), digits()), lambda happening: Stop() if isinstance(happening, Changed) else Change(config))
    assert len(happened) == 2
    assert ended == Ended("stopped", epoch=0, step=1)


def test_a_change_undone_before_its_epoch_never_happened() -> None:
    answers = {2: Change(settings(epochs=3, batch_size=64)), 3: Change(settings(epochs=3))}
    happened, _ = follow(
        begin(settings(epochs=3), digits()), lambda happening: answers.get(happening.step) if happening.epoch == 1 else None
    )
    assert not [change for change in happened if isinstance(change, Changed)]


@pytest.mark.parametrize(
    ("count", "batch_size", "accumulation", "expected"),
    [
        (10, 4, 1, [[4], [4], [2]]),
        (9, 4, 1, [[4], [4]]),
        (10, 4, 2, [[4, 4], [2]]),
        (9, 4, 3, [[4, 4]]),
        (3, 1, 1, [[1], [1], [1]]),
        (1, 4, 1, [[1]]),
        (3, 8, 4, [[3]]),
    ],
)
def test_batches_cover_the_order_but_for_a_single_last_image(
    count: int, batch_size: int, accumulation: int, expected: list[list[int]]
) -> None:
    groups = group_batches(torch.arange(count), batch_size, accumulation)
    assert [[len(batch) for batch in group] for group in groups] == expected
    kept = torch.cat([batch for group in groups for batch in group])
    assert torch.equal(kept, torch.arange(len(kept)))


def test_a_pause_is_left_out_of_the_seconds() -> None:
    training = begin(settings(epochs=1), digits())
    happened, _ = follow(training, lambda happening: training.slept(1000.0) if happening.step == 2 else None)
    assert epochs(happened)[0].metrics["epoch_seconds"] < -900


def seen(epoch: int, **knobs: Any) -> Tensor:
    """The pictures of the first batch of that epoch, in the dataset's order of all 60."""
    training = begin(settings(batch_size=60, epochs=9, **knobs), digits(train=60, validation=10))
    training.epoch = epoch
    pictures, _ = training.next_batch()
    return pictures[training.data.order(derive(training.config.budget.seed, epoch, 0)).argsort()]


def test_alternating_flips_show_each_picture_either_way_by_turns() -> None:
    first, second, third = (seen(epoch, flip=0.5, flip_order="alternating") for epoch in range(3))
    assert torch.equal(second, first.flip(3))
    assert torch.equal(third, first)
    plain = seen(0)
    mirrored = (first != plain).flatten(1).any(1)
    assert 15 < mirrored.sum() < 45
    assert not torch.equal(first, seen(0, flip=0.5, flip_order="alternating", seed=1))


@pytest.mark.parametrize(("share", "times"), [(0.25, 2), (1.0, 8), (0.0, 0)])
def test_alternating_flips_keep_their_share(share: float, times: int) -> None:
    plain = seen(0)
    mirrored = sum((seen(epoch, flip=share, flip_order="alternating") != plain).flatten(1).any(1).int() for epoch in range(8))
    assert isinstance(mirrored, Tensor) and bool((mirrored == times).all())
