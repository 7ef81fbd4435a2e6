"""What other libraries' public tests ask of the same tasks, in our own words: each test names whose and which.

scikit-learn (`sklearn/linear_model/tests/test_base.py`, `sklearn/tests/test_kernel_ridge.py`), SciPy
(`scipy/linalg/tests/test_basic.py`), GPyTorch (`test/kernels/*.py`) and Falkon (`falkon/tests/*.py`). The numbers are
chosen anew, but for those of a case that is known by them.
"""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.datasets import make_regression
from sklearn.exceptions import ConvergenceWarning

from theory.kernels import (
    Gaussian,
    KernelInterpolator,
    Laplacian,
    Linear,
    Polynomial,
    gram_from_blocks,
    interpolate_gram,
    plan_fit,
)
from theory.least_squares import certify_minimum_norm, minimum_norm_solution
from theory.least_squares.estimators import MinimumNormRegressor

DIRECT = ["svd", "gelsd", "gelsy"]
EPS = np.finfo(np.float64).eps


class TestScikitLearnsLinearRegression:
    """`test_linear_regression`, `test_fit_intercept`, `test_linear_regression_multiple_outcome`, and further."""

    def test_a_line_through_two_points_and_a_single_point(self):
        model = MinimumNormRegressor().fit([[1], [2]], [1, 2])
        np.testing.assert_allclose([*model.coef_, model.intercept_], [1, 0], atol=1e-14)
        model = MinimumNormRegressor().fit([[1]], [0])
        assert (model.coef_[0], model.intercept_, model.predict([[1]])[0]) == (0, 0, 0)

    @pytest.mark.parametrize("features", [2, 3])
    def test_shapes_do_not_depend_on_the_intercept(self, features):
        X = np.random.default_rng(0).uniform(size=(2, features))
        shapes = {MinimumNormRegressor(fit_intercept=flag).fit(X, [1, 1]).coef_.shape for flag in (True, False)}
        assert shapes == {(features,)}

    def test_several_outputs_are_fitted_one_by_one(self):
        X, y = make_regression(n_samples=30, n_features=50, random_state=0)
        joint = MinimumNormRegressor().fit(X, np.stack([y, 2 * y], axis=1))
        single = MinimumNormRegressor().fit(X, y)
        assert joint.coef_.shape == (2, 50)
        np.testing.assert_allclose(
            joint.predict(X), np.stack([single.predict(X), 2 * single.predict(X)], 1), rtol=1e-10
        )

    def test_the_identity_gives_back_its_labels(self):
        y = np.random.default_rng(1).uniform(size=20)
        model = MinimumNormRegressor(fit_intercept=False).fit(np.eye(20), y)
        np.testing.assert_allclose(model.coef_, y, rtol=1e-13)

    def test_normal_equations(self):
        random = np.random.default_rng(2)
        X, y = random.standard_normal((6, 5)), random.standard_normal(6)
        with_ones = np.column_stack([np.ones(6), X])
        expected = np.linalg.lstsq(with_ones, y, rcond=None)[0]
        model = MinimumNormRegressor().fit(X, y)
        np.testing.assert_allclose([model.intercept_, *model.coef_], expected, rtol=1e-9)

    def test_constant_and_zero_features(self):
        """`test_preprocess_data_weighted`: neither is scaled up from rounding."""
        X = np.random.default_rng(3).uniform(size=(40, 4))
        X[:, 2], X[:, 3] = 0.1, 0.0
        model = MinimumNormRegressor().fit(X, X @ [1.0, 2.0, 0.0, 0.0] + 3)
        np.testing.assert_allclose(model.coef_, [1, 2, 0, 0], atol=1e-12)
        assert (model.coef_[2:] == 0).all()
        assert model.intercept_ == pytest.approx(3)


