"""Section 5 of the paper, continued: which solution other algorithms, losses and parametrisations pick."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from theory import implicit_bias, least_squares
from theory.claims import CheckedClaim, Claim, Evidence, verdict
from theory.common.arrays import Float64Array
from theory.common.lazy_import import lazy_import
from theory.common.streams import generator

if TYPE_CHECKING:
    import torch
    from scipy import stats
else:  # the list of claims needs neither
    torch, stats = lazy_import("torch"), lazy_import("scipy.stats")

_EPS = float(np.finfo(np.float64).eps)
_CONIC = (
    1e-6  # an interior-point method that stops at a relative gap and feasibility of 1e-8, with room for conditioning
)
# The test of the double-descent curve, all its points together. Normal risks would be rejected with probability 1e-4.
# Those of the minimum-norm solution have skewness up to 2.4: of 400,000 means over 200 at each of the six points,
# resampled from 20,000 to 60,000 risks, 4.4e-4 in all were beyond the quantile (2.0e-4 at d = 28 alone).
_RISK_LEVEL, _RISK_SIZE = 1e-4, 6e-4
_IN_ROW_SPACE = {"ASGD", "LBFGS", "SGD", "SGD, Nesterov 0.9", "SGD, momentum 0.9"}
_ADAPTIVE = {"Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop"}
_WILSON_METHODS: dict[str, implicit_bias.optimizers.MakeOptimizer] = {
    "Adagrad": lambda parameters: torch.optim.Adagrad(parameters, lr=0.1, eps=1e-30),
    "RMSprop": lambda parameters: torch.optim.RMSprop(parameters, lr=0.001, eps=1e-30),
    "Adam": lambda parameters: torch.optim.Adam(parameters, lr=0.01, eps=1e-30),
}


def _instance(seed: int, purpose: str, n: int = 5, d: int = 20) -> tuple[Float64Array, Float64Array]:
    """n Gaussian equations in d unknowns."""
    random = generator(seed, purpose)
    return random.standard_normal((n, d)), random.standard_normal(n)


def torch_optimizers(seed: int) -> Evidence:
    """The solutions that torch's optimisers reach on two underdetermined problems."""
    table = [
        row
        for row in implicit_bias.implicit_bias_table(implicit_bias.optimizers.underdetermined_problems(seed))
        if isinstance(row, implicit_bias.optimizers.ImplicitBias)
    ]
    reached = {row.optimizer for row in table if row.reaches_minimum_norm}
    elsewhere = {
        row.optimizer for row in table if row.interpolates and not row.stays_in_row_space and row.distance(2)[0] > 0.01
    }
    nearest = min((row.distance(2)[0] for row in table if row.optimizer in elsewhere), default=0.0)
    proved = max(
        (landing.minimum_norm_bound for row in table if row.optimizer in reached for landing in row.landings), default=1
    )
    return Evidence(
        verdict(reached == _IN_ROW_SPACE and elsewhere >= _ADAPTIVE & {row.optimizer for row in table}),
        f"minimum norm, within {proved:.1e}: {', '.join(sorted(reached))}; interpolate at a relative distance of "
        f"{nearest:.2f} or more: {', '.join(sorted(elsewhere))}",
        "1e-6 for the first, 0.01 for the others",
        "the first: certificate, and every iterate in the row space up to accumulated rounding; the others: residuals "
        "of at most 1e-4 ||y||, and off the row space by more than rounding can explain",
    )


