"""The name of a feature map, taken apart."""

from dataclasses import dataclass

RANDOM_CONVOLUTION = "random-convolution"

STANDARDISED = "standardised-"


@dataclass(frozen=True)
class FeatureName:
    """What the name of a feature map says.

    Attributes:
        family: the name without the number of filters and without the standardisation.
        filters: the number of filters of a random convolutional network; None for other features.
        standardised: whether each feature has mean 0 and deviation 1 over the training images.
    """

    family: str
    filters: int | None = None
    standardised: bool = False

    @classmethod
    def parse(cls, name: str) -> "FeatureName":
        """The parts of `name`, whether or not there are such features."""
        plain = name.removeprefix(STANDARDISED)
        family, _, number = plain.rpartition("-")
        if family == RANDOM_CONVOLUTION and number.isdigit():
            return cls(family, int(number), name != plain)
        return cls(plain, None, name != plain)
