"""The settings of the runs that compare theory with measurement: a frozen dataclass each, part of a run's identity.

A run of this kind trains or evaluates in its own way (`dynamics`, `label_noise`, `interpolants`, `bounds`,
`memorisation`, `double_descent`, `network_double_descent`, `order`, `pac_bayes`, `bits`, `measures`): `execution` calls
the function that goes with the kind.

Each has a version of its measurement. Whoever changes what a study measures, so that earlier records no longer say what
it would find, raises the default of `version` by one: the study is then another run, which is measured anew, and the
earlier records keep their names and read as version 1.
"""

from dataclasses import dataclass, field

from theory.common.plain_numbers import plain_numbers
from theory.kernels import MEDIAN_SHARE

_FIRST = {"before": 1}
"""The metadata of the field `version`: a record without the field means version 1 (`identity`)."""


@plain_numbers
@dataclass(frozen=True)
class DynamicsConfig:
    """A wide two-layer network's training, predicted from H-infinity and measured (`dynamics`).

    Attributes:
        width: m, hidden units.
        scale: kappa, the standard deviation of the initial weights.
        rate: eta n, the step size on the mean loss: the same for every test, as in the paper.
        fitted: training stops where the residual has fallen to this share of its initial norm.
        max_steps: limit of full-batch steps.
        version: the version of the measurement.
    """

    width: int = 4096
    scale: float = 1.0
    rate: float = 20.0
    fitted: float = 0.3
    max_steps: int = 20_000
    version: int = field(default=1, metadata=_FIRST)

    @property
    def name(self) -> str:
        """The study in words, for titles."""
        return f"two-layer network of width {self.width:,}"


@plain_numbers
@dataclass(frozen=True)
class NoiseConfig:
    """What theory predicts of test accuracy at levels of label corruption, from clean labels (`label_noise`).

    Attributes:
        levels: p, the corruption levels.
        bandwidth: the width of the Gaussian kernel, as a share of the median distance; a kernel run with this bandwidth
            is predicted.
        repeats: corruptions drawn to simulate a rule's accuracy, at least 2.
        version: the version of the measurement.
    """

    levels: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    bandwidth: float = MEDIAN_SHARE
    repeats: int = 100
    version: int = field(default=1, metadata=_FIRST)

    @property
    def name(self) -> str:
        """The study in words, for titles."""
        return "predictions of theory"


@plain_numbers
@dataclass(frozen=True)
class InterpolantsConfig:
    """Theorem 1's network and a trained one on the same sample: how each answers off it (`interpolants`).

    Attributes:
        norms: the norms of random perturbations of training images, in median distances to the nearest neighbour.
        fractions: places on the segment from a training image to its nearest neighbour, below a half.
        images: training images perturbed, at most.
        draws: perturbations of each image and norm.
        version: the version of the measurement.
    """

    norms: tuple[float, ...] = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
    fractions: tuple[float, ...] = (0.0, 0.01, 0.1, 0.2, 0.3, 0.4)
    images: int = 2000
    draws: int = 5
    version: int = field(default=1, metadata=_FIRST)

    @property
    def name(self) -> str:
        """The study in words, for titles."""
        return "two interpolants"


@plain_numbers
@dataclass(frozen=True)
class BoundsConfig:
    """Generalisation bounds and complexity measures of a network that `training` trained (`bounds`).

    Attributes:
        failure_probability: delta of every bound.
        sigmas: standard deviations of the noise on the weights that PAC-Bayes tries.
        noise_draws: noisy networks drawn for each.
        kernel_images: images that the kernel and the linear interpolant take at most.
        rademacher_draws: random sign vectors fitted; 0 leaves the measurement out.
        rademacher_images: images they are fitted on, at most.
        rademacher_steps: limit of steps of each.
        stability_pairs: neighbouring samples trained on; 0 leaves the measurement out.
        stability_images: size of the samples, at most.
        stability_steps: the steps of the network on each sample; the epoch is finished.
        linear_epochs: the epochs of one-example steps of the linear classifier on each sample.
        version: the version of the measurement.
    """

    failure_probability: float = 0.05
    sigmas: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0)
    noise_draws: int = 20
    kernel_images: int = 2_000
    rademacher_draws: int = 5
    rademacher_images: int = 1_000
    rademacher_steps: int = 10_000
    stability_pairs: int = 3
    stability_images: int = 1_000
    stability_steps: int = 1_000
    linear_epochs: int = 2
    version: int = field(default=1, metadata=_FIRST)

    @property
    def name(self) -> str:
        """The study in words, for titles."""
        return "bounds"


