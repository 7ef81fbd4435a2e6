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
