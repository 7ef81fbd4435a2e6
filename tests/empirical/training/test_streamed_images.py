import gc
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from empirical.datasets import ImageDataset, ImageSplit, LazyImages, load_folder, load_imagenet
from empirical.datasets.lazy_images import ComputedImages
from empirical.datasets.preprocessing import preprocess, whiten
from empirical.randomization import Randomization, randomize, uniform
from empirical.training.augmentation import augment, draw_augmentations
from empirical.training.streamed_images import StreamedImages
from tests.empirical.made_up_images import write_folder, write_parquet

N = 300
PIXELS = np.random.default_rng(0).integers(0, 256, (N, 3, 12, 10), np.uint8)


def lazy(read=lambda samples: PIXELS[samples]):
    return ComputedImages(PIXELS.shape, PIXELS.dtype, read)


def batches_of(n, size, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).permutation(n)).split(size)


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("read-ahead")]


@pytest.mark.parametrize("workers", [1, 2, 7])
@pytest.mark.parametrize("size", [1, 20, 128, 300])
@pytest.mark.parametrize("crop", [None, 8])
def test_what_the_network_sees_is_what_resident_images_give(workers, size, crop):
    source = StreamedImages(lazy(), crop, "cpu", workers=workers)
    expected = preprocess(PIXELS, crop)
    assert len(source) == N
    assert source.shape == expected.shape[1:]
    samples = batches_of(N, size)
    stream = list(source.batches(samples))
    assert len(stream) == len(samples)
    for batch, images in zip(samples, stream, strict=True):
        assert images.dtype == torch.float32
        assert torch.equal(images, expected[batch])
    assert not threads()


def test_an_image_does_not_depend_on_its_batch():
    """Not even one that comes alone, whose sums all threads of torch share."""
    pixels = np.random.default_rng(1).integers(0, 256, (3, 3, 299, 299), np.uint8)
    source = StreamedImages(ComputedImages(pixels.shape, pixels.dtype, lambda samples: pixels[samples]), None, "cpu")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        (together,) = source.batches([torch.arange(3)])
        alone = torch.cat(list(source.batches(torch.arange(3).split(1))))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(together, alone)


@pytest.mark.parametrize("augmentation", ["crop", "flip-rotate", "resized-crop"])
@pytest.mark.parametrize("workers", [1, 3])
def test_augmented(augmentation, workers):
    numbers = draw_augmentations(0, 5, N)
    source = StreamedImages(lazy(), 8, "cpu", workers=workers)
    samples = batches_of(N, 64)
    for batch, images in zip(samples, source.batches(samples, augmentation, numbers), strict=True):
        expected = whiten(augment(augmentation, torch.from_numpy(PIXELS[batch]), numbers[batch], 8))
        assert torch.equal(images, expected)
    with pytest.raises(ValueError, match=f"augmentation {augmentation} needs its random numbers"):
        source.batches(samples, augmentation)


def test_memory_format():
    source = StreamedImages(lazy(), 8, "cpu", memory_format=torch.channels_last)
    (images,) = source.batches([torch.arange(4)])
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(images, preprocess(PIXELS[:4], 8))


def test_a_split_in_memory_and_no_samples():
    source = StreamedImages(PIXELS, 8, "cpu")
    assert torch.equal(next(source.batches([torch.tensor([3, 3])])), preprocess(PIXELS[[3, 3]], 8))
    assert list(source.batches([])) == []


@pytest.mark.parametrize("augmentation", ["none", "crop"])
def test_a_process_may_have_none_of_some_batch(augmentation):
    source, numbers = StreamedImages(lazy(), 8, "cpu", workers=2), draw_augmentations(0, 1, N)
    empty = torch.empty(0, dtype=torch.int64)
    stream = list(source.batches([empty, torch.arange(20), empty, torch.arange(5)], augmentation, numbers))
    assert [images.shape for images in stream] == [(n, 3, 8, 8) for n in (0, 20, 0, 5)]
    (expected,) = source.batches([torch.arange(5)], augmentation, numbers)
    assert torch.equal(stream[3], expected)


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_abandoned_midway(steps):
    source = StreamedImages(lazy(), None, "cpu", workers=3)
    stream = source.batches(batches_of(N, 16))
    for _ in range(steps):
        next(stream)
    assert bool(threads()) == bool(steps)
    del stream
    gc.collect()
    assert not threads()


def test_reading_ahead_is_bounded():
    read = []
    source = StreamedImages(lazy(lambda samples: read.extend(samples) or PIXELS[samples]), None, "cpu", workers=1)
    stream = source.batches(torch.arange(N).split(16))
    next(stream)
    stream.close()
    assert len(read) <= 16 * (1 + 8 + 1)


def test_going_on_midway_gives_what_would_have_come():
    source, samples = StreamedImages(lazy(), 8, "cpu", workers=2), batches_of(N, 32)
    undisturbed = list(source.batches(samples))
    resumed = list(StreamedImages(lazy(), 8, "cpu", workers=5).batches(samples[4:]))
    assert all(torch.equal(expected, images) for expected, images in zip(undisturbed[4:], resumed, strict=True))


TESTS = [
    *(Randomization(pixels=pixels) for pixels in ("original", "shuffled", "random", "gaussian")),
    Randomization("mixed", noise_share=0.4),
]


