"""Runs that are compared with one another, of whatever experiment."""

from dataclasses import dataclass

from empirical.claims.seeds import seeds_in_words
from empirical.randomization import Randomization
from empirical.runs.config import RunConfig
from empirical.runs.records import Run


@dataclass(frozen=True, eq=False)
class Results:
    """Runs that share all but what they are compared by.

    Attributes:
        config: the configuration of one run, which stands for what all runs share.
        runs: the runs.
    """

    config: RunConfig
    runs: tuple[Run, ...]

    @property
    def data(self) -> str:
        """The name of the images or tokens that the claims are about."""
        return self.config.data

    @property
    def training_images(self) -> int | None:
        """How many training images there are; None where it is not a single number."""
        return self.config.n_train

    @property
    def seeds(self) -> list[int]:
        """The seeds, rising."""
        return sorted({run.config.seed for run in self.runs})

    @property
    def chance(self) -> float:
        """Accuracy of guessing, 1/k."""
        return 1 / self.config.num_classes

    def on(self, test: Randomization) -> Run | None:
        """The first run on this test."""
        return next((run for run in self.runs if run.config.randomization == test), None)

    @property
    def images(self) -> str:
        """The images, for captions."""
        return f"{self.config.data}, {self.config.n_train:,} training and {self.config.n_test:,} test images"

    @property
    def setting(self) -> str:
        """What was done with the images, for captions; "" where that needs no words."""
        return ""

    @property
    def repetitions(self) -> str:
        """How often it was done, for captions."""
        return seeds_in_words(self.seeds)

    @property
    def devices(self) -> str:
        """Where it was done, for captions."""
        return " and ".join(sorted({run.config.device for run in self.runs}))

    @property
    def scale(self) -> str:
        """What the results come from, for captions."""
        return "; ".join(filter(None, [self.images, self.setting, self.repetitions, self.devices]))
