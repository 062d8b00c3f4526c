"""In exact mode the loop is, number for number, the loop anyone would write with plain torch."""

import copy

import pytest
import torch
from torch import Tensor, nn

from engine.config import RunConfig
from engine.data.augment import augment
from engine.data.resident import Resident
from engine.training.randomness import derive
from tests.training.short_runs import begin, digits, epochs, follow, network, settings

CASES = {
    "plain sgd": dict(optimizer="sgd", momentum=0.0, learning_rate=0.05),
    "sgd, momentum, l2": dict(optimizer="sgd", learning_rate=0.03, weight_decay=5e-3, decay_kind="l2"),
    "sgd, decoupled": dict(optimizer="sgd", learning_rate=0.03, weight_decay=5e-2),
    "adam": dict(optimizer="adam"),
    "adam, l2": dict(optimizer="adam", weight_decay=1e-2, decay_kind="l2"),
    "adam, decoupled": dict(optimizer="adam", weight_decay=0.1),
    "adamw": dict(optimizer="adamw", weight_decay=0.1),
    "rmsprop, l2": dict(optimizer="rmsprop", weight_decay=1e-2, decay_kind="l2"),
    "rmsprop, decoupled": dict(optimizer="rmsprop", weight_decay=0.1),
    "accumulation": dict(optimizer="sgd", learning_rate=0.03, accumulation=3, batch_size=16),
    "dropout": dict(dropout=0.4),
    "dropout and accumulation": dict(dropout=0.4, accumulation=2, batch_size=16),
    "l1": dict(optimizer="sgd", learning_rate=0.03, l1=1e-3),
    "l1, accumulation, adam": dict(l1=1e-3, accumulation=2),
    "label smoothing": dict(label_smoothing=0.1),
    "augmentation": dict(crop=0.1, rotation=15.0),
    "sgd, nesterov": dict(optimizer="sgd", nesterov="on", learning_rate=0.03, weight_decay=5e-3, decay_kind="l2"),
    "adagrad, l2": dict(optimizer="adagrad", learning_rate=0.02, weight_decay=1e-2, decay_kind="l2"),
    "radam, decoupled": dict(optimizer="radam", learning_rate=0.01, weight_decay=0.1),
    "nadam, l2": dict(optimizer="nadam", weight_decay=1e-2, decay_kind="l2"),
    "decoupled decay of all": dict(weight_decay=0.5, decay_all="on"),
    "l2 decay of all": dict(weight_decay=0.5, decay_kind="l2", decay_all="on"),
    "clipped": dict(optimizer="sgd", learning_rate=0.05, clip=0.5),
    "clipped, accumulation, l1": dict(clip=0.1, accumulation=2, l1=1e-3, optimizer="rmsprop"),
    "averaged": dict(ema=0.8, optimizer="sgd", learning_rate=0.05),
    "averaged, batch norm": dict(architecture="resnet18", width=0.125, ema=0.9, stochastic_depth=0.5, norm_momentum=0.3, clip=1.0),
    "batch norm, all penalties": dict(architecture="resnet18", width=0.125, optimizer="sgd", l1=1e-4, weight_decay=0.1, dropout=0.2),
}


@pytest.mark.parametrize("knobs", CASES.values(), ids=CASES)
def test_the_loop_equals_a_plain_torch_loop(knobs: dict[str, object]) -> None:
    config, data = settings(**knobs), digits()
    training = begin(config, data)
    happened, ended = follow(training)
    model, expected = plain_loop(config, data)
    measured = [tuple(done.metrics[name] for name in ("train_loss", "val_loss", "val_accuracy")) for done in epochs(happened)]
    assert measured == expected
    assert all(torch.equal(mine, its) for mine, its in zip(training.model.state_dict().values(), model.state_dict().values(), strict=True))
    assert ended.reason == "finished"


