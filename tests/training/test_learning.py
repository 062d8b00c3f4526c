"""Every architecture learns real digits in seconds, in the numerics it gets by default; one of each kind in the fast tests."""

from pathlib import Path

import pytest

from engine.catalog import ARCHITECTURES
from engine.training.checkpoints import load, restore, save
from engine.training.happenings import Happening, Stop
from tests.networks import fast
from tests.training.short_runs import begin, digits, epochs, follow, same_weights, settings

CHANCE = 0.1
# What is not like the others: the small nets bear a higher rate, the deepest plain nets need a few epochs to wake, and so do the running
# statistics of MobileNets, EfficientNets and ShuffleNet; an eighth of ShuffleNet's stem is all but nothing.
RECIPES = {
    "lenet": {"width": 0.5, "learning_rate": 5e-3},
    "vgg16": {"epochs": 3},
    "vgg19": {"epochs": 4},
    "mobilenet_v2": {"width": 0.25, "learning_rate": 3e-3, "epochs": 4},
    "mobilenet_v3_small": {"learning_rate": 3e-3, "epochs": 3},
    "mobilenet_v3_large": {"learning_rate": 3e-3, "epochs": 3},
    "shufflenet_v2": {"width": 0.25, "learning_rate": 1e-2, "epochs": 3},
    "efficientnet_lite0": {"width": 0.25, "learning_rate": 3e-3, "epochs": 4},
    "speedrun": {"width": 0.25, "learning_rate": 1e-2, "epochs": 3},
}


@pytest.mark.slow
@fast(["lenet", "vgg11_bn", "resnet18", "mobilenet_v3_small", "convnext_tiny", "speedrun"])
def test_beats_three_times_chance_on_digits(name: str) -> None:
    resolution = max(ARCHITECTURES[name].smallest, 16)
    recipe = {"width": 0.125, "learning_rate": 1e-3, "epochs": 2, "batch_size": 16} | RECIPES.get(name, {})
    config = settings(architecture=name, resolution=resolution, precision="auto", **recipe)
    happened, _ = follow(begin(config, digits(resolution, train=600, validation=100)))
    last = epochs(happened)[-1].metrics
    assert last["val_accuracy"] > 3 * CHANCE
    assert last["probe_accuracy"] > 3 * CHANCE
    assert last["val_loss"] < 2.0


@pytest.mark.slow
@fast(["vgg11_bn", "resnet18", "mobilenet_v3_small", "speedrun"])
def test_killed_and_resumed_it_is_the_same_bit_for_bit(name: str, tmp_path: Path) -> None:
    resolution = max(ARCHITECTURES[name].smallest, 16)
    config = settings(architecture=name, resolution=resolution, width=0.125, dropout=0.3, epochs=1, batch_size=8)
    data = digits(resolution, train=24, validation=8)
    whole = begin(config, data)
    follow(whole)
    first = begin(config, data)

    def answer(happening: Happening) -> Stop | None:
        if happening.step != 2:
            return None
        save(tmp_path, "last", first.live, first.state())
        return Stop()

    follow(first, answer)
    saved = load(tmp_path, "last")
    second = begin(config, data, saved.state)
    restore(saved, second.live)
    follow(second)
    assert same_weights(second, whole)


@pytest.mark.slow
@pytest.mark.parametrize("pooling", [pytest.param("bilinear", marks=pytest.mark.slow), "compact_bilinear"])
@fast(["resnet18"], among=["lenet", "resnet18", "speedrun"])
def test_beats_three_times_chance_with_bilinear_pooling(name: str, pooling: str) -> None:
    recipe = {"learning_rate": 5e-3, "epochs": 4, "batch_size": 16, "width": 0.5 if name == "lenet" else 0.125}
    config = settings(architecture=name, pooling=pooling, pooling_size=1024, precision="auto", **recipe)
    happened, _ = follow(begin(config, digits(16, train=600, validation=100)))
    last = epochs(happened)[-1].metrics
    assert last["val_accuracy"] > 3 * CHANCE
    assert last["val_loss"] < 2.1
