"""The average of the weights: what it is, and that everything which looks at a run's network looks at it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from engine.data.loading import load as load_data
from engine.data.resident import Resident
from engine.data.split import split
from engine.training import checkpoints, session
from engine.training.evaluation import evaluate
from engine.training.live import Average, Live
from engine.training.loop import Training
from engine.training.numerics import choose
from engine.training.predicting import Predictor
from tests.training.short_runs import begin, digits, epochs, follow, settings, steps
from tests.training.test_samples import Notes, place

NET = {"architecture": "resnet18", "width": 0.125}


def test_it_is_the_exponential_mean_and_follows_faster_at_first() -> None:
    model = nn.Linear(1, 1, bias=False)
    average, expected = Average(model), model.weight.item()
    for step in range(1, 200):
        model.weight.data.fill_(step)
        average.follow(0.9, step)
        kept = min(0.9, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * step
        assert average.network().weight.item() == pytest.approx(expected, rel=1e-5)  # type: ignore[union-attr]
    assert expected == pytest.approx(199 - 9, rel=1e-3)  # behind by decay / (1 - decay) steps


def test_batch_statistics_are_those_of_the_network_that_is_trained() -> None:
    model = nn.Sequential(nn.BatchNorm1d(3))
    average = Average(model)
    model.train()(torch.rand(20, 3) + 5)
    assert not torch.equal(average.model[0].running_mean, model[0].running_mean)  # type: ignore[index]
    assert all(torch.equal(one, other) for one, other in zip(average.network().buffers(), model.buffers(), strict=True))


def test_without_an_average_the_network_itself_is_evaluated() -> None:
    model = nn.Linear(2, 2)
    assert Live(model, torch.optim.SGD(model.parameters())).evaluated() is model


def test_it_changes_nothing_of_the_training_itself() -> None:
    plain, averaged = (begin(settings(**NET, dropout=0.3, ema=ema), digits()) for ema in (0.0, 0.9))
    (told, _), (other, _) = follow(plain), follow(averaged)
    assert [step.learning_rate for step in steps(told)] == [step.learning_rate for step in steps(other)]
    for mine, its in zip(plain.model.state_dict().values(), averaged.model.state_dict().values(), strict=True):
        assert torch.equal(mine, its)
    for one, two in zip(epochs(told), epochs(other), strict=True):
        assert one.metrics["train_loss"] == two.metrics["train_loss"]
        assert one.metrics["val_loss"] != two.metrics["val_loss"]


def test_an_epoch_is_measured_on_the_average() -> None:
    training = begin(settings(**NET, ema=0.9), digits())
    last = epochs(follow(training)[0])[-1]
    assert training.average is not None
    for part, indices in (("val", training.data.validation), ("probe", training.data.probe)):
        loss, accuracy = evaluate(training.average.network(), training.data, indices, training.numerics).means()
        assert (last.metrics[f"{part}_loss"], last.metrics[f"{part}_accuracy"]) == (loss, accuracy)


def facts(training: Training) -> dict[str, Any]:
    data = training.data
    assert isinstance(data, Resident)
    return {
        "config": training.config.model_dump(mode="json"), "numerics": training.numerics.as_dict(), "classes": list(data.classes),
        "channels": data.channels, "mean": data.mean.flatten().tolist(), "std": data.std.flatten().tolist(),
    }  # fmt: skip


def test_a_prediction_is_that_of_the_average(tmp_path: Path) -> None:
    training = begin(settings(**NET, ema=0.9), digits())
    follow(training)
    checkpoints.save(tmp_path, "last", training.live, training.state(), checkpoints.Extra(facts(training)))
    pictures = training.data.pictures(training.data.validation)
    with torch.inference_mode():
        logits = training.live.evaluated()(training.data.normalise(pictures))
    answered = Predictor.load(checkpoints.load(tmp_path, "last")).probabilities(pictures.numpy())
    torch.testing.assert_close(answered, logits.softmax(1))


def test_the_best_checkpoint_and_the_test_are_of_the_average(tmp_path: Path) -> None:
    config = settings(epochs=3, width=0.25, ema=0.9, optimizer="sgd", learning_rate=0.05)
    notes, numerics = Notes(), choose(config, 1)
    outcome = session.train(config, session.Setting(numerics, None, lambda: None), place(tmp_path), notes)
    whole = load_data(config.data, (), tmp_path / "cache")
    data = Resident.load(whole, split(whole, config.data), "cpu")
    best = checkpoints.load(tmp_path / "checkpoints", notes.best().name)
    training = begin(config, data)
    training.model.load_state_dict(best.weights)
    assert best.raw and not torch.equal(best.raw["classifier.2.weight"], best.weights["classifier.2.weight"])
    assert evaluate(training.model, data, data.validation, numerics).means()[0] == best.state.best_loss
    assert outcome.test is not None
    assert evaluate(training.model, data, data.test, numerics).means() == (outcome.test.loss, outcome.test.accuracy)
