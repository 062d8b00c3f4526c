"""The width of networks that torchvision builds: what it multiplies, by the parameters of references that torchvision makes itself."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from tests.models.test_building import blueprint, parameters


def shufflenet(name: str, _width: float) -> nn.Module:
    from torchvision import models

    return models.get_model(name)


def efficientnet(width: float) -> nn.Module:
    from torchvision.models.efficientnet import EfficientNet, _efficientnet_conf

    return EfficientNet(_efficientnet_conf("efficientnet_b0", width_mult=width, depth_mult=1.0)[0], dropout=0.2)


def mobilenet_v3(name: str, width: float) -> nn.Module:
    from torchvision.models.mobilenetv3 import MobileNetV3, _mobilenet_v3_conf

    return MobileNetV3(*_mobilenet_v3_conf(name, width_mult=width))


def densenet(width: float) -> nn.Module:
    from torchvision.models import DenseNet

    return DenseNet(int(32 * width), (6, 12, 24, 16), int(64 * width))


def convnext(width: float) -> nn.Module:
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    one, two, four, eight = (int(width * times * 96) for times in (1, 2, 4, 8))
    return ConvNeXt([CNBlockConfig(one, two, 3), CNBlockConfig(two, four, 3), CNBlockConfig(four, eight, 9), CNBlockConfig(eight, None, 3)])


def residual(width: float) -> nn.Module:
    """torchvision cannot, but a quarter of every channel is a quarter of each convolution's two sides."""
    from torchvision.models import resnet50

    model = resnet50()
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            seen = 3 if name == "conv1" else int(module.in_channels * width)
            module.weight = nn.Parameter(torch.empty(int(module.out_channels * width), seen, *module.kernel_size))
        elif isinstance(module, nn.BatchNorm2d):
            module.weight, module.bias = (nn.Parameter(torch.empty(int(module.num_features * width))) for _ in range(2))
    model.fc = nn.Linear(int(2048 * width), 1000)
    return model


REFERENCES: dict[tuple[str, float], Callable[[float], nn.Module]] = {
    ("shufflenet_v2", 0.5): partial(shufflenet, "shufflenet_v2_x0_5"),
    ("shufflenet_v2", 1.5): partial(shufflenet, "shufflenet_v2_x1_5"),
    ("shufflenet_v2", 2.0): partial(shufflenet, "shufflenet_v2_x2_0"),
    **{("efficientnet_b0", width): efficientnet for width in (0.25, 0.5, 2.0)},
    **{
        (f"mobilenet_v3_{size}", width): partial(mobilenet_v3, f"mobilenet_v3_{size}")
        for size in ("small", "large")
        for width in (0.5, 2.0)
    },
    **{("densenet121", width): densenet for width in (0.125, 0.5, 2.0)},
    **{("convnext_tiny", width): convnext for width in (0.25, 0.5, 2.0)},
    **{("resnet50", width): residual for width in (0.25, 2.0)},
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "width"), REFERENCES)
def test_has_as_many_parameters_as_torchvisions_of_that_width(name: str, width: float) -> None:
    with torch.device("meta"):
        theirs = REFERENCES[name, width](width)
    assert parameters(blueprint(name, 224, width=width)) == parameters(theirs)


@pytest.mark.parametrize("width", [0.125, 0.25, 0.75, 4.0])
def test_where_no_shufflenet_was_published_the_channels_of_the_plain_one_are_multiplied(width: float) -> None:
    model = blueprint("shufflenet_v2", 32, width=width)
    last = [model.get_submodule(f"stage{number}")[-1].branch2[-2].num_features * 2 for number in (2, 3, 4)]  # type: ignore[union-attr, index, operator]
    assert last == [max(8, round(full * width / 8) * 8) for full in (116, 232, 464)]
