"""The paper's own numbers (Zhang et al. 2017), in percent, to hold results against."""

from dataclasses import dataclass

from empirical.randomization import (
    GAUSSIAN,
    RANDOM_LABELS,
    RANDOM_PIXELS,
    SHUFFLED_PIXELS,
    TRUE_LABELS,
    Randomization,
)
from empirical.runs.config import RunConfig
from empirical.training.config import Augmentation
from empirical.training.schedule import PAPER_IMAGES

Regularisers = tuple[Augmentation, bool]
"""The augmentation, and whether there is weight decay."""


@dataclass(frozen=True)
class PaperAccuracy:
    """A row of Table 1: training and test accuracy in percent."""

    train: float
    test: float


NONE: Regularisers = ("none", False)

TABLE_1: dict[tuple[str, Randomization, Regularisers], PaperAccuracy] = {
    ("inception", TRUE_LABELS, ("crop", True)): PaperAccuracy(100.0, 89.05),
    ("inception", TRUE_LABELS, ("crop", False)): PaperAccuracy(100.0, 89.31),
    ("inception", TRUE_LABELS, ("none", True)): PaperAccuracy(100.0, 86.03),
    ("inception", TRUE_LABELS, NONE): PaperAccuracy(100.0, 85.75),
    ("inception", RANDOM_LABELS, NONE): PaperAccuracy(100.0, 9.78),
    ("inception-no-bn", TRUE_LABELS, ("none", True)): PaperAccuracy(100.0, 83.00),
    ("inception-no-bn", TRUE_LABELS, NONE): PaperAccuracy(100.0, 82.00),
    ("inception-no-bn", RANDOM_LABELS, NONE): PaperAccuracy(100.0, 10.12),
    ("alexnet", TRUE_LABELS, ("crop", True)): PaperAccuracy(99.90, 81.22),
    ("alexnet", TRUE_LABELS, ("crop", False)): PaperAccuracy(99.82, 79.66),
    ("alexnet", TRUE_LABELS, ("none", True)): PaperAccuracy(100.0, 77.36),
    ("alexnet", TRUE_LABELS, NONE): PaperAccuracy(100.0, 76.07),
    ("alexnet", RANDOM_LABELS, NONE): PaperAccuracy(99.82, 9.86),
    ("mlp-3x512", TRUE_LABELS, ("none", True)): PaperAccuracy(100.0, 53.35),
    ("mlp-3x512", TRUE_LABELS, NONE): PaperAccuracy(100.0, 52.39),
    ("mlp-3x512", RANDOM_LABELS, NONE): PaperAccuracy(100.0, 10.48),
    ("mlp-1x512", TRUE_LABELS, ("none", True)): PaperAccuracy(99.80, 50.39),
    ("mlp-1x512", TRUE_LABELS, NONE): PaperAccuracy(100.0, 50.51),
    ("mlp-1x512", RANDOM_LABELS, NONE): PaperAccuracy(99.34, 10.61),
}
"""Table 1, on CIFAR-10, by network, test and regularisers, in the paper's order."""


RERUN_1A: dict[Randomization, dict[float, float]] = {
    TRUE_LABELS: {0.1: 4.0, 0.01: 5.7},
    SHUFFLED_PIXELS: {0.1: 5.6, 0.01: 6.7},
    GAUSSIAN: {0.1: 8.8, 0.01: 9.9},
    RANDOM_PIXELS: {0.1: 11.9, 0.01: 13.0},
    RANDOM_LABELS: {0.1: 16.6, 0.01: 17.7},
}
"""Thousands of steps until Inception's training loss on all of CIFAR-10 is below 0.1 and below 0.01, by test. The
numbers are those of an independent public re-run of Figure 1a, for which the paper prints none: one seed, batches of
128."""


@dataclass(frozen=True)
class PaperImageNetAccuracy:
    """A row of Table 2, in percent; the best test accuracies along training where the paper gives them."""

    train_top_1: float
    train_top_5: float
    test_top_1: float
    test_top_5: float
    best_top_1: float | None = None
    best_top_5: float | None = None


