"""A batch in parts, side by side: the same learning as in one piece, the same bits every time, and no draw shared."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.models.stochastic_depth import StochasticDepth, spread
from engine.training import checkpoints
from engine.training.evaluation import evaluate
from engine.training.happenings import Stop
from engine.training.loop import Training
from engine.training.numerics import Numerics
from engine.training.replicas import replicas, side_by_side
from tests.training.short_runs import digits, epochs, follow, network, same_weights, settings

LIVELY = {"dropout": 0.3, "crop": 0.1, "rotation": 9.0, "optimizer": "adamw", "weight_decay": 0.1, "clip": 0.5, "ema": 0.9}


def begin(count: int, **knobs: Any) -> Training:
    config = settings(precision="auto", **knobs)
    numerics = Numerics("cpu", 1, "fp32", channels_last=True, deterministic=False, fused=True, replicas=count)
    numerics.apply()
    return Training(network(config), digits(), config, numerics)


def weights(training: Training) -> dict[str, Tensor]:
    return {name: weight.clone() for name, weight in training.model.state_dict().items()}


@pytest.mark.parametrize("knobs", [{}, {"accumulation": 2, "batch_size": 24}, {"batch_size": 2, "epochs": 1}])
def test_learns_what_one_piece_learns(knobs: dict[str, Any]) -> None:
    whole, parted = begin(1, **knobs), begin(3, **knobs)
    (happened, _), (in_parts, _) = follow(whole), follow(parted)
    for ours, theirs in zip(epochs(in_parts), epochs(happened), strict=True):
        for name in ("train_loss", "val_loss", "probe_loss", "grad_norm"):
            assert ours.metrics[name] == pytest.approx(theirs.metrics[name], rel=2e-3), name
        assert ours.metrics["train_accuracy"] == pytest.approx(theirs.metrics["train_accuracy"], abs=0.02)


def test_gives_the_same_bits_every_time() -> None:
    once, again = begin(2, **LIVELY), begin(2, **LIVELY)
    follow(once)
    follow(again)
    assert all(torch.equal(one, other) for one, other in zip(weights(once).values(), weights(again).values(), strict=True))


def test_what_is_loaded_into_the_network_reaches_its_replicas() -> None:
    """Among it the hashes of compact pooling, which a resumed run does not draw itself when its weights came from another."""
    bilinear = {"pooling": "compact_bilinear", "pooling_size": 512}
    own, other = (network(settings(seed=seed, **bilinear)) for seed in (0, 1))
    several = replicas(own, 2, "cpu")
    own.load_state_dict(other.state_dict())
    for replica in several:
        assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in replica.model.state_dict().items())


def test_goes_on_from_a_checkpoint_with_the_same_bits(tmp_path: Path) -> None:
    whole, first = (begin(2, **LIVELY) for _ in range(2))
    follow(whole)
    follow(first, lambda happening: Stop() if first.step == 3 else None)
    checkpoints.save(tmp_path, "last", first.live, first.state())
    kept = checkpoints.load(tmp_path, "last")
    rest = Training(network(first.config), first.data, first.config, first.numerics, kept.state)
    checkpoints.restore(kept, rest.live)
    follow(rest)
    assert same_weights(whole, rest)


def test_each_drops_other_units_and_all_follow_the_knob() -> None:
    training = begin(2, dropout=0.5)
    several = replicas(training.model, 2, "cpu")
    pictures = digits().normalise(digits().pictures(digits().train[:8]))
    for replica in several:
        replica.seed(1, 2, 3)
        replica.model.train()
    first, second = (replica.model(pictures) for replica in several)
    assert not torch.allclose(first, second)
    several[0].seed(1, 2, 3)
    assert torch.equal(several[0].model(pictures), first)


def test_each_leaves_other_blocks_out() -> None:
    several = replicas(nn.Sequential(StochasticDepth()).train(), 2, "cpu")
    added = torch.ones(64, 2, 3, 3)
    for replica in several:
        spread(replica.model, 0.5)
        replica.seed(1, 2, 3)
    first, second = (replica.model(added) for replica in several)
    assert not torch.equal(first, second)
    several[0].seed(1, 2, 3)
    assert torch.equal(several[0].model(added), first)


def test_evaluates_as_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.training.evaluation.CPU_CHUNK", 7 * 16 * 16)
    training, data = begin(1), digits()
    whole = evaluate(training.model, data, data.validation, training.numerics)
    parted = evaluate(training.model, data, data.validation, dataclasses.replace(training.numerics, replicas=3))
    torch.testing.assert_close(parted.loss, whole.loss)
    assert torch.equal(parted.predicted, whole.predicted)


def test_an_error_of_any_part_is_raised() -> None:
    def work(number: int) -> int:
        if number == 2:
            raise ValueError(number)
        return number

    with pytest.raises(ValueError, match="2"):
        side_by_side(work, [1, 2, 3])
    assert side_by_side(work, [1, 4, 3]) == [1, 4, 3]
