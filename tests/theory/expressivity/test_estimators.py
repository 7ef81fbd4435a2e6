import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import BaggingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from theory.expressivity.estimators import ReluInterpolatorClassifier, ReluInterpolatorRegressor

ESTIMATORS = [
    ReluInterpolatorRegressor(),
    ReluInterpolatorClassifier(),
    ReluInterpolatorClassifier(outputs="one-hot"),
]
each_estimator = pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
both_outputs = pytest.mark.parametrize("outputs", ["index", "one-hot"])


@pytest.fixture(scope="module")
def digits():
    """1,797 real images, 64 pixels, with their labels."""
    return load_digits(return_X_y=True)


@pytest.fixture(scope="module")
def random_labels(digits):
    return np.random.default_rng(0).integers(0, 10, len(digits[0]))


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


@both_outputs
@pytest.mark.parametrize("names", [np.arange(10), np.array([f"class {i}" for i in range(10)])], ids=["int", "str"])
def test_classifier_memorises_random_labels_of_real_digits(digits, random_labels, outputs, names):
    (images, _), labels = digits, names[random_labels]
    model = ReluInterpolatorClassifier(outputs=outputs).fit(images, labels)
    np.testing.assert_array_equal(model.predict(images), labels)
    assert model.error_bound_ < 0.5
    n, d, k = *images.shape, 10
    assert model.num_weights_ == (2 * n + d if outputs == "index" else n * (k + 1) + d)
    np.testing.assert_array_equal(model.classes_, names)


@pytest.mark.parametrize("shape", [(), (1,), (3,)])
def test_regressor_memorises_noise_on_real_digits(digits, shape):
    images, _ = digits
    labels = np.random.default_rng(0).standard_normal((len(images), *shape))
    model = ReluInterpolatorRegressor().fit(images, labels)
    n, d, k = *images.shape, labels[0].size
    assert model.num_weights_ == n * (k + 1) + d
    assert model.predict(images).shape == labels.shape
    assert model.error_bound_ < 1e-6
    for outputs in (model.predict(images), model.network_.sum_of_relus(images)):
        assert np.abs(outputs - labels).max() <= model.error_bound_


@both_outputs
def test_memorising_is_not_learning(digits, outputs):
    """True labels, five folds: on new images the network is little better than chance, 0.1; 1-NN is above 0.95."""
    ours = cross_val_score(ReluInterpolatorClassifier(outputs=outputs), *digits)
    neighbour = cross_val_score(KNeighborsClassifier(1), *digits)
    assert ours.mean() < 0.3
    assert neighbour.mean() > 0.95


@each_estimator
def test_in_a_pipeline(digits, random_labels, estimator):
    images, _ = digits
    model = make_pipeline(StandardScaler(), clone(estimator)).fit(images, random_labels)
    np.testing.assert_array_equal(np.rint(model.predict(images)), random_labels)
    assert model.score(images, random_labels) == pytest.approx(1, abs=1e-12)


@both_outputs
@pytest.mark.parametrize("labels", [["a", "b"], ["b", "a"]])
def test_beyond_the_sample_the_last_line_goes_on_and_its_class_with_it(outputs, labels):
    model = ReluInterpolatorClassifier(outputs=outputs).fit([[0], [1]], labels)
    np.testing.assert_array_equal(model.predict([[0], [1], [5], [1e6]]), [*labels, labels[1], labels[1]])


@each_estimator
def test_predictions_do_not_depend_on_batch_or_memory_layout(estimator):
    random = np.random.default_rng(0)
    points, labels = random.standard_normal((500, 37)), random.integers(0, 10, 500)
    model = clone(estimator).fit(np.asfortranarray(points), labels)
    predictions = model.predict(points)
    np.testing.assert_array_equal(model.predict(np.asfortranarray(points)), predictions)
    np.testing.assert_array_equal(model.predict(np.repeat(points, 2, axis=1)[7:9, ::2]), predictions[7:9])


@each_estimator
def test_parameters(estimator):
    assert clone(estimator).get_params() == estimator.get_params()
    assert clone(estimator).set_params(random_state=5).get_params() == {**estimator.get_params(), "random_state": 5}
    with pytest.raises(ValueError, match="Invalid parameter 'seed'"):
        clone(estimator).set_params(seed=5)


