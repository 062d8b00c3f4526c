"""Any picture file becomes one square, or is refused with a reason."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from engine import strings
from engine.data import decode
from engine.data.decode import PictureError


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def photo(width: int = 64, height: int = 48) -> Image.Image:
    return Image.fromarray(noise(height, width, 3))


def reason_of(path) -> str:
    with pytest.raises(PictureError) as caught:
        decode.read(path)
    assert strings.known(caught.value.reason, "en") and strings.known(caught.value.reason, "zh")
    return caught.value.reason


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    assert reason_of(tmp_path / "a.jpg") == "data.skip_empty"


def test_a_web_page_named_jpg_is_refused(tmp_path):
    (tmp_path / "a.jpg").write_text("<!doctype html><title>404</title>")
    assert reason_of(tmp_path / "a.jpg") == "data.skip_not_a_picture"


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp", "webp"])
def test_a_truncated_file_is_refused(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    photo(200, 150).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    expected = {"data.skip_truncated"} if suffix in ("jpg", "png", "bmp") else {"data.skip_truncated", "data.skip_damaged"}
    assert reason_of(path) in expected | ({"data.skip_not_a_picture"} if suffix == "webp" else set())


def test_a_picture_with_a_broken_middle_is_refused(tmp_path):
    path = tmp_path / "a.png"
    photo().save(path)
    data = bytearray(path.read_bytes())
    at = data.index(b"IDAT") + 20
    data[at : at + 200] = bytes(200)
    path.write_bytes(data)
    assert reason_of(path) in {"data.skip_damaged", "data.skip_truncated"}


@pytest.mark.parametrize("side", [8001, 20000, 60000])
def test_a_bomb_is_refused_before_it_is_decoded(tmp_path, side):
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + struct.pack(">I", 0) + b"IDAT"
    )
    assert reason_of(path) == "data.skip_too_large"


def test_a_line_of_pixels_within_the_pixel_limit_is_refused(tmp_path):
    Image.new("1", (65_535, 1)).save(tmp_path / "longest.png")
    Image.new("1", (65_536, 1)).save(tmp_path / "longer.png")
    assert decode.square(decode.read(tmp_path / "longest.png"), 8, "squash").shape == (1, 8, 8)
    assert reason_of(tmp_path / "longer.png") == "data.skip_too_large"


@pytest.mark.parametrize("fit", [decode.fit, decode.square])
def test_a_picture_for_which_memory_does_not_suffice_is_refused(fit):
    with pytest.raises(PictureError) as caught:  # its filter would have 12 million weights for each of 32 pixels
        fit(Image.new("L", (64_000_000, 1)), 32, "squash")
    assert caught.value.reason == "data.skip_too_large"


def test_a_format_outside_the_list_is_refused(tmp_path):
    photo().save(tmp_path / "a.tiff")
    (tmp_path / "a.tiff").rename(tmp_path / "a.png")
    assert reason_of(tmp_path / "a.png") == "data.skip_not_a_picture"


def test_a_file_that_is_gone_is_refused(tmp_path):
    assert reason_of(tmp_path / "gone.png") == "data.skip_unreadable"


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "HSV", "I", "I;16", "I;16B", "F"]
)
def test_every_mode_becomes_one_or_three_channels(mode):
    grey = mode in ("1", "L", "LA", "I", "I;16", "I;16B", "F")
    start = photo().convert("L") if grey else photo()
    start = start.convert({"RGBa": "RGBA", "PA": "P", "I;16B": "I"}.get(mode, mode)) if mode != "I;16" else start.convert("I")
    square = decode.square(start.convert(mode), 16, "squash")
    assert (square.shape, square.dtype) == ((1 if grey else 3, 16, 16), np.uint8)


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path):
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    square = decode.square(decode.read(tmp_path / "a.png"), 8, "squash")
    np.testing.assert_allclose(square[0], ramp / 257, atol=0.51)


def test_floats_are_scaled_over_their_range():
    ramp = np.linspace(-3, 7, 64, dtype=np.float32).reshape(8, 8)
    ramp[0, 1] = np.nan
    square = decode.square(Image.fromarray(ramp), 8, "squash")
    assert square[0, 0, 0] == 0 and square[0, 7, 7] == 255 and len(np.unique(square)) > 60


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_becomes_white(tmp_path, mode):
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    clear.convert(mode).save(tmp_path / "a.png", **({"transparency": 0} if mode == "P" else {}))
    assert (decode.square(decode.read(tmp_path / "a.png"), 8, "squash") == 255).all()


def test_a_grey_picture_stored_in_colour_is_grey_and_has_the_same_key(tmp_path):
    grey = Image.fromarray(noise(8, 8))
    grey.convert("RGB").save(tmp_path / "a.png")
    assert decode.square(decode.read(tmp_path / "a.png"), 8, "squash").shape == (1, 8, 8)
    assert decode.key(decode.read(tmp_path / "a.png")) == decode.key(grey)
    assert decode.key(grey) != decode.key(grey.rotate(90))


def test_one_coloured_pixel_makes_a_picture_a_colour_picture(tmp_path):
    almost_grey = Image.fromarray(noise(64, 64)).convert("RGB")
    almost_grey.putpixel((17, 40), (1, 2, 3))
    almost_grey.save(tmp_path / "a.png")
    assert decode.square(decode.read(tmp_path / "a.png"), 64, "squash").shape == (3, 64, 64)


def test_a_picture_has_the_key_that_splits_so_far_were_made_with():
    assert decode.key(Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))) == 11918140206375171477


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientations_give_the_same_upright_picture(tmp_path, orientation):
    picture = photo(20, 12)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the Image.Transpose that the orientation will turn back
    stored = picture.transpose(Image.Transpose(undo[orientation])) if orientation in undo else picture
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(np.asarray(decode.read(tmp_path / "a.png")), np.asarray(picture))


def test_an_animation_is_its_first_frame(tmp_path):
    frames = [Image.new("L", (8, 8), shade) for shade in (200, 10)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (decode.square(decode.read(tmp_path / "a.gif"), 8, "squash") == 200).all()


@pytest.mark.parametrize("policy", ["squash", "crop", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (8, 8), (300, 200)])
def test_every_size_becomes_square(policy, size):
    assert decode.square(photo(*size), 16, policy).shape[1:] == (16, 16)


def test_the_policies_differ_as_they_say():
    wide = Image.new("L", (40, 20), 100)
    wide.paste(200, (0, 0, 10, 20))
    wide.paste(200, (30, 0, 40, 20))
    squashed, cropped, padded = (decode.square(wide, 20, policy)[0] for policy in ("squash", "crop", "pad"))
    assert squashed[10, 1] == 200 and squashed[10, 10] == 100
    assert (cropped == 100).all()
    assert (padded[:4] == 0).all() and (padded[16:] == 0).all() and padded[10, 1] == 200


def test_small_scans_are_enlarged_without_ringing():
    scan = Image.new("L", (8, 8), 50)
    scan.paste(200, (3, 0, 5, 8))
    square = decode.square(scan, 32, "squash")
    assert square.min() == 50 and square.max() == 200


def test_channels_are_adapted_for_prediction():
    grey, colour = noise(1, 4, 4), noise(3, 4, 4)
    assert np.array_equal(decode.with_channels(grey, 3), np.repeat(grey, 3, axis=0))
    assert decode.with_channels(colour, 1).shape == (1, 4, 4) and decode.with_channels(colour, 3) is colour