class TestScikitLearnsKernelRidge:
    """`test_kernel_ridge`, `test_kernel_ridge_singular_kernel`, `test_kernel_ridge_multi_output`."""

    X, y = make_regression(n_samples=60, n_features=10, random_state=0)

    def test_a_linear_kernel_with_a_ridge_is_ridge_regression(self):
        w = np.linalg.solve(self.X.T @ self.X + np.eye(10), self.X.T @ self.y)
        model = KernelInterpolator(Linear(), ridge=1.0).fit(self.X, self.y)
        np.testing.assert_allclose(model.predict(self.X), self.X @ w, rtol=1e-9)

    def test_a_singular_linear_kernel_is_least_squares(self):
        w = np.linalg.lstsq(self.X, self.y, rcond=None)[0]
        model = KernelInterpolator(Linear()).fit(self.X, self.y)
        assert model.interpolation_.solver == "eigenvalues"
        np.testing.assert_allclose(model.predict(self.X), self.X @ w, rtol=1e-8, atol=1e-8)

    def test_several_outputs(self):
        joint = KernelInterpolator(Linear(), ridge=1.0).fit(self.X, np.stack([self.y, self.y], 1)).predict(self.X)
        single = KernelInterpolator(Linear(), ridge=1.0).fit(self.X, self.y).predict(self.X)
        np.testing.assert_allclose(joint, np.stack([single, single], 1), rtol=1e-10)


class TestSciPysLeastSquares:
    """`TestLstsq` (`test_simple_exact`, `_overdet`, `_underdet`, `test_random_*`, `test_zero_size`), `TestPinv`."""

    @pytest.mark.parametrize("method", DIRECT)
    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    @pytest.mark.parametrize("right", [[[1, 0], [0, 1]], [1, 0], [[2, 1], [-30, 4]]])
    def test_two_equations_in_two_unknowns(self, method, dtype, right):
        X, y = np.array([[1, 20], [-30, 4]], dtype), np.array(right, dtype)
        kept = X.copy(), y.copy()
        w = minimum_norm_solution(X, y, method)
        np.testing.assert_allclose(X @ w, y, rtol=25 * EPS, atol=25 * EPS)
        assert certify_minimum_norm(X, y, w).rank == 2
        assert (kept[0] == X).all()
        assert (y == kept[1]).all()

    @pytest.mark.parametrize("method", DIRECT)
    def test_three_equations_in_two_unknowns(self, method):
        w = minimum_norm_solution([[1, 2], [4, 5], [3, 4]], [1, 2, 3], method)
        np.testing.assert_allclose(w, [-3 / 7, 6 / 7], rtol=25 * EPS)

    @pytest.mark.parametrize("method", DIRECT)
    def test_two_equations_in_three_unknowns(self, method):
        w = minimum_norm_solution([[1, 2, 3], [4, 5, 6]], [1, 2], method)
        np.testing.assert_allclose(w, [-1 / 18, 1 / 9, 5 / 18], rtol=50 * EPS, atol=50 * EPS)

    @pytest.mark.parametrize("method", DIRECT)
    def test_random_shapes(self, method):
        random = np.random.default_rng(0)
        for n, d in ((20, 20), (20, 15), (15, 20)):
            X, y = random.standard_normal((n, d)), random.standard_normal((n, 3))
            np.testing.assert_allclose(minimum_norm_solution(X, y, method), np.linalg.pinv(X) @ y, atol=1e-11)

    def test_a_singular_matrix(self):
        X = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
        w = minimum_norm_solution(X, [1.0, 2.0, 3.0])
        np.testing.assert_allclose(w, np.linalg.pinv(X) @ [1, 2, 3], atol=1e-13)
        certificate = certify_minimum_norm(X, [1.0, 2.0, 3.0], w)
        assert (certificate.rank, certificate.rank_proved) == (2, True)

    def test_nothing_to_solve(self):
        for X, y in ((np.zeros((0, 3)), np.zeros(0)), (np.zeros((3, 0)), np.zeros(3))):
            with pytest.raises(ValueError, match="empty"):
                minimum_norm_solution(X, y)

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_check_finite(self, value):
        with pytest.raises(ValueError, match="NaN or infinite"):
            minimum_norm_solution([[1.0, value]], [1.0])


