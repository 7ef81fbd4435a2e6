import hashlib

import numpy as np
import pytest
import torch

from empirical.datasets import load_digits
from empirical.kernels.features import RandomConvolution
from empirical.kernels.features import random_convolution as module
from theory.common.streams import uniform_integers, words


@pytest.fixture(autouse=True)
def _few_whitening_patches(monkeypatch):
    monkeypatch.setattr(module, "_WHITENING_PATCHES", 2000)


def random_images(n: int, shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), dtype=np.uint8)


def features(feature_map: RandomConvolution, fit_images: np.ndarray, images: np.ndarray) -> torch.Tensor:
    return torch.cat([block[0] for block in feature_map.blocks(fit_images, images)], dim=1)


def normalised(patch: np.ndarray, contrast: float) -> np.ndarray:
    patch = patch.reshape(-1).astype(np.float64)
    return (patch - patch.mean()) / np.sqrt(patch.var() + contrast)


def random_patches(images: np.ndarray, side: int, seed: int, purpose: str, count: int) -> list[np.ndarray]:
    bits = words(seed, f"random-convolution/{purpose}", np.arange(count), 3)
    bounds = (len(images), images.shape[2] - side + 1, images.shape[3] - side + 1)
    places = np.stack([uniform_integers(bits[:, k], bound) for k, bound in enumerate(bounds)], axis=1)
    return [images[i, :, y : y + side, x : x + side] for i, y, x in places]


@pytest.mark.parametrize(("shape", "side"), [((1, 8, 8), 3), ((3, 7, 9), 4), ((2, 5, 5), 4)])
def test_agrees_with_the_definition(monkeypatch, shape, side):
    """Every step for every patch, filter and position on its own, in float64."""
    monkeypatch.setattr(module, "_WHITENING_PATCHES", 500)
    feature_map = RandomConvolution(4, seed=5, patch_size=side, threshold=0.3, contrast=20.0, whitening=0.05)
    fit_images, images = random_images(20, shape), random_images(3, shape, seed=1)
    images[0, :, :side] = 250  # flat, bright patches

    sample = np.stack([normalised(p, 20.0) for p in random_patches(fit_images, side, 5, "whitening", 500)])
    mean = sample.mean(axis=0)
    covariance = (sample - mean).T @ (sample - mean) / 500
    values, vectors = np.linalg.eigh(covariance)
    whitening = vectors @ np.diag((values + 0.05) ** -0.5) @ vectors.T
    filters = [whitening @ (normalised(p, 20.0) - mean) for p in random_patches(fit_images, side, 5, "filters", 4)]
    filters = [f / np.linalg.norm(f) for f in filters]

    rows, columns = shape[1] - side + 1, shape[2] - side + 1
    expected = np.zeros((3, 4, 2, 2, 2))
    counts = np.zeros((2, 2))
    for y, x in np.ndindex(rows, columns):
        quadrant = (int(y >= (rows + 1) // 2), int(x >= (columns + 1) // 2))
        counts[quadrant] += 1
        for i, image in enumerate(images):
            whitened = whitening @ (normalised(image[:, y : y + side, x : x + side], 20.0) - mean)
            for k, filter_k in enumerate(filters):
                response = filter_k @ whitened
                expected[(i, k, 0, *quadrant)] += max(0.0, response - 0.3)
                expected[(i, k, 1, *quadrant)] += max(0.0, -response - 0.3)
    expected /= counts
    assert (expected > 0).mean() > 0.3
    np.testing.assert_allclose(features(feature_map, fit_images, images), expected.reshape(3, -1), rtol=1e-4, atol=1e-4)


def test_more_filters_append_columns():
    images = random_images(10, (3, 10, 10))
    few, many = (features(RandomConvolution(F, seed=1), images, images) for F in (20, 300))  # 300: two blocks
    torch.testing.assert_close(many[:, : few.shape[1]], few, rtol=1e-5, atol=1e-5)
    assert many.shape == (10, 2400)
    assert not torch.allclose(many[:, 2048:], many[:, :352])  # the second block has filters of its own


def test_another_seed_or_training_set_gives_other_filters():
    images = random_images(10, (1, 9, 9))
    reference = features(RandomConvolution(3, seed=0), images, images)
    assert not torch.allclose(reference, features(RandomConvolution(3, seed=1), images, images), atol=1e-2)
    assert not torch.allclose(reference, features(RandomConvolution(3, seed=0), images[::-1], images), atol=1e-2)


def test_the_places_of_the_patches_are_pinned():
    images = load_digits().train.images
    patches = RandomConvolution(50, seed=0)._filter_patches(images)
    assert hashlib.sha256(patches.tobytes()).hexdigest()[:16] == "7aa2713a8052aa8f"


def test_batches_and_blocks_change_nothing(monkeypatch):
    images = random_images(30, (1, 9, 9))
    whole = features(RandomConvolution(10, seed=0), images, images)
    monkeypatch.setattr(module, "_CPU_PATCHES", 70)
    monkeypatch.setattr(module, "_FILTERS_PER_BLOCK", 3)
    torch.testing.assert_close(features(RandomConvolution(10, seed=0), images, images), whole, rtol=1e-5, atol=1e-5)


def test_brightness_and_contrast_of_an_image_hardly_matter():
    images = np.random.default_rng(0).normal(100, 30, (4, 1, 9, 9)).astype(np.float32)
    feature_map = RandomConvolution(8, seed=0, contrast=0.0)
    reference = features(feature_map, images, images)
    torch.testing.assert_close(features(feature_map, images, 0.4 * images + 60), reference, rtol=1e-3, atol=1e-3)


def test_filters_are_never_flat_patches():
    images = np.zeros((5, 1, 12, 12), dtype=np.uint8)
    images[0, 0, 6:, 6:] = random_images(1, (1, 6, 6))[0, 0]  # most patches are flat
    assert (np.ptp(RandomConvolution(40, seed=0)._filter_patches(images), axis=1) > 0).all()
    assert features(RandomConvolution(40, seed=0), images, images).isfinite().all()


def test_blank_images_are_refused():
    images = np.full((3, 1, 8, 8), 9, dtype=np.uint8)
    with pytest.raises(ValueError, match="are the images blank"):
        RandomConvolution(2, seed=0).blocks(images, images)


@pytest.mark.parametrize("shape", [(1, 6, 20), (1, 20, 6), (3, 2, 2)])
def test_images_too_small_for_the_patches_are_refused(shape):
    images = random_images(2, shape)
    with pytest.raises(
        ValueError, match=r"too small for patches of side 6: both sides must be at least 7.*use the feature map pixels"
    ):
        RandomConvolution(2, seed=0).blocks(images, images)


@pytest.mark.parametrize(
    "arguments", [{"num_filters": 0}, {"patch_size": 1}, {"threshold": -1.0}, {"contrast": -1.0}, {"whitening": -1.0}]
)
def test_senseless_parameters_are_refused(arguments):
    with pytest.raises(ValueError, match=r"F >= 1|no contrast|negative"):
        RandomConvolution(**{"num_filters": 2, "seed": 0, **arguments})
