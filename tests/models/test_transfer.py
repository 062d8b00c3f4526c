"""What is taken of another network's weights, what is left and why, and how channels are made to agree."""

import dataclasses

import pytest
import torch
from torch import Tensor, nn

from engine.config.model import ModelConfig
from engine.models.building import build
from engine.models.layers import weighted_layers
from engine.models.transfer import Donor, give, unfit

CLASSES = ("a", "b", "c")
MEAN, STD = (0.2, 0.4, 0.6), (0.1, 0.2, 0.3)


def network(seed: int, channels: int = 3, classes: int = 3, resolution: int = 32, **knobs: object) -> nn.Module:
    torch.manual_seed(seed)
    config = ModelConfig.model_validate({"architecture": "resnet18", "width": 0.125, **knobs})
    return build(config, channels, classes, resolution)


def donor(model: nn.Module, classes: tuple[str, ...] | None = CLASSES) -> Donor:
    return Donor(model.state_dict(), MEAN, STD, classes, {"from": "run:1"})


def copied(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_the_same_network_is_taken_whole() -> None:
    theirs, ours = network(1), network(2)
    found = give(donor(theirs), ours, CLASSES)
    assert (found.left, found.share) == ({}, 1.0)
    assert found.taken == list(theirs.state_dict())
    assert all(torch.equal(tensor, theirs.state_dict()[name]) for name, tensor in ours.state_dict().items())


@pytest.mark.parametrize("classes", [("a", "b", "d"), ("b", "a", "c"), None])
def test_the_last_layer_is_left_where_the_classes_are_others(classes: tuple[str, ...] | None) -> None:
    theirs, ours = network(1), network(2)
    drawn = copied(ours)
    found = give(donor(theirs, classes), ours, CLASSES)
    assert found.left == {"fc.weight": "classes", "fc.bias": "classes"}
    assert torch.equal(ours.state_dict()["fc.weight"], drawn["fc.weight"])
    assert torch.equal(ours.state_dict()["layer4.1.conv2.weight"], theirs.state_dict()["layer4.1.conv2.weight"])


def test_what_does_not_fit_is_named_and_stays_as_it_was_drawn() -> None:
    theirs, ours = network(1, resolution=64), network(2, resolution=32)
    drawn = copied(ours)
    found = give(donor(theirs), ours, CLASSES)
    norm = {name: "reads_drawn" for name in drawn if name.startswith("bn1.")}
    assert found.left == {"conv1.weight": "shape", **norm, "fc.weight": "reads_drawn", "fc.bias": "reads_drawn"}
    assert len(norm) == 5, "its mean and deviation were those of another convolution"
    assert set(found.taken) | set(found.left) == set(drawn)
    assert all(torch.equal(ours.state_dict()[name], drawn[name]) for name in found.left)
    numbers = {name: tensor.numel() for name, tensor in drawn.items() if tensor.ndim > 1}
    assert found.share == pytest.approx(1 - (numbers["conv1.weight"] + numbers["fc.weight"]) / sum(numbers.values()))


@pytest.mark.parametrize("knobs", [{}, {"pooling": "compact_bilinear"}, {"architecture": "vgg11"}])
def test_only_of_the_last_layer_do_channels_and_classes_decide_whether_it_fits(knobs: dict[str, object]) -> None:
    with torch.device("meta"):
        theirs = network(1, resolution=64, **knobs | {"pooling": "usual"}).state_dict()
        networks = [network(2, channels, classes, **knobs) for channels in (1, 3) for classes in (2, 3)]
    left = [{name.rpartition(".")[0] for name in unfit(theirs, each)} - {weighted_layers(each)[-1][0]} for each in networks]
    assert left == [left[0]] * 4
    assert left[0]


def test_what_the_donor_lacks_is_missing_and_what_only_it_has_is_ignored() -> None:
    theirs, ours = network(1), network(2, architecture="resnet34")
    found = give(donor(theirs), ours, CLASSES)
    assert found.left["layer3.5.conv1.weight"] == "missing"
    assert "layer1.1.conv2.weight" in found.taken
    assert "layer1.0.conv1.weight" in give(donor(ours), theirs, CLASSES).taken


def test_the_last_layer_is_left_where_it_read_other_numbers() -> None:
    theirs = network(1, width=1.0, pooling="compact_bilinear", pooling_size=512)
    ours = network(2, width=1.0)  # 512 features
    assert give(donor(theirs), ours, CLASSES).left == {"fc.weight": "reads_others", "fc.bias": "reads_others"}


def test_another_pooling_takes_the_backbone() -> None:
    knobs = {"pooling": "compact_bilinear", "pooling_size": 512}
    theirs, ours = network(1), network(2, **knobs)
    found = give(donor(theirs), ours, CLASSES)
    assert set(found.left) == {"pooling.buckets", "pooling.signs", "fc.weight", "fc.bias"}
    assert torch.equal(ours.state_dict()["backbone.conv1.weight"], theirs.state_dict()["conv1.weight"])
    back = give(donor(ours), network(3), CLASSES)
    assert set(back.left) == {"fc.weight", "fc.bias"}
    whole = network(4, **knobs)
    assert give(donor(ours), whole, CLASSES).left == {}
    pictures = torch.rand(2, 3, 32, 32)
    assert torch.equal(whole.eval()(pictures), ours.eval()(pictures))


def first_answers(given: Donor, theirs: nn.Module, ours: nn.Module) -> tuple[Tensor, Tensor]:
    """Of both first convolutions to one grey picture, each as its network's pictures are normalised, but for the border."""
    grey, answers = torch.rand(2, 1, 16, 16), []
    for model in (theirs, ours):
        layer = weighted_layers(model)[0][1]
        mean, std = given.moments(int(layer.in_channels))
        answers.append(layer((grey - mean) / std)[..., 1:-1, 1:-1].detach())
    return answers[0], answers[1]


def test_a_grey_picture_is_seen_as_in_three_equal_channels_but_for_a_number_for_each_filter() -> None:
    theirs, ours = network(1), network(2, channels=1)
    assert give(donor(theirs), ours, CLASSES).left == {}
    in_colours, in_grey = first_answers(donor(theirs), theirs, ours)
    shift = ((torch.tensor(MEAN).mean() - torch.tensor(MEAN)) / torch.tensor(STD) * theirs.state_dict()["conv1.weight"].sum((2, 3))).sum(1)
    torch.testing.assert_close(in_colours - in_grey, shift[:, None, None].expand_as(in_grey), rtol=0.0, atol=1e-4)


def test_where_the_first_layer_has_a_bias_that_takes_the_number_up() -> None:
    theirs, ours = (network(seed, channels, architecture="vgg11") for seed, channels in ((1, 3), (2, 1)))
    nn.init.normal_(theirs.get_parameter("features.0.bias"))
    assert give(donor(theirs), ours, CLASSES).left == {}
    torch.testing.assert_close(*first_answers(donor(theirs), theirs, ours), rtol=0.0, atol=1e-4)


def test_the_bias_of_weights_that_do_not_fit_is_taken_as_it_is() -> None:
    theirs, ours = (network(side, channels, resolution=side, architecture="convnext_tiny") for side, channels in ((64, 3), (32, 1)))
    nn.init.normal_(theirs.get_parameter("features.0.0.bias"))
    assert give(donor(theirs), ours, CLASSES).left["features.0.0.weight"] == "shape"
    assert torch.equal(ours.get_parameter("features.0.0.bias"), theirs.get_parameter("features.0.0.bias"))


def test_another_pooling_takes_the_first_layer_for_grey_pictures_as_well() -> None:
    theirs, ours = network(1), network(2, channels=1, pooling="compact_bilinear", pooling_size=512)
    plain = network(3, channels=1)
    for model in (ours, plain):
        give(donor(theirs), model, CLASSES)
    assert torch.equal(ours.state_dict()["backbone.conv1.weight"], plain.state_dict()["conv1.weight"])


@pytest.mark.parametrize(("mean", "std"), [((127 / 255,) * 3, (128 / 255,) * 3), ((0.1,) * 3, (0.3,) * 3)])
def test_equal_moments_change_no_bit_of_the_sum_and_the_whole_network_sees_the_same(
    mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    theirs, ours = network(1), network(2, channels=1)
    given = dataclasses.replace(donor(theirs), mean=mean, std=std)
    assert give(given, ours, CLASSES).left == {}
    assert torch.equal(ours.state_dict()["conv1.weight"], theirs.state_dict()["conv1.weight"].sum(1, keepdim=True))
    grey = torch.rand(2, 1, 32, 32)
    torch.testing.assert_close(ours.eval()(grey), theirs.eval()(grey.expand(-1, 3, -1, -1)))


def test_a_grey_networks_weights_see_the_mean_of_the_colours() -> None:
    theirs, ours = network(1, channels=1), network(2)
    assert give(donor(theirs), ours, CLASSES).left == {}
    colour = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(ours.eval()(colour), theirs.eval()(colour.mean(1, keepdim=True)))


def test_only_the_first_convolution_is_made_to_agree() -> None:
    theirs, ours = nn.Sequential(nn.Conv2d(1, 3, 1), nn.Conv2d(3, 2, 1)), nn.Sequential(nn.Conv2d(1, 1, 1), nn.Conv2d(1, 2, 1))
    assert give(donor(theirs), ours, CLASSES).left == {"0.weight": "shape", "0.bias": "shape", "1.weight": "shape", "1.bias": "reads_drawn"}


def test_a_tensor_of_another_kind_does_not_fit() -> None:
    theirs = network(1)
    odd = dict(theirs.state_dict()) | {"bn1.weight": torch.ones(8, dtype=torch.int64)}
    assert give(dataclasses.replace(donor(theirs), tensors=odd), network(2), CLASSES).left["bn1.weight"] == "shape"


def test_the_normalisation_follows_the_channels() -> None:
    given = donor(network(1))
    for channels, mean, std in ((3, MEAN, STD), (1, (0.4,), (0.2,))):
        found = given.moments(channels)
        torch.testing.assert_close(found, tuple(torch.tensor(values).view(1, -1, 1, 1) for values in (mean, std)))
    grey = dataclasses.replace(given, mean=[0.3], std=[0.2])
    torch.testing.assert_close(grey.moments(3)[0], torch.full((1, 3, 1, 1), 0.3))
