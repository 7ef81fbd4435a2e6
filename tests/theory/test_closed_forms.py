"""Constants and signs of bounds against values that are known otherwise, and proof that each of these tests can fail.

Every test here is given the module that it tests. It passes on the module as it is, and fails on the module with one
constant or sign of its source exchanged.
"""

import importlib
import inspect
import math
import sys
import types
from fractions import Fraction

import numpy as np
import pytest
import scipy.special
import torch

from theory.kernels import Gaussian, SymmetricPanels, gram_from_blocks

U = 2.0**-53


def gamma(m):
    return m * U / (1 - m * U)


def equal(value, expected, tolerance=1e-12):
    assert value == pytest.approx(expected, rel=tolerance, abs=0)


def risk_of_ridgeless_regression(module):
    # One sample: E 1/chi^2_d = 1/(d - 2). One feature: E 1/chi^2_n = 1/(n - 2). Noise costs E tr (X X^T)^-1.
    for d in (4, 7, 20):
        equal(module.gaussian_risk(1, d, 0.0, 1.0), 1 / (d - 2))
        equal(module.gaussian_risk(d, 1, 0.0, 1.0), 1 / (d - 2))
    # Two equations: a Wishart matrix of two dimensions, E tr W^-1 = 2/(d - 3).
    equal(module.gaussian_risk(2, 9, 0.0, 2.0), 2 * 2 / 6)
    equal(module.gaussian_risk(2, 8, 3.0, 0.0), 3 * (1 - 2 / 8))
    equal(module.gaussian_risk(10, 30, 2.0, 0.5), 2 * (1 - 10 / 30) + 0.5 * 10 / 19)
    for ratio in (0.25, 4.0):  # the limit, from a large sample
        n = 10**7
        equal(module.gaussian_risk(n, int(ratio * n), 2.0, 0.5), module.asymptotic_risk(ratio, 2.0, 0.5), 1e-5)
    equal(module.asymptotic_risk(0.5, 3.0, 2.0), 2.0)
    equal(module.asymptotic_risk(2.0, 3.0, 2.0), 3 / 2 + 2)
    ranks = module.effective_ranks(np.array([4.0, 2.0, 1.0, 1.0]), 3)
    assert ranks.index == 1 or ranks.index is None
    # r_0 = 8/4, r_1 = 4/2, r_2 = 2/1, r_3 = 1; R_2 = (1 + 1)^2 / 2.
    ranks = module.effective_ranks(np.array([4.0, 2.0, 1.0, 1.0]), 2, 1.0)
    assert ranks.index == 0
    equal(ranks.small, 2.0)
    equal(ranks.large, 64 / 22)
    equal(ranks.noise_cost, min(2 / (64 / 22), 1.0))


def rounding_of_a_depth_two_network(module):
    n = 40
    biases = np.arange(-1.0, n - 1)
    weights = np.where(np.arange(n) % 2, -3.0, 2.0)[:, None]
    network = module.DepthTwoNetwork(np.ones(1), biases, weights)
    points = np.arange(0.0, n)[:, None]
    labels = np.array([float(sum(w * max(Fraction(int(x)) - Fraction(int(b)), 0) for w, b in zip(
        map(int, weights[:, 0]), map(int, biases), strict=True))) for x in points[:, 0]])  # fmt: skip
    magnitudes = np.array(
        [sum(abs(w) * max(x - b, 0) for w, b in zip(weights[:, 0], biases, strict=True)) for x in range(n)]
    )
    for order, additions in (("any", n), ("pairwise", math.ceil(math.log2(n)) + 1)):
        bound = network.error_bound(points, labels, order)
        least = gamma(additions + 3) * magnitudes
        assert (bound >= least).all()
        assert (bound <= least * (1 + 1e-9) + 4 * U * (np.abs(labels) + 3 * magnitudes) + 1e-300).all()
    # A projection that rounds moves the value by the slope times 2 gamma_d sum |a_k x_k|.
    sloped = module.DepthTwoNetwork(np.array([0.1, 0.7]), np.array([0.65]), np.array([[1e3]]))
    x = np.array([[0.3, 0.9]])
    moved = 1e3 * 2 * gamma(2) * (0.1 * 0.3 + 0.7 * 0.9)
    assert sloped.error_bound(x, sloped(x), "any")[0] >= moved


