"""Every architecture learns real digits in seconds, in the numerics it gets by default."""

import pytest

from engine.catalog import ARCHITECTURES
from tests.training.short_runs import begin, digits, epochs, follow, settings

CHANCE = 0.1


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_beats_three_times_chance_on_digits(name: str) -> None:
    facts = ARCHITECTURES[name]
    resolution = max(facts.smallest, 16)
    width = 0.5 if facts.family == "lenet" else 0.125
    config = settings(architecture=name, resolution=resolution, width=width, precision="auto", epochs=3, learning_rate=2e-3, batch_size=16)
    happened, _ = follow(begin(config, digits(resolution, train=600, validation=200)))
    last = epochs(happened)[-1].metrics
    assert last["val_accuracy"] > 3 * CHANCE
    assert last["probe_accuracy"] > 3 * CHANCE
    assert last["val_loss"] < 2.1
