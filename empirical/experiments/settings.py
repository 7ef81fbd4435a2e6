"""What a user can choose of an experiment."""

import math
from dataclasses import dataclass, field
from typing import Annotated, Literal

import tyro

from empirical.experiments.scales import Scale
from empirical.kernels.config import Interpolant
from empirical.runs.studies import OrderConfig
from empirical.training.config import TrainingConfig
from theory.common.plain_numbers import plain_numbers
from theory.kernels import MEDIAN_SHARE


@plain_numbers
@dataclass(frozen=True)
class KernelSettings:
    """Kernels of the experiment `kernels`; where several values are given there is a run for each combination."""

    name: str = "gaussian"
    """gaussian, laplacian, linear, polynomial-D, arc-cosine-0, arc-cosine-1 or neural-tangent-L."""

    bandwidth: float = MEDIAN_SHARE
    """Bandwidth of the Gaussian and the Laplacian kernel, as a share of the median distance between training images."""

    features: Annotated[tuple[str, ...], tyro.conf.arg(metavar="FEATURES ...")] = ()
    """pixels, whitened-pixels, gabor, random-convolution-F, or standardised- before one of these; by default pixels,
    and gabor for grey images or random-convolution-64 for colour ones if they are large enough."""

    ridge: Annotated[tuple[float, ...], tyro.conf.arg(metavar="LAMBDA ...")] = (0.0,)
    """lambda of (K + lambda I) alpha = Y; 0 interpolates."""

    interpolant: Annotated[tuple[Interpolant, ...], tyro.conf.arg(metavar="KIND ...")] = (
        "minimum-norm",
        "forced-test-labels",
    )
    """minimum-norm; forced-test-labels also interpolates random labels on the test images (with true labels only)."""

    solver: Literal["auto", "cholesky", "conjugate-gradients"] = "auto"
    """Cholesky up to 8,192 images, conjugate gradients above."""

    leave_one_out: bool = False
    """Compute also the leave-one-out accuracy, in closed form; this needs Cholesky."""

    certify: bool = True
    """Bound the distance from the exact minimum-norm interpolant; --kernel.no-certify leaves that bound out."""


def _require_at_least(option: str, value: int | None, least: int) -> None:
    """ValueError for a size that is given and too small."""
    if value is not None and value < least:
        raise ValueError(f"{option} takes at least {least}, got {value}")


@plain_numbers
@dataclass(frozen=True)
class MemorisationSettings:
    """Sizes of the experiment `memorisation`. Raises ValueError for fewer than two networks, a half of one each."""

    networks: int | None = None
    """Networks that are trained, each on a random part of the images; by default 1,000, or 2,000 at scale paper."""

    def __post_init__(self) -> None:
        _require_at_least("--memorisation.networks", self.networks, 2)


@plain_numbers
@dataclass(frozen=True)
class BitsSettings:
    """Settings of the experiment `bits`. Raises ValueError for no steps, and for a step size that is not positive."""

    steps: int | None = None
    """Steps on each size of the data; by default 1,000, or a million at scale paper. More steps memorise more."""

    learning_rate: float | None = None
    """Adam's largest step size; by default 0.01, or 0.64 / (blocks x width) for a transformer where that is less."""

    def __post_init__(self) -> None:
        _require_at_least("--bits.steps", self.steps, 1)
        if self.learning_rate is not None and not 0 < self.learning_rate < math.inf:
            raise ValueError(f"--bits.learning-rate must be positive and finite, got {self.learning_rate}")


@plain_numbers
@dataclass(frozen=True)
class PacBayesSettings:
    """Sizes of the experiment `pac-bayes`. Raises ValueError for no steps."""

    steps: int | None = None
    """Steps on the posterior; by default 2,000, or 430,000 at scale paper. More steps give a lower bound."""

    def __post_init__(self) -> None:
        _require_at_least("--pac-bayes.steps", self.steps, 1)


@plain_numbers
@dataclass(frozen=True)
class OrderSettings:
    """Settings of the experiment `order`. Raises ValueError for a radius that is not positive and finite."""

    radius: float = OrderConfig.radius
    """Half the width of the box around an image, in standard deviations of its pixels; the image is critical if the
    predicted class changes inside."""

    def __post_init__(self) -> None:
        if not 0 < self.radius < math.inf:
            raise ValueError(f"--order.radius must be positive and finite, got {self.radius}")


@plain_numbers
@dataclass(frozen=True)
class Settings:
    """What a user can choose of an experiment.

    Attributes:
        model: name or import path of the network; the experiment's own if empty.
        tests: names of the randomisation tests; the experiment's own if empty.
        device: `auto`, `cpu` or `cuda`.
        seeds: the seeds of everything random; every run is made once for each seed.
        training: hyper-parameters.
        crop: side of the centre crop.
        kernel: the settings of the experiment `kernels`.
        scale: the scale of the paper's tables and figures.
        n_train, n_test: numbers of images, in place of the scale's; None for that, or for all.
        memorisation, bits, pac_bayes: the sizes of these experiments, in place of the scale's.
        order: the settings of the experiment `order`.
        stated: names of hyper-parameters that the user stated, which may be their defaults.
    """

    model: str = ""
    tests: tuple[str, ...] = ()
    device: str = "auto"
    seeds: tuple[int, ...] = (0,)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    crop: int | None = 28
    kernel: KernelSettings = field(default_factory=KernelSettings)
    scale: Scale = "laptop"
    n_train: int | None = None
    n_test: int | None = None
    memorisation: MemorisationSettings = field(default_factory=MemorisationSettings)
    bits: BitsSettings = field(default_factory=BitsSettings)
    pac_bayes: PacBayesSettings = field(default_factory=PacBayesSettings)
    order: OrderSettings = field(default_factory=OrderSettings)
    stated: tuple[str, ...] = ()

    def chose(self, hyper_parameter: str) -> bool:
        """Whether the user chose a hyper-parameter, its default included: what is chosen, no experiment replaces."""
        own, default = (getattr(config, hyper_parameter) for config in (self.training, TrainingConfig))
        return hyper_parameter in self.stated or own != default
