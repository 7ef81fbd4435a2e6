r"""H-infinity: the kernel that governs the training of a wide two-layer ReLU network's hidden layer.

f(x) = m^(-1/2) sum_r a_r relu(<w_r, x>), a_r = +-1 fixed, has the gradient m^(-1/2) a_r 1{<w_r, x> > 0} x in w_r. Inner
products of two gradients are means over the m units, and for w_r ~ N(0, kappa^2 I), whatever kappa,

    H(x, z) = <x, z> P(<w, x> > 0, <w, z> > 0) = <x, z> (pi - arccos rho) / (2 pi) = <x, z> kappa_0(rho) / 2,

kappa_0 the arc-cosine kernel of order 0 (Cho, Saul 2009), rho the cosine of the angle between x and z. Source: Arora,
Du, Hu, Li, Wang 2019, "Fine-grained analysis of optimization and generalization for overparameterized two-layer neural
networks", section 3, for unit norms.

*When is H definite?* Du, Zhai, Poczos, Singh 2019, theorem 3.1: if no two points are parallel. Exactly: for points
other than zero, H is singular if and only if two have the same direction, or the antipodal pairs among them (x and
-s x, s > 0) have linearly dependent directions. For sum_i c_i x_i 1{<w, x_i> > 0} = 0 for almost every w means that the
sum does not jump where w crosses the hyperplane orthogonal to some x_i: c_i = 0 unless -s x_i is there too, with a
coefficient that makes the pair's contribution the constant c_i x_i; and these constants must sum to zero. So one pair
x, -x is harmless (H = I/2), three in a plane are not.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from theory.common.scaling import exponent, scaled_bound
from theory.kernels import ArcCosine, Kernel
from theory.kernels.kernels import EPS, squared_norms


@dataclass(frozen=True)
class LimitingKernel(Kernel):
    """<x, z> (pi - arccos rho) / (2 pi), Arora et al.'s H-infinity; zero for a point zero."""

    name: ClassVar[str] = "limiting"
    measure: ClassVar[Literal["product", "distance", "angle"]] = "angle"

    def from_products(self, products: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """See `Kernel`."""
        return ArcCosine(0).from_products(products.clone(), left, right).mul_(products).div_(2)

    def from_near(self, squares: torch.Tensor, signs: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """See `Kernel`; <x, z> = s ||x|| ||z|| (1 - chord^2 / 2)."""
        return ArcCosine(0).from_near(squares, signs, scale) * signs * scale * (1 - squares / 2) / 2

    def diagonal(self, squared_norms: torch.Tensor) -> torch.Tensor:
        """||x||^2 / 2."""
        return squared_norms / 2

    def entry_error(self, squared_norm: float, product_error: float) -> float:
        """Both factors' errors, kappa_0 at most 1."""
        return squared_norm * (product_error + ArcCosine(0).entry_error(squared_norm, product_error) / 2)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """H V = V diag(eigenvalues) on a sample.

    Attributes:
        eigenvalues: decreasing, (n,), float64.
        eigenvectors: (n, n); column i belongs to eigenvalue i.
        error: by how much rounding can have moved any eigenvalue, at most.
    """

    eigenvalues: torch.Tensor
    eigenvectors: torch.Tensor
    error: float

    @property
    def largest(self) -> float:
        """The largest eigenvalue, lambda_max."""
        return float(self.eigenvalues[0])

    @property
    def smallest(self) -> float:
        """The smallest eigenvalue, lambda_min, as computed."""
        return float(self.eigenvalues[-1])

    @property
    def condition(self) -> float:
        """lambda_max / lambda_min; infinite unless lambda_min is larger than its error."""
        return self.largest / self.smallest if self.smallest > self.error else math.inf

    def energies(self, residual: torch.Tensor) -> torch.Tensor:
        """<v_i, r>^2, summed over outputs, (n,), for r of shape (n,) or (n, k).

        Raises ValueError for another number of samples.
        """
        n = len(self.eigenvalues)
        if residual.ndim not in (1, 2) or len(residual) != n:
            raise ValueError(
                f"a vector or columns over the spectrum's {n} samples are expected, got {tuple(residual.shape)}"
            )
        return (self.eigenvectors.T @ residual.to(self.eigenvectors).reshape(n, -1)).square().sum(1)


def limiting_spectrum(X: torch.Tensor) -> Spectrum:
    """The eigen-decomposition of H on points X (n, d), in float64 on their device, O(n^3).

    The error bound is Weyl's for entries off by what a product of relative error (d + 6) eps leaves, the arc cosine
    with its slope 1/sqrt(1 - rho^2) at that entry, plus n eps lambda_max for the solver, which is backward stable.
    Raises ValueError for points that are no matrix, empty, or not finite, or whose squares leave float64.
    """
    if X.ndim != 2 or not len(X) or not bool(torch.isfinite(X).all()):
        raise ValueError(f"X must be a matrix of finite numbers, one row a point, got shape {tuple(X.shape)}")
    unit = exponent(X.detach().cpu().numpy())
    X = X.double() * 2.0 ** (-(unit // 2)) * 2.0 ** (unit // 2 - unit)
    kernel, squares = LimitingKernel(), squared_norms(X)
    products = X @ X.T
    scale = torch.outer(squares.sqrt(), squares.sqrt())
    error = _entry_errors(products, scale, (X.shape[1] + 6) * EPS)
    H = kernel.from_products(products, squares, squares)
    H.diagonal().copy_(kernel.diagonal(squares))  # arccos near 1 would lose half of the digits
    eigenvalues, eigenvectors = torch.linalg.eigh(H)
    bound = float(error.norm()) + len(X) * EPS * float(eigenvalues[-1])
    eigenvalues = eigenvalues * 2.0**unit * 2.0**unit
    if not bool(torch.isfinite(eigenvalues).all()) or (unit < 0 and float(eigenvalues[-1]) < 2.0**-960):
        raise ValueError("the eigenvalues, squares of X, leave float64: measure X in another unit")
    return Spectrum(eigenvalues.flip(0), eigenvectors.flip(1), scaled_bound(bound, 2 * unit))


def _entry_errors(products: torch.Tensor, scale: torch.Tensor, product_error: float) -> torch.Tensor:
    """Bounds on the errors of H's entries: rho is off by at most 3 e, and arccos by that times its steepest slope."""
    cosine_error = 3 * product_error
    gap = (1 - (products / scale.clamp_min(torch.finfo(scale.dtype).tiny)).abs()).clamp_min(cosine_error)
    error = scale * (product_error + cosine_error * (2 / gap).sqrt() / (2 * math.pi))
    error.diagonal().copy_(product_error * scale.diagonal())
    return error