@plain_numbers
@dataclass(frozen=True)
class MemorisationConfig:
    """Memorisation scores: how much networks owe their answer on a training image to that image (`memorisation`).

    Attributes:
        networks: number of networks, each trained on a random subset of the training images.
        share: the share of the training images that is in a subset.
        removed: the share of the images, the most memorised or random ones, without which networks are trained.
        networks_without: number of networks trained on all images, without the most memorised, and without random ones.
        together: number of networks that are trained at once; it changes the last bits.
        shown: number of the most memorised images that the record contains.
        version: the version of the measurement.
    """

    networks: int = 100
    share: float = 0.7
    removed: float = 0.1
    networks_without: int = 20
    together: int = 50
    shown: int = 24
    version: int = field(default=1, metadata=_FIRST)

    @property
    def name(self) -> str:
        """The study in words, for titles."""
        return "memorisation"


@plain_numbers
@dataclass(frozen=True)
class DoubleDescentConfig:
    """Least squares on more and more random Fourier features (`double_descent`).

    Attributes:
        ratios: numbers of features per training image.
        levels: p, the levels of label corruption.
        bandwidth: the bandwidth of the features' Gaussian kernel, as a share of the median distance between training
            images.
        gaussian_samples, gaussian_draws, gaussian_noise: samples of the experiment on Gaussian features, how often they
            are drawn, and the variance of their noise.
        version: the version of the measurement.
    """

    ratios: tuple[float, ...] = (
        *(0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95),
        *(1.0, 1.05, 1.1, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0),
    )
    levels: tuple[float, ...] = (0.0, 0.1, 0.2)
    bandwidth: float = 0.5
    gaussian_samples: int = 60
    gaussian_draws: int = 40
    gaussian_noise: float = 0.25
    version: int = field(default=1, metadata=_FIRST)

    @property
    def name(self) -> str:
        """The study in words, for titles."""
        return "random Fourier features"


@plain_numbers
@dataclass(frozen=True)
class NetworkDoubleDescentConfig:
    """Two-layer networks of more and more hidden units, looked at along training (`network_double_descent`).

    Attributes:
        ratios: parameters of a network per number that it is to fit, which are n k: a one-hot label for each image.
        levels: p, the levels of label corruption.
        networks: networks at each ratio and level, which differ in their initial weights.
        steps: steps of training, each on all images.
        learning_rate: Adam's step size.
        look_ratio: the ratio of the numbers of steps before successive looks, above 1.
        version: the version of the measurement.
    """

    ratios: tuple[float, ...] = (0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0)
    levels: tuple[float, ...] = (0.0, 0.1, 0.2)
    networks: int = 8
    steps: int = 20_000
    learning_rate: float = 0.003
    look_ratio: float = 1.4
    version: int = field(default=1, metadata=_FIRST)

    @property
    def name(self) -> str:
        """The study in words, for titles."""
        return "two-layer networks"


@plain_numbers
@dataclass(frozen=True)
class OrderConfig:
    """The order of learning: what a network gets right along training on partly corrupted labels (`order`).

    Attributes:
        ratio: the ratio of the epochs of successive looks, above 1.
        radius: the radius of the box around a test image that is searched for another class, in standard deviations of
            the image's pixels.
        search_steps: the limit of steps of a search.
        images: test images that are searched, at most.
        version: the version of the measurement.
    """

    ratio: float = 1.4
    radius: float = 0.05
    search_steps: int = 100
    images: int = 1000
    version: int = field(default=1, metadata=_FIRST)

    def __post_init__(self) -> None:
        if not self.ratio > 1:
            raise ValueError(f"ratio, of the epochs of successive looks, must be above 1, got {self.ratio}")

    @property
    def name(self) -> str:
        """The study in words, for titles."""
        return "order of learning"