INCEPTION_V3_DROPOUT = 0.2
"""The dropout of TensorFlow's package, whose settings the paper takes for ImageNet: it keeps activations with
probability 0.8."""

TABLE_2: dict[tuple[Randomization, Augmentation, float, bool], PaperImageNetAccuracy] = {
    (TRUE_LABELS, "resized-crop", INCEPTION_V3_DROPOUT, True): PaperImageNetAccuracy(92.18, 99.21, 77.84, 93.92),
    (TRUE_LABELS, "resized-crop", 0.0, False): PaperImageNetAccuracy(92.33, 99.17, 72.95, 90.43),
    (TRUE_LABELS, "none", 0.0, True): PaperImageNetAccuracy(90.60, 100.0, 67.18, 86.44, 72.57, 91.31),
    (TRUE_LABELS, "none", 0.0, False): PaperImageNetAccuracy(99.53, 100.0, 59.80, 80.38, 63.16, 84.49),
    (RANDOM_LABELS, "none", INCEPTION_V3_DROPOUT, True): PaperImageNetAccuracy(91.18, 97.95, 0.09, 0.49),
    (RANDOM_LABELS, "none", 0.0, True): PaperImageNetAccuracy(87.81, 96.15, 0.12, 0.50),
    (RANDOM_LABELS, "none", 0.0, False): PaperImageNetAccuracy(95.20, 99.14, 0.11, 0.56),
}
"""Table 2, Inception V3 on ImageNet, by test, augmentation, probability of dropout and whether there is weight decay,
in the paper's order."""

TABLE_4: dict[tuple[str, Regularisers], float | None] = {
    ("inception", ("none", True)): 100.0,
    ("alexnet", ("none", True)): None,
    ("mlp-3x512", ("none", True)): 100.0,
    ("mlp-1x512", ("none", True)): 99.21,
    ("inception", ("crop", False)): 99.93,
    ("inception", ("flip-rotate", False)): 99.28,
}
"""Table 4, training accuracy on random labels of CIFAR-10 by network and regularisers; None where the network failed to
converge. The last row is the mean online accuracy on augmented samples. The values are quoted from memory of the
published text."""


def table_1_row(config: RunConfig, test: Randomization) -> PaperAccuracy | None:
    """The paper's accuracies of a run's network and regularisers, on another test maybe, and on all of CIFAR-10 however
    few images the run has; None for what the paper did not measure, and for other optimisers than SGD."""
    training = config.training
    if config.data != "cifar10" or training is None or training.dropout or training.optimizer != "sgd":
        return None
    return TABLE_1.get((config.model, test, (training.augmentation, training.weight_decay > 0)))


def is_papers_size(config: RunConfig) -> bool:
    """Whether a run is on all training images of CIFAR-10."""
    return (config.data, config.n_train) == ("cifar10", PAPER_IMAGES)


@dataclass(frozen=True)
class PaperKernelError:
    """A row of Table 3: the test error in percent, and its setting."""

    test_error: float
    setting: str


TABLE_3: dict[tuple[str, str, bool], PaperKernelError] = {
    ("mnist", "pixels", False): PaperKernelError(1.2, "no preprocessing"),
    ("mnist", "gabor", False): PaperKernelError(0.6, "Gabor wavelets"),
    ("cifar10", "pixels", False): PaperKernelError(46.0, "Gaussian kernel on pixels, all 50,000 images"),
    ("cifar10", "random-convolution", False): PaperKernelError(17.0, "32,000 random filters"),
    ("cifar10", "random-convolution", True): PaperKernelError(15.0, "32,000 random filters, l2 regularisation"),
}
"""Table 3, kernel interpolation, by data set, features, and whether with l2 regularisation."""

KERNEL_NORMS: dict[tuple[str, str], int] = {("mnist", "pixels"): 220, ("mnist", "gabor"): 390}
"""The minimum norm that section 5 states, about, by data set and features."""
