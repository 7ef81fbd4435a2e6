"""The minimum-norm solution as scikit-learn estimators.

Among all linear functions that fit the sample best, the one of least Euclidean norm: where SGD from zero ends (Zhang et
al. 2017, section 5), and the limit of ridge regression as its penalty goes to zero (hence "ridgeless"). Where the rows
of X are linearly independent it interpolates any labels.

Both estimators pass scikit-learn's conformance suite, `check_estimator`, without a waiver.
"""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, MultiOutputMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from theory.common.arrays import BeyondFloat64Error, Float64Array, require_unmasked
from theory.common.scaling import exponent, scaled
from theory.least_squares.certificate import MinimumNormCertificate, certify_minimum_norm
from theory.least_squares.references import minimum_norm_solution


class _MinimumNormLinear(BaseEstimator):  # type: ignore[misc]
    """What both estimators share: coefficients, an intercept that costs no norm, and the certificate."""

    fit_intercept: bool
    coef_: Float64Array
    intercept_: Any
    certificate_: MinimumNormCertificate

    def _solve(self, X: Float64Array, y: Float64Array) -> None:
        """Sets coef_ (d,) or (k, d) and intercept_, a float or (k,). The best intercept centres data and labels."""
        center = _mean(X) if self.fit_intercept else np.zeros(X.shape[1])
        offset = _mean(y) if self.fit_intercept else np.zeros(y.shape[1:])
        constant = self.fit_intercept & (X.min(axis=0) == X.max(axis=0))  # the intercept takes care of these
        with np.errstate(over="ignore"):
            centered_X, centered_y = np.where(constant, 0.0, X - center), y - offset
        if not (np.isfinite(centered_X).all() and np.isfinite(centered_y).all()):
            raise BeyondFloat64Error("X or y less its mean overflows float64: measure it in a larger unit")
        if self.fit_intercept and 1 < len(X) <= X.shape[1]:
            centered_X, centered_y = _without_mean(centered_X), _without_mean(centered_y)
        w = minimum_norm_solution(centered_X, centered_y)
        self.certificate_ = certify_minimum_norm(centered_X, centered_y, w)
        self.coef_ = w.T
        self.intercept_ = offset - center @ w

    def _outputs(self, X: Any) -> Float64Array:
        check_is_fitted(self)
        require_unmasked(X, "X")
        X = validate_data(self, X, dtype=np.float64, reset=False)
        outputs: Float64Array = X @ self.coef_.T + self.intercept_
        return outputs


def _mean(rows: Float64Array) -> Float64Array:
    """The mean of the rows, which is within float64 where the rows are: their sum need not be."""
    unit = max(exponent(rows), 0)
    return scaled(scaled(rows, -unit).mean(axis=0), unit)


def _without_mean(rows: Float64Array) -> Float64Array:
    """n - 1 rows with the inner products of n rows that sum to zero: a reflection takes their sum's direction away.

    n centred rows are linearly dependent in exact arithmetic and hardly ever in float64. These need not be.
    """
    n = len(rows)
    mirror = np.full(n, n**-0.5)
    mirror[0] += 1
    mirror /= np.linalg.norm(mirror)
    reflected: Float64Array = rows - np.multiply.outer(2 * mirror, mirror @ rows)
    return reflected[1:]


class MinimumNormRegressor(MultiOutputMixin, RegressorMixin, _MinimumNormLinear):  # type: ignore[misc]
    """Linear least squares of least coefficient norm, by the singular value decomposition.

    Arguments:
        fit_intercept: add a constant, which does not count in the norm.

    Attributes:
        coef_: w, (d,) or (k, d) for k outputs.
        intercept_: a float or (k,).
        certificate_: bounds, rounding included, on the distance of coef_ from the minimum-norm solution for the
            (centred) sample, and its residual. With an intercept and n <= d the sample is reflected, so that its
            mean is a coordinate, which is left out: n - 1 equations of the same residual.
        n_features_in_: d.
        feature_names_in_: names of the columns, if X had any.
    """

    def __init__(self, *, fit_intercept: bool = True) -> None:
        self.fit_intercept = fit_intercept

    def fit(self, X: Any, y: Any) -> Self:
        """Fit X (n, d) to y (n,) or (n, k).

        Raises ValueError for NaN or infinity and wrong shapes; BeyondFloat64Error, one as well, if X or y less its
        mean, or a coefficient, overflows; TypeError for sparse X.
        """
        require_unmasked(X, "X")
        require_unmasked(y, "y")
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        self._solve(X, y.astype(np.float64))
        return self

    def predict(self, X: Any) -> Float64Array:
        """<w, x> + intercept at the points X (m, d): (m,) or (m, k).

        Raises NotFittedError before `fit`; ValueError for NaN, infinity or another number of features.
        """
        return self._outputs(X)


class RidgelessClassifier(ClassifierMixin, _MinimumNormLinear):  # type: ignore[misc]
    """Minimum-norm least squares on labels -1 and 1: the class of the largest output.

    One output for two classes, else one for each class against the rest.

    Arguments:
        fit_intercept: add a constant, which does not count in the norm.

    Attributes:
        classes_: the k classes, sorted.
        coef_: (1, d) for two classes, else (k, d).
        intercept_: (1,) or (k,).
        certificate_: as of `MinimumNormRegressor`, all outputs together.
        n_features_in_: d.
        feature_names_in_: names of the columns, if X had any.
    """

    classes_: npt.NDArray[Any]

    def __init__(self, *, fit_intercept: bool = True) -> None:
        self.fit_intercept = fit_intercept

    def fit(self, X: Any, y: Any) -> Self:
        """Fit X (n, d) to the classes y (n,), numbers or strings.

        Raises ValueError for NaN or infinity, wrong shapes, y that is not classes or only one class; TypeError for
        sparse X.
        """
        require_unmasked(X, "X")
        require_unmasked(y, "y")
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, indices = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y holds one class only, {self.classes_[0]!r}: a classifier needs at least two")
        ones = 2.0 * np.eye(len(self.classes_))[indices] - 1
        self._solve(X, ones[:, 1:] if len(self.classes_) == 2 else ones)
        return self

    def decision_function(self, X: Any) -> Float64Array:
        """The outputs at X (m, d): (m,), positive for the second class, or (m, k).

        Raises as `MinimumNormRegressor.predict`.
        """
        outputs = self._outputs(X)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The classes of the points X (m, d), (m,). Raises as `decision_function`."""
        outputs = self.decision_function(X)
        indices = (outputs > 0).astype(np.intp) if outputs.ndim == 1 else outputs.argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[indices]
        return labels
