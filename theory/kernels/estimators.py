"""Minimum-norm interpolation in a Hilbert space as scikit-learn estimators.

Zhang et al. 2017, section 5: solve K alpha = y exactly, with no regularisation, on whole data sets. The classifier
regresses on one-hot labels and takes the largest output. Both pass scikit-learn's conformance suite, `check_estimator`,
without a waiver.
"""

import dataclasses
import hashlib
import inspect
import warnings
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, MultiOutputMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from theory.common.arrays import Float64Array, require_unmasked
from theory.common.names import nearest_name
from theory.common.scaling import output_exponents, require_representable, scaled
from theory.kernels.bandwidth import MEDIAN_SHARE
from theory.kernels.certificate import InterpolationCertificate, certify_interpolation
from theory.kernels.checkpoint import Checkpoint
from theory.kernels.distances import median_distance, sample_rows
from theory.kernels.gram import cross_product, gram_from_blocks
from theory.kernels.interpolation import Interpolation, StageReport, interpolate_gram
from theory.kernels.kernels import KERNELS, Gaussian, Kernel
from theory.kernels.plan import FitPlan, Solver, plan_fit

_NOT_REPRODUCED = 1e-3  # relative residual from which on a fit warns


class _KernelInterpolation(BaseEstimator):  # type: ignore[misc]
    """What both estimators share: the fit, its plan, its certificate, the outputs."""

    def __init__(
        self,
        kernel: Kernel | str | None = None,
        *,
        ridge: float = 0.0,
        solver: Solver | Literal["auto"] = "auto",
        precision: Literal["auto", "float32", "float64"] = "auto",
        leave_one_out: bool = False,
        certify: bool = True,
        memory_limit: int | None = None,
        devices: tuple[str, ...] = ("cpu",),
        checkpoint: str | Path | None = None,
        report: StageReport | None = None,
        random_state: int = 0,
    ) -> None:
        self.kernel = kernel
        self.ridge = ridge
        self.solver = solver
        self.precision = precision
        self.leave_one_out = leave_one_out
        self.certify = certify
        self.memory_limit = memory_limit
        self.devices = devices
        self.checkpoint = checkpoint
        self.report = report
        self.random_state = random_state

    kernel_: Kernel
    plan_: FitPlan
    interpolation_: Interpolation
    certificate_: InterpolationCertificate | None
    norms_: Float64Array
    dual_coef_: Float64Array
    X_fit_: npt.NDArray[Any]

    def _interpolate(self, X: npt.NDArray[Any], labels: Float64Array) -> None:
        """Fit labels (n, k), each output in a unit of its size: in one for all, small outputs would be zero."""
        units = output_exponents(labels)
        self._solve(X, labels, units)
        left_out = self.interpolation_.leave_one_out
        self.interpolation_ = dataclasses.replace(
            self.interpolation_,
            coefficients=_in_units(self.interpolation_.coefficients, units),
            leave_one_out=None if left_out is None else _in_units(left_out, units),
        )
        self.dual_coef_, self.norms_ = self.interpolation_.coefficients.numpy(), scaled(self.norms_, units)

    def _kernel(self, X: npt.NDArray[Any]) -> Kernel:
        """The kernel asked for. By name, a bandwidth that it needs is 0.28 of the median distance of the points."""
        if isinstance(self.kernel, Kernel):
            return self.kernel
        if self.kernel is not None and not isinstance(self.kernel, str):
            raise TypeError(
                "kernel must be a kernel of theory.kernels, such as Gaussian(1.0), or the name of one: "
                f"{', '.join(KERNELS)}; got {self.kernel!r}"
            )
        name = self.kernel or Gaussian.name
        if name not in KERNELS:
            raise ValueError(f"kernel: {nearest_name(name, KERNELS)}")
        kind = KERNELS[name]
        if "bandwidth" in inspect.signature(kind).parameters:
            return kind(MEDIAN_SHARE * median_distance(X))  # type: ignore[call-arg]
        return kind()

    def _solve(self, X: npt.NDArray[Any], labels: Float64Array, units: npt.NDArray[np.int64]) -> None:
        """Fit 2^-units labels (n, k), of moderate size; the certificate is about the labels themselves."""
        targets = scaled(labels, -units)
        if not 0 <= self.ridge < np.inf:
            raise ValueError(f"ridge must not be negative or infinite, got {self.ridge}")
        kernel = self._kernel(X)
        if self.precision not in ("auto", "float32", "float64"):
            raise ValueError(f"precision must be auto, float32 or float64, got {self.precision!r}")
        dtype = None if self.precision == "auto" else getattr(torch, self.precision)
        report = self.report or (lambda stage, share: None)
        self.plan_ = plan_fit(
            len(X),
            targets.shape[1],
            2 * X.size,
            solver=self.solver,
            dtype=dtype,
            leave_one_out=self.leave_one_out,
            memory_limit=self.memory_limit,
            device=self.devices[0],
        )
        self.kernel_ = kernel
        points, y = torch.tensor(X, dtype=self.plan_.dtype), torch.from_numpy(targets)
        store = None if self.checkpoint is None else Checkpoint(self.checkpoint, self._key(X))
        matrix = gram_from_blocks(
            self.kernel_,
            [(points,)],
            ridge=self.ridge,
            devices=self.devices,
            checkpoint=store,
            report=lambda share: report("Gram matrix", share),
        ).training
        self.interpolation_ = interpolate_gram(
            matrix,
            y,
            self.plan_,
            leave_one_out=self.leave_one_out,
            bound_eigenvalue=self.certify,
            seed=self.random_state,
            checkpoint=store,
            report=report,
        )
        coefficients = self.interpolation_.coefficients
        self.certificate_ = None
        if self.interpolation_.smallest_eigenvalue is not None:
            self.certificate_ = certify_interpolation(
                matrix,
                torch.from_numpy(labels),
                _in_units(coefficients, units),
                self.interpolation_.smallest_eigenvalue,
                kernel=self.kernel_,
                points=torch.tensor(X),
                ridge=self.ridge,
                checkpoint=store,
                report=lambda share: report("certify", share),
            )
        image = matrix.multiply(coefficients) - self.ridge * coefficients
        self.norms_ = (coefficients * image).sum(0).clamp_min(0).sqrt().numpy()
        self.dual_coef_, self.X_fit_ = coefficients.numpy(), X
        if store:
            store.close()
        reproduced = self._residual_of_predict(points, targets)
        if reproduced > self.interpolation_.relative_residual:
            self.interpolation_ = dataclasses.replace(self.interpolation_, relative_residual=reproduced)
        if self.interpolation_.relative_residual > _NOT_REPRODUCED:
            warnings.warn(
                f"the labels are reproduced only up to a relative residual of "
                f"{self.interpolation_.relative_residual:.1g}: the Gram matrix is nearly singular",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _residual_of_predict(self, points: torch.Tensor, targets: Float64Array) -> float:
        """||f(X) - y|| / ||y|| of the worst output, f as `predict` computes it, on at most 1,000 rows.

        The solver's residual is that of the matrix it had; large coefficients of opposite signs round when f is summed.
        """
        rows = sample_rows(len(points), 0)
        device = self.devices[0]
        centres = points.to(device)
        outputs = cross_product(self.kernel_, centres[rows], centres, torch.from_numpy(self.dual_coef_).to(device))
        errors = outputs.cpu().numpy() + self.ridge * self.dual_coef_[rows] - targets[rows]
        sizes = np.linalg.norm(targets, axis=0) * (len(rows) / len(points)) ** 0.5
        return float((np.linalg.norm(errors, axis=0) / np.maximum(sizes, np.finfo(np.float64).tiny)).max())

    def _key(self, X: npt.NDArray[Any]) -> str:
        digest = hashlib.sha256(np.ascontiguousarray(X).tobytes()).hexdigest()
        return f"{self.kernel_!r} ridge {self.ridge!r} {self.plan_.dtype} {X.shape} {digest}"

    def _outputs(self, X: Any) -> Float64Array:
        check_is_fitted(self)
        require_unmasked(X, "X")
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        device, dtype = self.devices[0], self.plan_.dtype
        points, centres = (torch.tensor(array, dtype=dtype, device=device) for array in (X, self.X_fit_))
        outputs = cross_product(self.kernel_, points, centres, torch.from_numpy(self.dual_coef_).to(device))
        values: Float64Array = outputs.cpu().numpy()
        return values


def _in_units(values: torch.Tensor, units: npt.NDArray[np.int64]) -> torch.Tensor:
    """2^units values, (n, k). BeyondFloat64Error if that overflows."""
    return torch.from_numpy(require_representable(scaled(values.numpy(), units), "a coefficient or a prediction"))


class KernelInterpolator(MultiOutputMixin, RegressorMixin, _KernelInterpolation):  # type: ignore[misc]
    """The function of least norm in a kernel's Hilbert space through all training points.

    Arguments:
        kernel: k, an object or a name of `KERNELS`; Gaussian if None. A kernel by name has 0.28 of the median distance
            as bandwidth, where it has one.
        ridge: lambda >= 0: solve (K + lambda I) alpha = y instead.
        solver, precision: `auto` decides by size: Cholesky in float64 up to 8,192 points, else conjugate gradients in
            float32. See `plan_fit`.
        leave_one_out: also compute `leave_one_out_predictions_`; needs Cholesky.
        certify: bound the distance from the exact minimum-norm interpolant; takes as long again as the Gram matrix, or
            a few times as long.
        memory_limit: bytes that the fit may take; what is free by default. Looked at before anything is allocated.
        devices: where the Gram matrix lies; of several, panels are dealt out in turn.
        checkpoint: a directory: an interrupted fit of the same data goes on from there.
        report: called with the name of a stage and the share of it that is done.
        random_state: the seed of the preconditioner and of the random start of the eigenvalue bound.

    Attributes:
        kernel_: the kernel used.
        dual_coef_: alpha, (n, k).
        norms_: the norm of each output in the Hilbert space, (k,).
        certificate_: `InterpolationCertificate`; None without `certify`.
        leave_one_out_predictions_: for each training point what the interpolant of all others predicts there.
        interpolation_: how the solver went; its `relative_residual` is not below that of `predict` at (1,000 of) the
            training points, with a ridge that of the regularised equations.
        plan_: what was planned: solver, precision, memory.
        X_fit_: the training points.
        n_features_in_, feature_names_in_: as everywhere in scikit-learn.
    """

    leave_one_out_predictions_: Float64Array

    def fit(self, X: Any, y: Any) -> Self:
        """Interpolate y (n,) or (n, k) at X (n, d).

        Raises ValueError for NaN, infinity and wrong shapes, for parameters out of range, if it does not fit into
        memory (saying what would), and for a Gram matrix that is singular, above 8,192 points.
        """
        require_unmasked(X, "X")
        require_unmasked(y, "y")
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], multi_output=True, y_numeric=True, order="C")
        targets = np.asarray(y, dtype=np.float64)
        self._interpolate(X, targets.reshape(len(targets), -1))
        self._one_output = targets.ndim == 1
        if self.interpolation_.leave_one_out is not None:
            self.leave_one_out_predictions_ = self.interpolation_.leave_one_out.numpy().reshape(targets.shape)
        return self

    def predict(self, X: Any) -> Float64Array:
        """f(x) at the points X (m, d): (m,) or (m, k).

        Raises NotFittedError before `fit`; ValueError for NaN, infinity or another number of features.
        """
        outputs = self._outputs(X)
        return outputs[:, 0] if self._one_output else outputs


