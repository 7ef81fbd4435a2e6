"""Feature maps: by hand on tiny cases, and what every map must keep."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from empirical.datasets.preprocessing import preprocess
from empirical.kernels.features import FEATURES, GaborWavelets, Pixels, RandomConvolution, parse_features
from theory.common.streams import generator

NAMES = ["pixels", "whitened-pixels", "gabor", "random-convolution-5"]
each_map = pytest.mark.parametrize("name", NAMES)


def images(n: int, channels: int = 3, side: int = 12, seed: int = 0) -> np.ndarray:
    return generator(seed, "feature-images").integers(0, 256, (n, channels, side, side), dtype=np.uint8)


def features(name: str, fit: np.ndarray, *sets: np.ndarray) -> list[torch.Tensor]:
    """All blocks side by side."""
    blocks = list(parse_features(name, 0).blocks(fit, *sets))
    return [torch.cat(parts, 1) for parts in zip(*blocks, strict=True)]


@each_map
@pytest.mark.parametrize("channels", [1, 3])
def test_what_every_map_keeps(name, channels):
    fit, held_out = images(20, channels), images(9, channels, seed=1)
    dimension = parse_features(name, 0).dimension(fit.shape[1:])
    first, second = features(name, fit, fit, held_out)
    assert first.shape == (20, dimension)
    assert second.shape == (9, dimension)
    assert first.dtype == torch.float32
    assert torch.isfinite(first).all()
    again = features(name, fit, fit)[0]
    assert torch.equal(first, again), "the same images and seed, the same features"
    (alone,) = features(name, fit, held_out[4:5])
    # A product may round differently in a batch of another size.
    assert torch.allclose(alone, second[4:5], atol=1e-5)
    assert parse_features(name, 0).name == name


def test_blocks_are_a_sequence():
    blocks = RandomConvolution(600, 0).blocks(images(5), images(3))
    assert len(blocks) == 3
    assert [block[0].shape[1] for block in blocks] == [2048, 2048, 8 * 88]
    assert torch.equal(blocks[1][0], blocks[1][0])
    assert blocks.astype(torch.float64)[2][0].dtype == torch.float64
    with pytest.raises(IndexError, match="3 blocks"):
        blocks[3]


def test_pixels_by_hand():
    picture = np.array([[[[0, 255], [51, 102]]]], dtype=np.uint8)
    assert features("pixels", picture, picture)[0].tolist() == [pytest.approx([0, 1, 0.2, 0.4])]
    fit = images(4, side=32)
    assert torch.equal(features("whitened-pixels", fit, fit)[0], preprocess(fit, 28).flatten(1))
    assert Pixels(whitened=True).dimension((3, 32, 32)) == 3 * 28 * 28


def test_gabor_of_a_flat_image_is_its_brightness():
    """Away from the border, beyond which images are zero, there are no waves in it."""
    flat = np.full((1, 1, 80, 80), 102, dtype=np.uint8)
    maps = features("gabor", flat, flat)[0].reshape(25, 40, 40)
    assert torch.allclose(maps[24, 15:25, 15:25], torch.full((10, 10), math.sqrt(0.4)), atol=1e-5)
    assert maps[:24, 15:25, 15:25].max() < 0.01
    assert GaborWavelets().dimension((3, 32, 32)) == 3 * 25 * 256


def test_gabor_hardly_notices_a_shift_of_one_pixel():
    pictures = load_digits().images[:40, None].repeat(4, 2).repeat(4, 3) * 15
    moved = np.roll(pictures, 1, axis=3)
    for name, most in (("gabor", 0.35), ("pixels", 1.0)):
        fit = pictures.astype(np.uint8)
        before, after = features(name, fit, fit, moved.astype(np.uint8))
        spread = torch.pdist(before).median()
        assert (before - after).norm(dim=1).median() < most * spread


def test_random_convolution_against_a_loop():
    """Every step of the docstring, one patch at a time."""
    fit, pictures = images(10, 2, 9), images(2, 2, 9, seed=1)
    net = RandomConvolution(3, 5)
    (measured,) = [torch.cat([block[0] for block in net.blocks(fit, pictures)], 1)]
    weights, biases = net.filters(fit)

    def normalise(patch):
        centred = patch - patch.mean()
        return centred / np.sqrt((centred**2).mean() + 10.0)

    expected = np.zeros((2, 3, 2, 2, 2))
    for i, picture in enumerate(pictures.astype(np.float64)):
        for f in range(3):
            responses = np.array(
                [
                    [(weights[f] * normalise(picture[:, r : r + 6, c : c + 6])).sum() - biases[f] for c in range(4)]
                    for r in range(4)
                ]
            )
            for sign, rectified in enumerate((responses - 0.25, -responses - 0.25)):
                positive = np.maximum(rectified, 0)
                for down in (0, 1):
                    for across in (0, 1):
                        quadrant = positive[2 * down : 2 * down + 2, 2 * across : 2 * across + 2]
                        expected[i, f, sign, down, across] = quadrant.mean()
    np.testing.assert_allclose(measured, expected.reshape(2, -1), atol=2e-5)


def test_more_filters_append_columns():
    fit = images(12)
    few, many = (features(f"random-convolution-{count}", fit, fit)[0] for count in (4, 9))
    assert torch.allclose(many[:, :32], few, atol=1e-5)
    assert not torch.allclose(*(features("random-convolution-4", images(12, seed=s), fit)[0] for s in (0, 1)))
    other_seed = RandomConvolution(4, 1).blocks(fit, fit)[0][0]
    assert not torch.allclose(other_seed, few)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pixel", "did you mean 'pixels'"),
        ("random-convolution-0", "F >= 1"),
        ("random-convolution-x", "did you mean"),
        ("standardised-pixel", "did you mean 'pixels'"),
        ("standardised-standardised-pixels", "did you mean"),
    ],
)
def test_wrong_names(name, message):
    with pytest.raises(ValueError, match=message):
        parse_features(name, 0)


@pytest.mark.parametrize("name", NAMES)
def test_standardised_features_have_mean_0_and_deviation_1_where_fitted(name):
    """Float32 sums of 20 values: to 1e-4. Other images get the same shift and scale, by hand to 1e-3 of them."""
    fit, held_out = images(20), images(9, seed=1)
    first, second = features(f"standardised-{name}", fit, fit, held_out)
    plain = features(name, fit, fit, held_out)
    assert first.mean(0).abs().max() < 1e-4
    torch.testing.assert_close(first.std(0, correction=0), torch.ones(first.shape[1]), atol=1e-4, rtol=0)
    expected = (plain[1] - plain[0].mean(0)) / plain[0].std(0, correction=0)
    torch.testing.assert_close(second, expected, atol=1e-3, rtol=1e-3)
    (alone,) = features(f"standardised-{name}", fit, held_out)
    torch.testing.assert_close(alone, second)
    assert parse_features(f"standardised-{name}", 0).name == f"standardised-{name}"


def test_a_feature_that_does_not_vary_becomes_0():
    fit, held_out = images(5), images(3, seed=1)
    fit[:, :, 0, 0] = 255
    first, second = features("standardised-pixels", fit, fit, held_out)
    assert (first[:, 0] == 0).all()
    torch.testing.assert_close(second[:, 0], torch.from_numpy(held_out[:, 0, 0, 0] / 255 - 1).float())


def test_moments_are_computed_once(monkeypatch):
    """Each set's features are, and the training images' no more often than they are asked for."""
    sizes, compute = [], Pixels.blocks

    def counting(self, fit_images, *sets, device="cpu"):
        inner = compute(self, fit_images, *sets, device=device)
        return replace(inner, compute=lambda index, part: sizes.append(len(part)) or inner.compute(index, part))

    monkeypatch.setattr(Pixels, "blocks", counting)
    fit, held_out = images(5), images(3, seed=1)
    blocks = parse_features("standardised-pixels", 0).blocks(fit, fit, held_out)
    list(blocks)
    list(blocks.of(held_out))
    assert sizes == [5, 3, 3]


def test_images_that_do_not_suit():
    with pytest.raises(ValueError, match="use the feature map pixels"):
        RandomConvolution(2, 0).dimension((1, 6, 8))
    with pytest.raises(ValueError, match="at least 2 pixels"):
        GaborWavelets(wavelengths=(1.0,))
    with pytest.raises(ValueError, match="agree in all but n"):
        Pixels().blocks(images(2), images(2, side=8))
    with pytest.raises(ValueError, match="images blank"):
        RandomConvolution(2, 0).filters(np.zeros((3, 1, 8, 8), np.uint8))
    assert set(FEATURES) == {"pixels", "whitened-pixels", "gabor", "random-convolution-F", "standardised-NAME"}


def test_gabor_separates_digits_better_than_guessing():
    pictures, labels = load_digits(return_X_y=True)
    pictures = (pictures.reshape(-1, 1, 8, 8) * 15).astype(np.uint8)
    (values,) = features("gabor", pictures[:300], pictures[:600])
    distances = torch.cdist(values[300:], values[:300])
    assert (labels[:300][distances.argmin(1).numpy()] == labels[300:600]).mean() > 0.8
