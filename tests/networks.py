"""Which networks of the catalogue a test asks. A test that costs time asks a few at once and the rest among the slow tests."""

from collections.abc import Collection

import pytest

from engine.catalog import ARCHITECTURES

# One of each kind of building: its own code, or a builder of torchvision's with changes of ours.
FAMILIES = (
    "lenet", "vgg11", "vgg11_bn", "resnet18", "resnet50", "densenet121", "mobilenet_v3_small", "shufflenet_v2", "efficientnet_lite0",
    "convnext_tiny", "speedrun",
)  # fmt: skip


def fast(names: Collection[str], among: Collection[str] = tuple(ARCHITECTURES)) -> pytest.MarkDecorator:
    """Asks all of `among` by `name`: these in the fast tests, the others in the slow ones."""
    assert {*names} <= {*among}, f"not among those to be asked: {sorted({*names} - {*among})}"
    return pytest.mark.parametrize("name", [name if name in names else pytest.param(name, marks=pytest.mark.slow) for name in among])


FAMILY = fast(FAMILIES)