def wilson_limit(seed: int) -> Evidence:
    """Adagrad, RMSprop and Adam on Wilson et al.'s example, against the formula of their limit."""
    random = generator(seed, "wilson")
    negatives = int(random.integers(2, 6))
    problem = implicit_bias.adaptive_methods.wilson_problem(negatives + int(random.integers(1, 6)), negatives)
    limit, unseen = (
        implicit_bias.adaptive_methods.adaptive_limit(problem),
        implicit_bias.adaptive_methods.wilson_unseen(problem),
    )
    held, parts = True, []
    for name, make_optimizer in _WILSON_METHODS.items():
        landing = implicit_bias.check_implicit_bias(make_optimizer, (problem,)).landings[0]
        norm = float(np.linalg.norm(limit))
        distance = float(np.linalg.norm(landing.solution - limit)) / norm
        bound = landing.relative_residual + landing.row_space_bound / norm + 4 * _EPS
        held &= distance <= bound < 1e-6 and bool((unseen @ landing.solution > 0).all())
        parts.append(f"{name} {distance:.1e} (bound {bound:.1e})")
    default = implicit_bias.check_implicit_bias(
        lambda parameters: torch.optim.Adam(parameters, lr=0.01), (problem,)
    ).landings[0]
    bent = float(np.linalg.norm(default.solution - limit) / np.linalg.norm(limit))
    outputs = unseen @ least_squares.minimum_norm_solution(problem.X, problem.y)
    return Evidence(
        verdict(held and outputs[0] > 0 > outputs[1]),
        f"{problem.name}: relative distances {', '.join(parts)}; Adam with its default epsilon {bent:.1e}; unseen "
        f"positive and negative: all three call both positive, the minimum norm says "
        f"{outputs[0]:.2f} and {outputs[1]:.2f}",
        "the bounds given, themselves below 1e-6; the signs as stated",
        "on the ray of sign(X^T y) the distance is the relative residual; rounding off the ray as for the row space "
        "(at larger rates RMSprop amplifies it: 0.001 here)",
    )


def mirror_descent_p_norms(seed: int) -> Evidence:
    """Mirror descent with p-norm potentials against cvxpy's interpolant of least p-norm."""
    X, y = _instance(seed, "mirror-p-norm")
    held, parts = True, []
    for p in (1.5, 2.0, 3.0):
        potential = implicit_bias.p_norm_potential(p)
        result = implicit_bias.mirror_descent(potential, X, y, np.zeros(X.shape[1]))
        reference = implicit_bias.reference.minimum_p_norm(X, y, p)
        apart = potential.divergence(reference, result.solution)
        stationarity = result.stationarity / float(np.linalg.norm(X.T @ result.dual))
        held &= apart <= _CONIC * max(1.0, result.divergence) and stationarity <= 1e-12
        held &= result.duality_gap <= 1e-9 * result.divergence
        distance = float(np.linalg.norm(result.solution - reference) / np.linalg.norm(reference))
        parts.append(f"p = {p:g}: distance {distance:.1e}, divergence {apart:.1e}, gap {result.duality_gap:.1e}")
    return Evidence(
        verdict(held),
        "; ".join(parts),
        f"divergence {_CONIC:.0e}, duality gap 1e-9 of the optimum, stationarity 1e-12",
        "certificate: stationarity up to rounding and a gap that residuals of 1e-11 ||y|| leave; divergence from "
        "cvxpy's solution: what an interior-point method that stops at 1e-8 leaves",
    )


def exponentiated_gradient(seed: int) -> Evidence:
    """Exponentiated gradient against cvxpy's minimum of the Kullback-Leibler divergence from the start."""
    import cvxpy  # takes a second to import

    random = generator(seed, "exponentiated-gradient")
    X, start = random.standard_normal((5, 20)), random.uniform(0.5, 1.5, 20)
    y = X @ random.uniform(0.0, 3.0, 20)
    potential = implicit_bias.entropy_potential()
    result = implicit_bias.mirror_descent(potential, X, y, start)
    w = cvxpy.Variable(20)
    cvxpy.Problem(cvxpy.Minimize(cvxpy.sum(cvxpy.kl_div(w, start))), [X @ w == y]).solve(solver=cvxpy.CLARABEL)
    apart = potential.divergence(w.value, result.solution)
    distance = float(np.linalg.norm(result.solution - w.value) / np.linalg.norm(w.value))
    stationarity = result.stationarity / float(np.linalg.norm(X.T @ result.dual))
    moved = result.divergence
    return Evidence(
        verdict(apart <= _CONIC * max(1.0, moved) and result.duality_gap <= 1e-9 * moved and stationarity <= 1e-12),
        f"distance {distance:.1e}, divergence {apart:.1e}, gap {result.duality_gap:.1e}",
        f"divergence {_CONIC:.0e}, duality gap 1e-9 of the optimum {moved:.2f}, stationarity 1e-12",
        "as for p-norms",
    )


