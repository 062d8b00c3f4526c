"""Near twins: copies are found, honest neighbours are left alone, and it stays quick where everything looks alike."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.data import near
from tests.data.photographs import COPIES, pieces, recompressed, resized, textures

quick = settings(max_examples=40)


def keys_of(count: int) -> np.ndarray:
    return np.random.default_rng(5).permutation(count).astype(np.uint64)


def kin_of(images: list[Image.Image]) -> np.ndarray:
    """With keys 0, 1, 2, ... in the order of the pictures."""
    book = near.Sketchbook(len(images))
    for image in images:
        book.append(near.sketch(image))
    return book.kin(np.arange(len(images), dtype=np.uint64))


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_is_of_its_originals_kin(kind: str) -> None:
    originals = textures(60) + [piece for piece in pieces() if near.sketch(piece).std() >= near.FLAT]
    kin = kin_of(originals + [COPIES[kind](original) for original in originals])
    own, copied = kin[: len(originals)], kin[len(originals) :]
    assert (own == np.arange(len(originals))).all()
    assert (own == copied).mean() > 0.95


def test_of_one_copy_in_twenty_nine_tenths_are_found_and_nothing_else() -> None:
    originals = textures(1000, seed=3)
    chosen = np.random.default_rng(0).choice(1000, 50, replace=False)
    changes = list(COPIES.values())
    kin = kin_of(originals + [changes[place % len(changes)](originals[one]) for place, one in enumerate(chosen)])
    assert (kin[:1000] == np.arange(1000)).all()
    found = kin[1000:] == chosen
    assert found.mean() >= 0.9
    assert (kin[1000:][~found] == np.arange(1000, 1050)[~found]).all(), "what is missed is nobody's kin"


@pytest.mark.parametrize("side", [64, 96, 128])
def test_clean_pictures_are_alone(side: int) -> None:
    clean = [*pieces(side), *textures(300, side)]
    assert (kin_of(clean) == np.arange(len(clean))).all()


def test_skies_and_blank_pages_say_nothing() -> None:
    draw = np.random.default_rng(0)
    flat = [Image.fromarray((200 + draw.normal(0, 2, (80, 80))).clip(0, 255).astype(np.uint8)) for _ in range(30)]
    flat += [Image.new("L", (80, 80), shade) for shade in range(30)]
    assert (kin_of(flat) == np.arange(60)).all()


@pytest.mark.parametrize(("size", "told"), [((64, 64), True), ((64, 500), True), ((63, 500), False), ((28, 28), False)])
def test_only_pictures_of_64_px_and_more_are_looked_at(size: tuple[int, int], told: bool) -> None:
    assert (near.sketch(Image.new("RGB", size)) is not None) == told


def test_where_all_are_too_small_nothing_is_said() -> None:
    assert len(kin_of([resized(image, 0.5) for image in textures(5)])) == 0
    some = kin_of([*textures(5), *(resized(image, 0.5) for image in textures(5))])
    assert some.tolist() == list(range(10)), "the small ones beside them have no twins"


def test_a_turn_of_the_colours_and_a_mirror_are_other_pictures() -> None:
    images = textures(20)
    others = [image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for image in images] + [
        image.point(lambda value: 255 - value) for image in images
    ]
    assert (kin_of(images + others) == np.arange(60)).all()


def test_kin_is_a_matter_of_content_and_not_of_order() -> None:
    originals = textures(60)
    sketches = np.array([near.sketch(image) for image in originals + [recompressed(image, 70) for image in originals[:30]]])
    keys, shuffled = keys_of(90), np.random.default_rng(1).permutation(90)
    kin = near.kin(keys, sketches)
    assert np.array_equal(near.kin(keys[shuffled], sketches[shuffled]), kin[shuffled])
    assert np.array_equal(kin[:30], np.minimum(keys[:30], keys[60:]))
    assert np.array_equal(kin[30:60], keys[30:60])


def test_equal_pictures_are_kin_and_so_are_the_twins_of_twins() -> None:
    image = textures(1)[0]
    middle = recompressed(image, 60)
    sketches = np.array([near.sketch(one) for one in (image, image, middle, recompressed(resized(middle, 2.0), 60))])
    assert near.kin(np.array([9, 9, 4, 7], dtype=np.uint64), sketches).tolist() == [4, 4, 4, 4]


def test_many_blank_forms_are_one_family_at_little_cost_and_what_is_written_on_others_tells_them_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared = []
    honest = near.alike
    monkeypatch.setattr(near, "alike", lambda *given: compared.append(len(given[1])) or honest(*given))
    draw, form = np.random.default_rng(0), near.sketch(textures(1)[0]).astype(int)
    written = (form + draw.integers(-9, 10, (1000, 32, 32))).clip(0, 255)
    blank = np.broadcast_to(form, written.shape)
    found = near.families(np.concatenate([written, blank]).astype(np.uint8))
    assert len(set(found[:1000])) == 1000 and len(set(found[1000:])) == 1
    assert sum(compared) < 2 * 10 * 2000, "of two million pairs"


@quick
@given(seed=st.integers(0, 2**32), count=st.integers(0, 40), flips=st.integers(0, 6))
def test_hashes_that_differ_in_six_bits_are_always_met(seed: int, count: int, flips: int) -> None:
    draw = np.random.default_rng(seed)
    told = draw.integers(0, 2**64, count, dtype=np.uint64)
    bits = [sum(1 << int(bit) for bit in draw.choice(64, flips, replace=False)) for _ in told]
    both = np.concatenate([told, told ^ np.array(bits, dtype=np.uint64)])
    met = {tuple(sorted(pair)) for places in near.near_hashes(both) for pair in places.T.tolist()}
    close = {(one, other) for one, other in combinations(range(len(both)), 2) if np.bitwise_count(both[one] ^ both[other]) <= near.DISTANCE}
    assert {(place, count + place) for place in range(count)} <= met <= close


def test_of_nothing_there_are_no_families() -> None:
    assert len(near.families(np.empty((0, 32, 32), dtype=np.uint8))) == 0
