r"""Kernels: symmetric positive semi-definite functions k(x, z), each a small object.

All depend on their two points through three numbers only, <x, z>, ||x||^2 and ||z||^2. So a block of a Gram matrix is
one matrix product and an elementwise map, on any device, and products can be accumulated over blocks of features. With
rho = <x, z> / (||x|| ||z||) and theta = arccos rho:

    linear           <x, z>
    polynomial       (scale <x, z> + offset)^degree
    Gaussian         exp(-||x - z||^2 / (2 bandwidth^2))
    Laplacian        exp(-||x - z|| / bandwidth), the Euclidean distance (Belkin, Ma, Mandal 2018)
    arc-cosine 0     kappa_0(rho) = (pi - theta) / pi                                  (Cho, Saul 2009)
    arc-cosine 1     ||x|| ||z|| kappa_1(rho),  kappa_1(rho) = (sqrt(1 - rho^2) + (pi - theta) rho) / pi
    neural tangent   of the fully connected ReLU network of a given depth, all its layers trained (Jacot, Gabriel,
                     Hongler 2018; the recursion of Arora et al. 2019, "On exact computation with an infinitely wide
                     neural net", section 3.1, without biases, c_sigma = 2):
                         Sigma_0 = Theta_0 = <x, z>,   Sigma_h = ||x|| ||z|| kappa_1(rho_{h-1}),
                         Theta_h = Sigma_h + Theta_{h-1} kappa_0(rho_{h-1}),   rho_h = Sigma_h / (||x|| ||z||),
                     Theta_{depth-1}; depth counts the layers of weights: 2 is one hidden layer.

The arc-cosine and neural tangent kernels of a point zero are zero (order 0: 1/2, as if rho = 0).

Products cancel where two points are near in comparison with their norms, or nearly parallel: half of the digits of a
distance or an angle are lost there, or all of them. A pair is *near* if ||x - z||^2 < NEAR (||x||^2 + ||z||^2), for
kernels of the angle if 1 - |rho| < NEAR. Near pairs take their distance from x - z, their angle from the difference of
unit vectors, 2 arcsin(||x/||x|| - z/||z|||| / 2): `near`, `from_near`. Then all distances have a small *relative* error
and all angles a small absolute one, and equal points are equal to the kernel.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import ClassVar, Literal

import torch

from theory.common.plain_numbers import plain_numbers

EPS = torch.finfo(torch.float64).eps
NEAR = 2.0**-10
"""Pairs nearer than this, in the sense of the module, are measured by differences: above, products lose ten bits."""

_PAIRS = 2**22  # numbers of a temporary


class Kernel(ABC):
    """A kernel: its name, its parameters (the fields of the dataclass), and blocks of its Gram matrix."""

    name: ClassVar[str]
    translation_invariant: ClassVar[bool] = False
    """Whether k(x + c, z + c) = k(x, z): then the data may be centred, which makes rounding smaller."""
    measure: ClassVar[Literal["product", "distance", "angle"]] = "product"
    """What the kernel is a function of, beside norms: what near pairs are measured by."""

    @abstractmethod
    def from_products(self, products: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """k from <x_i, z_j> (m, n), ||x_i||^2 (m,) and ||z_j||^2 (n,); may overwrite `products`."""

    @abstractmethod
    def diagonal(self, squared_norms: torch.Tensor) -> torch.Tensor:
        """k(x_i, x_i), (n,), from ||x_i||^2 (n,)."""

    @abstractmethod
    def entry_error(self, squared_norm: float, product_error: float) -> float:
        """An upper bound on float64's error in k(x, z).

        Arguments:
            squared_norm: at least ||x||^2 and ||z||^2.
            product_error: relative error e of the products: |<x, z> computed - exact| <= e ||x|| ||z||, and the same
                of ||x||^2 and ||z||^2. It is taken to cover the rounding of a few further operations.
        """

    def near(self, products: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor | None:
        """Whether each pair is near, boolean (m, n); None for a kernel that treats all pairs alike. The arguments are
        those of `from_products`."""
        if self.measure == "distance":
            sums = left[:, None] + right
            return sums - 2 * products < NEAR * sums
        if self.measure == "angle":
            scale = torch.outer(left.sqrt(), right.sqrt())
            return (products.abs() > (1 - NEAR) * scale) & (scale > 0)
        return None

    def from_near(self, squares: torch.Tensor, signs: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """k of p near pairs.

        Arguments:
            squares: (p,), ||x - z||^2; for kernels of the angle ||x/||x|| - s z/||z||||^2.
            signs: s = -1 or 1 (p,), the sign of <x, z>.
            scale: ||x|| ||z|| (p,).
        """
        raise NotImplementedError(f"{type(self).__name__} has no near pairs")

    def block(self, X: torch.Tensor, Z: torch.Tensor) -> torch.Tensor:
        """k(x_i, z_j), (m, n), of points X (m, d) and Z (n, d), in their dtype and on their device."""
        left, right = squared_norms(X), squared_norms(Z)
        products = X @ Z.T
        return evaluate(self, products, left, right, X, Z)

    def __str__(self) -> str:
        parameters = ", ".join(f"{field.name} = {getattr(self, field.name):g}" for field in fields(self))  # type: ignore[arg-type]
        return f"{self.name}({parameters})"


def squared_norms(X: torch.Tensor) -> torch.Tensor:
    """||x_i||^2, (n,), of the rows of X (n, d)."""
    return torch.einsum("ij,ij->i", X, X)


def evaluate(
    kernel: Kernel,
    products: torch.Tensor,
    left: torch.Tensor,
    right: torch.Tensor,
    X: torch.Tensor,
    Z: torch.Tensor,
) -> torch.Tensor:
    """k from <x_i, z_j> and squared norms, near pairs from the points X (m, d) and Z (n, d); overwrites `products`.

    For translation-invariant kernels products and norms may be those of centred points, X and Z as they are.
    """
    near = kernel.near(products, left, right)
    if near is None or not bool(near.any()):
        return kernel.from_products(products, left, right)
    rows, columns = near.nonzero(as_tuple=True)
    signs = products[rows, columns].sign()
    values = kernel.from_products(products, left, right)
    squares = near_squares(kernel, X, Z, left, right, rows, columns, signs)
    values[rows, columns] = kernel.from_near(squares, signs, (left[rows] * right[columns]).sqrt())
    return values


def near_squares(
    kernel: Kernel,
    X: torch.Tensor,
    Z: torch.Tensor,
    left: torch.Tensor,
    right: torch.Tensor,
    rows: torch.Tensor,
    columns: torch.Tensor,
    signs: torch.Tensor,
) -> torch.Tensor:
    """What `from_near` wants of the pairs (x_r, z_c), (p,), by differences; a sum over blocks of coordinates."""
    out = torch.empty(len(rows), dtype=X.dtype, device=X.device)
    step = max(1, _PAIRS // X.shape[1])
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        x, z = X[rows[part]], Z[columns[part]]
        if kernel.measure == "angle":
            x = x / left[rows[part]].sqrt()[:, None]
            z = z * (signs[part] / right[columns[part]].sqrt())[:, None]
        out[part] = squared_norms(x - z)
    return out


@dataclass(frozen=True)
class Linear(Kernel):
    """<x, z>."""

    name: ClassVar[str] = "linear"

    def from_products(self, products: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """See `Kernel`."""
        return products

    def diagonal(self, squared_norms: torch.Tensor) -> torch.Tensor:
        """See `Kernel`."""
        return squared_norms

    def entry_error(self, squared_norm: float, product_error: float) -> float:
        """The error of the product."""
        return product_error * squared_norm


@plain_numbers
@dataclass(frozen=True)
class Polynomial(Kernel):
    """(scale <x, z> + offset)^degree. ValueError unless degree >= 1 is an integer, scale > 0 and offset >= 0."""

    name: ClassVar[str] = "polynomial"
    degree: int = 3
    offset: float = 1.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not (self.degree >= 1 and 0 < self.scale < math.inf and 0 <= self.offset < math.inf):
            raise ValueError(
                "the polynomial kernel needs an integer degree >= 1, scale > 0 and offset >= 0 to be positive "
                f"semi-definite, got {self}"
            )

    def from_products(self, products: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """See `Kernel`."""
        return products.mul_(self.scale).add_(self.offset).pow_(self.degree)

    def diagonal(self, squared_norms: torch.Tensor) -> torch.Tensor:
        """See `Kernel`."""
        return (squared_norms * self.scale + self.offset) ** self.degree

    def entry_error(self, squared_norm: float, product_error: float) -> float:
        """The derivative, degree scale base^(degree - 1), and the rounding of base and power."""
        base = self.scale * squared_norm + self.offset
        slope = self.degree * self.scale * base ** (self.degree - 1)
        rounding = 4 * self.degree * EPS * base**self.degree
        return slope * product_error * squared_norm * (1 + product_error) ** self.degree + rounding


_BANDWIDTHS = (2.0**-480, 2.0**480)  # their squares, and those of distances as long, are normal numbers


def _require_bandwidth(kernel: "Gaussian | Laplacian") -> None:
    low, high = _BANDWIDTHS
    if not low <= kernel.bandwidth <= high:
        raise ValueError(
            f"bandwidth must be positive and finite, between {low:.0e} and {high:.0e}, got {kernel.bandwidth}: "
            "measure the data and the bandwidth in another unit"
        )


def _bandwidth(kernel: "Gaussian | Laplacian", dtype: torch.dtype) -> float:
    if not torch.finfo(dtype).tiny <= kernel.bandwidth <= torch.finfo(dtype).max:
        raise ValueError(f"bandwidth {kernel.bandwidth:.1e} leaves the range of {dtype}: use float64")
    return kernel.bandwidth


def _squared_distances(products: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    return products.mul_(-2).add_(left[:, None]).add_(right).clamp_min_(0)


def _distance_error(product_error: float) -> float:
    """Relative error of squared distances: 2 e of the sum of squared norms, which is below 1/NEAR times the distance.

    Near pairs, by differences, are more accurate than that.
    """
    return 2 * product_error / max(NEAR - 2 * product_error, math.ulp(0.0))


@plain_numbers
@dataclass(frozen=True)
class Gaussian(Kernel):
    """exp(-||x - z||^2 / (2 bandwidth^2)). ValueError for a bandwidth that is not positive."""

    name: ClassVar[str] = "gaussian"
    translation_invariant: ClassVar[bool] = True
    measure: ClassVar[Literal["product", "distance", "angle"]] = "distance"
    bandwidth: float = 1.0

    def __post_init__(self) -> None:
        _require_bandwidth(self)

    def from_products(self, products: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """See `Kernel`."""
        return self._of(_squared_distances(products, left, right))

    def from_near(self, squares: torch.Tensor, signs: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """See `Kernel`."""
        return self._of(squares)

    def _of(self, squares: torch.Tensor) -> torch.Tensor:
        # Two divisions: the bandwidth's square may leave the range of float32.
        bandwidth = _bandwidth(self, squares.dtype)
        return squares.div_(bandwidth).div_(bandwidth).mul_(-0.5).exp_()

    def diagonal(self, squared_norms: torch.Tensor) -> torch.Tensor:
        """One."""
        return torch.ones_like(squared_norms)

    def entry_error(self, squared_norm: float, product_error: float) -> float:
        """The function exp is 1-Lipschitz below zero, and its argument is off by 4 e ||x||^2 / (2 bandwidth^2). A
        relative error r of the argument a changes exp(-a) by at most r a exp(-a (1 - r)) <= r / (e (1 - r)).
        """
        relative = _distance_error(product_error)
        bounds = [2 * product_error * squared_norm / self.bandwidth / self.bandwidth, 1.0]
        if relative < 0.5:
            bounds.append(relative / (math.e * (1 - relative)))
        return min(bounds) + 4 * EPS


@plain_numbers
@dataclass(frozen=True)
class Laplacian(Kernel):
    """exp(-||x - z||_2 / bandwidth). ValueError for a bandwidth that is not positive."""

    name: ClassVar[str] = "laplacian"
    translation_invariant: ClassVar[bool] = True
    measure: ClassVar[Literal["product", "distance", "angle"]] = "distance"
    bandwidth: float = 1.0

    def __post_init__(self) -> None:
        _require_bandwidth(self)

    def from_products(self, products: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """See `Kernel`."""
        return self._of(_squared_distances(products, left, right))

    def from_near(self, squares: torch.Tensor, signs: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """See `Kernel`."""
        return self._of(squares)

    def _of(self, squares: torch.Tensor) -> torch.Tensor:
        return squares.sqrt_().div_(-_bandwidth(self, squares.dtype)).exp_()

    def diagonal(self, squared_norms: torch.Tensor) -> torch.Tensor:
        """One."""
        return torch.ones_like(squared_norms)

    def entry_error(self, squared_norm: float, product_error: float) -> float:
        """|sqrt(s + t) - sqrt(s)| <= sqrt(t); and a relative error of s, halved by the root, as for the Gaussian."""
        relative = _distance_error(product_error)
        bounds = [2 * math.sqrt(product_error * squared_norm) / self.bandwidth, 1.0]
        if relative < 0.5:
            bounds.append(relative / (math.e * (1 - relative)))
        return min(bounds) + 4 * EPS


def _cosines(products: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return (products / scale.clamp_min(torch.finfo(scale.dtype).tiny)).clamp_(-1, 1)


def _kappa_0(cosine: torch.Tensor) -> torch.Tensor:
    return 1 - torch.arccos(cosine) / math.pi


def _kappa_1(cosine: torch.Tensor) -> torch.Tensor:
    sine = ((1 - cosine) * (1 + cosine)).sqrt_()
    return (sine + (math.pi - torch.arccos(cosine)) * cosine) / math.pi


def _angles(squares: torch.Tensor, signs: torch.Tensor) -> torch.Tensor:
    """The angle theta from the squared chord of unit vectors; of x and -z, and so pi - theta, where the sign is
    negative."""
    angles = 2 * torch.arcsin((squares.sqrt() / 2).clamp_max(1))
    return torch.where(signs < 0, math.pi - angles, angles)


def _versine_of_kappa_1(angles: torch.Tensor) -> torch.Tensor:
    """1 - kappa_1(cos theta) = 2 sin^2(theta/2) + (theta cos theta - sin theta) / pi, to eps theta near zero."""
    return 2 * (angles / 2).sin() ** 2 + (angles * angles.cos() - angles.sin()) / math.pi


def _kappa_0_error(cosine_error: float, least_angle: float) -> float:
    """The error of kappa_0 where theta, or pi - theta, is at least `least_angle`; nearer pairs have theta itself to the
    same accuracy. Without a least angle the error is kappa_0's modulus of continuity at rho = 1, where half of the
    digits are lost.
    """
    worst = math.acos(1 - min(cosine_error, 2.0)) / math.pi + 4 * EPS
    room = 1 - math.cos(least_angle) - cosine_error  # how far from 1 the cosines stay
    if room <= 0:
        return worst
    return min(worst, 1.1 * cosine_error / math.sqrt(room * (2 - room)) / math.pi + 4 * EPS)


_LEAST_ANGLE = math.acos(1 - NEAR)


@plain_numbers
@dataclass(frozen=True)
class ArcCosine(Kernel):
    """The arc-cosine kernel of order 0 or 1: infinitely many random threshold units or ReLUs. ValueError for others."""

    name: ClassVar[str] = "arc-cosine"
    measure: ClassVar[Literal["product", "distance", "angle"]] = "angle"
    order: int = 1

    def __post_init__(self) -> None:
        if self.order not in (0, 1):
            raise ValueError(f"the arc-cosine kernel is here of order 0 or 1, got {self.order}")

    def from_products(self, products: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """See `Kernel`."""
        scale = torch.outer(left.sqrt(), right.sqrt())
        cosine = _cosines(products, scale)
        return _kappa_0(cosine) if self.order == 0 else scale * _kappa_1(cosine)

    def from_near(self, squares: torch.Tensor, signs: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """See `Kernel`."""
        angles = _angles(squares, signs)
        return 1 - angles / math.pi if self.order == 0 else scale * (1 - _versine_of_kappa_1(angles))

    def diagonal(self, squared_norms: torch.Tensor) -> torch.Tensor:
        """1 or ||x||^2."""
        if self.order == 1:
            return squared_norms
        return torch.where(squared_norms > 0, 1.0, 0.5).to(squared_norms.dtype)

    def entry_error(self, squared_norm: float, product_error: float) -> float:
        """The error of rho is 3 e; kappa_1 is 1-Lipschitz and at most 1, and kappa_0 behaves like the angle."""
        if self.order == 0:
            return _kappa_0_error(3 * product_error, _LEAST_ANGLE)
        return squared_norm * (4 * product_error + 8 * EPS)


@plain_numbers
@dataclass(frozen=True)
class NeuralTangent(Kernel):
    """The neural tangent kernel of the fully connected ReLU network of `depth` layers of weights, at least 2."""

    name: ClassVar[str] = "neural-tangent"
    measure: ClassVar[Literal["product", "distance", "angle"]] = "angle"
    depth: int = 2

    def __post_init__(self) -> None:
        if self.depth < 2:
            raise ValueError(f"depth counts layers of weights, at least 2, got {self.depth}")

    def from_products(self, products: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """See `Kernel`."""
        scale = torch.outer(left.sqrt(), right.sqrt())
        cosine = _cosines(products, scale)
        tangent = cosine.clone()
        for _ in range(self.depth - 1):
            tangent.mul_(_kappa_0(cosine))
            cosine = _kappa_1(cosine).clamp_(-1, 1)
            tangent += cosine
        return tangent.mul_(scale)

    def from_near(self, squares: torch.Tensor, signs: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """See `Kernel`."""
        angles = _angles(squares, signs)
        tangent = angles.cos()
        for _ in range(self.depth - 1):
            tangent = tangent * (1 - angles / math.pi)
            versine = _versine_of_kappa_1(angles)
            tangent = tangent + (1 - versine)
            angles = 2 * torch.arcsin((versine / 2).clamp(0, 1).sqrt())
        return tangent * scale

    def diagonal(self, squared_norms: torch.Tensor) -> torch.Tensor:
        """The bound depth ||x||^2."""
        return self.depth * squared_norms

    def entry_error(self, squared_norm: float, product_error: float) -> float:
        """The recursion's own: kappa_1 is 1-Lipschitz, kappa_0 at most 1, Theta_h / (||x|| ||z||) at most h + 1."""
        cosine_error = tangent_error = 3 * product_error
        least = _LEAST_ANGLE  # kappa_1 makes angles smaller, the least of them the least
        for layer in range(1, self.depth):
            tangent_error += layer * _kappa_0_error(cosine_error, least)
            cosine_error += 8 * EPS
            tangent_error += cosine_error
            versine = 2 * math.sin(least / 2) ** 2 + (least * math.cos(least) - math.sin(least)) / math.pi
            least = 2 * math.asin(math.sqrt(versine / 2))
        return squared_norm * (tangent_error + self.depth * 2 * product_error)


KERNELS: dict[str, type[Kernel]] = {
    kernel.name: kernel for kernel in (Linear, Polynomial, Gaussian, Laplacian, ArcCosine, NeuralTangent)
}
"""The kernels by name."""