class KernelInterpolationClassifier(ClassifierMixin, _KernelInterpolation):  # type: ignore[misc]
    """Minimum-norm interpolation of one-hot labels: the class of the largest output.

    Arguments and attributes: those of `KernelInterpolator`, one output for each class, and

        classes_: the k classes, sorted.
    """

    classes_: npt.NDArray[Any]
    leave_one_out_predictions_: npt.NDArray[Any]

    def fit(self, X: Any, y: Any) -> Self:
        """Interpolate the one-hot labels of the classes y (n,), numbers or strings, at X (n, d).

        Raises as `KernelInterpolator.fit`, and for y that is not classes or only one class.
        """
        require_unmasked(X, "X")
        require_unmasked(y, "y")
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], order="C")
        check_classification_targets(y)
        self.classes_, indices = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y holds one class only, {self.classes_[0]!r}: a classifier needs at least two")
        self._interpolate(X, np.eye(len(self.classes_))[indices])
        if self.interpolation_.leave_one_out is not None:
            self.leave_one_out_predictions_ = self.classes_[self.interpolation_.leave_one_out.argmax(1).numpy()]
        return self

    def decision_function(self, X: Any) -> Float64Array:
        """The outputs at X (m, d): (m, k); for two classes the second's less the first's, (m,).

        Raises as `KernelInterpolator.predict`.
        """
        outputs = self._outputs(X)
        return outputs[:, 1] - outputs[:, 0] if len(self.classes_) == 2 else outputs

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The classes of the points X (m, d), (m,). Raises as `decision_function`."""
        indices = self._outputs(X).argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[indices]
        return labels