@plain_numbers
@dataclass(frozen=True)
class PacBayesConfig:
    """A PAC-Bayes bound with an optimised Gaussian posterior, on two classes (`pac_bayes`).

    Attributes:
        threshold: the classes below it are one class, the others are the other.
        failure_probability: delta of the theorem, over all priors together.
        sampling_failure_probability: delta' of the estimate of the stochastic network's training error.
        largest_prior_variance, priors_per_factor_e: c and b of the grid of prior variances.
        first_variance: the variance of every weight before the first step.
        steps: steps of Adam on the posterior.
        batch_size: images in a step.
        learning_rate: the step size for the means; it falls linearly over the second half.
        variance_rate: how many times that is the step size for the logarithms of the variances.
        draws: answers drawn for each image in the last bound.
        stretches: stretches that the steps are done in, the bound being evaluated before each and after the last.
        version: the version of the measurement.
    """

    threshold: int = 5
    failure_probability: float = 0.025
    sampling_failure_probability: float = 0.01
    largest_prior_variance: float = 0.1
    priors_per_factor_e: int = 100
    first_variance: float = 0.002
    steps: int = 2000
    batch_size: int = 128
    learning_rate: float = 0.001
    variance_rate: float = 10.0
    draws: int = 10
    stretches: int = 5
    version: int = field(default=1, metadata=_FIRST)

    @property
    def name(self) -> str:
        """The study in words, for titles."""
        return "optimised PAC-Bayes bound"


@plain_numbers
@dataclass(frozen=True)
class BitsConfig:
    """Bits that a network memorises of uniform random tokens or labels (`bits`).

    Attributes:
        offered: bits of the data for each parameter, rising.
        vocabulary: tokens to choose from, V, where the network is a transformer.
        length: tokens of a sequence, S, for a transformer.
        head: the width of an attention head.
        steps: steps of Adam on each size of data.
        batch_size: sequences a step.
        learning_rate: the largest step size.
        version: the version of the measurement.
    """

    offered: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    vocabulary: int = 64
    length: int = 16
    head: int = 8
    steps: int = 1000
    batch_size: int = 128
    learning_rate: float = 0.01
    version: int = field(default=1, metadata=_FIRST)

    @property
    def name(self) -> str:
        """The study in words, for titles."""
        return "bits per parameter"


@plain_numbers
@dataclass(frozen=True)
class MeasuresConfig:
    """Sharpness, norms and margins of a network that `training` trains (`measures`).

    Attributes:
        draws: noisy networks at every deviation.
        search_steps: gradients at every size of a box.
        bisections: bisections of a factor 2 in the search of a tolerance.
        version: the version of the measurement.
    """

    draws: int = 20
    search_steps: int = 5
    bisections: int = 5
    version: int = field(default=1, metadata=_FIRST)

    @property
    def name(self) -> str:
        """The study in words, for titles."""
        return "measures of generalisation"


Study = (
    DynamicsConfig
    | NoiseConfig
    | InterpolantsConfig
    | BoundsConfig
    | MemorisationConfig
    | DoubleDescentConfig
    | NetworkDoubleDescentConfig
    | OrderConfig
    | PacBayesConfig
    | BitsConfig
    | MeasuresConfig
)

STUDIES: dict[str, type[Study]] = {
    "dynamics": DynamicsConfig,
    "noise": NoiseConfig,
    "interpolants": InterpolantsConfig,
    "bounds": BoundsConfig,
    "memorisation": MemorisationConfig,
    "double-descent": DoubleDescentConfig,
    "network-double-descent": NetworkDoubleDescentConfig,
    "order": OrderConfig,
    "pac-bayes": PacBayesConfig,
    "bits": BitsConfig,
    "measures": MeasuresConfig,
}
"""The settings of the studies by the kind of run."""

ON_THE_CPU = (MemorisationConfig, DoubleDescentConfig, NetworkDoubleDescentConfig, PacBayesConfig)
"""The studies that are carried out on the CPU whatever device is asked for."""


def kind_of(study: Study) -> str:
    """The kind of run that the settings belong to."""
    return next(kind for kind, config in STUDIES.items() if isinstance(study, config))