def dataset(stored, identity=""):
    labels = np.random.default_rng(2).integers(0, 10, N)
    splits = [ImageSplit(stored, labels, identity) for _ in range(2)]
    return ImageDataset("made up", *splits, tuple("abcdefghij"), "")


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test.pixels)
@pytest.mark.parametrize("split", ["train", "test"])
def test_randomised_images_are_the_same_over_loaders_ranks_and_workers(test, split):
    expected = preprocess(getattr(randomize(dataset(PIXELS), test, seed=3).data, split).images, 8)
    part = getattr(randomize(dataset(lazy(), "made up"), test, seed=3).data, split)
    assert isinstance(part.stored, LazyImages)
    for workers, ranks in ((1, 1), (3, 1), (2, 2), (2, 3)):
        source = StreamedImages(part.stored, 8, "cpu", workers=workers)
        for batch in batches_of(N, 50, seed=ranks):
            of_ranks = [next(source.batches([batch[rank::ranks]])) for rank in range(ranks)]
            for rank, images in enumerate(of_ranks):
                assert torch.equal(images, expected[batch[rank::ranks]])
    assert np.array_equal(part.first(40).images, getattr(randomize(dataset(PIXELS), test, 3).data, split).images[:40])


def test_randomised_splits_have_digests_of_their_own():
    digests = {randomize(dataset(lazy(), "made up"), test, seed).data.train.digest for test in TESTS for seed in (0, 1)}
    assert len(digests) == 1 + 2 * 4  # original pixels depend on no seed


@pytest.mark.parametrize("noise", [0.4, 1.0])
@pytest.mark.parametrize("workers", [1, 4])
def test_no_loader_bypasses_the_randomised_labels(noise, workers):
    """Each image tells which sample it is: what comes out beside it is that sample's label, epoch after epoch."""
    clean = np.arange(N) % 10
    pixels = np.zeros((N, 1, 4, 4), np.uint8)
    for bit in range(9):
        pixels[:, 0, bit // 4, bit % 4] = 255 * ((np.arange(N) >> bit) & 1)
    pixels[:, 0, 3, 3] = 255  # no image is flat
    lazily = ComputedImages(pixels.shape, pixels.dtype, lambda samples: pixels[samples])
    data = ImageDataset(
        "numbered", *(ImageSplit(lazily, clean.copy(), "numbered") for _ in range(2)), tuple("abcdefghij"), ""
    )
    randomized = randomize(data, Randomization(label_noise=uniform(noise)), seed=0)
    labels = torch.tensor(randomized.data.train.labels)
    source = StreamedImages(randomized.data.train.stored, None, "cpu", workers=workers)
    for epoch in range(2):
        label_of: dict[int, int] = {}
        samples = batches_of(N, 32, seed=epoch)
        for batch, images in zip(samples, source.batches(samples), strict=True):
            bits = (images.flatten(1)[:, :9] > 0).long()
            numbers = (bits << torch.arange(9)).sum(1)
            label_of |= dict(zip(numbers.tolist(), labels[batch].tolist(), strict=True))
        labels_seen = np.array([label_of[sample] for sample in range(N)])
        assert np.array_equal(labels_seen, randomized.data.train.labels)
        assert np.array_equal(labels_seen != clean, randomized.changed)
        assert abs((labels_seen != clean).mean() - 0.9 * noise) < 0.09  # five standard deviations at most


def test_a_damaged_file_reaches_the_trainer_by_name(tmp_path):
    root = write_folder(tmp_path)
    path = root / "train" / "n03" / "n03_1.JPEG"
    path.write_bytes(path.read_bytes()[:150])
    train = load_imagenet(root, 8, "stream").train
    source = StreamedImages(train.stored, None, "cpu", workers=2)
    with pytest.raises(ValueError, match=r"a file cannot be read as an image: .*n03_1\.JPEG"):
        list(source.batches(torch.arange(len(source)).split(4)))
    assert not threads()


def test_real_images_are_seen_the_same_from_files_parquet_and_memory_maps(tmp_path):
    pytest.importorskip("pyarrow", reason="needs pyarrow: the extra imagenet")
    real = Path(os.environ.get("RETHINKING_DATA", "data")) / "imagenet-sample"
    if not real.is_dir():
        pytest.skip("needs real JPEGs: set RETHINKING_DATA to the folder that holds imagenet-sample")
    root = tmp_path / "root"
    for split, classes in (("train", slice(0, 200)), ("val", slice(0, 20))):
        (root / split).mkdir(parents=True)
        for folder in sorted((real / "train").iterdir())[classes]:
            (root / split / folder.name).symlink_to(folder)
    resident = load_folder(root, 72)
    classes = resident.class_names
    items = {
        name: [
            (path, label) for label, folder in enumerate(classes) for path in sorted((root / split / folder).glob("*"))
        ]
        for name, split in (("train", "train"), ("validation", "val"))
    }
    write_parquet(tmp_path / "parquet", items, classes, rows=32)
    expected = preprocess(resident.train.images, 64)
    sources = [load_imagenet(root, 72, storage, tmp_path / "maps") for storage in ("memory", "stream", "memmap")]
    sources.append(load_imagenet(tmp_path / "parquet", 72, "stream"))
    samples = batches_of(len(expected), 48)
    for data in sources:
        stream = StreamedImages(data.train.stored, 64, "cpu", workers=2).batches(samples)
        for batch, images in zip(samples, stream, strict=True):
            assert torch.equal(images, expected[batch])
