"""The paper's own numbers (Zhang et al. 2017), in percent, to hold results against."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PaperAccuracy:
    """A row of Table 1: training and test accuracy in percent."""

    train: float
    test: float


TABLE_1: dict[tuple[str, str], PaperAccuracy] = {
    ("mlp-1x512", "true labels"): PaperAccuracy(100.0, 50.51),
    ("mlp-1x512", "random labels"): PaperAccuracy(99.34, 10.61),
    ("mlp-3x512", "true labels"): PaperAccuracy(100.0, 52.39),
    ("mlp-3x512", "random labels"): PaperAccuracy(100.0, 10.48),
}
"""CIFAR-10, no random crop, no weight decay; by network and test."""


@dataclass(frozen=True)
class PaperKernelError:
    """A row of Table 3: test error in percent, and what it is of."""

    test_error: float
    setting: str


TABLE_3: dict[tuple[str, str, bool], PaperKernelError] = {
    ("mnist", "pixels", False): PaperKernelError(1.2, "no preprocessing"),
    ("mnist", "gabor", False): PaperKernelError(0.6, "Gabor wavelets"),
    ("cifar10", "pixels", False): PaperKernelError(46.0, "Gaussian kernel on pixels, all 50,000 images"),
    ("cifar10", "random-convolution", False): PaperKernelError(17.0, "32,000 random filters"),
    ("cifar10", "random-convolution", True): PaperKernelError(15.0, "32,000 random filters, l2 regularisation"),
}
"""Kernel interpolation; by data set, features, and whether with l2 regularisation."""
