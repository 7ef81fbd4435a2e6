"""The predictions against iterating the linear recursion, and against extended precision."""

import math

import mpmath
import numpy as np
import pytest
import torch

from theory.common.streams import generator
from theory.dynamics import (
    Spectrum,
    complexity_measure,
    default_step_size,
    limiting_spectrum,
    predicted_residual_norms,
    predicted_slowdown,
    predicted_steps,
)


def problem(seed: int, n: int = 15, d: int = 4, outputs: int = 1) -> tuple[Spectrum, torch.Tensor]:
    random = generator(seed, "predicted-dynamics-test")
    X = torch.nn.functional.normalize(torch.from_numpy(random.standard_normal((n, d))))
    return limiting_spectrum(X), torch.from_numpy(random.standard_normal((n, outputs)))


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("share", [0.5, 1.0, 1.9])
def test_norms_are_those_of_the_linear_recursion(outputs, share):
    spectrum, residual = problem(0, outputs=outputs)
    step_size = share * default_step_size(spectrum)
    H = spectrum.eigenvectors * spectrum.eigenvalues @ spectrum.eigenvectors.T
    norms, current = [], residual
    for _ in range(50):
        norms.append(float(current.norm()))
        current = current - step_size * H @ current
    predicted = predicted_residual_norms(spectrum, residual, step_size, range(50))
    np.testing.assert_allclose(predicted, norms, rtol=1e-11)


def test_a_vector_is_one_column():
    spectrum, residual = problem(1)
    column_norms, vector_norms = (
        predicted_residual_norms(spectrum, r, 0.3, [0, 7]) for r in (residual, residual[:, 0])
    )
    assert torch.equal(column_norms, vector_norms)


@pytest.mark.parametrize("loss", [3.0, 0.1, 1e-4, 1e-20])
def test_steps_are_the_first_that_reach_the_loss(loss):
    spectrum, residual = problem(2)
    step_size = default_step_size(spectrum)
    steps = predicted_steps(spectrum, residual, step_size, loss)
    before, at = (predicted_residual_norms(spectrum, residual, step_size, [steps - 1, steps]) ** 2 / 2).tolist()
    assert at <= loss < before


def test_loss_that_is_reached_before_the_first_step():
    spectrum, residual = problem(3)
    start = float(residual.norm()) ** 2 / 2
    assert predicted_steps(spectrum, residual, 0.1, 1.01 * start) == 0
    with pytest.raises(ValueError, match="before the first step"):
        predicted_slowdown(spectrum, 2 * residual, residual, 0.1, 1.01 * start)


def test_slowdown_of_the_last_eigenvector_over_the_first():
    spectrum, _ = problem(4)
    step_size = default_step_size(spectrum) / 2
    first, last = spectrum.eigenvectors[:, 0], spectrum.eigenvectors[:, -1]
    loss = 1e-6 / 2

    def steps(eigenvalue: float) -> int:
        return math.ceil(math.log(1e-3) / math.log(1 - step_size * eigenvalue))

    expected = steps(spectrum.smallest) / steps(spectrum.largest)
    assert predicted_slowdown(spectrum, last, first, step_size, loss) == expected
    assert expected > 10


def test_labels_that_differ_at_one_point_are_never_fitted():
    X = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    spectrum = limiting_spectrum(X)
    y = torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)
    with pytest.raises(ValueError, match="never falls below 1"):
        predicted_steps(spectrum, y, default_step_size(spectrum), 0.5)
    assert predicted_steps(spectrum, y, default_step_size(spectrum), 1.1) > 0
    assert predicted_steps(spectrum, y.abs(), default_step_size(spectrum), 1e-6) > 0
    with pytest.raises(ValueError, match="do two points have the same direction"):
        complexity_measure(spectrum, y)


def diagonal(eigenvalues: list[float], error: float = 0.0) -> Spectrum:
    return Spectrum(torch.tensor(eigenvalues).double(), torch.eye(len(eigenvalues)).double(), error)


def test_a_loss_that_is_met_exactly():
    """The residual is halved in each step: 4, 2, 1; and where H is zero, up to its error, it stays."""
    assert predicted_steps(diagonal([0.5]), torch.tensor([4.0]).double(), 1.0, 2.0) == 1
    for lowest in (0.0, 0.25):
        spectrum, residual = diagonal([0.5, lowest], lowest), torch.tensor([4.0, 2.0]).double()
        norms = predicted_residual_norms(spectrum, residual, 1.0, [0, 2])
        np.testing.assert_allclose(norms, [20**0.5, 5**0.5], rtol=1e-15)
        with pytest.raises(ValueError, match="never falls below 2"):
            predicted_steps(spectrum, residual, 1.0, 2.0)
        assert predicted_steps(spectrum, residual * torch.tensor([0.0, 1.0]), 1.0, 2.0) == 0


