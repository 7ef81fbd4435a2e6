import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from empirical.datasets import preprocessing
from empirical.datasets.preprocessing import preprocess, seen_shape


def by_definition(image: np.ndarray, crop: int) -> np.ndarray:
    """One image at a time, in float64."""
    height, width = image.shape[1:]
    top, left = max(0, (height - crop) // 2), max(0, (width - crop) // 2)
    values = image[:, top : top + crop, left : left + crop].astype(np.float64) / 255
    return (values - values.mean()) / max(values.std(), 1 / np.sqrt(values.size))


@given(
    hnp.array_shapes(min_dims=4, max_dims=4, min_side=1, max_side=9).flatmap(lambda shape: hnp.arrays(np.uint8, shape)),
    st.integers(1, 9),
)
def test_agrees_with_the_definition(images, crop):
    expected = np.stack([by_definition(image, crop) for image in images])
    np.testing.assert_allclose(preprocess(images, crop), expected, atol=2e-5, rtol=1e-5)  # float32, values up to 9


def test_centre_crop_of_cifar_size():
    image = np.zeros((1, 3, 32, 32), dtype=np.uint8)
    image[:, :, 2:30, 2:30] = np.random.default_rng(0).integers(0, 256, (3, 28, 28))
    whitened = preprocess(image)
    assert whitened.shape == (1, 3, 28, 28)
    torch.testing.assert_close(whitened, preprocess(image[:, :, 2:30, 2:30], None))
    assert whitened.mean().abs() < 1e-6
    assert whitened.std(correction=0) == pytest.approx(1, abs=1e-6)


def test_a_flat_image_is_zero():
    assert not preprocess(np.full((2, 1, 4, 4), 77, dtype=np.uint8)).any()


def test_blocks_change_nothing(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (10, 1, 8, 8), dtype=np.uint8)
    whole = preprocess(images)
    monkeypatch.setattr(preprocessing, "_BLOCK", 3)
    torch.testing.assert_close(preprocess(images), whole, rtol=0, atol=0)


@pytest.mark.parametrize("crop", [None, 1, 4, 5, 28])
@pytest.mark.parametrize("shape", [(3, 5, 7), (1, 8, 4)])
def test_the_shape_that_a_network_sees_is_that_of_preprocessed_images(shape, crop):
    assert seen_shape(shape, crop) == preprocess(np.zeros((2, *shape), dtype=np.uint8), crop).shape[1:]
