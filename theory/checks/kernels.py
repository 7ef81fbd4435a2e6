"""Section 5 of the paper in a Hilbert space: the minimum-norm interpolant K alpha = y, however it is computed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from theory import kernels, least_squares
from theory.claims import CheckedClaim, Claim, Evidence, verdict
from theory.common.lazy_import import lazy_import
from theory.common.streams import generator
from theory.proofs.theorems import proof

if TYPE_CHECKING:
    import torch
    from scipy import stats
else:  # the list of claims needs neither
    torch, stats = lazy_import("torch"), lazy_import("scipy.stats")

_EPS = float(np.finfo(np.float64).eps)
_CONIC = 1e-5  # what an interior-point method that stops at 1e-8 leaves in a solution of norm about 1
_SIZE = 1e-6  # size of a statistical test
_LANCZOS_SIZE = 3e-6  # three certificates rest on Lanczos' start, each with probability 1e-6 on one that misleads


def _instance(seed: int, purpose: str, n: int = 60, d: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """n Gaussian points in R^d with Gaussian labels (n, 1)."""
    random = generator(seed, purpose)
    return torch.from_numpy(random.standard_normal((n, d))), torch.from_numpy(random.standard_normal((n, 1)))


def least_norm(seed: int) -> Evidence:
    """Among functions with more centres than the sample's points, cvxpy's least norm against alpha = K^-1 y."""
    import cvxpy  # takes a second to import

    X, y = _instance(seed, "kernel-least-norm", 15)
    extra_points, _ = _instance(seed, "kernel-other-centres", 15)
    kernel = kernels.Gaussian(0.8)
    centres = torch.cat([X, extra_points])
    whole = kernel.block(centres, centres).numpy()
    root = np.linalg.cholesky(whole + 1e-12 * np.eye(len(whole)))
    beta = cvxpy.Variable(len(whole))
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(root.T @ beta)), [whole[:15] @ beta == y[:, 0].numpy()])
    problem.solve(solver=cvxpy.CLARABEL)
    model = kernels.KernelInterpolator(kernel).fit(X.numpy(), y[:, 0].numpy())
    norm = float(model.norms_[0])
    ratio = float(problem.value) ** 0.5 / norm
    expansion = np.concatenate([model.dual_coef_[:, 0], np.zeros(15)])
    difference = expansion - beta.value
    distance = float(np.sqrt(max(difference @ whole @ difference, 0.0))) / norm
    spare = np.linalg.lstsq(whole[:15], y[:, 0].numpy(), rcond=None)[0]
    other = float(np.sqrt(spare @ whole @ spare)) / norm
    return Evidence(
        verdict(abs(ratio - 1) <= _CONIC and distance <= math.sqrt(_CONIC) and other > 1 + 1e-3),
        f"cvxpy's least norm over 30 centres is {ratio:.7f} of ||f||, at a distance of {distance:.1e} ||f||; an "
        f"interpolant with other coefficients has {other:.3f} ||f||",
        f"1 +- {_CONIC:.0e}; {math.sqrt(_CONIC):.0e}; more than 1",
        "Clarabel stops at a gap and feasibility of 1e-8; near the minimum the distance is the root of the excess",
    )


def linear_kernel_is_least_squares(seed: int) -> Evidence:
    """X^T alpha from K = X X^T against X^+ y."""
    X, y = _instance(seed, "linear-kernel", 20, 60)
    model = kernels.KernelInterpolator(kernels.Linear()).fit(X.numpy(), y[:, 0].numpy())
    w = least_squares.minimum_norm_solution(X, y[:, 0])
    condition = float(np.linalg.cond(X.numpy()))
    distance = float(np.linalg.norm(X.numpy().T @ model.dual_coef_[:, 0] - w) / np.linalg.norm(w))
    bound = 4 * _EPS * sum(X.shape) * condition**2
    return Evidence(
        verdict(distance <= bound),
        f"X^T alpha is {distance:.1e} from X^+ y, relative",
        f"{bound:.1e}",
        f"4 eps (n + d) cond(X)^2, cond(X) = {condition:.1f}: K has the square of X's condition",
    )


def solvers_agree(seed: int) -> Evidence:
    """Cholesky and conjugate gradients, float64 and float32, within the sum of their certificates."""
    X, y = _instance(seed, "kernel-solvers", 200)
    kernel = kernels.Gaussian(0.5)
    models = [
        kernels.KernelInterpolator(kernel, solver=solver, precision=precision).fit(X.numpy(), y[:, 0].numpy())
        for solver in ("cholesky", "conjugate-gradients")
        for precision in ("float64", "float32")
    ]
    certificates = [model.certificate_ for model in models if model.certificate_ is not None]
    whole = kernel.block(X, X).numpy()
    worst, tightest, parts = 0.0, math.inf, []
    for model, certificate in zip(models[1:], certificates[1:], strict=True):
        difference = model.dual_coef_[:, 0] - models[0].dual_coef_[:, 0]
        distance = float(np.sqrt(max(difference @ whole @ difference, 0.0)))
        bound = float(certificate.distance_bounds[0] + certificates[0].distance_bounds[0])
        worst, tightest = max(worst, distance / bound), min(tightest, bound)
        parts.append(f"{distance:.0e} (bound {bound:.0e})")
    norms = [float(model.norms_[0]) for model in models]
    lower = min(float(entry.norm_lower_bounds[0]) / norms[0] for entry in certificates)
    return Evidence(
        verdict(worst <= 1 and tightest < 1e-3 and lower > 0.999),
        f"norms of the differences from Cholesky in float64: {', '.join(parts)}; every certificate proves that no "
        f"interpolant's norm is below {lower:.6f} of ||f||",
        "at most the sum of the two certificates; some below 1e-3; at least 0.999",
        "residual over the root of a lower bound on lambda_min, proved by Cholesky or, in float32, true with "
        "probability 1 - 1e-6 over the start of Lanczos",
    )


def leave_one_out(seed: int) -> Evidence:
    """The closed form against interpolating without the point, for every point."""
    X, y = _instance(seed, "kernel-leave-one-out", 40)
    kernel = kernels.Laplacian(2.0)
    matrix = kernels.gram_from_blocks(kernel, [(X,)]).training
    plan = kernels.plan_fit(40, 1)
    held_out = kernels.interpolate_gram(matrix, y, plan, leave_one_out=True).leave_one_out
    assert held_out is not None
    whole = matrix.dense().numpy()
    worst = 0.0
    for i in range(40):
        remainder = np.delete(np.arange(40), i)
        coefficients = np.linalg.solve(whole[np.ix_(remainder, remainder)], y[remainder, 0].numpy())
        worst = max(worst, abs(float(whole[i, remainder] @ coefficients - held_out[i, 0])))
    condition = float(np.linalg.cond(whole))
    bound = 40 * _EPS * condition * float(y.norm())
    return Evidence(
        verdict(worst <= bound < 1e-6),
        f"largest difference over 40 points {worst:.1e}",
        f"{bound:.1e}",
        f"n eps cond(K) ||y||, cond(K) = {condition:.0f}; itself below 1e-6",
    )


def neural_tangent_kernel(seed: int) -> Evidence:
    """Gradients of random wide networks with one hidden layer, averaged over networks, against the closed form."""
    X, _ = _instance(seed, "neural-tangent-points", 3, 5)
    random = generator(seed, "neural-tangent-networks")
    width, networks = 2000, 100
    # f(x) = sqrt(2 / m) sum_r a_r relu(<w_r, x>): its gradient's inner products are sums over independent units.
    W = random.standard_normal((networks, width, 5))
    a = random.standard_normal((networks, width))
    before = W @ X.numpy().T
    active = (before > 0).astype(np.float64)
    outer = 2 / width * np.einsum("tri,trj->tij", np.maximum(before, 0), np.maximum(before, 0))
    inner = 2 / width * np.einsum("tr,tri,trj->tij", a**2, active, active) * (X @ X.T).numpy()
    measured = outer + inner
    expected = kernels.NeuralTangent(2).block(X, X).numpy()
    mean, error = measured.mean(0), measured.std(0, ddof=1) / networks**0.5
    score = float(np.abs((mean - expected) / error).max())
    critical = float(stats.t.isf(_SIZE / 2 / 6, networks - 1))
    return Evidence(
        verdict(score <= critical and float((error / expected.diagonal().max()).max()) < 0.01),
        f"largest deviation {score:.2f} standard errors over {networks} networks of width {width}; relative standard "
        f"errors below {float((error / expected.diagonal().max()).max()):.1e}",
        f"{critical:.2f}",
        f"Student's test of six means over {networks} independent networks, size {_SIZE:.0e} in all; a kernel off by a "
        "twentieth is many standard errors off",
    )


def norm_grows_with_noise(seed: int) -> Evidence:
    """The norm of the interpolant of a smooth function's values, and of the same values in random order."""
    X, _ = _instance(seed, "kernel-noise", 200, 3)
    kernel = kernels.Laplacian(1.0)
    labels = torch.sin(2 * X[:, :1])
    order = torch.from_numpy(generator(seed, "kernel-noise-order").permutation(200))
    model = kernels.KernelInterpolator(kernel).fit(X.numpy(), torch.cat([labels, labels[order]], 1).numpy())
    certificate = model.certificate_
    assert certificate is not None
    smooth = float(certificate.norms[0] + certificate.distance_bounds[0])
    rough = float(certificate.norm_lower_bounds[1])
    return Evidence(
        verdict(model.interpolation_.converged and rough > 2 * smooth),
        f"in random order at least {rough:.3g}, as they are at most {smooth:.3g}",
        "more than twice",
        "both interpolated exactly; certified bounds on the two least norms; the factor is ours: the paper says much "
        "larger",
    )


