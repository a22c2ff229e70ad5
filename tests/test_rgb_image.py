"""Which image files are decoded, and how."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from python_models.data.crop import UNREADABLE, rgb_image

GRAY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bits_are_those_8_that_count(tmp_path, name):
    Image.fromarray(GRAY.astype(np.uint16) * 256 + 200).save(tmp_path / name)
    np.testing.assert_array_equal(
        np.asarray(rgb_image(tmp_path / name)), np.repeat(GRAY[..., None], 3, -1)
    )


@pytest.mark.parametrize("mode", ["I", "F"])
def test_numbers_without_a_range_are_refused(tmp_path, mode):
    Image.fromarray(GRAY).convert(mode).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=f"8 or 16 bits, got Pillow's mode {mode}"):
        rgb_image(tmp_path / "a.tif")


def test_no_program_is_started_for_an_image(tmp_path, monkeypatch):
    def ghostscript(*_args, **_options):
        raise AssertionError("Ghostscript would run")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", ghostscript)
    Image.fromarray(GRAY).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.jpg")
    with pytest.raises(UNREADABLE, match="cannot identify image file"):
        rgb_image(tmp_path / "a.jpg")


@pytest.mark.filterwarnings("ignore:.*:UserWarning:PIL")
def test_broken_exif_data_are_an_unreadable_image(tmp_path):
    """An orientation to turn by, and a tag whose value Pillow cannot write again."""
    image = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x112] = 6
    exif[0x10F] = "abc"
    Image.fromarray(GRAY).save(image, exif=exif)
    whole = image.read_bytes()
    for place in range(20, 90):
        for value in (0, 3, 4, 9, 255):
            image.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            with contextlib.suppress(*UNREADABLE):
                assert rgb_image(image, turned=True).mode == "RGB"