def diagonal_network_limit(seed: int) -> Evidence:
    """Trained diagonal networks against the minimiser of Q, itself certified and against cvxpy."""
    X, y = _instance(seed, "diagonal-limit")
    held, worst, conserved, gap = True, 0.0, 0.0, 0.0
    for scale in (1e-4, 1e-2, 0.1, 1.0, 10.0):
        trained = implicit_bias.diagonal_networks.train_diagonal_network(X, y, scale)
        predicted = implicit_bias.diagonal_networks.predicted_limit(X, y, scale)
        distance = float(np.linalg.norm(trained.solution - predicted.solution) / np.linalg.norm(predicted.solution))
        worst, conserved = max(worst, distance), max(conserved, trained.conservation)
        gap = max(gap, predicted.duality_gap / predicted.divergence)
    conic = implicit_bias.diagonal_networks.predicted_limit_conic(X, y, 0.1)
    reference = implicit_bias.diagonal_networks.predicted_limit(X, y, 0.1).solution
    apart = float(np.linalg.norm(conic - reference) / np.linalg.norm(reference))
    held = worst <= 1e-6 and conserved <= 1e-5 and gap <= 1e-9 and apart <= 1e-2
    return Evidence(
        verdict(held),
        f"relative distance {worst:.1e} over scales 1e-4 to 10; u v conserved to {conserved:.1e}; duality gap of the "
        f"prediction {gap:.1e}, its distance from cvxpy's {apart:.1e}",
        "1e-6; 1e-5; 1e-9; 1e-2",
        "integration with local errors of 1e-10 relative, 1e-13 absolute, over thousands of steps (u v the more at "
        "small scales, where v is small); residuals of 1e-11 ||y||; 1e-2 is about the square root of the 1e-6 that an "
        "interior-point method leaves in the objective, ten times",
    )


def diagonal_network_path(seed: int) -> Evidence:
    """Excess 1- and 2-norm of trained diagonal networks along a path of scales, against proved bounds."""
    X, y = _instance(seed, "diagonal-path")
    scales = (1e-6, 1e-4, 1e-2, 0.1, 1.0, 10.0)
    path = implicit_bias.diagonal_networks.initialization_path(X, y, scales)
    sparse = implicit_bias.reference.minimum_p_norm(X, y, 1)
    widest = implicit_bias.diagonal_networks.predicted_limit(X, y, scales[-1]).solution
    l1_bounds = [implicit_bias.diagonal_networks.l1_excess_bound(sparse, scale) - 1 for scale in scales]
    l2_bound = implicit_bias.diagonal_networks.l2_excess_bound(widest, scales[-1]) - 1
    within = all(-_CONIC <= excess <= bound for excess, bound in zip(path.l1_excess, l1_bounds, strict=True))
    apart = min(path.l1_excess[-1], path.l2_excess[0])
    return Evidence(
        verdict(within and -1e-8 <= path.l2_excess[-1] <= l2_bound + 1e-8 and apart > 0.02),
        f"excess 1-norm {', '.join(f'{excess:.1e}' for excess in path.l1_excess)}, excess 2-norm "
        f"{', '.join(f'{excess:.1e}' for excess in path.l2_excess)} at scales {', '.join(f'{s:g}' for s in scales)}",
        f"1-norm at most {l1_bounds[0]:.2f} at {scales[0]:g}, {l1_bounds[1]:.2f} at {scales[1]:g}; 2-norm at most "
        f"{l2_bound:.1e} at {scales[-1]:g}; at the other ends both at least 0.02",
        "l1_excess_bound and l2_excess_bound, proved from upper and lower bounds on q; basis pursuit by cvxpy",
    )


def matrix_factorization_limit(seed: int) -> Evidence:
    """Gradient flow on U U^T against the least divergence, and the least nuclear norm of cvxpy's SDP."""
    measurements = implicit_bias.matrix_factorization.random_commuting_measurements(
        generator(seed, "factorization"), 8, 4, 2
    )
    matrices = measurements.matrices
    least = implicit_bias.matrix_factorization.minimum_nuclear_norm(matrices, measurements.values)
    trace = float(np.trace(least))
    held, parts = True, []
    excesses = []
    for scale in (1e-1, 1e-2, 1e-3):
        trained = implicit_bias.matrix_factorization.factorize(matrices, measurements.values, scale)
        predicted = implicit_bias.matrix_factorization.predicted_factorization(measurements, scale)
        distance = float(np.linalg.norm(trained.solution - predicted) / np.linalg.norm(predicted))
        excesses.append(trained.nuclear_norm / trace - 1)
        bound = implicit_bias.matrix_factorization.nuclear_excess_bound(least, scale) - 1
        held &= distance <= 1e-5 and -_CONIC <= excesses[-1] <= bound
        parts.append(f"{scale:g}: excess {excesses[-1]:.1e} (bound {bound:.2f}), distance {distance:.1e}")
    return Evidence(
        verdict(held and bool((np.diff(excesses) < _CONIC).all())),
        "; ".join(parts),
        f"excess nuclear norm between -{_CONIC:.0e} and the bounds given, falling; distance from the prediction 1e-5",
        "nuclear_excess_bound, proved; -1e-6 for the SDP's own error; distance: residuals of 1e-8 ||y|| times the "
        "conditioning of the measurements, and the integration",
    )