def rounding_of_a_proof_by_cholesky(module):
    n = 12
    matrix = SymmetricPanels((2 * torch.eye(n, dtype=torch.float64),))
    bound = module.bound_by_cholesky(matrix, 2.0)
    rump = gamma(n + 2) / (1 - gamma(n + 2)) * 2 * n
    assert bound.value == 0.99 * 2.0 - rump - 2 * U * 2.0
    # Where nothing but rounding keeps the smallest eigenvalue from zero, nothing is proved.
    singular = SymmetricPanels((torch.ones(3, 3, dtype=torch.float64) + 4 * U * torch.eye(3, dtype=torch.float64),))
    assert module.bound_by_cholesky(singular, 4 * U).value <= 0


def size_of_a_sample_of_signs(module):
    points = np.random.default_rng(0).standard_normal((30, 4))
    complexity = module.linear_complexity(points, 1.5, sign_vectors=50, failure_probability=0.01)
    width = 1.5 * np.linalg.norm(points) / 30 * math.sqrt(2 * math.log(2 / 0.01) / 50)
    equal(complexity.upper - complexity.value, width)
    equal(complexity.value - complexity.lower, width)
    equal(module.linear_complexity_bound(points, 1.5), 1.5 * np.linalg.norm(points) / 30)
    equal(module.kernel_complexity_bound(points @ points.T, 1.5), 1.5 * np.linalg.norm(points) / 30)
    fitted = module.rademacher_of_fitter(lambda signs, seed: signs, 25, 4, failure_probability=0.05)
    equal(fitted.lower, 1 - math.sqrt(2 * math.log(1 / 0.05) / 100))
    two = np.array([[1.0, -1.0, 1.0], [1.0, 1.0, -1.0]])
    equal(module.finite_complexity_bound(two), math.sqrt(3) * math.sqrt(2 * math.log(2)) / 3)
    # All signs of three points: the better of two functions; the mean of max(s1 - s2 + s3, s1 + s2 - s3) is 1.
    equal(module.finite_complexity(two).value, 1 / 3)
    equal(
        module.rademacher_bound(0.1, 0.2, 50, failure_probability=0.02).value, 0.3 + 3 * math.sqrt(math.log(100) / 100)
    )


def warrens_constant(module):
    architecture = module.ReLUArchitecture.fully_connected(3, 1)
    equal(module.log2_growth(architecture, 100), 1 + 4 * math.log2(2 * math.e * 100 / 4))
    deep = module.ReLUArchitecture.fully_connected(2, 3, 1)  # 9 and 13 parameters, degrees 1 and 2
    layers = 1 + 9 * math.log2(2 * math.e * 1000 * 3 / 9) + 1 + 13 * math.log2(2 * math.e * 2 * 1000 / 13)
    at_once = 1 + 13 * math.log2(2 * math.e * 2 * 1000 * (2**3 - 1 + 2**3) / 13)
    equal(module.log2_growth(deep, 1000), min(layers, at_once))
    assert module.vc_upper_bound(module.ReLUArchitecture.fully_connected(1, 1)) >= 2, "half-lines shatter two points"
    S, R = 9 + 13, 3 + 2
    equal(module.vc_closed_form(deep), 2 + S * math.log2(4 * math.e * R * math.log2(2 * math.e * R)))
    assert module.theorem_1_lower_bound(2 * 7 + 5, 5) == 7
    for v, n in ((2, 5), (3, 12)):
        equal(2 ** module.log2_growth_from_vc(v, n), sum(math.comb(n, i) for i in range(v + 1)))
    bound = module.uniform_convergence_bound(0.0, 10.0, 1000, failure_probability=0.1).value
    # 4 Pi(2n) exp(-n e^2 / 8) is the failure probability.
    equal(4 * 2.0**10 * math.exp(-1000 * bound**2 / 8), 0.1)


def golowichs_constant(module):
    equal(module.golowich_complexity_bound((1.0, 1.0), [1.0]), 1 + math.sqrt(4 * math.log(2)))
    equal(module.golowich_complexity_bound((2.0, 3.0, 1.0), [3.0, 4.0]), 6 * (1 + math.sqrt(6 * math.log(2))) * 5 / 2)


def excess_of_diagonal_networks(module):
    sparse, scale = np.array([2.0, 0.0, -1.0, 0.0]), 1e-3
    L = -2 * math.log(scale)
    equal(module.l1_excess_bound(sparse, scale), (L + math.log(scale**2 + 2)) / (L - 1 + math.log(3 / 4)))
    assert module.l1_excess_bound(sparse, 1.0) == math.inf
    equal(module.l2_excess_bound(np.array([1.0, -3.0]), 2.0), (1 - 9 / (48 * 16)) ** -0.5)
    assert module.l2_excess_bound(np.array([40.0]), 1.0) == math.inf


