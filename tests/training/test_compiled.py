"""The compiled training step: it learns what the plain one learns, and obeys the knobs. Graphs themselves need CUDA."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.training import checkpoints
from engine.training.happenings import BEGINNING, Change, State, StepDone, Stop
from engine.training.loop import Training
from engine.training.numerics import Numerics
from tests.training.short_runs import digits, epochs, follow, network, same_weights, settings

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")]
NUMERICS = Numerics("cpu", 1, "fp32", channels_last=True, deterministic=False, fused=True, compiled=True)


def begin(numerics: Numerics, start: State = BEGINNING, **knobs: Any) -> Training:
    config = settings(precision="auto", **knobs)
    numerics.apply()
    return Training(network(config), digits(), config, numerics, start)


def test_learns_what_the_plain_step_learns() -> None:
    compiled, plain = begin(NUMERICS), begin(dataclasses.replace(NUMERICS, compiled=False))
    (ours, _), (theirs, _) = follow(compiled), follow(plain)
    for one, other in zip(epochs(ours), epochs(theirs), strict=True):
        for name in ("train_loss", "val_loss", "probe_loss", "grad_norm"):
            assert one.metrics[name] == pytest.approx(other.metrics[name], rel=1e-3), name
    assert list(compiled.model.state_dict()) == list(plain.model.state_dict())


def test_follows_the_dropout_knob() -> None:
    training = begin(NUMERICS, dropout=0.0)
    config = training.config.changed(dropout=0.9)
    happened, _ = follow(training, lambda happening: Change(config) if isinstance(happening, StepDone) and happening.step == 5 else None)
    first, second = epochs(happened)
    assert second.metrics["train_loss"] > first.metrics["train_loss"]
    assert {module.p for module in training.model.modules() if isinstance(module, torch.nn.Dropout)} == {0.9}


@pytest.mark.timeout(400)
def test_learns_with_blocks_left_out_and_an_average() -> None:
    knobs = {"architecture": "resnet18", "width": 0.125, "stochastic_depth": 0.5, "norm_momentum": 0.3, "clip": 1.0, "ema": 0.8}
    training = begin(NUMERICS, **knobs, epochs=3, learning_rate=5e-3)
    measured = [done.metrics for done in epochs(follow(training)[0])]
    assert measured[-1]["train_loss"] < measured[0]["train_loss"]
    assert measured[-1]["val_loss"] < measured[0]["val_loss"]
    assert list(training.model.state_dict()) == list(training.live.evaluated().state_dict())


@pytest.mark.timeout(400)
def test_goes_on_from_a_checkpoint_with_the_same_bits(tmp_path: Path) -> None:
    knobs = {"dropout": 0.3, "optimizer": "nadam", "clip": 1.0, "ema": 0.9}
    whole, first = (begin(NUMERICS, **knobs) for _ in range(2))
    follow(whole)
    follow(first, lambda happening: Stop() if first.step == 3 else None)
    checkpoints.save(tmp_path, "last", first.live, first.state())
    kept = checkpoints.load(tmp_path, "last")
    rest = begin(NUMERICS, kept.state, **knobs)
    checkpoints.restore(kept, rest.live)
    follow(rest)
    assert same_weights(whole, rest)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_replays_graphs_on_cuda() -> None:
    config = settings(precision="auto", device="cuda", dropout=0.2)
    data = digits()
    moved = {name: value.cuda() for name, value in vars(data).items() if isinstance(value, torch.Tensor)}
    numerics = dataclasses.replace(NUMERICS, device="cuda", precision="bf16")
    numerics.apply()
    happened, _ = follow(Training(network(config), dataclasses.replace(data, **moved), config, numerics))
    assert epochs(happened)[-1].metrics["train_loss"] < epochs(happened)[0].metrics["train_loss"]