def plain_loop(config: RunConfig, data: Resident) -> tuple[nn.Module, list[tuple[float, float, float]]]:
    """The same training in one function and torch's own words, sharing nothing but seeds, augmentation and data."""
    knobs, seed = config.optimisation, config.budget.seed
    model = network(config)
    weights, others = [], []
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            (weights if isinstance(module, nn.Conv2d | nn.Linear) and name == "weight" else others).append(parameter)
    optimiser = plain_optimiser(config, weights, others)
    average, steps = copy.deepcopy(model), 0
    criterion = nn.CrossEntropyLoss(label_smoothing=knobs.label_smoothing)
    history = []
    for epoch in range(config.budget.epochs):
        model.train()
        order = data.train[torch.randperm(len(data.train), generator=torch.Generator().manual_seed(derive(seed, epoch, 0)))]
        batches = [order[i : i + knobs.batch_size] for i in range(0, len(order), knobs.batch_size)]
        total, images = 0.0, 0
        for step, first in enumerate(range(0, len(batches), knobs.accumulation)):
            group = batches[first : first + knobs.accumulation]
            in_group = sum(len(batch) for batch in group)
            torch.manual_seed(derive(seed, epoch, step + 1))
            generator = torch.Generator().manual_seed(derive(seed, epoch, step + 1, 1))
            optimiser.zero_grad()
            for batch in group:
                x, y = data.images[batch].float() / 255, data.labels[batch]
                x, y = augment(config.augmentation, x, y, generator)
                loss = criterion(model((x - data.mean) / data.std), y)
                (loss * (len(batch) / in_group)).backward()
                total, images = total + loss.item() * len(batch), images + len(batch)
            if knobs.clip:
                nn.utils.clip_grad_norm_([*weights, *others], knobs.clip)
            if knobs.l1:
                (knobs.l1 * sum(weight.abs().sum() for weight in weights)).backward()  # type: ignore[union-attr]
            if knobs.decay_kind == "decoupled" and knobs.optimizer != "adamw":
                with torch.no_grad():
                    for weight in [*weights, *(others if knobs.decay_all == "on" else [])]:
                        weight.mul_(1 - knobs.learning_rate * knobs.weight_decay)
            optimiser.step()
            steps += 1
            follow_weights(average, model, min(knobs.ema, (1 + steps) / (10 + steps)))
        history.append((total / images, *plain_validation(average if knobs.ema else model, data)))
    return model, history


@torch.no_grad()
def follow_weights(average: nn.Module, model: nn.Module, kept: float) -> None:
    for mine, its in zip(average.parameters(), model.parameters(), strict=True):
        mine.lerp_(its, 1 - kept)
    for mine, its in zip(average.buffers(), model.buffers(), strict=True):
        mine.copy_(its)


def plain_optimiser(config: RunConfig, weights: list[nn.Parameter], others: list[nn.Parameter]) -> torch.optim.Optimizer:
    knobs = config.optimisation
    inside = knobs.weight_decay if knobs.decay_kind == "l2" or knobs.optimizer == "adamw" else 0.0
    groups = [{"params": weights, "weight_decay": inside}, {"params": others, "weight_decay": inside if knobs.decay_all == "on" else 0.0}]
    if knobs.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=knobs.learning_rate, momentum=knobs.momentum, nesterov=knobs.nesterov == "on")
    names = {"adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "adagrad": "Adagrad", "radam": "RAdam", "nadam": "NAdam"}
    return getattr(torch.optim, names[knobs.optimizer])(groups, lr=knobs.learning_rate)


@torch.no_grad()
def plain_validation(model: nn.Module, data: Resident) -> tuple[float, float]:
    model.eval()
    x, y = data.images[data.validation].float() / 255, data.labels[data.validation]
    logits: Tensor = model((x - data.mean) / data.std)
    losses = nn.CrossEntropyLoss(reduction="none")(logits, y)
    return losses.double().mean().item(), (logits.argmax(1) == y).double().mean().item()


def test_accumulated_batches_are_one_large_batch_also_when_the_last_group_is_short() -> None:
    data = digits(train=100)
    small = begin(settings(optimizer="sgd", learning_rate=0.05, batch_size=8, accumulation=4), data)
    large = begin(settings(optimizer="sgd", learning_rate=0.05, batch_size=32), data)
    follow(small)
    follow(large)
    for mine, its in zip(small.model.parameters(), large.model.parameters(), strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-4, atol=1e-6)


def test_the_gradient_norm_is_the_mean_over_the_steps() -> None:
    config, data = settings(optimizer="sgd", learning_rate=1e-7, momentum=0.0, batch_size=50, epochs=1), digits(train=150)
    happened, _ = follow(begin(config, data))
    model = network(config)
    norms = []
    for batch in data.order(derive(0, 0, 0)).split(50):
        model.zero_grad()
        nn.functional.cross_entropy(model(data.normalise(data.pictures(batch))), data.labels[batch]).backward()
        norms.append(sum(parameter.grad.square().sum().item() for parameter in model.parameters() if parameter.grad is not None) ** 0.5)
    assert epochs(happened)[0].metrics["grad_norm"] == pytest.approx(sum(norms) / 3, rel=1e-4)