def excess_of_factorisations(module):
    scale, spectrum = 1e-2, np.array([1.0, 2.0, 5.0])
    L = -2 * math.log(scale)
    expected = (L - 1 + math.log(5)) / (L - 1 + math.log(8 / 3))
    equal(module.nuclear_excess_bound(np.diag(spectrum), scale), expected)
    assert module.nuclear_excess_bound(np.diag(spectrum) * 1e-9, 1.0) == math.inf


def enclosures(module):
    from theory.expressivity import relu_interpolant

    random = np.random.default_rng(0)
    points, labels = random.standard_normal((40, 3)), random.standard_normal(40)
    network = relu_interpolant(points, labels)
    evidence = module.enclose(network, points, labels)
    distances = []
    for row, (point, label) in enumerate(zip(points.tolist(), labels.tolist(), strict=True)):
        z = sum(Fraction(a) * Fraction(x) for a, x in zip(network.direction.tolist(), point, strict=True))
        exact = sum(
            Fraction(w) * max(z - Fraction(b), 0)
            for w, b in zip(network.weights[:, 0].tolist(), network.biases.tolist(), strict=True)
        )
        assert Fraction(evidence.lower[row, 0]) <= exact <= Fraction(evidence.upper[row, 0])
        distances.append(abs(exact - Fraction(label)))
        assert evidence.upper[row, 0] - evidence.lower[row, 0] <= 8 * U * abs(float(exact)) + 1e-300
    assert evidence.worst_row == distances.index(max(distances))
    assert max(distances) <= Fraction(evidence.radius) <= max(distances) * (1 + Fraction(1, 10**12))


def offsets_for_negative_labels(module):
    points, labels = np.arange(12.0), np.array([3.0, -7, 2, -1, 0, -4, 5, 1, -2, 6, -7, 2])
    network = module.deep_relu_interpolant(points, labels, 4)
    assert network.offsets == [7.0]
    np.testing.assert_allclose(network.forward(points), labels, atol=1e-9)
    assert (np.abs(network.forward(points) - labels) <= network.error_bound(points, labels, "pairwise")).all()
    positive = module.deep_relu_interpolant(points, labels + 8, 4)
    assert positive.offsets == [0.0]


def maurers_constant(module):
    for n in (1, 2, 3):
        exact = sum(math.comb(n, k) * Fraction(k, n) ** k * (1 - Fraction(k, n)) ** (n - k) for k in range(n + 1))
        equal(module.maurer_constant(n), float(exact))
    equal(module.gaussian_divergence([1.0, 2.0], 0.5, [0.0, 0.0], 2.0), 0.5 * (2 * (0.25 - 1 - math.log(0.25)) + 5 / 2))
    equal(module.mcallester_bound(0.1, 3.0, 100, failure_probability=0.05).value, 0.1 + math.sqrt(
        (3 + math.log(2 * 10 / 0.05)) / 200))  # fmt: skip
    # No errors: kl(0 || p) = -log(1 - p).
    equal(module.kl_bound(0.0, 3.0, 100, failure_probability=0.05).value, 1 - math.exp(-(3 + math.log(400)) / 100))
    equal(module.monte_carlo_error_bound([0.0] * 20, 0.1), 1 - 0.1 ** (1 / 20))


def shares_of_a_union(module):
    equal(math.fsum(module.share(j) for j in range(-(10**5), 10**5 + 1)), 1.0, 1e-4)
    equal(module.share(0), 1 / 3)
    equal(module.share(-3), 2 / 3 / 20)
    for value in (0.3, 1.0, 7.0):
        for m in (1, 3):
            above, below = module.grid_index_above(value, m), module.grid_index_below(value, m)
            assert module.grid_point(above - 1, m) < value <= module.grid_point(above, m)
            assert module.grid_point(below, m) <= value < module.grid_point(below + 1, m)
    assert module.grid_index_above(0.0, 2) == -128
    equal(module.grid_point(3, 2), 2**1.5)


def deviations(module):
    equal(module.deviation(200, 0.1), 3 * math.sqrt(math.log(20) / 400))