_PAPER = "Zhang et al. 2017, section 5"

CLAIMS: tuple[CheckedClaim, ...] = (
    CheckedClaim(
        Claim(
            "kernel-least-norm",
            "sum_i alpha_i k(x_i, .) with K alpha = y has the least norm of all interpolants in the Hilbert space.",
            f"{_PAPER}; Kimeldorf, Wahba 1971",
        ),
        least_norm,
    ),
    CheckedClaim(
        Claim(
            "kernel-linear",
            "With the linear kernel, X^T alpha is the minimum-norm solution of Xw = y, the only one in which SGD "
            "from zero can end.",
            _PAPER,
            proof("kernel_linear"),
        ),
        linear_kernel_is_least_squares,
    ),
    CheckedClaim(
        Claim(
            "kernel-solvers",
            "Cholesky and preconditioned conjugate gradients find the same function, as far as their certificates say.",
            "Rump 2006; Kuczynski, Wozniakowski 1992",
        ),
        solvers_agree,
        _LANCZOS_SIZE,
    ),
    CheckedClaim(
        Claim(
            "kernel-leave-one-out",
            "The interpolant of all points but i has the value y_i - alpha_i / (K^-1)_ii at x_i.",
            "Craven, Wahba 1978; block inversion",
        ),
        leave_one_out,
    ),
    CheckedClaim(
        Claim(
            "neural-tangent-kernel",
            "Inner products of the gradients of random ReLU networks have the neural tangent kernel as their mean.",
            "Jacot, Gabriel, Hongler 2018; Arora et al. 2019",
        ),
        neural_tangent_kernel,
        _SIZE,
        "nominal",
    ),
    CheckedClaim(
        Claim(
            "kernel-noise-norm",
            "Labels in random order are interpolated as well, with a much larger norm.",
            f"{_PAPER} (claim C27); Belkin, Ma, Mandal 2018",
        ),
        norm_grows_with_noise,
    ),
)
