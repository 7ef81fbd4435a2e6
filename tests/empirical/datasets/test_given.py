"""A data set given in Python has the pixels and labels that it was given, or is refused with the remedy."""

import numpy as np
import pytest
import torch
from PIL import Image

from empirical.datasets.given import dataset_of

RANDOM = np.random.default_rng(0)
BYTES = RANDOM.integers(0, 256, (6, 3, 5, 4), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def images_of(train, labels=LABELS):
    return dataset_of((train, labels), (BYTES[:2], LABELS[:2])).train.images


@pytest.mark.parametrize(
    "images",
    [
        BYTES,
        np.moveaxis(BYTES, 1, 3),
        torch.from_numpy(BYTES),
        BYTES.astype(np.int64),
        BYTES.astype(np.float64),
        (torch.from_numpy(BYTES).float() / 255),
        (BYTES / 255).astype(np.float32),
    ],
    ids=["bytes", "channels last", "tensor", "integers", "floats", "ToTensor", "float32"],
)
def test_arrays_of_every_usual_form(images):
    assert np.array_equal(images_of(images), BYTES)


def test_grey_images():
    data = dataset_of((BYTES[:, 0], LABELS), (BYTES[:1, 0], LABELS[:1]), class_names="abc", name="mine")
    assert (data.image_shape, data.class_names, data.name) == ((1, 5, 4), ("a", "b", "c"), "mine")


def test_the_users_array_stays_writable_and_apart():
    images = BYTES.copy()
    data = dataset_of((images, LABELS), (BYTES, LABELS))
    images[:] = 0
    assert np.array_equal(data.train.images, BYTES)


@pytest.mark.parametrize("kind", ["pairs", "image", "img", "tensors"])
def test_data_sets_of_samples(kind):
    pictures = [np.moveaxis(image, 0, 2) for image in BYTES]
    match kind:
        case "pairs":
            split = list(zip(pictures, LABELS.tolist(), strict=True))
        case "tensors":
            split = torch.utils.data.TensorDataset(torch.from_numpy(BYTES).float() / 255, torch.from_numpy(LABELS))
        case _:
            split = [{kind: image, "label": int(label)} for image, label in zip(pictures, LABELS, strict=True)]
    data = dataset_of(split, split)
    assert np.array_equal(data.test.images, BYTES)
    assert np.array_equal(data.test.labels, LABELS)


def test_a_torchvision_data_set():
    datasets = pytest.importorskip("torchvision.datasets", reason="needs torchvision")
    fake = datasets.FakeData(5, (3, 4, 4), num_classes=2)
    data = dataset_of(fake, fake)
    assert data.image_shape == (3, 4, 4)
    assert np.array_equal(data.train.images[3], np.moveaxis(np.asarray(fake[3][0]), 2, 0))


NAN = BYTES / 255
NAN[4, 0, 0, 0] = np.nan


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ((NAN, LABELS), "train: image 4 contains NaN or infinity"),
        ((BYTES / 255 - 0.5, LABELS), "train: pixels run from -0.5.* before any normalisation"),
        ((RANDOM.random((6, 3, 5, 4)), LABELS), "are no bytes"),
        ((BYTES.astype(int) + 1, LABELS), "are no bytes"),
        ((BYTES.reshape(6, -1), LABELS), r"must have shape \(n, channels, height, width\), got \(6, 60\)"),
        ((BYTES, LABELS + 0.5), "labels must be whole numbers from 0 on"),
        ((BYTES, LABELS - 1), "train: labels must be whole numbers from 0 on, label 0 is -1"),
        ((BYTES, LABELS.astype(np.uint64) + 2**63), "label 0 is 9223372036854775808"),
        ((BYTES, LABELS + 1), r"labels run to 3, but no image has 0: .* np.unique\(labels, return_inverse=True\)"),
        ((BYTES, np.where(LABELS == 2, 255, LABELS)), "labels run to 255, but no image has 2, 3, 4, ...: "),
        ((BYTES.repeat(2, axis=1)[:, :4], LABELS), "1 or 3 channels, first or last, got"),
        ((np.moveaxis(BYTES.repeat(2, axis=1)[:, :4], 1, 3), LABELS), "1 or 3 channels"),
        ((BYTES // 64, LABELS), r"run from 0 to 3, of 0 .. 255, .*: multiply them by 85"),
        ({"images": BYTES, "labels": LABELS}, "got a dict with images, labels: give the arrays"),
        ("train", "got a str: give the arrays"),
        ([(BYTES[0], 1, 2)], r"a sample is a pair \(image, label\), this data set gives 3 values"),
        ((BYTES, np.eye(6)), "labels must be whole numbers from 0 on"),
        ((BYTES, LABELS[:3]), "6 images, but 3 labels"),
        ([{"pixels": BYTES[0], "label": 1}], r"image \(or img\) and label, it contains pixels, label"),
        ([(BYTES[0], 1), (BYTES[1, :, :3], 0)], "images of different shapes"),
        (iter(()), "a data set is wanted, got a "),
    ],
)
def test_what_is_no_image_data_is_refused(train, message):
    with pytest.raises(ValueError, match=message):
        dataset_of(train, (BYTES[:3], LABELS[:3]) if "run to" not in message else (BYTES[:1], LABELS[1:2]))


def test_black_and_white_is_0_and_255_in_every_type():
    drawing = (BYTES > 127).astype(np.uint8)
    for images in (drawing, drawing.astype(bool), drawing.astype(float), drawing.astype(np.int64)):
        assert np.array_equal(images_of(images), 255 * drawing)


def test_a_pillow_images_palette_is_looked_up():
    picture = Image.fromarray(np.moveaxis(BYTES[0], 0, 2))
    palette = picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    data = dataset_of([(palette, 0), (picture, 1)], [(picture.convert("RGBA"), 0)])
    assert np.array_equal(data.train.images[0], np.moveaxis(np.asarray(palette.convert("RGB")), 2, 0))
    assert np.array_equal(data.train.images[1], BYTES[0])
    assert np.array_equal(data.test.images[0], BYTES[0])
    deep = Image.fromarray(257 * BYTES[0, 0].astype(np.uint16))  # mode I;16, which Pillow's own conversion clips
    grey = dataset_of([(deep, 0)], [(deep, 0)])
    assert np.array_equal(grey.train.images[0, 0], BYTES[0, 0])
    with pytest.raises(ValueError, match="pixels of mode F have no fixed range"):
        dataset_of([(Image.fromarray(BYTES[0, 0].astype(np.float32)), 0)], [(picture, 0)])
