import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.common.streams import generator
from theory.implicit_bias.ridgeless import gaussian_risk
from theory.label_noise import (
    corruption_excess_risk,
    label_variance,
    minimum_norm_smoother,
    noise_excess_risk,
    noisy_outputs,
)
from theory.least_squares import minimum_norm_solution


@pytest.mark.parametrize("shape", [(6, 15), (15, 6)])
def test_smoother_is_least_squares_of_minimum_norm(shape):
    random = generator(0, "minimum-norm-smoother-test")
    X, Z, y = random.standard_normal(shape), random.standard_normal((4, shape[1])), random.standard_normal(shape[0])
    np.testing.assert_allclose(minimum_norm_smoother(X, Z) @ y, Z @ minimum_norm_solution(X, y), atol=1e-12)


@pytest.mark.parametrize("small", [1e-12, 1e-16, 1e-200])
def test_a_small_equation_is_interpolated_as_well(small):
    """The rank is that of `minimum_norm_solution`, not one that drops the fourth row beside the others."""
    random = generator(1, "minimum-norm-smoother-test")
    X, y = random.standard_normal((4, 9)), random.standard_normal(4)
    X[3], y[3] = small * X[3], small * y[3]
    np.testing.assert_allclose(minimum_norm_smoother(X, X) @ y, y, rtol=1e-13)


@settings(max_examples=15, deadline=None)
@given(a=st.integers(-500, 500), b=st.integers(-500, 500))
def test_the_smoother_in_any_unit(a, b):
    random = generator(2, "minimum-norm-smoother-test")
    X, Z = random.standard_normal((4, 9)), random.standard_normal((3, 9))
    scaling = minimum_norm_smoother(np.ldexp(X, a), np.ldexp(Z, b))
    np.testing.assert_array_equal(scaling, np.ldexp(minimum_norm_smoother(X, Z), b - a))
    assert not minimum_norm_smoother(0 * X, Z).any()


@pytest.mark.parametrize("d", [5, 60])
def test_noise_adds_to_the_risk(d):
    assert noise_excess_risk(20, d, 0.3) == pytest.approx(gaussian_risk(20, d, 1, 0.3) - gaussian_risk(20, d, 1, 0))
    assert noise_excess_risk(20, 20, 0.3) == np.inf


def test_corruption_is_noise_of_the_label_variance():
    """Over all classes of any labels: a fixed design, where trace and squared norm of the row are exact."""
    random = generator(1, "corruption-excess-test")
    S = minimum_norm_smoother(random.standard_normal((10, 30)), random.standard_normal((6, 30)))
    outputs = noisy_outputs(S, random.integers(0, 4, 10), 0.3, 4)
    traces = np.trace(outputs.covariance, axis1=1, axis2=2)
    np.testing.assert_allclose(traces, label_variance(0.3, 4) * np.sum(S**2, axis=1), rtol=1e-12)
    assert corruption_excess_risk(10, 30, 0.3, 4) == pytest.approx(label_variance(0.3, 4) * 10 / 19)
    with pytest.raises(ValueError, match="label_noise is a probability"):
        corruption_excess_risk(10, 30, 1.3, 4)
