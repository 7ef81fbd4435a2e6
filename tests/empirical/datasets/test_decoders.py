"""Decoders of JPEGs: nearly Pillow's pixels, another identity, and the same errors."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from empirical.datasets import load
from empirical.datasets.decoders import check_decoder, read_squares
from tests.empirical.made_up_images import labelled, write_folder, write_parquet


@pytest.fixture(scope="module")
def torchcodec():
    try:
        check_decoder("torchcodec")
    except ValueError as error:
        pytest.skip(str(error))


def encoded(pixels: np.ndarray, mode: str = "RGB", kind: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """A smooth picture of 90 x 120 with an edge, uint8 (90, 120, 3)."""
    row, column = np.mgrid[:90, :120]
    picture = np.stack([row * 2, column * 2, 128 + 60 * np.sin(row / 9 + column / 7)], -1)
    picture[20:50, 30:60] = (250, 10, 60)
    return picture.astype(np.uint8)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [30, 90, 120])
def test_squares_are_nearly_those_of_pillow(torchcodec, picture, mode, size):
    file = encoded(picture, mode, quality=95)
    ours, pillows = (read_squares([file], size, name)[0].astype(int) for name in ("torchcodec", "pillow"))
    assert ours.shape == (3, size, size)
    # Two resampling kernels differ by some levels beside an edge of 240, and by rounding elsewhere.
    assert np.abs(ours - pillows).mean() < 2
    assert np.quantile(np.abs(ours - pillows), 0.9) <= 3


def test_detail_too_fine_for_the_square_becomes_grey(torchcodec):
    """A chessboard of single pixels, a third as large: taking every third pixel would leave black and white."""
    board = np.indices((90, 90)).sum(0) % 2 * 255
    square = read_squares([encoded(board.astype(np.uint8), quality=95)], 30, "torchcodec")[0, :, 2:-2, 2:-2]
    assert 100 < square.min() <= square.max() < 155


def test_at_its_own_size_a_square_is_decoded_and_nothing_else(torchcodec, picture):
    file = encoded(picture[:, :90], quality=95)
    difference = read_squares([file], 90, "torchcodec").astype(int) - read_squares([file], 90, "pillow")
    assert np.abs(difference).max() <= 3  # the two inverse cosine transforms round differently


@pytest.mark.parametrize(("mode", "kind"), [("RGB", "PNG"), ("CMYK", "JPEG"), ("P", "GIF")])
def test_what_is_no_plain_jpeg_is_pillows(torchcodec, picture, mode, kind):
    file = encoded(picture, mode, kind)
    batch = read_squares([encoded(picture), file], 32, "torchcodec")
    assert np.array_equal(batch[1], read_squares([file], 32, "pillow")[0])


def test_a_batch_is_its_images_one_by_one(torchcodec, picture):
    files = [encoded(np.roll(picture, shift, 1)[:, : 60 + shift]) for shift in (0, 20, 40)]
    single = [read_squares([file], 16, "torchcodec")[0] for file in files]
    assert np.array_equal(read_squares(files, 16, "torchcodec"), single)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_folder(tmp_path_factory.mktemp("images"))


@pytest.mark.parametrize("storage", ["memory", "stream", "memmap"])
def test_every_storage_gives_the_same_images_and_another_identity_than_pillow(torchcodec, tmp_path, folder, storage):
    data = load("imagenet", folder, image_size=16, storage=storage, map_directory=tmp_path, decoder="torchcodec")
    reference = load("folder", folder, image_size=16, storage="memory", decoder="torchcodec")
    pillow = load("imagenet", folder, image_size=16, storage=storage, map_directory=tmp_path)
    for ours, same, theirs in zip(
        (data.train, data.test), (reference.train, reference.test), (pillow.train, pillow.test), strict=True
    ):
        assert np.array_equal(ours.stored[:], same.images)
        assert not np.array_equal(ours.stored[:], theirs.stored[:])
        assert ours.digest == same.digest != theirs.digest
    assert data.source.endswith("JPEGs decoded by torchcodec, bicubic")
    assert "decoded" not in pillow.source


def test_parquet_is_decoded_alike(torchcodec, tmp_path, folder):
    pytest.importorskip("pyarrow", reason="needs pyarrow: the extra imagenet")
    splits = {"train": labelled(folder / "train"), "validation": labelled(folder / "val")}
    root = write_parquet(tmp_path / "data", splits).parent
    data = load("imagenet", root, image_size=16, storage="stream", decoder="torchcodec")
    files = load("imagenet", folder, image_size=16, storage="stream", decoder="torchcodec")
    images = sorted(image.tobytes() for image in data.train.stored[:])
    assert images == sorted(image.tobytes() for image in files.train.stored[:])
    assert data.source.endswith("JPEGs decoded by torchcodec, bicubic")


@pytest.mark.parametrize("storage", ["memory", "stream"])
def test_a_damaged_jpeg_is_named(torchcodec, tmp_path, storage):
    root = write_folder(tmp_path / "images")
    damaged = next((root / "train").rglob("*.JPEG"))
    damaged.write_bytes(damaged.read_bytes()[:120])
    with pytest.raises(ValueError, match=damaged.name):
        _ = load("folder", root, image_size=8, storage=storage, decoder="torchcodec").train.stored[:]


def test_what_is_not_here_is_said_at_once(folder, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ValueError, match=r"there is none: leave the option out|needs torchcodec"):
        load("folder", folder, decoder="nvjpeg")
    monkeypatch.setitem(__import__("sys").modules, "torchcodec.decoders", None)
    with pytest.raises(ValueError, match=r"needs torchcodec 0\.16 or later"):
        load("folder", folder, decoder="torchcodec")
    with pytest.raises(ValueError, match="digits has none"):
        load("digits", decoder="torchcodec")
