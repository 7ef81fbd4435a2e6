import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LinearRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from theory.common.arrays import BeyondFloat64Error
from theory.least_squares.estimators import MinimumNormRegressor, RidgelessClassifier


@parametrize_with_checks(
    [
        MinimumNormRegressor(),
        MinimumNormRegressor(fit_intercept=False),
        RidgelessClassifier(),
        RidgelessClassifier(fit_intercept=False),
    ]
)
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("shape", [(10, 30), (30, 10)])
@pytest.mark.parametrize("outputs", [None, 1, 3])
def test_is_scikit_learns_linear_regression(fit_intercept, shape, outputs):
    random = np.random.default_rng(0)
    X, y = random.standard_normal(shape) + 2, random.standard_normal(shape[:1] + ((outputs,) if outputs else ()))
    ours = MinimumNormRegressor(fit_intercept=fit_intercept).fit(X, y)
    theirs = LinearRegression(fit_intercept=fit_intercept).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-12)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-12)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-12)
    assert ours.certificate_.distance_bound < 1e-12


def test_more_features_than_samples_memorise_random_labels_of_real_digits():
    images, labels = load_digits(return_X_y=True)
    images, labels = images[:50], np.random.default_rng(0).permutation(labels[:50])
    images = images[:, images.any(axis=0)]
    features = np.cos(images @ np.random.default_rng(1).standard_normal((images.shape[1], 200)) / 10)
    model = RidgelessClassifier().fit(features, labels)
    assert model.score(features, labels) == 1
    assert model.decision_function(features).shape == (50, 10)


def test_two_classes_have_one_output():
    X, y = [[0.0, 1.0], [1.0, 0.0], [3.0, 1.0]], ["a", "b", "b"]
    model = RidgelessClassifier().fit(X, y)
    np.testing.assert_allclose(model.decision_function(X), [-1, 1, 1], atol=1e-13)
    np.testing.assert_array_equal(model.predict(X), y)


def test_one_class():
    with pytest.raises(ValueError, match="y holds one class only"):
        RidgelessClassifier().fit([[1.0], [2.0]], [1, 1])


@pytest.mark.parametrize("scale", [2.0**1020, 2.0**1023])
def test_a_mean_is_finite_where_its_sum_is_not(scale):
    random = np.random.default_rng(0)
    X, y = random.uniform(-0.9, 0.9, (20, 3)), random.uniform(-0.9, 0.9, 20)
    X[:, 0] = random.uniform(0.5, 1.0, 20)
    y += 0.1 - y.min()
    y /= y.max() * (1 + 1e-9)
    plain = MinimumNormRegressor().fit(X, y)
    inputs, outputs = MinimumNormRegressor().fit(X * scale, y), MinimumNormRegressor().fit(X, y * scale)
    np.testing.assert_allclose(inputs.coef_ * scale, plain.coef_, rtol=1e-12)
    np.testing.assert_allclose(outputs.coef_ / scale, plain.coef_, rtol=1e-12)
    np.testing.assert_allclose([inputs.intercept_, outputs.intercept_ / scale], plain.intercept_, rtol=1e-12)


def test_numbers_further_apart_than_float64_reaches_are_named():
    with pytest.raises(BeyondFloat64Error, match="less its mean overflows"):
        MinimumNormRegressor().fit([[1.7e308, 1.0], [-1.7e308, 2.0], [1.7e308, 3.0]], [1.0, 2.0, 3.0])
