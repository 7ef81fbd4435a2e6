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
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import ClassVar

import torch

EPS = torch.finfo(torch.float64).eps


class Kernel(ABC):
    """A kernel: its name, its parameters (the fields of the dataclass), and blocks of its Gram matrix."""

    name: ClassVar[str]
    translation_invariant: ClassVar[bool] = False
    """Whether k(x + c, z + c) = k(x, z): then the data may be centred, which makes rounding smaller."""

    @abstractmethod
    def from_products(self, products: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """k from <x_i, z_j> (m, n), ||x_i||^2 (m,) and ||z_j||^2 (n,); may overwrite `products`."""

    @abstractmethod
    def diagonal(self, squared_norms: torch.Tensor) -> torch.Tensor:
        """k(x_i, x_i), (n,), from ||x_i||^2 (n,)."""

    @abstractmethod
    def entry_error(self, squared_norm: float, product_error: float) -> float:
        """How far float64 can be off in k(x, z), at most.

        Arguments:
            squared_norm: at least ||x||^2 and ||z||^2.
            product_error: relative error e of the products: |<x, z> computed - exact| <= e ||x|| ||z||, and the same
                of ||x||^2 and ||z||^2. It is taken to cover the rounding of a few further operations.
        """

    def block(self, X: torch.Tensor, Z: torch.Tensor) -> torch.Tensor:
        """k(x_i, z_j), (m, n), of points X (m, d) and Z (n, d), in their dtype and on their device."""
        return self.from_products(X @ Z.T, squared_norms(X), squared_norms(Z))

    def __str__(self) -> str:
        parameters = ", ".join(f"{field.name} = {getattr(self, field.name):g}" for field in fields(self))  # type: ignore[arg-type]
        return f"{self.name}({parameters})"


def squared_norms(X: torch.Tensor) -> torch.Tensor:
    """||x_i||^2, (n,), of the rows of X (n, d)."""
    return torch.einsum("ij,ij->i", X, X)


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
        """The product's own."""
        return product_error * squared_norm


@dataclass(frozen=True)
class Polynomial(Kernel):
    """(scale <x, z> + offset)^degree. ValueError unless degree >= 1 is an integer, scale > 0 and offset >= 0."""

    name: ClassVar[str] = "polynomial"
    degree: int = 3
    offset: float = 1.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if int(self.degree) != self.degree or self.degree < 1 or not self.scale > 0 or not self.offset >= 0:
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


def _require_bandwidth(kernel: "Gaussian | Laplacian") -> None:
    if not (kernel.bandwidth > 0 and math.isfinite(kernel.bandwidth)):
        raise ValueError(f"bandwidth must be positive and finite, got {kernel.bandwidth}")


def _squared_distances(products: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    return products.mul_(-2).add_(left[:, None]).add_(right).clamp_min_(0)


@dataclass(frozen=True)
class Gaussian(Kernel):
    """exp(-||x - z||^2 / (2 bandwidth^2)). ValueError for a bandwidth that is not positive."""

    name: ClassVar[str] = "gaussian"
    translation_invariant: ClassVar[bool] = True
    bandwidth: float = 1.0

    def __post_init__(self) -> None:
        _require_bandwidth(self)

    def from_products(self, products: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """See `Kernel`."""
        return _squared_distances(products, left, right).mul_(-0.5 / self.bandwidth**2).exp_()

    def diagonal(self, squared_norms: torch.Tensor) -> torch.Tensor:
        """One."""
        return torch.ones_like(squared_norms)

    def entry_error(self, squared_norm: float, product_error: float) -> float:
        """exp is 1-Lipschitz below zero, its argument off by 4 e ||x||^2 / (2 bandwidth^2)."""
        return 2 * product_error * squared_norm / self.bandwidth**2 + 4 * EPS


@dataclass(frozen=True)
class Laplacian(Kernel):
    """exp(-||x - z||_2 / bandwidth). ValueError for a bandwidth that is not positive."""

    name: ClassVar[str] = "laplacian"
    translation_invariant: ClassVar[bool] = True
    bandwidth: float = 1.0

    def __post_init__(self) -> None:
        _require_bandwidth(self)

    def from_products(self, products: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """See `Kernel`."""
        return _squared_distances(products, left, right).sqrt_().mul_(-1 / self.bandwidth).exp_()

    def diagonal(self, squared_norms: torch.Tensor) -> torch.Tensor:
        """One."""
        return torch.ones_like(squared_norms)

    def entry_error(self, squared_norm: float, product_error: float) -> float:
        """|sqrt(s + t) - sqrt(s)| <= sqrt(t): near a distance of zero half of the digits are lost."""
        return 2 * math.sqrt(product_error * squared_norm) / self.bandwidth + 4 * EPS


def _cosines(products: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return (products / scale.clamp_min(torch.finfo(scale.dtype).tiny)).clamp_(-1, 1)


def _kappa_0(cosine: torch.Tensor) -> torch.Tensor:
    return 1 - torch.arccos(cosine) / math.pi


def _kappa_1(cosine: torch.Tensor) -> torch.Tensor:
    sine = ((1 - cosine) * (1 + cosine)).sqrt_()
    return (sine + (math.pi - torch.arccos(cosine)) * cosine) / math.pi


def _kappa_0_error(cosine_error: float) -> float:
    """kappa_0's modulus of continuity, largest at rho = 1: half of the digits are lost there."""
    return math.acos(1 - min(cosine_error, 2.0)) / math.pi + 4 * EPS


@dataclass(frozen=True)
class ArcCosine(Kernel):
    """The arc-cosine kernel of order 0 or 1: infinitely many random threshold units or ReLUs. ValueError for others."""

    name: ClassVar[str] = "arc-cosine"
    order: int = 1

    def __post_init__(self) -> None:
        if self.order not in (0, 1):
            raise ValueError(f"the arc-cosine kernel is here of order 0 or 1, got {self.order}")

    def from_products(self, products: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """See `Kernel`."""
        scale = torch.outer(left.sqrt(), right.sqrt())
        cosine = _cosines(products, scale)
        return _kappa_0(cosine) if self.order == 0 else scale * _kappa_1(cosine)

    def diagonal(self, squared_norms: torch.Tensor) -> torch.Tensor:
        """1 or ||x||^2."""
        if self.order == 1:
            return squared_norms
        return torch.where(squared_norms > 0, 1.0, 0.5).to(squared_norms.dtype)

    def entry_error(self, squared_norm: float, product_error: float) -> float:
        """rho is off by 3 e; kappa_1 is 1-Lipschitz and at most 1, kappa_0 continuous only like a root."""
        if self.order == 0:
            return _kappa_0_error(3 * product_error)
        return squared_norm * (4 * product_error + 8 * EPS)


@dataclass(frozen=True)
class NeuralTangent(Kernel):
    """The neural tangent kernel of the fully connected ReLU network of `depth` layers of weights, at least 2."""

    name: ClassVar[str] = "neural-tangent"
    depth: int = 2

    def __post_init__(self) -> None:
        if int(self.depth) != self.depth or self.depth < 2:
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

    def diagonal(self, squared_norms: torch.Tensor) -> torch.Tensor:
        """depth ||x||^2."""
        return self.depth * squared_norms

    def entry_error(self, squared_norm: float, product_error: float) -> float:
        """The recursion's own: kappa_1 is 1-Lipschitz, kappa_0 at most 1, Theta_h / (||x|| ||z||) at most h + 1."""
        cosine_error = tangent_error = 3 * product_error
        for layer in range(1, self.depth):
            tangent_error += layer * _kappa_0_error(cosine_error)
            cosine_error += 8 * EPS
            tangent_error += cosine_error
        return squared_norm * (tangent_error + self.depth * 2 * product_error)


KERNELS: dict[str, type[Kernel]] = {
    kernel.name: kernel for kernel in (Linear, Polynomial, Gaussian, Laplacian, ArcCosine, NeuralTangent)
}
"""The kernels by name."""
