"""The compiled training step: it learns what the plain one learns, and obeys the knobs. Graphs themselves need CUDA."""

import dataclasses
import shutil
from typing import Any

import pytest
import torch

from engine.training.happenings import Change, StepDone
from engine.training.loop import Training
from engine.training.numerics import Numerics
from tests.training.short_runs import digits, epochs, follow, network, settings

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")]
NUMERICS = Numerics("cpu", 1, "fp32", channels_last=True, deterministic=False, fused=True, compiled=True)


def begin(numerics: Numerics, **knobs: Any) -> Training:
    config = settings(precision="auto", **knobs)
    numerics.apply()
    return Training(network(config), digits(), config, numerics)


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