def logistic_direction(seed: int) -> Evidence:
    """The direction of logistic regression's flow against cvxpy's hard-margin SVM, over eight data sets."""
    random = generator(seed, "separable-logistic")
    log_times = tuple(np.geomspace(1e4, 1e6, 20))
    data: list[Float64Array] = []
    while len(data) < 8:
        Z = implicit_bias.separable_logistic.separable_data(random, 30, 5)
        if implicit_bias.separable_logistic.max_margin(Z).strict_complementarity > 0.01:
            data.append(Z)
    curves = [implicit_bias.separable_logistic.direction_curve(Z, log_times) for Z in data]
    low, high = implicit_bias.separable_logistic.mean_interval([curve.slope for curve in curves], 0.99)
    last = max(curve.errors[-1] for curve in curves)
    offset = max(curve.offset_error for curve in curves)
    iterate, step_size = implicit_bias.separable_logistic.logistic_gradient_descent(data[0], 5000)
    flow = implicit_bias.separable_logistic.logistic_flow(data[0], [float(np.log(5000 * step_size))])[0]
    discrete = implicit_bias.separable_logistic.direction_error(iterate, flow)
    slow = implicit_bias.separable_logistic.direction_error(
        iterate, implicit_bias.separable_logistic.max_margin(data[0]).separator
    )
    return Evidence(
        verdict(-1.05 <= low <= high <= -0.95 and last <= 1e-3 and offset <= 1e-3 and discrete <= 1e-3),
        f"exponent of log t: {np.mean([curve.slope for curve in curves]):.4f}, 99% interval {low:.4f} to {high:.4f}; "
        f"error {last:.1e} at log t = 1e6; <z_i, w> - log t + log alpha_i at most {offset:.1e}; gradient descent after "
        f"5000 steps: {discrete:.1e} from the flow, {slow:.2f} from the separator",
        "interval within -1 +- 0.05; 1e-3; 1e-3; 1e-3",
        "error C / log t (1 + O(1 / log t)), the correction below 0.05 for log t over 1e4 on data whose strict "
        "complementarity exceeds 0.01 (the others are not drawn); Student's interval over eight independent data sets; "
        "offsets are as accurate as cvxpy's dual variables; the step size is 1 / smoothness",
    )


def adam_margin(seed: int) -> Evidence:
    """Adam's direction against the largest l-infinity margin, beside gradient flow and Adam's default beta2."""
    Z = implicit_bias.separable_logistic.separable_data(generator(seed, "adam-margin"), 10, 20)
    best, best_l2 = (
        implicit_bias.separable_logistic.max_margin(Z, np.inf).margin,
        implicit_bias.separable_logistic.max_margin(Z),
    )
    adam = implicit_bias.separable_logistic.logistic_adam(Z, 4000, beta2=0.9)
    default = implicit_bias.separable_logistic.logistic_adam(Z, 4000)
    flow = implicit_bias.separable_logistic.logistic_flow(Z, [1e4])[0]
    shares = [implicit_bias.separable_logistic.margin(Z, w, np.inf) / best for w in (adam, default, flow)]
    l2_shares = [implicit_bias.separable_logistic.margin(Z, w) / best_l2.margin for w in (adam, default, flow)]
    return Evidence(
        verdict(0.98 <= shares[0] <= 1 + _CONIC and shares[2] < 0.95 and l2_shares[2] > 0.99 and l2_shares[0] < 0.98),
        f"share of the largest l-infinity margin: Adam with beta2 = 0.9 {shares[0]:.3f}, with the default 0.999 "
        f"{shares[1]:.3f}, gradient flow {shares[2]:.3f}; of the largest l2 margin: {l2_shares[0]:.3f}, "
        f"{l2_shares[1]:.3f}, {l2_shares[2]:.4f}",
        "Adam with beta2 = 0.9: at least 0.98 of l-infinity, below 0.98 of l2; flow: below 0.95 and above 0.99",
        "4000 steps of 0.01 leave a transient of order 1 in ||w|| = 40 at most: no proved constant, a stated "
        "tolerance. The theory's learning rate decays; at a constant 0.01 sqrt(v) with beta2 = 0.999 lags behind the "
        "gradients, and the l-infinity margin is not approached in that time: reported, not judged",
    )


