"""Smoothers against refitting; moments and accuracies against enumeration of all label assignments."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.neighbors import KNeighborsRegressor

from theory.common.streams import generator
from theory.kernels import Gaussian, KernelInterpolator, Laplacian
from theory.label_noise import (
    NoisyOutputs,
    SimulatedAccuracy,
    averaging_smoother,
    corrupt_labels,
    gaussian_accuracy,
    kernel_smoother,
    label_distribution,
    leave_one_out_smoother,
    lyapunov_ratio,
    noisy_outputs,
    simulated_accuracy,
)
from theory.label_noise.corruption import one_hot


def points(purpose: str, n: int, d: int = 3) -> np.ndarray:
    return generator(0, f"smoother-test-{purpose}").standard_normal((n, d))


def all_assignments(labels: np.ndarray, p: float, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Every assignment of n labels (k^n, n), and its probability."""
    assignments = np.array(list(itertools.product(range(k), repeat=len(labels))))
    return assignments, np.prod(label_distribution(p, k)[labels, assignments], axis=1)


@pytest.mark.parametrize("ridge", [0.0, 0.5])
@pytest.mark.parametrize("kernel", [Laplacian(1.0), Gaussian(0.7)], ids=str)
def test_kernel_smoother_is_the_fit(kernel, ridge):
    X, Z, y = points("train", 30), points("test", 12), points("labels", 30, 2)
    S = kernel_smoother(kernel, torch.from_numpy(X), torch.from_numpy(Z), ridge=ridge)
    model = KernelInterpolator(kernel, ridge=ridge, solver="cholesky").fit(X, y)
    np.testing.assert_allclose(S @ y, model.predict(Z), atol=1e-10)


@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_leave_one_out_smoother_is_the_fit_without_the_point(ridge):
    X, y = points("train", 25), points("labels", 25, 2)
    kernel, whole = Laplacian(1.0), torch.from_numpy(X)
    gram = kernel.block(whole, whole)
    gram.diagonal().fill_(1.0)
    S = leave_one_out_smoother(gram, ridge=ridge)
    assert not S.diagonal().any()
    for i in range(25):
        indices = np.delete(np.arange(25), i)
        row = kernel_smoother(kernel, whole[indices], whole[i : i + 1], ridge=ridge)
        np.testing.assert_allclose(S[i, indices], row[0], atol=1e-11)
        np.testing.assert_allclose(S[i] @ y, row[0] @ y[indices], atol=1e-10)


def test_averaging_smoother_is_the_nearest_neighbours_mean():
    X, Z, y = points("train", 30), points("test", 12), points("labels", 30, 2)
    model = KNeighborsRegressor(4).fit(X, y)
    S = averaging_smoother(model.kneighbors(Z, return_distance=False), 30)
    np.testing.assert_allclose(S @ y, model.predict(Z), atol=1e-14)


@given(seed=st.integers(0, 10**6), n=st.integers(1, 4), k=st.integers(1, 4), p=st.floats(0, 1))
def test_moments_are_those_of_all_assignments(seed, n, k, p):
    random = generator(seed, "smoother-moments-test")
    S, labels = random.standard_normal((3, n)), random.integers(0, k, n)
    assignments, weights = all_assignments(labels, p, k)
    outputs = np.einsum("mn,tnk->tmk", S, np.eye(k)[assignments])
    mean = np.einsum("t,tmk->mk", weights, outputs)
    exact = noisy_outputs(S, labels, p, k)
    tolerance = 1e-12  # 256 terms of size ||s||_1^2, at most about 100
    np.testing.assert_allclose(exact.mean, mean, atol=tolerance)
    centred = outputs - mean
    np.testing.assert_allclose(exact.covariance, np.einsum("t,tma,tmb->mab", weights, centred, centred), atol=tolerance)
    clean = S @ one_hot(labels, k)
    np.testing.assert_allclose(exact.clean, clean, atol=tolerance)
    np.testing.assert_allclose(
        exact.squared_excess, np.einsum("t,tmk->m", weights, (outputs - clean) ** 2), atol=tolerance
    )
    np.testing.assert_allclose(exact.mean, (1 - p) * clean + p / k * S.sum(1, keepdims=True), atol=tolerance)


@pytest.mark.parametrize(("k", "p"), [(2, 0.3), (3, 0.7)])
def test_simulated_accuracy_is_that_of_all_assignments(k, p):
    random = generator(3, "simulated-accuracy-test")
    S, labels, right = random.standard_normal((8, 6)), random.integers(0, k, 6), random.integers(0, k, 8)
    assignments, weights = all_assignments(labels, p, k)
    scores = np.einsum("mn,tnk->tmk", S, np.eye(k)[assignments])
    exact = float(weights @ np.mean(scores.argmax(2) == right, axis=1))
    simulated = simulated_accuracy(S, labels, right, p, k, draws=4000, level=1 - 1e-6)
    low, high = simulated.interval
    assert low <= exact <= high
    assert high - low < 0.05  # ten standard errors, each at most 0.5 / sqrt(4000)
    a = simulated.accuracies
    expected = stats.t.interval(1 - 1e-6, len(a) - 1, a.mean(), a.std(ddof=1) / len(a) ** 0.5)
    np.testing.assert_allclose((low, high), expected)