def a_residual_and_a_rank(module):
    X, y = np.array([[3.0, 0.0, 4.0]]), np.array([10.0])
    best = np.array([1.2, 0.0, 1.6])
    off = best + np.array([0.0, 0.5, 0.0])
    certificate = module.certify_minimum_norm(X, y, off)
    equal(certificate.row_space_distance, 0.5)
    equal(certificate.gap, 0.25, 1e-9)
    equal(certificate.smallest_singular_value, 5.0, 1e-13)
    assert 0.5 <= certificate.distance_bound <= 0.5 * (1 + 1e-12)
    longer = module.certify_minimum_norm(X, y, 2 * best)
    equal(longer.residual, 10.0)
    assert 2 <= longer.distance_bound <= 2 * (1 + 1e-12)
    # The rounding of a residual: gamma_{d+1} (|X||w| + |y|), which is all there is where it vanishes.
    exact = module.certify_minimum_norm([[1.0, 1.0]], [2.0], [1.0, 1.0])
    assert 4 * gamma(3) <= exact.residual_bound <= 4 * gamma(3) * (1 + 1e-12)
    assert 2 * math.sqrt(2) * gamma(2) <= exact.row_space_bound <= 2 * math.sqrt(2) * gamma(2) * (1 + 1e-12) + 8 * U
    assert exact.smallest_singular_value < math.sqrt(2) - U


def norms_of_an_interpolant(module):
    from theory.kernels.smallest_eigenvalue import EigenvalueBound

    X = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64)
    kernel = Gaussian(1.0)
    matrix = gram_from_blocks(kernel, [(X,)]).training
    K = matrix.dense()
    y, alpha = torch.tensor([[1.0], [2.0], [0.0]]).double(), torch.tensor([[1.0], [0.5], [-0.25]]).double()
    least = float(torch.linalg.eigvalsh(K)[0])
    certificate = module.certify_interpolation(
        matrix, y, alpha, EigenvalueBound(least, "cholesky", 0.0), kernel=kernel, points=X
    )
    r = K @ alpha - y
    norm = float((alpha * (K @ alpha)).sum()) ** 0.5
    equal(float(certificate.norms), norm, 1e-12)
    equal(float(certificate.residual_norms), float(r.norm()), 1e-9)
    equal(float(certificate.norm_lower_bounds), float((alpha * y).sum()) / norm, 1e-9)
    equal(float(certificate.distance_bounds), float(r.norm()) / least**0.5, 1e-9)
    assert float(certificate.residual_norms) > float(r.norm())
    assert float(certificate.distance_bounds) >= float((r * torch.linalg.solve(K, r)).sum()) ** 0.5
    error = kernel.entry_error(float(((X - X.mean()) ** 2).max()), 7 * 2 * U / 2 / (1 - 7 * U))
    assert certificate.rounding >= (error + gamma(3 + 4)) * float(alpha.abs().sum())


