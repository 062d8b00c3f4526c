"""Every architecture learns real digits in seconds, in the numerics it gets by default."""

import pytest

from engine.catalog import ARCHITECTURES
from tests.training.short_runs import begin, digits, epochs, follow, settings

CHANCE = 0.1
# What is not like the others: LeNet, MobileNet and the speedrun's net bear a higher rate, the deepest plain nets need a few epochs to wake.
RECIPES = {
    "lenet": {"width": 0.5, "learning_rate": 5e-3},
    "vgg16": {"epochs": 3},
    "vgg19": {"epochs": 4},
    "mobilenet_v2": {"width": 0.25, "learning_rate": 3e-3, "epochs": 4},
    "speedrun": {"width": 0.25, "learning_rate": 1e-2, "epochs": 3},
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_beats_three_times_chance_on_digits(name: str) -> None:
    resolution = max(ARCHITECTURES[name].smallest, 16)
    recipe = {"width": 0.125, "learning_rate": 1e-3, "epochs": 2, "batch_size": 16} | RECIPES.get(name, {})
    config = settings(architecture=name, resolution=resolution, precision="auto", **recipe)
    happened, _ = follow(begin(config, digits(resolution, train=600, validation=100)))
    last = epochs(happened)[-1].metrics
    assert last["val_accuracy"] > 3 * CHANCE
    assert last["probe_accuracy"] > 3 * CHANCE
    assert last["val_loss"] < 2.0