def test_the_interval_of_few_draws_by_hand():
    """Student's distribution of 2 degrees of freedom: P(|T| <= t) = t / sqrt(2 + t^2), 0.6 at 0.75 sqrt(2)."""
    half = 0.75 * 2**0.5 * 0.25 / 3**0.5
    simulated = SimulatedAccuracy(np.array([0.25, 0.5, 0.75]), 0.6)
    assert simulated.interval == pytest.approx((0.5 - half, 0.5 + half), rel=1e-12)


def test_draws_are_of_their_streams_whatever_the_block(monkeypatch):
    random = generator(4, "simulated-accuracy-test")
    S, labels, right = random.standard_normal((5, 7)), random.integers(0, 3, 7), random.integers(0, 3, 5)
    accuracies = simulated_accuracy(S, labels, right, 0.6, 3, draws=9, seed=2).accuracies
    noisy = one_hot(corrupt_labels(labels, 3, 0.6, 2, purpose="label-noise-draw-8"), 3)
    assert accuracies[8] == np.mean((S @ noisy).argmax(1) == right)
    for entries in (2 * 3 * 7, 1):
        monkeypatch.setattr("theory.label_noise.linear_smoother._BLOCK_ENTRIES", entries)
        again = simulated_accuracy(S, labels, right, 0.6, 3, draws=9, seed=2).accuracies
        np.testing.assert_array_equal(again, accuracies)
    np.testing.assert_array_equal(simulated_accuracy(S, labels, right, 0.6, 3, draws=2, seed=2).accuracies, again[:2])


def test_gaussian_scores_mind_no_block(monkeypatch):
    outputs = noisy_outputs(generator(7, "block-test").standard_normal((5, 7)), np.arange(7) % 3, 0.6, 3)
    assert set(gaussian_accuracy(outputs, np.arange(5) % 3, draws=1)) <= {0, 1}
    whole = gaussian_accuracy(outputs, np.arange(5) % 3, draws=50)
    monkeypatch.setattr("theory.label_noise.linear_smoother._BLOCK_ENTRIES", 1)
    np.testing.assert_array_equal(gaussian_accuracy(outputs, np.arange(5) % 3, draws=50), whole)