def ridge_limit(seed: int) -> Evidence:
    """Ridge regression as the penalty falls, against the minimum-norm solution, with both sides of its exact rate."""
    X, y = _instance(seed, "ridge-limit", 20, 60)
    least, singular_values = least_squares.minimum_norm_solution(X, y), np.linalg.svd(X, compute_uv=False)
    norm, condition = float(np.linalg.norm(least)), float(singular_values[0] / singular_values[-1])
    rounding = 4 * _EPS * sum(X.shape) * condition**2
    held, distances = True, []
    penalties = (1.0, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10)
    for penalty in penalties:
        distance = float(np.linalg.norm(implicit_bias.ridgeless.ridge_solution(X, y, penalty) - least)) / norm
        lower, upper = (penalty / (sigma**2 + penalty) for sigma in (singular_values[0], singular_values[-1]))
        held &= lower - rounding <= distance <= upper + rounding
        distances.append(distance)
    return Evidence(
        verdict(held and rounding < 1e-9),
        f"relative distances {', '.join(f'{distance:.1e}' for distance in distances)}",
        f"lambda / (sigma^2 + lambda) at the largest and the smallest singular value, up to {rounding:.1e}, for lambda "
        f"= {', '.join(f'{penalty:g}' for penalty in penalties)}",
        "exact in the singular basis; rounding of the normal equations, 4 eps (n + d) cond^2",
    )


def ridgeless_risk(seed: int) -> Evidence:
    """The measured risk of interpolation on either side of d = n, against its exact and asymptotic values."""
    n, features, trials = 40, (10, 20, 28, 56, 80, 200), 200
    points = implicit_bias.ridgeless.double_descent(n, features, trials=trials, seed=seed)
    peak = implicit_bias.ridgeless.double_descent(n, (n,), trials=trials, seed=seed)[0].risk
    critical = float(stats.t.isf(_RISK_LEVEL / 2 / len(features), trials - 1))
    scores = [(point.risk - point.expected) / point.standard_error for point in points]
    differences = [abs(point.expected / point.asymptotic - 1) for point in points]
    return Evidence(
        verdict(max(map(abs, scores)) <= critical and peak > 2 * max(point.risk for point in points)),
        "risk "
        + ", ".join(
            f"{point.risk:.3f} +- {point.standard_error:.3f} ({point.asymptotic:.3f}) at d/n = {point.gamma:g}"
            for point in points
        )
        + f"; largest deviation {max(map(abs, scores)):.1f} standard errors; {peak:.0f} at d = n",
        f"{critical:.1f} standard errors; the risk at d = n more than twice every other",
        f"Student's test of the exact finite-n expectation, {trials} data sets a point, size {_RISK_SIZE:g} in all, as "
        "measured, for skewed numbers; the asymptotic formula (in brackets) differs from it by up to "
        f"{max(differences):.0%} at n = {n}; at d = n the expectation is infinite",
    )


def benign_overfitting(seed: int) -> Evidence:
    """Two spectra: the cost of interpolating unit noise vanishes on one only, as effective ranks say."""
    sizes = (20, 40, 80)
    benign = [
        implicit_bias.ridgeless.overfitting_point(implicit_bias.ridgeless.benign_spectrum(n), n, seed=seed)
        for n in sizes
    ]
    harmful = [
        implicit_bias.ridgeless.overfitting_point(implicit_bias.ridgeless.polynomial_spectrum(n), n, seed=seed)
        for n in sizes
    ]
    ratios = [point.noise_share / point.ranks.noise_cost for point in (*benign, *harmful)]
    halved = benign[-1].noise_share < benign[0].noise_share / 2
    lasting = min(point.noise_share for point in harmful) > 0.5
    apart = (harmful[-1].excess_risk - benign[-1].excess_risk) / float(
        np.hypot(harmful[-1].standard_error, benign[-1].standard_error)
    )
    return Evidence(
        verdict(halved and lasting and apart > 4 and 1 / 3 <= min(ratios) <= max(ratios) <= 3),
        "; ".join(
            f"{name}: excess risk "
            + ", ".join(f"{point.excess_risk:.2f} +- {point.standard_error:.2f}" for point in points)
            + ", k*/n + n/R "
            + ", ".join(f"{point.ranks.noise_cost:.2f}" for point in points)
            for name, points in (("exp(-k/2) + 1/p", benign), ("k^-2", harmful))
        )
        + f" at n = 20, 40, 80; noise's share over k*/n + n/R {min(ratios):.2f} to {max(ratios):.2f}",
        "first: halves at least; second: noise's share stays over 0.5; ratio in 1/3 to 3; apart by 4 standard errors",
        "the theorem's constants are not explicit, b = 1 here: 3 is a stated tolerance, and so are 4 standard errors "
        "of means over ten data sets: of 400 other seeds the least was 6.0, and none was rejected",
    )


