"""Decode an image file of one of the usual formats into a square of pixels."""

import io
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from theory.common.regular_files import open_regular

FORMATS = ("PNG", "JPEG", "BMP", "DIB", "GIF", "PPM", "TIFF", "WEBP")
"""The formats that are read, by Pillow's names. Other formats are refused: some of Pillow's readers start programs,
such as Ghostscript."""

MOST_PIXELS = 2**26
"""A file of a few bytes may announce any number of pixels. So many take 256 MB, twice that for a while."""


def read_square(file: Path | BinaryIO, image_size: int) -> npt.NDArray[np.uint8]:
    """The image in RGB, its short side resized to `image_size` (Lanczos), cropped about the centre.

    Returns uint8 (3, image_size, image_size). Raises almost anything if it cannot be decoded: Pillow's decoders do.
    A file must be a regular one, of one of `FORMATS`, whatever its name says, with at most `MOST_PIXELS`.
    """
    if isinstance(file, Path):
        with open_regular(file) as opened:
            # Pillow asks a file for as many bytes as its header announces, and Python makes room for them.
            return read_square(io.BytesIO(opened.read()), image_size)
    with Image.open(file, formats=FORMATS) as image:
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"{image.width:,} x {image.height:,} pixels are more than {MOST_PIXELS:,}")
        square = ImageOps.fit(as_rgb(image), (image_size, image_size), Image.Resampling.LANCZOS)
    return np.asarray(square, dtype=np.uint8).transpose(2, 0, 1)


def as_rgb(image: Image.Image) -> Image.Image:
    """The image in RGB, 8 bits a channel. Raises ValueError for pixels that have no fixed range."""
    if image.mode.startswith("I;16"):  # Pillow's own conversion clips at 255, which turns such images white
        return Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise ValueError(f"pixels of mode {image.mode} have no fixed range; save it with 8 bits a channel")
    if image.mode == "P":  # by way of RGBA, as Pillow asks for palettes with transparency
        image = image.convert("RGBA")
    return image.convert("RGB")