@pytest.mark.parametrize("count", [5, 25, 101])
@pytest.mark.parametrize("p", [0.2, 0.8])
def test_gaussian_scores_of_two_classes_are_within_berry_and_esseen(count, p):
    """An average over an odd number of samples of class 1: the majority is binomial, exactly."""
    S, labels = np.full((1, count), 1 / count), np.ones(count, dtype=np.int64)
    exact = stats.binom.sf(count // 2, count, 1 - p / 2)
    predicted = gaussian_accuracy(noisy_outputs(S, labels, p, 2), np.ones(1, dtype=np.int64))
    # The difference of scores is a lattice variable: the bound is met to within a factor of a few.
    bound = 0.56 * float(lyapunov_ratio(S, p)[0])
    assert abs(float(predicted[0]) - exact) <= bound
    chance = p / 2
    third = (chance**2 + (1 - chance) ** 2) / (chance * (1 - chance)) ** 0.5
    assert bound == pytest.approx(0.56 * third / count**0.5)


def test_gaussian_scores_of_two_classes_by_hand():
    """f_1 - f_0 has the mean 1/2 and the variance 4 + 1 - 2 (1/2) = 4; a tie without spread goes to the first class."""
    means, covariances = np.array([[0.2, 0.7], [0.3, 0.3]]), np.array([[[4.0, 0.5], [0.5, 1.0]], np.zeros((2, 2))])
    outputs = NoisyOutputs(means, means, covariances, np.zeros(2))
    first = [0.5 * math.erfc(0.25 / 2**0.5), 1.0]
    assert gaussian_accuracy(outputs, np.array([0, 0])) == pytest.approx(first, rel=1e-14)
    assert gaussian_accuracy(outputs, np.array([1, 1])) == pytest.approx(1 - np.array(first), rel=1e-14)


def test_lyapunovs_ratio_by_hand():
    """For p = 1 each t_i is s_i or -s_i: (1 + 8) / (1 + 4)^(3/2)."""
    assert lyapunov_ratio(np.array([[1.0, -2.0]]), 1.0) == pytest.approx(9 / 5**1.5, rel=1e-14)


@pytest.mark.parametrize("exponent", [-500, -355, 355, 500])
def test_the_error_of_gaussian_scores_minds_no_unit(exponent):
    S = generator(6, "lyapunov-test").standard_normal((3, 8))
    np.testing.assert_allclose(lyapunov_ratio(np.ldexp(S, exponent), 0.3), lyapunov_ratio(S, 0.3), rtol=1e-14)


def test_gaussian_scores_of_more_classes_are_drawn():
    """Three classes, spread rows: against draws of the labels; and two of three classes against two."""
    random = generator(5, "gaussian-accuracy-test")
    labels, right = random.integers(0, 3, 400), random.integers(0, 3, 20)
    S = random.uniform(0.5, 1.5, (20, 400)) * np.where(labels == right[:, None], 1.15, 1.0) / 400
    predicted = gaussian_accuracy(noisy_outputs(S, labels, 0.8, 3), right, draws=20_000)
    low, high = simulated_accuracy(S, labels, right, 0.8, 3, draws=2000, level=1 - 1e-6).interval
    sampling = 5 * 0.5 / 20_000**0.5
    assert low - sampling <= predicted.mean() <= high + sampling
    outputs = noisy_outputs(S[:, labels < 2], labels[labels < 2], 0.0, 3)
    assert set(gaussian_accuracy(outputs, np.zeros(20, dtype=np.int64))) <= {0.0, 1.0}  # no noise, no spread


def test_gaussian_scores_are_a_multivariate_normal_probability():
    """Strongly correlated scores of three classes, against scipy's distribution function of the two differences."""
    root = np.array([[1.0, 0.0, 0.0], [0.8, 0.3, 0.0], [-0.5, 0.2, 0.7]])
    mean, covariance = np.array([0.2, 0.5, 0.1]), root @ root.T
    outputs = NoisyOutputs(mean[None], mean[None], covariance[None], np.zeros(1))
    for label in range(3):
        differences = np.delete(np.eye(3), label, axis=0) - np.eye(3)[label]
        exact = stats.multivariate_normal.cdf(np.zeros(2), differences @ mean, differences @ covariance @ differences.T)
        estimate = gaussian_accuracy(outputs, np.array([label]), draws=20_000)
        assert abs(float(estimate[0]) - exact) <= 5 * 0.5 / 20_000**0.5


def test_gaussian_scores_without_noise_are_the_accuracy():
    X, Z = points("train", 30), points("test", 12)
    S = kernel_smoother(Laplacian(1.0), torch.from_numpy(X), torch.from_numpy(Z))
    for k in (2, 3):
        labels, right = np.arange(30) % k, np.arange(12) % k
        hits = (S @ one_hot(labels, k)).argmax(1) == right
        outputs = noisy_outputs(S, labels, 0.0, k)
        np.testing.assert_array_equal(gaussian_accuracy(outputs, right), hits.astype(float))
    assert lyapunov_ratio(S, 0.0)[0] == np.inf


def test_refusals():
    S, labels = np.ones((2, 3)), np.array([0, 1, 1])
    right = np.array([0, 1])
    with pytest.raises(ValueError, match="a column for each of the 3 labels"):
        noisy_outputs(S[:, :2], labels, 0.1, 2)
    with pytest.raises(ValueError, match="labels must be in"):
        noisy_outputs(S, labels + 1, 0.1, 2)
    with pytest.raises(ValueError, match="label_noise is a probability"):
        noisy_outputs(S, labels, -0.1, 2)
    with pytest.raises(ValueError, match="one label for each of the 2 points"):
        gaussian_accuracy(noisy_outputs(S, labels, 0.1, 2), labels)
    with pytest.raises(ValueError, match="at least two draws"):
        simulated_accuracy(S, labels, right, 0.1, 2, draws=1)
    for level in (0.0, 1.0):
        with pytest.raises(ValueError, match="level must lie strictly"):
            simulated_accuracy(S, labels, right, 0.1, 2, level=level)
    with pytest.raises(ValueError, match="test labels by labels"):
        simulated_accuracy(S.T, labels, right, 0.1, 2)
    with pytest.raises(ValueError, match="label_noise is a probability"):
        simulated_accuracy(S, labels, right, 2, 2)
    for wrong in (np.full((2, 3), np.nan), np.full((2, 3), np.inf), np.ones(3)):
        for call in (
            lambda S: noisy_outputs(S, labels, 0.1, 2),
            lambda S: lyapunov_ratio(S, 0.1),
            lambda S: simulated_accuracy(S, labels, right, 0.1, 2),
        ):
            with pytest.raises(ValueError, match="S must be a matrix"):
                call(wrong)
    with pytest.raises(ValueError, match="draws must be at least 1"):
        gaussian_accuracy(noisy_outputs(S, labels, 0.1, 3), right, draws=0)
    for neighbours in ([[0, 0]], [[0, -1]], [[0, 3]], [[]]):
        with pytest.raises(ValueError, match="distinct indices of the 3 samples"):
            averaging_smoother(np.array(neighbours), 3)
    for ridge in (-0.1, np.inf, np.nan):
        with pytest.raises(ValueError, match="ridge must not be negative or infinite"):
            leave_one_out_smoother(torch.eye(2), ridge=ridge)
    twice = torch.ones(2, 2, dtype=torch.float64)
    with pytest.raises(ValueError, match="not positive definite"):
        leave_one_out_smoother(twice)
    with pytest.raises(ValueError, match="not positive definite"):
        kernel_smoother(Laplacian(1.0), twice, twice)