CLAIMS: tuple[CheckedClaim, ...] = (
    CheckedClaim(
        Claim(
            "torch-optimizers",
            "On underdetermined least squares SGD, its momenta and L-BFGS end in the minimum-norm solution; "
            "Adam, RMSprop, Adagrad and sign methods interpolate elsewhere.",
            "Zhang et al. 2017, section 5; Wilson et al. 2017, section 3",
        ),
        torch_optimizers,
    ),
    CheckedClaim(
        Claim(
            "wilson-limit",
            "If X sign(X^T y) = c y, Adagrad, RMSprop and Adam from zero end in sign(X^T y) / c, and may "
            "then misclassify where the minimum norm does not.",
            "Wilson et al. 2017, lemma 3.1 and section 3.3",
        ),
        wilson_limit,
    ),
    CheckedClaim(
        Claim(
            "mirror-descent-p-norm",
            "Mirror descent with the potential ||w||_p^p from zero ends in the interpolant of least p-norm.",
            "Gunasekar et al. 2018, theorem 1",
        ),
        mirror_descent_p_norms,
    ),
    CheckedClaim(
        Claim(
            "exponentiated-gradient",
            "Exponentiated gradient ends in the interpolant of least Kullback-Leibler divergence from its start.",
            "Gunasekar et al. 2018, theorem 1",
        ),
        exponentiated_gradient,
    ),
    CheckedClaim(
        Claim(
            "diagonal-network-limit",
            "A diagonal linear network from scale alpha ends in the interpolant that minimises alpha^2 sum "
            "q(beta_j / alpha^2).",
            "Woodworth et al. 2020, theorem 1",
        ),
        diagonal_network_limit,
    ),
    CheckedClaim(
        Claim(
            "diagonal-network-path",
            "As alpha falls that limit moves from the least 2-norm to the least 1-norm (basis pursuit).",
            "Woodworth et al. 2020, section 3; the bounds are proved here",
        ),
        diagonal_network_path,
    ),
    CheckedClaim(
        Claim(
            "matrix-factorization",
            "Gradient flow on W = U U^T with commuting measurements approaches the least nuclear norm as its "
            "start shrinks.",
            "Gunasekar et al. 2017, theorem 1",
        ),
        matrix_factorization_limit,
    ),
    CheckedClaim(
        Claim(
            "logistic-max-margin",
            "On separable data the direction of logistic regression converges to the l2 maximum-margin "
            "separator at rate 1/log t.",
            "Soudry et al. 2018, theorem 3",
        ),
        logistic_direction,
    ),
    CheckedClaim(
        Claim(
            "adam-max-margin",
            "On separable data Adam without epsilon, at a learning rate small against 1 - beta2, approaches "
            "the largest l-infinity margin, gradient flow "
            "the largest l2 margin.",
            "Zhang, Zou, Cao 2024; Soudry et al. 2018",
        ),
        adam_margin,
    ),
    CheckedClaim(
        Claim(
            "ridge-limit",
            "As the penalty falls to zero ridge regression tends to the minimum-norm solution, at rate "
            "lambda / (sigma^2 + lambda).",
            "Hastie et al. 2022; the rate from the singular value decomposition",
        ),
        ridge_limit,
    ),
    CheckedClaim(
        Claim(
            "ridgeless-risk",
            "The risk of minimum-norm interpolation follows the double-descent formula in d/n.",
            "Hastie et al. 2022, theorem 1",
        ),
        ridgeless_risk,
        _RISK_SIZE,
        "measured",
    ),
    CheckedClaim(
        Claim(
            "benign-overfitting",
            "Interpolating noise costs about k*/n + n/R_{k*}: little on a spectrum where that vanishes, its "
            "whole variance on one where it does not.",
            "Bartlett et al. 2020, theorem 1",
        ),
        benign_overfitting,
    ),
)
