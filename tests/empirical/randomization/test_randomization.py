import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from empirical.datasets import ImageDataset, ImageSplit, load
from empirical.randomization import (
    Randomization,
    Uniform,
    gaussian_images,
    image_moments,
    mix_with_noise,
    parse_test,
    permute_pixels,
    permute_pixels_of_each,
    pixel_permutation,
    randomize,
    uniform,
)
from theory.label_noise import corrupt_labels

ALL_TESTS = [
    Randomization(),
    Randomization(label_noise=uniform(0.5)),
    Randomization(label_noise=uniform(1.0)),
    Randomization(pixels="shuffled"),
    Randomization(pixels="random"),
    Randomization(pixels="gaussian"),
    Randomization("mixed", noise_share=0.4),
]

images = hnp.array_shapes(min_dims=4, max_dims=4, min_side=1, max_side=6).flatmap(
    lambda shape: hnp.arrays(np.uint8, shape)
)
seeds = st.integers(0, 2**32)


@pytest.fixture(scope="module")
def digits() -> ImageDataset:
    return load("digits")


def sha(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def test_golden_digests(digits):
    """The experiments' data, for ever: seed 0 on the handwritten digits."""
    measured = {
        test.name: sha(randomize(digits, test, seed=0).data.train.images)
        + sha(randomize(digits, test, seed=0).data.train.labels)
        for test in ALL_TESTS
    }
    assert measured == GOLDEN


@pytest.mark.parametrize("test", ALL_TESTS, ids=lambda test: test.name)
def test_the_test_labels_are_never_touched(digits, test):
    randomized = randomize(digits, test, seed=3)
    np.testing.assert_array_equal(randomized.data.test.labels, digits.test.labels)
    np.testing.assert_array_equal(randomized.clean_labels, digits.train.labels)
    np.testing.assert_array_equal(randomized.changed, randomized.data.train.labels != digits.train.labels)
    if test.pixels == "original":
        np.testing.assert_array_equal(randomized.data.train.images, digits.train.images)
        np.testing.assert_array_equal(randomized.data.test.images, digits.test.images)
    else:
        np.testing.assert_array_equal(randomized.data.train.labels, digits.train.labels)


@pytest.mark.parametrize("test", ALL_TESTS, ids=lambda test: test.name)
def test_seeds_differ_and_repeat(digits, test):
    first, again, reseeded = (randomize(digits, test, seed).data.train.digest for seed in (0, 0, 1))
    assert first == again
    assert (first == reseeded) == (test == Randomization())


@pytest.mark.parametrize("noise", [0.2, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("num_classes", [2, 10])
def test_share_of_changed_labels(noise, num_classes):
    """p (k - 1)/k, not p: a label drawn anew may be the old one. Exact binomial test, size 0.1%, fixed seed."""
    n = 20_000
    labels = np.arange(n) % num_classes
    changed = int((corrupt_labels(labels, num_classes, noise, seed=0) != labels).sum())
    share = noise * (num_classes - 1) / num_classes
    assert stats.binomtest(changed, n, share).pvalue > 1e-3
    assert stats.binomtest(changed, n, noise).pvalue < 1e-3  # the wrong formula would be noticed


def test_random_labels_are_independent_of_the_true_ones():
    """Not one permutation of the classes: each class's samples get all classes. Chi-square, size 0.1%."""
    labels = np.arange(20_000) % 10
    corrupted = corrupt_labels(labels, 10, 1.0, seed=0)
    table = np.histogram2d(labels, corrupted, bins=10)[0]
    assert stats.chi2_contingency(table).pvalue > 1e-3
    assert stats.chisquare(table.sum(axis=0)).pvalue > 1e-3


@given(st.integers(1, 50), st.floats(0, 1), seeds, st.randoms(use_true_random=False))
def test_labels_are_keyed_by_sample(n, noise, seed, random):
    """Any order of access, any batch: a sample's label is its own."""
    labels = np.arange(n) % 10
    whole = corrupt_labels(labels, 10, noise, seed)
    order = np.array(random.sample(range(n), n))
    np.testing.assert_array_equal(corrupt_labels(labels[order], 10, noise, seed, order), whole[order])
    np.testing.assert_array_equal(corrupt_labels(labels[-1:], 10, noise, seed, np.array([n - 1])), whole[-1:])


@given(st.floats(0, 1), st.floats(0, 1), seeds)
def test_corruptions_are_nested(first, second, seed):
    low, high = sorted((first, second))
    labels = np.arange(200) % 10
    less, more = (corrupt_labels(labels, 10, noise, seed) for noise in (low, high))
    changed = less != labels
    np.testing.assert_array_equal(more[changed], less[changed])


@given(images, seeds)
def test_shuffling_moves_positions_and_keeps_colours_together(array, seed):
    permutation = pixel_permutation(array.shape[2] * array.shape[3], seed)
    assert sorted(permutation) == list(range(len(permutation)))
    shuffled = permute_pixels(array, permutation)
    flat, moved = (a.reshape(*a.shape[:2], -1) for a in (array, shuffled))
    for source, target in enumerate(permutation):
        np.testing.assert_array_equal(moved[:, :, source], flat[:, :, target])
    np.testing.assert_array_equal(permute_pixels(shuffled, np.argsort(permutation)), array)


@given(images, seeds)
def test_random_pixels_are_a_permutation_of_each_image(array, seed):
    moved = permute_pixels_of_each(array, seed, "train")
    assert moved.shape == array.shape
    for before, after in zip(array, moved, strict=True):
        columns = [sorted(map(tuple, image.reshape(len(image), -1).T)) for image in (before, after)]
        assert columns[0] == columns[1]  # the same pixels, all channels of one together


def test_random_pixels_differ_between_images_and_splits():
    positions = np.tile(np.arange(64, dtype=np.uint8).reshape(1, 1, 8, 8), (100, 1, 1, 1))
    train, test = (permute_pixels_of_each(positions, 0, split) for split in ("train", "test"))
    assert len(np.unique(train.reshape(100, -1), axis=0)) == 100
    assert not (train == test).reshape(100, -1).all(axis=1).any()
    # Every position is equally likely to receive any pixel.
    many = permute_pixels_of_each(np.tile(positions, (50, 1, 1, 1)), 0, "train").reshape(-1, 64)
    assert stats.chisquare(np.bincount(many[:, 0], minlength=64)).pvalue > 1e-3


@given(st.integers(1, 40), seeds, st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_images_are_keyed_by_sample(n, seed, random):
    array = np.arange(n * 12, dtype=np.uint8).reshape(n, 1, 3, 4)
    order = np.array(random.sample(range(n), n))
    whole = permute_pixels_of_each(array, seed, "train")
    np.testing.assert_array_equal(permute_pixels_of_each(array[order], seed, "train", order), whole[order])
    images = gaussian_images((n, 1, 3, 3), 10.0, 4.0, seed, "train")
    np.testing.assert_array_equal(gaussian_images((n, 1, 3, 3), 10.0, 4.0, seed, "train", order), images[order])


def test_gaussian_images_have_the_data_sets_moments(digits):
    """Mean and variance within 4 standard errors, and the shape of a Gaussian: neither rounded nor clipped."""
    randomized = randomize(digits, Randomization(pixels="gaussian"), seed=0).data
    mean, variance = image_moments(digits.train.images)
    assert (mean, variance) == pytest.approx((digits.train.images.mean(), digits.train.images.var()))
    for split in (randomized.train, randomized.test):
        values = split.images.astype(np.float64).ravel()
        assert split.images.dtype == np.float32
        assert abs(values.mean() - mean) < 4 * np.sqrt(variance / values.size)
        assert abs(values.var() - variance) < 4 * variance * np.sqrt(2 / values.size)
        assert stats.kstest(values[:5000], "norm", (mean, np.sqrt(variance))).pvalue > 1e-3
        assert values.min() < 0
    first_images = randomized.train.images[: len(randomized.test.images)]
    assert not np.isclose(randomized.test.images, first_images).all(axis=(1, 2, 3)).any()  # a stream of their own


def test_test_images_have_streams_of_their_own(digits):
    """The first test image is not moved, or drawn, like the first training image."""
    same = ImageDataset("same", digits.test, digits.test, digits.class_names, "the test split twice")
    for pixels in ("random", "gaussian"):
        data = randomize(same, Randomization(pixels=pixels), seed=0).data
        assert not (data.train.images == data.test.images).all(axis=(1, 2, 3)).any()
    shuffled = randomize(same, Randomization(pixels="shuffled"), seed=0).data
    np.testing.assert_array_equal(shuffled.train.images, shuffled.test.images)


def test_gaussian_test_images_have_the_training_moments(digits):
    bright = ImageSplit(np.full_like(digits.test.images, 250), digits.test.labels)
    data = ImageDataset("bright", digits.train, bright, digits.class_names, "test images unlike the training images")
    images = randomize(data, Randomization(pixels="gaussian"), seed=0).data.test.images
    assert abs(images.mean(dtype=np.float64) - image_moments(digits.train.images)[0]) < 5


def test_moments_of_drawn_images():
    images = gaussian_images((50, 3, 8, 8), 100.0, 900.0, 0, "train")
    mean, variance = image_moments(images)
    assert (mean, variance) == pytest.approx((images.mean(dtype=np.float64), images.var(dtype=np.float64)))


@pytest.mark.parametrize("share", [0.2, 0.5, 1.0])
def test_noise_moves_images_apart_and_keeps_their_norms(share):
    """Every pair's squared distance goes to 2d as the formula says: within 5 standard errors of one pair.

    A squared distance of d values has a standard deviation of at most 2 sqrt(2 d), the inner product with the noise
    included; the moments of one image's noise are off by a share of sqrt(2 / d).
    """
    random = np.random.default_rng(4)
    smooth = random.normal(size=(6, 1, 1, 1)) * np.linspace(-1, 1, 4096).reshape(1, 1, 64, 64)
    originals = 100 + 20 * random.random((6, 1, 1, 1)) * (smooth + 0.3 * random.normal(size=(6, 1, 64, 64)))
    mixed = mix_with_noise(originals, share, 0, "train")
    assert mixed.dtype == np.float32
    d = originals[0].size
    flat, moved = (stack.reshape(6, -1).astype(np.float64) for stack in (originals, mixed))
    np.testing.assert_allclose(moved.mean(axis=1), flat.mean(axis=1), atol=5 * flat.std(axis=1).max() / d**0.5)
    np.testing.assert_allclose(moved.var(axis=1), flat.var(axis=1), rtol=5 * (2 / d) ** 0.5)
    u, v = ((rows - rows.mean(axis=1, keepdims=True)) / flat.std(axis=1, keepdims=True) for rows in (flat, moved))
    before, after = (np.square(rows[:, None] - rows).sum(axis=2) for rows in (u, v))
    noise = share**2 / ((1 - share) ** 2 + share**2)
    expected = (1 - noise) * before + 2 * noise * d * (1 - np.eye(6))
    np.testing.assert_allclose(after, expected, atol=5 * 2 * (2 * d) ** 0.5)
    wrong = (1 - share) * before + 2 * share * d * (1 - np.eye(6))
    assert share in (0.5, 1.0) or np.abs(after - wrong).max() > 5 * 2 * (2 * d) ** 0.5, "the test can tell"


def test_mixed_images_are_keyed_by_sample_and_flat_ones_stay(monkeypatch):
    array = np.arange(20 * 12, dtype=np.uint8).reshape(20, 1, 3, 4)
    array[3] = 7
    whole = mix_with_noise(array, 0.5, 0, "train")
    np.testing.assert_array_equal(whole[3], np.float32(7))
    order = np.array([5, 0, 19, 3])
    np.testing.assert_array_equal(mix_with_noise(array[order], 0.5, 0, "train", order), whole[order])
    assert not np.isclose(mix_with_noise(array, 0.5, 0, "test"), whole).all(axis=(1, 2, 3))[[0, 1, 2]].any()
    monkeypatch.setattr("empirical.randomization.pixels._BLOCK", 7)
    np.testing.assert_array_equal(mix_with_noise(array, 0.5, 0, "train"), whole)


def test_records_of_mixed_images_and_of_all_others():
    test = Randomization("mixed", uniform(1.0), 0.25)
    assert test.record() == {"pixels": "mixed", "label_noise": 1.0, "noise_share": 0.25}
    for randomization in (*ALL_TESTS, test):
        assert Randomization.from_record(randomization.record()) == randomization
    assert [*ALL_TESTS[0].record()] == ["pixels", "label_noise"], "older records and hashes stay"
    assert test.corruption is None


def test_randomisation_leaves_its_input_alone(digits):
    before = digits.train.images.copy(), digits.train.labels.copy()
    for test in ALL_TESTS:
        randomize(digits, test, seed=0)
    np.testing.assert_array_equal(digits.train.images, before[0])
    np.testing.assert_array_equal(digits.train.labels, before[1])


def test_a_block_boundary_changes_nothing(monkeypatch):
    array = np.arange(20 * 6, dtype=np.uint8).reshape(20, 1, 2, 3)
    whole = permute_pixels_of_each(array, 0, "train"), gaussian_images((20, 1, 2, 3), 0, 1, 0, "train")
    monkeypatch.setattr("empirical.randomization.pixels._BLOCK", 7)
    np.testing.assert_array_equal(permute_pixels_of_each(array, 0, "train"), whole[0])
    np.testing.assert_array_equal(gaussian_images((20, 1, 2, 3), 0, 1, 0, "train"), whole[1])


@pytest.mark.parametrize("test", ALL_TESTS, ids=lambda test: test.name)
def test_real_cifar10(real_cifar10, test):
    data = load("cifar10", real_cifar10).subset(500, 200)
    randomized = randomize(data, test, seed=0).data
    assert randomized.train.images.shape == (500, 3, 32, 32)
    if test.pixels in ("shuffled", "random"):
        assert (np.sort(randomized.train.images[7].ravel()) == np.sort(data.train.images[7].ravel())).all()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("true-labels", Randomization()),
        ("corrupted-0.35", Randomization(label_noise=uniform(0.35))),
        ("random-labels", Randomization(label_noise=uniform(1.0))),
        ("gaussian", Randomization(pixels="gaussian")),
        ("mixed-0.25", Randomization("mixed", noise_share=0.25)),
        ("mixed-1.0+random-labels", Randomization("mixed", uniform(1.0), 1)),
    ],
)
def test_parse_test(name, expected):
    assert parse_test(name) == expected
    assert parse_test(expected.option) == expected


@pytest.mark.parametrize("name", ["random-label", "gaussian+", "gaussian+gaussian", "true-labels+gaussian", ""])
def test_parse_test_refuses(name):
    with pytest.raises(ValueError, match="unknown name"):
        parse_test(name)


@pytest.mark.parametrize("name", ["mixed-", "mixed-0", "mixed-1.1", "mixed-nan", "mixed-x+random-labels"])
def test_parse_test_refuses_what_is_no_share_of_noise(name):
    with pytest.raises(ValueError, match=r"\(--tests\): mixed-S takes a share S of noise above 0 and at most 1, got"):
        parse_test(name)


@pytest.mark.parametrize("name", ["corrupted-", "corrupted-1.5", "corrupted-nan", "pair-flip-x", "symmetric--0.1"])
def test_parse_test_refuses_what_is_no_probability(name):
    with pytest.raises(ValueError, match=r"\(--tests\): .*-P takes a probability P in 0 .. 1, got"):
        parse_test(name)


def test_names():
    assert [test.name for test in ALL_TESTS] == [
        "true labels",
        "corrupted labels, p = 0.5",
        "random labels",
        "shuffled pixels",
        "random pixels",
        "Gaussian",
        "images mixed with noise, share 0.4",
    ]
    assert Randomization("gaussian", Uniform(1.0)).name == "Gaussian, random labels"


def test_bad_randomization():
    with pytest.raises(ValueError, match="pixels must be one of"):
        Randomization(pixels="shufled")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="takes a probability"):
        Randomization(label_noise=Uniform(-0.1))
    for share in (0.0, 1.5, float("nan")):
        with pytest.raises(ValueError, match="mixed pixels take a noise_share above 0 and at most 1"):
            Randomization("mixed", noise_share=share)
    with pytest.raises(ValueError, match="noise_share is of mixed pixels"):
        Randomization("gaussian", noise_share=0.5)


def test_float_images_can_be_permuted():
    split = ImageSplit(gaussian_images((4, 1, 2, 2), 0, 1, 0, "train"), np.zeros(4, dtype=np.int64))
    data = ImageDataset("drawn", split, split, ("a", "b"), "drawn")
    assert randomize(data, Randomization(pixels="random"), 0).data.train.images.dtype == np.float32


GOLDEN = {
    "true labels": "57ebfdc6b4ed5d6a7b17515019fb05d4",
    "corrupted labels, p = 0.5": "57ebfdc6b4ed5d6a21b38c4a96837fd9",
    "random labels": "57ebfdc6b4ed5d6ae56cdcda0ab29cf3",
    "shuffled pixels": "545f2e0a19ab053e7b17515019fb05d4",
    "random pixels": "ec41c2a41a7418397b17515019fb05d4",
    "images mixed with noise, share 0.4": "e694cc8bc6f711d57b17515019fb05d4",
    "Gaussian": "3d7228d3d80c603d7b17515019fb05d4",
}
