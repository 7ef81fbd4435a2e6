import numpy as np
import pytest

from empirical.datasets import ImageDataset, ImageSplit, storage
from empirical.datasets.lazy_images import ComputedImages
from empirical.datasets.memory_map import MappedImages
from empirical.datasets.storage import fits_in_memory, store, total_memory

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 3, 4, 4), np.uint8)


@pytest.fixture
def memory(monkeypatch):
    """A function that sets the machine's memory and what of it is free."""

    def be(total, free):
        monkeypatch.setattr(storage, "total_memory", lambda: total)
        monkeypatch.setattr(storage, "available_memory", lambda: free)

    return be


@pytest.mark.parametrize(
    ("storage", "total", "free", "expected"),
    [
        ("auto", 8000, 8000, True),
        ("auto", 7999, 7999, False),
        ("auto", 16000, 1000, True),
        ("memory", 1500, 1000, True),
        ("stream", 10**9, 10**9, False),
        ("memmap", 10**9, 10**9, False),
    ],
)
def test_what_is_kept_in_memory(memory, storage, total, free, expected):
    memory(total, free)
    assert fits_in_memory(storage, (10, 1, 10, 10), "folder here") == expected


@pytest.mark.parametrize("storage", ["auto", "memory"])
def test_memory_that_is_taken(memory, storage):
    memory(40e9, 1e9)
    with pytest.raises(
        ValueError,
        match=r"^imagenet: 10,000 images of 3 x 299 x 299 take 2\.7 GB; 1\.0 GB of memory are free, of 40\.0: stream "
        r"them \(--data-storage stream or memmap\)",
    ):
        fits_in_memory(storage, (10_000, 3, 299, 299), "imagenet")


@pytest.mark.parametrize(
    ("storage", "outcome"),
    [
        ("auto", "they are decoded whenever they are needed"),
        ("stream", "they are decoded whenever they are needed"),
        ("memmap", "they are read from a memory map"),
        ("memory", "they are read into memory"),
    ],
)
def test_the_plan_is_said_before_it_begins(memory, capsys, storage, outcome):
    memory(4e9, 3e9)
    fits_in_memory(storage, (10_000, 3, 299, 299), "imagenet")
    assert capsys.readouterr().err == (
        "imagenet: 10,000 images of 3 x 299 x 299 take 2.7 GB; 3.0 GB of memory are free, of 4.0; "
        f"--data-storage {storage}: {outcome}\n"
    )


def test_each_of_torchruns_processes_has_its_own_copy(memory, monkeypatch):
    memory(8000, 8000)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert not fits_in_memory("auto", (10, 1, 10, 10), "folder here")
    assert fits_in_memory("auto", (5, 1, 10, 10), "folder here")


def test_little_is_kept_without_a_word(capsys):
    assert fits_in_memory("auto", (100, 3, 8, 8), "folder")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("storage", ["auto", "memory", "stream", "memmap"])
def test_pixels_and_digests_do_not_depend_on_the_storage(tmp_path, storage):
    def split(at):
        images = ComputedImages((6, 3, 4, 4), np.dtype(np.uint8), lambda samples: PIXELS[at + samples])
        return ImageSplit(images, np.arange(6), f"six from {at}")

    streamed = ImageDataset("imagenet", split(0), split(6), (*"abcdef",), "")
    stored = store(streamed, storage, tmp_path)
    kind = {"stream": ComputedImages, "memmap": MappedImages}.get(storage, np.ndarray)
    for part, before, pixels in ((stored.train, streamed.train, PIXELS[:6]), (stored.test, streamed.test, PIXELS[6:])):
        assert isinstance(part.stored, kind)
        assert np.array_equal(part.stored[:], pixels)
        assert part.digest == before.digest
        assert np.array_equal(part.labels, before.labels)
    assert len(list(tmp_path.glob("t*-4-*.npy"))) == (2 if storage == "memmap" else 0)


def test_the_machines_memory():
    assert 2**26 < total_memory() < 2**50
