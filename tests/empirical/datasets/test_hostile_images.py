"""Folders that anybody may have filled: nothing starts a program, nothing hangs, what is wrong is named."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from empirical.datasets.decoding import FORMATS, MOST_PIXELS, read_square
from empirical.datasets.folder import load_folder
from empirical.datasets.image_dataset import ImageSplit

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.fixture
def root(tmp_path) -> Path:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(3):
            Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / name / f"{number}.png")
    return tmp_path


def test_postscript_called_jpg_starts_nothing(root, monkeypatch):
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_, **__: pytest.fail("Ghostscript was asked"))
    (root / "a" / "x.jpg").write_bytes(POSTSCRIPT)
    with pytest.raises(ValueError, match=r"x\.jpg: cannot identify image file"):
        load_folder(root, image_size=8)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("storage", ["memory", "stream"])
def test_a_pipe_does_not_hang(root, storage):
    os.mkfifo(root / "a" / "pipe.png")
    with pytest.raises(ValueError, match=r"pipe\.png: .*no regular file"):
        load_folder(root, image_size=8, storage=storage)
    with pytest.raises(ValueError, match="no regular file"):
        read_square(root / "a" / "pipe.png", 8)


@pytest.mark.parametrize("name", FORMATS)
def test_the_announced_formats_are_read(tmp_path, name):
    Image.new("RGB", (9, 8), (200, 100, 0)).save(tmp_path / "image", name)
    assert read_square(tmp_path / "image", 8).shape == (3, 8, 8)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_pixel_that_is_no_number_is_found_before_training(value):
    images = np.zeros((5, 1, 2, 2), np.float32)
    images[3, 0, 1, 1] = value
    with pytest.raises(ValueError, match="image 3 has a pixel that is NaN or infinite"):
        ImageSplit(images, np.zeros(5, np.int64))


@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
def test_a_small_file_that_announces_many_pixels_is_refused_before_they_take_memory(tmp_path, kind):
    path = tmp_path / "image"
    Image.new("RGB", (8, 8)).save(path, kind)
    content = bytearray(path.read_bytes())
    if kind == "BMP":
        content[18:26] = struct.pack("<II", 9000, 9000)
    else:  # the first two entries of the directory: width and height
        at = struct.unpack("<I", content[4:8])[0] + 2
        content[at + 8 : at + 12], content[at + 20 : at + 24] = 2 * [struct.pack("<I", 9000)]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"pixels are more than {MOST_PIXELS:,}"):
        read_square(path, 8)
