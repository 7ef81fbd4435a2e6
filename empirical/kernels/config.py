"""How a kernel run interpolates: part of what the run is."""

from dataclasses import dataclass
from typing import Literal

from theory.common.plain_numbers import plain_numbers
from theory.kernels import MEDIAN_SHARE

Interpolant = Literal["minimum-norm", "forced-test-labels"]


@plain_numbers
@dataclass(frozen=True)
class KernelConfig:
    """How a kernel run interpolates.

    Attributes:
        kernel: gaussian, laplacian, linear; polynomial-3, arc-cosine-1, neural-tangent-5 (degree, order, depth).
        bandwidth: the width of the Gaussian and the Laplacian kernel, as a share of the median distance.
        features: what the kernel acts on, see `features`.
        ridge: lambda of (K + lambda I) alpha = Y; 0 interpolates.
        interpolant: `minimum-norm`; or `forced-test-labels`, which also interpolates labels drawn at random on the test
            images: an interpolant of the training set made not to generalise (claim C27).
        solver: `auto`, `cholesky` or `conjugate-gradients`.
        leave_one_out: also measure the leave-one-out accuracy; needs Cholesky.
        certify: also bound the distance from the exact minimum-norm interpolant.
    """

    kernel: str = "gaussian"
    bandwidth: float = MEDIAN_SHARE
    features: str = "pixels"
    ridge: float = 0.0
    interpolant: Interpolant = "minimum-norm"
    solver: Literal["auto", "cholesky", "conjugate-gradients"] = "auto"
    leave_one_out: bool = False
    certify: bool = True

    def __post_init__(self) -> None:
        if (self.kernel, self.bandwidth) != ("gaussian", MEDIAN_SHARE):  # which is sound, and needs no torch to tell
            from empirical.kernels.interpolation import parse_kernel

            parse_kernel(self.kernel, self.bandwidth)
        if not self.ridge >= 0:
            raise ValueError(f"ridge must not be negative, got {self.ridge}")

    @property
    def name(self) -> str:
        """The kernel, its features, and how the system is solved, in words."""
        ridge = f", ridge {self.ridge:g}" if self.ridge else ""
        forced = ", random labels forced on the test images" if self.interpolant == "forced-test-labels" else ""
        return f"{self.kernel_name} on {self.features}{ridge}{forced}"

    @property
    def kernel_name(self) -> str:
        """The kernel's name, and its bandwidth if that is not the default."""
        has_bandwidth = self.kernel in ("gaussian", "laplacian") and self.bandwidth != MEDIAN_SHARE
        return self.kernel + (f" (bandwidth {self.bandwidth:g})" if has_bandwidth else "")
