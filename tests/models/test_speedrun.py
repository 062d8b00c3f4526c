"""The speedrun's network: what its first layer makes of real pictures, and how its convolutions begin."""

import pytest
import torch
from torch.nn import functional

from engine.config.model import ModelConfig
from engine.models.speedrun import Speedrun, speedrun
from tests.training.short_runs import digits


def whitened(channels: int) -> tuple[Speedrun, torch.Tensor]:
    """The network, and answers (patches, channels of the first layer) to the digits that it was whitened by."""
    data = digits()
    pictures = data.normalise(data.pictures(data.train)).repeat(1, channels, 1, 1)
    pictures = pictures + 0.3 * torch.randn(pictures.shape, generator=torch.Generator().manual_seed(0))
    model = speedrun(ModelConfig(width=0.125), channels, 10, 16)
    assert isinstance(model, Speedrun)
    model.whiten(pictures)
    return model, functional.conv2d(pictures, model.whitening).transpose(0, 1).flatten(1).T.double()


@pytest.mark.parametrize("channels", [1, 3])
def test_answers_of_the_first_layer_are_uncorrelated_and_of_variance_one(channels: int) -> None:
    model, answers = whitened(channels)
    patch = 4 * channels
    assert model.whitening.shape == (2 * patch, channels, 2, 2)
    moments = answers[:, :patch].T @ answers[:, :patch] / len(answers)
    torch.testing.assert_close(moments, torch.eye(patch, dtype=torch.float64), atol=0.02, rtol=0.0)
    torch.testing.assert_close(answers[:, patch:], -answers[:, :patch])


def test_the_first_layer_is_kept_but_not_learned() -> None:
    model, _ = whitened(1)
    assert "whitening" in model.state_dict()
    assert "whitening" not in dict(model.named_parameters())


def test_a_fresh_convolution_passes_its_channels_on() -> None:
    group = whitened(1)[0].groups[0]
    maps = torch.rand(2, 8, 6, 6)
    torch.testing.assert_close(group.conv1(maps)[:, :8], maps)  # type: ignore[union-attr, operator]