@pytest.mark.parametrize("seed", [42, 67])  # where sums in two orders have a float between them
def test_a_loss_next_to_its_limit_is_reached_or_refused(seed):
    residual = torch.from_numpy(generator(seed, "limit-test").standard_normal(41))
    limit = float(residual[1:].square().sum()) / 2
    for loss in (limit, math.nextafter(limit, math.inf)):
        try:
            assert predicted_steps(diagonal([0.5] + [0.0] * 40), residual, 1.0, loss) > 0
        except ValueError as error:
            assert "never falls below" in str(error)  # noqa: PT017 - either outcome is right


def test_the_error_of_the_complexity_measure_by_hand():
    """sqrt(1 / (1 - 1/2)) is 1.41 times the value for eigenvalues as computed: off by at most (1/2) / (1/2) / 2."""
    measure = complexity_measure(diagonal([4.0, 1.0], 0.5), torch.tensor([2.0, 1.0]).double())
    assert (float(measure.values[0]), measure.relative_error) == (pytest.approx(2**0.5), 0.5)


def test_complexity_measure_is_the_solution_of_a_linear_system():
    spectrum, labels = problem(5, outputs=3)
    H = (spectrum.eigenvectors * spectrum.eigenvalues @ spectrum.eigenvectors.T).numpy()
    measure = complexity_measure(spectrum, labels)
    for value, y in zip(measure.values, labels.numpy().T, strict=True):
        assert float(value) == pytest.approx(math.sqrt(2 * y @ np.linalg.solve(H, y) / len(y)), rel=1e-10)
    assert torch.equal(complexity_measure(spectrum, labels[:, 1]).values, measure.values[1:2])
    assert measure.condition == pytest.approx(np.linalg.cond(H))


@pytest.mark.parametrize("distance", [1e-2, 1e-4, 1e-6])
def test_complexity_measure_is_within_its_error(distance):
    """Two points near one another with different labels: y^T H^-1 y is large and H badly conditioned."""
    X = torch.tensor([[1.0, 0.0, 0.5], [0.0, 1.0, -0.3], [1.0, distance, 0.5]], dtype=torch.float64)
    y = torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64)
    measure = complexity_measure(limiting_spectrum(X), y)
    with mpmath.workdps(50):
        rows = [[mpmath.mpf(value) for value in row] for row in X.tolist()]

        def entry(x, z):
            cosine = mpmath.fdot(x, z) / mpmath.sqrt(mpmath.fdot(x, x) * mpmath.fdot(z, z))
            return mpmath.fdot(x, z) * (mpmath.pi - mpmath.acos(min(cosine, 1))) / (2 * mpmath.pi)

        H = mpmath.matrix([[entry(x, z) for z in rows] for x in rows])
        exact = float(mpmath.sqrt(2 * mpmath.fdot(y.tolist(), mpmath.lu_solve(H, mpmath.matrix(y.tolist()))) / 3))
    assert abs(float(measure.values[0]) / exact - 1) <= measure.relative_error < 0.1
    assert measure.condition > 1 / distance


def test_refusals():
    spectrum, residual = problem(6)
    with pytest.raises(ValueError, match="loss must be positive"):
        predicted_steps(spectrum, residual, 0.1, 0.0)
    with pytest.raises(ValueError, match="not below 2 / lambda_max"):
        predicted_steps(spectrum, residual, 2 / spectrum.largest, 0.1)
    with pytest.raises(ValueError, match="not below 2 / lambda_max = 4"):
        predicted_steps(diagonal([0.5]), torch.ones(1), 4.0, 0.1)
    nothing = limiting_spectrum(torch.zeros(15, 4))
    with pytest.raises(ValueError, match="H is zero"):
        default_step_size(nothing)
    with pytest.raises(ValueError, match="never falls below"):
        predicted_steps(nothing, residual, 0.1, 0.1)
    with pytest.raises(ValueError, match="step_size must be positive"):
        predicted_residual_norms(spectrum, residual, 0.0, [1])
    with pytest.raises(ValueError, match="none negative"):
        predicted_residual_norms(spectrum, residual, 0.1, [0, -1])
    with pytest.raises(ValueError, match="spectrum's 15 samples"):
        predicted_residual_norms(spectrum, residual[:3], 0.1, [1])


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e200])
def test_residuals_without_finite_squares_are_named(value):
    spectrum = limiting_spectrum(torch.eye(3, dtype=torch.float64))
    residual = torch.tensor([1.0, value, 0.0], dtype=torch.float64)
    with pytest.raises(ValueError, match="residual must be finite"):
        predicted_steps(spectrum, residual, 1.0, 1e-3)
    with pytest.raises(ValueError, match="step_size must be positive and finite"):
        predicted_residual_norms(spectrum, torch.ones(3, dtype=torch.float64), math.inf, [1])
