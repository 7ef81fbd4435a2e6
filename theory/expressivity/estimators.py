"""Theorem 1's network as scikit-learn estimators: a regressor and a classifier that memorise their sample.

Zhang et al. 2017, Theorem 1: 2n + d weights of a depth-2 ReLU network fit any n labels on n distinct points of R^d.
`interpolate` builds that network; `fit` and `predict` let it stand wherever scikit-learn's estimators do, in
pipelines and cross-validation. It is there to make the paper's point, not to be used: its training error is zero
whatever the labels, and away from the sample it joins by straight lines the labels of points that happen to be
neighbours along a random direction. It memorises; it does not generalise.

Both estimators pass scikit-learn's conformance suite, `check_estimator`, without a waiver.
"""

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, MultiOutputMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from theory.common.arrays import Float64Array, require_unmasked
from theory.expressivity.interpolation import Interpolant, interpolate


class _ReluInterpolator(BaseEstimator):  # type: ignore[misc]
    """What both estimators share: a network and what is known about it.

    Arrays are validated in C order: float64 projections depend on how a row lies in memory, and a point must
    project to the same number in `predict` as in `fit`.
    """

    random_state: int | np.random.RandomState | None
    network_: Interpolant
    num_weights_: int
    error_bound_: float

    def _interpolate(self, X: npt.NDArray[Any], labels: npt.NDArray[Any]) -> None:
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        self.network_ = interpolate(X, labels, seed=seed)
        self.num_weights_ = self.network_.num_weights
        self.error_bound_ = float(self.network_.error_bound(X, labels, "pairwise").max())

    def _outputs(self, X: Any) -> Float64Array:
        check_is_fitted(self)
        require_unmasked(X, "X")
        X = validate_data(self, X, order="C", reset=False)
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = self.network_(X)
        overflown = ~np.isfinite(outputs.reshape(len(X), -1)).all(axis=1)
        if overflown.any():
            raise ValueError(f"X is so large that the network overflows float64, first in row {overflown.argmax()}")
        return outputs


class ReluInterpolatorRegressor(MultiOutputMixin, RegressorMixin, _ReluInterpolator):  # type: ignore[misc]
    """A depth-2 ReLU network through every training point: it memorises, and does not generalise.

    Zhang et al. 2017, Theorem 1, built by `interpolate`: 2n + d weights for n distinct points in R^d and one
    output, n(k + 1) + d for k outputs.

    Arguments:
        random_state: the seed of the random direction that the points are projected on; int, RandomState, or None for
            another one at each fit. Named so rather than `seed` because scikit-learn's meta-estimators, such as
            BaggingRegressor, seed the parameters of this name.

    Attributes:
        network_: the network; `network_.sum_of_relus(X)` evaluates it as the theorem writes it.
        num_weights_: how many weights it has; equal points with equal labels count once.
        error_bound_: a proved bound on |prediction - label| over the training sample, rounding included, of
            `predict` and of `network_.sum_of_relus`.
        n_features_in_: d.
        feature_names_in_: names of the columns, if X had any.
    """

    def __init__(self, *, random_state: int | np.random.RandomState | None = 0) -> None:
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Build the network that takes the value y[i] at X[i], for every i.

        Arguments:
            X: points, (n, d), any real dtype.
            y: real labels, (n,) or (n, k).

        Raises ValueError for NaN or infinity, wrong shapes, equal points with different labels (naming the rows),
        and whatever else `interpolate` refuses; TypeError for sparse X and labels that are not numbers.
        """
        require_unmasked(X, "X")
        require_unmasked(y, "y")
        X, y = validate_data(self, X, y, order="C", multi_output=True, y_numeric=True)
        self._interpolate(X, y)
        return self

    def predict(self, X: Any) -> Float64Array:
        """The network at the points X (m, d): float64, (m,) or (m, k) as the labels were.

        Raises NotFittedError before `fit`; ValueError for NaN or infinity, another number of features than in `fit`,
        and points so far away that the network overflows there.
        """
        return self._outputs(X)


class ReluInterpolatorClassifier(ClassifierMixin, _ReluInterpolator):  # type: ignore[misc]
    """A depth-2 ReLU network that gives every training point its label: it memorises, and does not generalise.

    Zhang et al. 2017, Theorem 1, built by `interpolate` for n distinct points in R^d and k classes.

    Arguments:
        outputs: "index", one output, that interpolates the index of the class among the sorted classes, 2n + d
            weights; or "one-hot", an output for each class, n(k + 1) + d weights.
        random_state: the seed of the random direction that the points are projected on; int, RandomState, or None for
            another one at each fit. Named so rather than `seed` because scikit-learn's meta-estimators, such as
            BaggingClassifier, seed the parameters of this name.

    Attributes:
        network_: the network; `network_.sum_of_relus(X)` evaluates it as the theorem writes it.
        classes_: the k classes, sorted.
        num_weights_: how many weights the network has; equal points with equal labels count once.
        error_bound_: a proved bound on |output - index| (or one-hot entry) over the training sample, rounding
            included, of `predict`'s evaluation and of `network_.sum_of_relus`. Below 1/2 it proves that every
            training point gets its label.
        n_features_in_: d.
        feature_names_in_: names of the columns, if X had any.
    """

    classes_: npt.NDArray[Any]

    def __init__(
        self,
        *,
        outputs: Literal["index", "one-hot"] = "index",
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.outputs = outputs
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Build the network that tells the class y[i] at X[i], for every i.

        Arguments:
            X: points, (n, d), any real dtype.
            y: classes, (n,), numbers or strings.

        Raises ValueError for unknown `outputs`, NaN or infinity, wrong shapes, y that is not classes, equal points
        with different labels (naming the rows), and whatever else `interpolate` refuses; TypeError for sparse X.
        """
        if self.outputs not in ("index", "one-hot"):
            raise ValueError(f"outputs must be 'index' or 'one-hot', got {self.outputs!r}")
        require_unmasked(X, "X")
        require_unmasked(y, "y")
        X, y = validate_data(self, X, y, order="C")
        check_classification_targets(y)
        self.classes_, indices = np.unique(y, return_inverse=True)
        self._interpolate(X, indices if self.outputs == "index" else np.eye(len(self.classes_))[indices])
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The classes of the points X (m, d), (m,): the one nearest to the output, or of the largest output.

        Raises NotFittedError before `fit`; ValueError for NaN or infinity, another number of features than in `fit`,
        and points so far away that the network overflows there.
        """
        outputs = self._outputs(X)
        indices: npt.NDArray[np.intp] = (
            outputs.argmax(axis=1)
            if outputs.ndim == 2
            else np.clip(np.rint(outputs), 0, len(self.classes_) - 1).astype(np.intp)
        )
        return self.classes_[indices]
