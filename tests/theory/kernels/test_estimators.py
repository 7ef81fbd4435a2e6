"""The estimators: scikit-learn's conformance suite, real digits, leave-one-out, plans and errors."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_ridge import KernelRidge
from sklearn.utils.estimator_checks import parametrize_with_checks

from theory.common.streams import generator
from theory.kernels import (
    Gaussian,
    KernelInterpolationClassifier,
    KernelInterpolator,
    Laplacian,
    Linear,
    NeuralTangent,
    available_memory,
    median_distance,
    plan_fit,
)
from theory.least_squares import minimum_norm_solution
from theory.testing import assert_interpolates


@parametrize_with_checks([KernelInterpolator(), KernelInterpolationClassifier()])
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def digits():
    images, labels = load_digits(return_X_y=True)
    return images[:1200], labels[:1200], images[1200:], labels[1200:]


@pytest.mark.parametrize("kernel", [None, Laplacian(20.0), NeuralTangent(3)], ids=str)
def test_digits_are_interpolated_and_generalise(digits, kernel):
    images, labels, test_images, test_labels = digits
    model = KernelInterpolationClassifier(kernel).fit(images, labels)
    assert (model.predict(images) == labels).all()
    assert (model.predict(test_images) == test_labels).mean() > 0.9
    assert model.interpolation_.converged
    assert model.certificate_ is not None
    assert model.certificate_.smallest_eigenvalue.evidence == "cholesky"
    # Laplacian and neural tangent kernels lose half of the digits near equal points: 1e-8 of an entry.
    assert (model.certificate_.distance_bounds <= 1e-2 * model.certificate_.norms).all()
    assert (model.certificate_.norm_lower_bounds >= 0.999 * model.certificate_.norms).all()


def test_random_labels_are_interpolated_with_a_larger_norm(digits):
    images, labels, test_images, test_labels = digits
    noise = generator(0, "random-labels").integers(0, 10, len(labels))
    true = KernelInterpolationClassifier().fit(images, labels)
    random = KernelInterpolationClassifier().fit(images, noise)
    assert (random.predict(images) == noise).all()
    assert (random.predict(test_images) == test_labels).mean() < 0.2
    assert random.certificate_.norm_lower_bounds.norm() > 1.5 * true.certificate_.norms.norm()


def test_both_solvers_agree(digits):
    images, labels, test_images, _ = digits
    direct = KernelInterpolationClassifier(solver="cholesky", precision="float64").fit(images, labels)
    for solver in ("cholesky", "conjugate-gradients"):
        model = KernelInterpolationClassifier(solver=solver, precision="float32").fit(images, labels)
        assert model.plan_.solver == solver
        certificate = model.certificate_
        apart = model.decision_function(test_images) - direct.decision_function(test_images)
        # |f(x) - g(x)| <= sqrt(k(x, x)) ||f - g||, k(x, x) = 1; and predicting in float32.
        assert np.abs(apart).max() <= float(certificate.distance_bounds.max()) + 1e-4
        assert certificate.smallest_eigenvalue.evidence == "lanczos"
        # 1e-4 of an output's norm, and a class has at most 150 ones.
        assert certificate.max_residual < 1e-4 * 150**0.5 + 1e-5


def test_leave_one_out_is_what_leaving_one_out_gives(digits):
    images, labels = digits[0][:80], digits[1][:80]
    targets = np.eye(10)[labels]
    kernel = Gaussian(15.0)
    model = KernelInterpolator(kernel, leave_one_out=True).fit(images, targets)
    for i in (0, 7, 79):
        indices = np.delete(np.arange(80), i)
        refitted = KernelInterpolator(kernel).fit(images[indices], targets[indices])
        np.testing.assert_allclose(
            model.leave_one_out_predictions_[i], refitted.predict(images[i : i + 1])[0], atol=1e-9
        )
    classes = KernelInterpolationClassifier(kernel, leave_one_out=True).fit(images, labels).leave_one_out_predictions_
    assert (classes == model.leave_one_out_predictions_.argmax(1)).all()


def test_ridge_is_kernel_ridge(digits):
    images, labels, test_images, _ = digits
    ours = KernelInterpolator(Gaussian(15.0), ridge=0.5).fit(images, labels)
    theirs = KernelRidge(alpha=0.5, kernel="rbf", gamma=1 / (2 * 15.0**2)).fit(images, labels)
    np.testing.assert_allclose(ours.predict(test_images), theirs.predict(test_images), atol=1e-8)
    coefficients = ours.dual_coef_[:, 0]
    K = Gaussian(15.0).block(torch.tensor(images), torch.tensor(images)).numpy()
    np.testing.assert_allclose(ours.norms_, [np.sqrt(coefficients @ K @ coefficients)], rtol=1e-9)


def test_the_linear_kernel_is_the_minimum_norm_solution():
    random = generator(1, "linear-kernel")
    X, y = random.standard_normal((20, 50)), random.standard_normal(20)
    model = KernelInterpolator(Linear()).fit(X, y)
    w = minimum_norm_solution(X, y)
    np.testing.assert_allclose(X.T @ model.dual_coef_[:, 0], w, atol=1e-12)
    np.testing.assert_allclose(model.norms_, [np.linalg.norm(w)], rtol=1e-10)


def test_singular_kernels_give_the_nearest_function_of_least_norm():
    random = generator(2, "singular")
    X, y = random.standard_normal((60, 5)), random.standard_normal(60)
    with pytest.warns(ConvergenceWarning, match="nearly singular"):
        model = KernelInterpolator(Linear()).fit(X, y)
    assert model.interpolation_.solver == "eigenvalues"
    assert not model.interpolation_.converged
    np.testing.assert_allclose(model.predict(X), X @ minimum_norm_solution(X, y), atol=1e-10)
    equal = np.concatenate([X, X[:1]])
    same = KernelInterpolator(Gaussian(1.0)).fit(equal, np.append(y, y[0]))
    assert_interpolates(same.predict, equal, np.append(y, y[0]))
    with pytest.warns(ConvergenceWarning):
        rough = KernelInterpolator(Linear(), precision="float32").fit(X, y)
    np.testing.assert_allclose(rough.predict(X), model.predict(X), atol=1e-3)
    assert np.abs(rough.norms_ / model.norms_ - 1).max() < 1e-3, "noise is not inverted"
    with pytest.raises(ValueError, match="Are there equal"):
        KernelInterpolator(Linear(), solver="conjugate-gradients", precision="float32").fit(X, y)
    with pytest.warns(ConvergenceWarning):
        left_out = KernelInterpolator(Linear(), leave_one_out=True).fit(X, y).leave_one_out_predictions_
    without = minimum_norm_solution(X[1:], y[1:])
    np.testing.assert_allclose(left_out[0], X[0] @ without, atol=1e-10)


def test_a_fit_that_is_too_large_is_refused_before_anything_is_allocated():
    with pytest.raises(ValueError, match="does not fit") as refused:
        plan_fit(50_000, 10, solver="cholesky", dtype=torch.float64, memory_limit=14 * 10**9)
    message = str(refused.value)
    assert "31.0" in message, "Gram matrix, factor and a copy, each half of 8 bytes for n^2 numbers, and vectors"
    assert "all of them by conjugate-gradients in float32" in message
    fitting = int(message.split("What would fit: ")[1].split(" points")[0].replace(",", ""))
    assert plan_fit(
        fitting, 10, solver="cholesky", dtype=torch.float64, memory_limit=14 * 10**9
    ).total_memory == pytest.approx(14e9, rel=0.01)
    with pytest.raises(ValueError, match="does not fit"):
        KernelInterpolator(memory_limit=10_000).fit(np.eye(50), np.ones(50))


def test_plans():
    small, large = plan_fit(1000, 10), plan_fit(50_000, 10, memory_limit=14 * 10**9)
    assert (small.solver, small.dtype) == ("cholesky", torch.float64)
    assert (large.solver, large.dtype) == ("conjugate-gradients", torch.float32)
    assert large.operations < 50_000**3 / 3 / 5
    assert 5e9 < large.memory["Gram matrix"] < 5.2e9
    assert 10**8 < available_memory() < 2**50


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ridge": -1.0}, "ridge must not be negative"),
        ({"precision": "float16"}, "precision must be"),
        ({"solver": "lu"}, "solver must be"),
        ({"solver": "conjugate-gradients", "leave_one_out": True}, "ask for solver 'cholesky'"),
    ],
)
def test_bad_parameters(options, message):
    with pytest.raises(ValueError, match=message):
        KernelInterpolator(**options).fit(np.eye(5), np.ones(5))


def test_median_distance():
    X = generator(3, "median").standard_normal((400, 6))
    distances = np.linalg.norm(X[:, None] - X[None], axis=2)[np.triu_indices(400, 1)]
    assert median_distance(X) == pytest.approx(np.median(distances), rel=1e-3)
    assert median_distance(np.ones((5, 2))) == 1.0


@pytest.mark.parametrize("name", ["gaussian", "laplacian", "linear"])
def test_a_kernel_by_name_is_the_kernel(digits, name):
    images, labels = digits[0][:50], digits[1][:50]  # fewer than pixels: the linear kernel interpolates too
    named = KernelInterpolator(name).fit(images, labels)
    width = 0.28 * median_distance(images)
    same = {"gaussian": Gaussian(width), "laplacian": Laplacian(width), "linear": Linear()}[name]
    assert named.kernel_ == same


def test_an_unknown_kernel_is_named():
    with pytest.raises(ValueError, match="unknown name 'gausian': did you mean 'gaussian'"):
        KernelInterpolator("gausian").fit([[0.0], [1.0]], [0.0, 1.0])


def test_outputs_far_apart_are_interpolated_each_in_its_unit():
    """Columns of 2^990 and 2^-990: coefficients, predictions, norms and bounds are those of each alone."""
    random = np.random.default_rng(0)
    X, y = random.standard_normal((15, 3)), random.standard_normal(15)
    units = np.array([990, -990])
    alone = KernelInterpolator(Gaussian(1.0), leave_one_out=True).fit(X, y[:, None])
    both = KernelInterpolator(Gaussian(1.0), leave_one_out=True).fit(X, np.ldexp(y[:, None], units))
    for attribute in ("dual_coef_", "norms_", "leave_one_out_predictions_"):
        wanted = np.ldexp(getattr(alone, attribute).reshape(-1, 1), units)
        np.testing.assert_allclose(getattr(both, attribute).reshape(-1, 2), wanted, rtol=1e-9, atol=0)
    np.testing.assert_allclose(both.predict(X), np.ldexp(y[:, None], units), rtol=1e-9, atol=0)
    of_both, of_one = both.certificate_, alone.certificate_
    for attribute in ("residual_norms", "norms", "norm_lower_bounds", "distance_bounds"):
        one = float(getattr(of_one, attribute)[0])
        # Residuals are rounding alone, which another number of columns orders otherwise.
        tolerance = 1 if attribute in ("residual_norms", "distance_bounds") else 1e-9
        np.testing.assert_allclose(getattr(of_both, attribute).numpy(), np.ldexp(one, units), rtol=tolerance, atol=0)
    assert of_both.max_residual < 1e-9 * 2.0**990
    assert of_both.rounding == pytest.approx(np.ldexp(of_one.rounding, 990), rel=1e-6, abs=0)


@pytest.mark.parametrize("scale", [2.0**-660, 2.0**660, 2.0**1022])
def test_the_median_distance_in_any_unit(scale):
    points = np.array([[0.0, 0.0], [0.75, 1.0], [0.75, 0.0]])  # distances 1.25, 1 and 0.75
    assert median_distance(points * scale) == scale
    assert median_distance((points * scale).tolist()) == scale
    assert median_distance((points * scale).astype(">f8")[::-1]) == scale


@pytest.mark.parametrize("numbers", [(-5, 1), (0, 1), (10, 0), (10, 1, -1)])
def test_a_plan_is_for_points_and_outputs(numbers):
    with pytest.raises(ValueError, match="must be at least 1"):
        plan_fit(*numbers)