FORMS = [
    ("implicit_bias.ridgeless", risk_of_ridgeless_regression, [
        ("noise * n / (d - n - 1)", "noise * n / (d - n)"),
        ("noise * d / (n - d - 1)", "noise * d / (n - d)"),
        ("max(0.0, 1 - n / d)", "max(0.0, 1 - d / n)"),
        ("noise / (gamma - 1)", "noise / (gamma + 1)"),
        ("small**2", "small"),
    ]),
    ("expressivity.depth_two", rounding_of_a_depth_two_network, [
        ("gamma(additions + 3)", "gamma(1)"),
        ("gamma(additions + 3)", "gamma(additions)"),
        ("self.lipschitz_in_projection * moved", "0 * moved"),
        ("np.log2(self.num_units))) + 1", "np.log2(self.num_units))) - 1"),
    ]),
    ("kernels.smallest_eigenvalue", rounding_of_a_proof_by_cholesky, [
        ("share * estimate - rounding", "share * estimate"),
        ("share * estimate - rounding", "share * estimate + rounding"),
        ("- 2 * unit * float", "- 0 * unit * float"),
        ("gamma(matrix.n + 2, unit)", "gamma(matrix.n + 1, unit)"),
    ]),
    ("complexity.rademacher", size_of_a_sample_of_signs, [
        ("2 * math.log(2 / failure_probability) / sign_vectors", "math.log(2 / failure_probability) / sign_vectors"),
        ("math.log(2 / failure_probability) / sign_vectors", "math.log(1 / failure_probability) / sign_vectors"),
        ("2 * math.log(1 / failure_probability)", "math.log(1 / failure_probability)"),
        ("math.sqrt(2 * math.log(len(values)))", "math.sqrt(math.log(len(values)))"),
    ]),
    ("complexity.vc_dimension", warrens_constant, [
        ("math.log2(2 * math.e * degree)", "math.log2(math.e * degree)"),
        ("1 + variables * logarithm", "variables * logarithm"),
        ("sqrt(8 * logarithm / n)", "sqrt(4 * logarithm / n)"),
        ("math.log(4 / failure_probability)", "math.log(2 / failure_probability)"),
        ("math.log2(4 * math.e * R", "math.log2(2 * math.e * R"),
    ]),
    ("complexity.norm_bounds", golowichs_constant, [
        ("math.sqrt(2 * len(norms) * math.log(2)) + 1", "math.sqrt(2 * len(norms) * math.log(2))"),
        ("math.sqrt(2 * len(norms) * math.log(2)) + 1", "math.sqrt(len(norms) * math.log(2)) + 1"),
    ]),
    ("implicit_bias.diagonal_networks", excess_of_diagonal_networks, [
        ("denominator = log_scale - 1 + log_largest", "denominator = log_scale + log_largest"),
        ("(log_scale + np.logaddexp(", "(log_scale - 1 + np.logaddexp("),
        ("ratio * ratio / 48", "ratio * ratio / 96"),
    ]),
    ("implicit_bias.matrix_factorization", excess_of_factorisations, [
        ("denominator = log_scale - 1", "denominator = log_scale"),
        ("(log_scale - 1 + np.log(eigenvalues[-1]))", "(log_scale + np.log(eigenvalues[-1]))"),
        ("- 2 * np.log(scale)", "- np.log(scale)"),
    ]),
    ("expressivity.intervals", enclosures, [
        ("np.nextafter(float(ball.lower()), -np.inf)", "np.nextafter(float(ball.lower()), np.inf)"),
        ("np.nextafter(float(ball.upper()), np.inf)", "np.nextafter(float(ball.upper()), -np.inf)"),
        ("abs_upper()", "abs_lower() * 0.5"),
    ]),
    ("expressivity.deep", offsets_for_negative_labels, [
        ("np.maximum(0.0, -sample.labels.min(axis=0))", "np.maximum(0.0, sample.labels.min(axis=0))"),
        ("np.maximum(0.0, -sample.labels.min(axis=0))", "np.maximum(0.0, -sample.labels.min(axis=0)) - 1"),
        ("self.offsets, 0.0) - self.offsets", "self.offsets, 0.0) + self.offsets"),
    ]),
    ("complexity.pac_bayes", maurers_constant, [
        ("2 * math.sqrt(n) / failure_probability", "math.sqrt(n) / failure_probability"),
        ("0.5 * ((ratios - 1", "0.5 * ((ratios"),
        ("2.0 + float(np.exp", "1.0 + float(np.exp"),
        ("math.sqrt(complexity / 2)", "math.sqrt(complexity / 4)"),
    ]),
    ("complexity.union_bound", shares_of_a_union, [
        ("2.0 / 3.0 /", "1.0 /"),
        ("(abs(index) + 2)", "(abs(index) + 3)"),
        ("return -64 *", "return 64 *"),
    ]),
    ("complexity.bounds", deviations, [("3.0 * math.sqrt", "2.0 * math.sqrt"), ("/ (2 * n)", "/ n")]),
    ("least_squares.certificate", a_residual_and_a_rank, [
        ("_gamma(d + 1) *", "_gamma(1) *"),
        ("_norm_bound(error)) * (1 - 8 * EPS)", "0.0) * (1 + 8 * EPS)"),
        ("gradient_bound / sigma**2", "gradient_bound / sigma**3"),
    ]),
    ("kernels.certificate", norms_of_an_interpolant, [
        ("residual_norms / value**0.5", "residual_norms / value"),
        ("(entry_error + gamma(matrix.n + 4) * largest)", "(gamma(1) * largest)"),
        ("inner / high", "inner * high"),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "check"), [(name, check) for name, check, _ in FORMS])
def test_values_known_otherwise(name, check):
    check(importlib.import_module(f"theory.{name}"))


@pytest.mark.parametrize(
    ("name", "check", "old", "new"),
    [(name, check, old, new) for name, check, changes in FORMS for old, new in changes],
)
def test_a_changed_constant_is_noticed(name, check, old, new, monkeypatch):
    module = importlib.import_module(f"theory.{name}")
    source = inspect.getsource(module)
    assert old in source, "the mutation is of this source"
    mutant = types.ModuleType(f"mutant_of_{module.__name__.replace('.', '_')}")
    monkeypatch.setitem(sys.modules, mutant.__name__, mutant)
    exec(compile(source.replace(old, new), mutant.__name__, "exec"), mutant.__dict__)
    with pytest.raises((AssertionError, ArithmeticError)):
        check(mutant)


def test_the_mean_of_an_inverse_chi_square_is_what_the_closed_forms_say():
    # E 1/chi^2_d = 2^-1 Gamma(d/2 - 1) / Gamma(d/2) = 1/(d - 2).
    for d in (4, 7, 20):
        equal(0.5 * math.exp(scipy.special.gammaln(d / 2 - 1) - scipy.special.gammaln(d / 2)), 1 / (d - 2))