def test_random_state_decides_the_direction():
    random = np.random.default_rng(0)
    points, labels = random.standard_normal((30, 4)), random.standard_normal(30)

    def direction(random_state):
        return ReluInterpolatorRegressor(random_state=random_state).fit(points, labels).network_.direction

    np.testing.assert_array_equal(direction(3), direction(3))
    np.testing.assert_array_equal(direction(3), direction(np.random.RandomState(3)))
    assert (direction(3) != direction(4)).any()
    assert (direction(None) != direction(None)).any()


def test_meta_estimators_seed_it():
    """Bagging draws a direction for each member, through the parameter's name."""
    random = np.random.default_rng(0)
    points, labels = random.standard_normal((30, 4)), random.standard_normal(30)
    bag = BaggingRegressor(ReluInterpolatorRegressor(), n_estimators=2, random_state=0).fit(points, labels)
    first, second = (member.network_.direction for member in bag.estimators_)
    assert (first != second).any()


@each_estimator
def test_pickled_model_predicts_the_same(digits, random_labels, estimator):
    images, _ = digits
    model = clone(estimator).fit(images, random_labels)
    restored = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(restored.predict(images), model.predict(images))


@each_estimator
def test_contradictory_labels_are_refused_by_row(estimator):
    with pytest.raises(ValueError, match=r"same point has different labels in rows 0 and 2: no function"):
        clone(estimator).fit([[1, 2], [3, 4], [1, 2]], [0, 1, 1])


@each_estimator
def test_equal_points_with_equal_labels_count_once(estimator):
    model = clone(estimator)
    repeated = model.fit([[1, 2], [3, 4], [1, 2]], [0, 1, 0]).num_weights_
    assert repeated == model.fit([[1, 2], [3, 4]], [0, 1]).num_weights_


@each_estimator
def test_one_point(estimator):
    model = clone(estimator).fit([[2.0, 3.0]], [7])
    assert model.predict([[2.0, 3.0]]) == pytest.approx([7], abs=model.error_bound_)


@each_estimator
@pytest.mark.parametrize(
    ("points", "labels", "message"),
    [
        ([[1.0], [np.nan]], [0, 1], "Input X contains NaN"),
        ([[1.0], [2.0]], [0, np.inf], "Input y contains infinity"),
        ([[1.0], [2.0]], [0], "inconsistent numbers of samples"),
        ([1.0, 2.0], [0, 1], "Expected 2D array"),
        (np.empty((0, 2)), [], "minimum of 1 is required"),
    ],
)
def test_bad_sample(estimator, points, labels, message):
    with pytest.raises(ValueError, match=message):
        clone(estimator).fit(points, labels)


@each_estimator
def test_bad_new_points(estimator):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        clone(estimator).predict([[1, 2]])
    model = clone(estimator).fit([[1, 2], [3, 4]], [0, 1])
    with pytest.raises(ValueError, match=r"X has 3 features, but ReluInterpolator\w+ is expecting 2"):
        model.predict([[1, 2, 3]])
    with pytest.raises(ValueError, match="the network overflows float64, first in row 1"):
        model.predict([[1, 2], [1e308, -1e308]])


@pytest.mark.parametrize(
    ("parameters", "labels", "message"),
    [
        ({"outputs": "onehot"}, [0, 1], "outputs must be 'index' or 'one-hot', got 'onehot'"),
        ({"random_state": "zero"}, [0, 1], "'zero' cannot be used to seed"),
        ({}, [0.5, 1.5], "Unknown label type: continuous"),
        ({}, [[0, 1], [1, 0]], "y should be a 1d array"),
    ],
)
def test_bad_classifier(parameters, labels, message):
    with pytest.raises(ValueError, match=message):
        ReluInterpolatorClassifier(**parameters).fit([[1, 2], [3, 4]], labels)


def test_labels_of_a_regression_must_be_numbers():
    with pytest.raises(TypeError, match="labels must hold real numbers"):
        ReluInterpolatorRegressor().fit([[1, 2], [3, 4]], ["a", "b"])