class TestGPyTorchsKernels:
    """`rbf_kernel_test.py`, `polynomial_kernel_test.py`, `linear_kernel_test.py`, `matern_kernel_test.py`."""

    a = torch.tensor([[4.0], [2.0], [8.0]], dtype=torch.float64)
    b = torch.tensor([[0.0], [2.0], [2.0]], dtype=torch.float64)

    def test_a_gaussian_by_hand(self):
        squares = torch.tensor([[16.0, 4, 4], [4, 0, 0], [64, 36, 36]], dtype=torch.float64)
        torch.testing.assert_close(Gaussian(2.0).block(self.a, self.b), torch.exp(-squares / 8), rtol=1e-14, atol=0)

    def test_a_matern_kernel_of_order_one_half(self):
        distances = (self.a - self.b.T).abs()
        torch.testing.assert_close(Laplacian(3.0).block(self.a, self.b), torch.exp(-distances / 3), rtol=1e-14, atol=0)

    def test_products_and_powers(self):
        torch.testing.assert_close(Linear().block(self.a, self.b), self.a @ self.b.T)
        torch.testing.assert_close(Polynomial(2, offset=2.0).block(self.a, self.b), (self.a @ self.b.T + 2) ** 2)

    def test_blocks_are_parts_of_the_whole(self):
        X = torch.tensor(np.random.default_rng(0).standard_normal((9, 4)))
        for kernel in (Gaussian(1.0), Laplacian(1.0), Polynomial(3)):
            whole = kernel.block(X, X)
            torch.testing.assert_close(kernel.block(X[2:5], X[4:]), whole[2:5, 4:], rtol=1e-13, atol=1e-13)
            torch.testing.assert_close(gram_from_blocks(kernel, [(X,)], height=4).training.dense(), whole)


class TestFalkonsKernelsAndSolver:
    """`test_kernels.py` (against naive kernels), `test_conjgrad.py`, `test_falkon.py` (regression)."""

    @pytest.mark.parametrize("d", [1, 10, 300])
    def test_naive_kernels(self, d):
        random = np.random.default_rng(d)
        A, B = random.standard_normal((20, d)), random.standard_normal((30, d))
        X, Z = torch.tensor(A), torch.tensor(B)
        np.testing.assert_allclose(
            Gaussian(1.5).block(X, Z), np.exp(-(cdist(A, B) ** 2) / (2 * 1.5**2)), rtol=1e-11, atol=1e-300
        )
        np.testing.assert_allclose(Laplacian(1.5).block(X, Z), np.exp(-cdist(A, B) / 1.5), rtol=1e-11, atol=1e-300)
        np.testing.assert_allclose(
            Polynomial(2, offset=1.0, scale=0.5).block(X, Z), (0.5 * A @ B.T + 1) ** 2, rtol=1e-10, atol=1e-10
        )

    def test_conjugate_gradients_on_a_random_matrix(self):
        random = np.random.default_rng(0)
        X, y = torch.tensor(random.standard_normal((100, 10))), torch.tensor(random.standard_normal((100, 5)))
        matrix = gram_from_blocks(Gaussian(3.0), [(X,)], ridge=0.1).training
        plan = plan_fit(100, 5, solver="conjugate-gradients", dtype=torch.float64)
        solved = interpolate_gram(matrix, y, plan)
        torch.testing.assert_close(solved.coefficients, torch.linalg.solve(matrix.dense(), y), rtol=1e-8, atol=1e-8)

    def test_regression_has_a_small_training_error(self):
        X, y = make_regression(n_samples=150, n_features=8, random_state=1)
        y = y / np.abs(y).max()
        model = KernelInterpolator(Gaussian(8.0), solver="conjugate-gradients", precision="float64").fit(X, y)
        assert np.abs(model.predict(X) - y).max() < 1e-6


def test_a_duplicate_with_another_label_warns():
    """No peer warns here: KernelRidge(alpha=0) falls back to least squares in silence."""
    with pytest.warns(ConvergenceWarning):
        KernelInterpolator(Gaussian(1.0)).fit([[0.0], [0.0], [1.0]], [0, 1, 0])
