"""Every augmentation keeps its contract, and each does what its name says."""

import pytest
import torch

from engine import catalog
from engine.config.augmentation import AugmentationConfig
from engine.data.augment import AUGMENTATIONS, augment, colour_jitter, crop, flip, rotation

STRENGTHS = {name: entry.levels["strong"] for name, entry in catalog.AUGMENTATIONS.items()}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(count: int = 16, channels: int = 3, side: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(count, channels, side, side, generator=generator(7)), torch.arange(count)


def test_the_catalog_and_the_code_name_the_same_augmentations():
    assert list(AUGMENTATIONS) == list(catalog.AUGMENTATIONS) == [name for name in AugmentationConfig.model_fields if name != "flip_order"]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_shape_dtype_range_and_labels_are_kept_and_the_input_untouched(name, channels):
    images, labels = batch(channels=channels)
    before = images.clone()
    varied, kept = AUGMENTATIONS[name](images, labels, generator(), STRENGTHS[name])
    assert (varied.shape, varied.dtype) == (images.shape, torch.float32)
    assert torch.equal(kept, labels) and torch.equal(images, before)
    assert varied.min() >= 0 and varied.max() <= 1
    assert not torch.equal(varied, images)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_strength_zero_is_the_identity(name):
    images, labels = batch()
    assert torch.equal(AUGMENTATIONS[name](images, labels, generator(), 0.0)[0], images)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_equal_pictures_are_varied_differently(name):
    images, labels = batch()
    same = images[:1].expand(16, -1, -1, -1)
    varied, _ = AUGMENTATIONS[name](same, labels, generator(), STRENGTHS[name])
    assert len(torch.unique(varied.flatten(1), dim=0)) > 1


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_the_generator_alone_decides(name):
    images, labels = batch()
    first, again, other = (AUGMENTATIONS[name](images, labels, generator(seed), STRENGTHS[name])[0] for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_a_picture_is_varied_alike_whatever_the_others_are(name):
    images, labels = batch()
    others = torch.cat([images[:1], 1 - images[1:]])
    first, second = (AUGMENTATIONS[name](pictures, labels, generator(), STRENGTHS[name])[0] for pictures in (images, others))
    torch.testing.assert_close(first[0], second[0])


def test_crop_equals_reflecting_the_rim_and_cutting_out():
    images, labels = batch(count=40, side=8)
    varied, _ = crop(images, labels, generator(), 0.25)
    padded = torch.nn.functional.pad(images, (2, 2, 2, 2), mode="reflect")
    cuts = [padded[:, :, top : top + 8, left : left + 8] for top in range(5) for left in range(5)]
    used = [[torch.equal(varied[index], cut[index]) for cut in cuts] for index in range(40)]
    assert all(sum(row) == 1 for row in used)
    assert sum(map(any, zip(*used, strict=True))) > 15


def test_a_weak_crop_of_tiny_pictures_still_shifts():
    images, labels = batch(side=8)
    assert not torch.equal(crop(images, labels, generator(), 0.06)[0], images)


def test_flip_mirrors_the_given_share():
    images, labels = batch(count=1000, side=4)
    varied, _ = flip(images, labels, generator(), 0.25)
    mirrored = (varied == images.flip(3)).flatten(1).all(1)
    assert ((varied == images).flatten(1).all(1) ^ mirrored).all()
    assert 200 < mirrored.sum() < 300
    assert torch.equal(flip(images, labels, generator(), 1.0)[0], images.flip(3))


def test_rotation_turns_about_the_centre_without_stretching():
    disc = ((torch.arange(33) - 16) ** 2 + (torch.arange(33)[:, None] - 16) ** 2 < 100).float().expand(8, 1, 33, 33)
    varied, _ = rotation(disc, torch.zeros(8), generator(), 180.0)
    assert (varied - disc).abs().mean() < 0.02
    bar = torch.zeros(8, 1, 33, 33)
    bar[:, :, 16] = 1
    assert (rotation(bar, torch.zeros(8), generator(), 180.0)[0] - bar).abs().flatten(1).mean(1).max() > 0.03


def test_colour_jitter_keeps_grey_pictures_grey():
    images, labels = batch(channels=1)
    varied, _ = colour_jitter(images.expand(-1, 3, -1, -1), labels, generator(), 0.4)
    torch.testing.assert_close(varied[:, 0], varied[:, 2])


def test_colour_jitter_agrees_with_torchvision_where_nothing_is_clamped():
    from torchvision.transforms import functional

    images, labels = batch()
    images = 0.4 + 0.2 * images
    varied, _ = colour_jitter(images, labels, generator(5), 0.2)
    draws = generator(5)
    factors = [0.8 + 0.4 * torch.rand(16, generator=draws) for _ in range(3)]
    for index, (b, c, s) in enumerate(zip(*factors, strict=True)):
        expected = functional.adjust_brightness(images[index], float(b))
        expected = functional.adjust_saturation(functional.adjust_contrast(expected, float(c)), float(s))
        torch.testing.assert_close(varied[index], expected, atol=2e-3, rtol=0)  # torchvision rounds the luma weights to 4 digits


def test_augment_applies_what_is_on_in_the_fixed_order():
    images, labels = batch()
    config = AugmentationConfig(colour_jitter=0.2, crop=0.125)
    draws = generator(3)
    expected, _ = colour_jitter(*crop(images, labels, draws, 0.125), draws, 0.2)
    assert torch.equal(augment(config, images, labels, generator(3))[0], expected)
    assert augment(AugmentationConfig(), images, labels, generator())[0] is images


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("strengths", [{}, {"crop": 0.25}, {"flip": 0.5}, STRENGTHS], ids=["none", "crop", "flip", "all"])
def test_bytes_are_varied_to_the_same_bits_as_one_after_the_other_in_floats(channels, strengths):
    pictures = torch.randint(0, 256, (16, channels, 12, 12), dtype=torch.uint8, generator=generator(7))
    labels, config = torch.arange(16), AugmentationConfig(**strengths)
    before, expected, draw = pictures.clone(), pictures.float() / 255, generator(3)
    for name, vary in AUGMENTATIONS.items():
        expected, _ = vary(expected, labels, draw, getattr(config, name))
    assert torch.equal(augment(config, pictures, labels, generator(3))[0], expected)
    assert torch.equal(pictures, before)


@pytest.mark.parametrize("turns", [0.0, 0.49, 0.5, 0.99])
def test_a_given_turn_decides_the_flip(turns: float) -> None:
    images, labels = batch()
    varied, _ = augment(AugmentationConfig(flip=0.5), images, labels, generator(), torch.full((len(images),), turns))
    assert torch.equal(varied, images.flip(3) if turns < 0.5 else images)
