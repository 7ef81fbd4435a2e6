"""How long the paper trains on a data set, how fast the step size falls there, and how strong weight decay is."""

import math
from dataclasses import dataclass, replace

from empirical.training.config import TrainingConfig


@dataclass(frozen=True)
class Schedule:
    """A factor on the step size every so many steps, and a limit of steps.

    Attributes:
        learning_rate_decay, decay_steps: the factor, and after how many steps of a batch of 128 it comes.
        max_steps: the limit of steps for a run that does not fit its labels.
        weight_decay: the coefficient of runs with weight decay; the paper does not state it.
    """

    learning_rate_decay: float
    decay_steps: int
    max_steps: int
    weight_decay: float

    @property
    def decay(self) -> tuple[float, int]:
        """The factor and its steps."""
        return self.learning_rate_decay, self.decay_steps

    def applied(self, training: TrainingConfig) -> TrainingConfig:
        """These hyper-parameters with this decay."""
        return replace(training, learning_rate_decay=self.learning_rate_decay, decay_steps=self.decay_steps)


CIFAR_10 = Schedule(TrainingConfig.learning_rate_decay, TrainingConfig.decay_steps, TrainingConfig.max_steps, 1e-4)
"""The paper's schedule (appendix A): 0.95 an epoch of 391 steps. The limit is ours: 153 epochs. Weight decay is the
default of the authors' release."""

IMAGENET = Schedule(0.94, 2 * 10_009, 100 * 10_009, 4e-5)
"""The schedule of Inception V3: 0.94 every two epochs of 10,009 steps, for 100 epochs (Szegedy et al. 2016, section 8).
Weight decay is that of TensorFlow's package, whose settings the paper takes."""


PAPER_STEPS = 25_000
"""The steps of the paper's figure 1a. The paper states no other length of its CIFAR-10 runs."""

PAPER_IMAGES = 50_000
"""Training images of CIFAR-10."""


def sum_of_step_sizes(training: TrainingConfig, steps: int) -> float:
    """The sum of eta_t over the first `steps` steps: geometric, a term for every `decay_steps` of them."""
    whole, rest = divmod(steps, training.decay_steps)
    factor, rate = training.learning_rate_decay, training.step_size
    try:
        decays = float(whole) if factor == 1 else (1 - factor**whole) / (1 - factor)
        return rate * (training.decay_steps * decays + rest * factor**whole)
    except OverflowError:  # steps that grow without bound
        return math.inf


def total_decay(training: TrainingConfig, steps: int) -> float:
    """The power of e by which weight decay alone shrinks the weights over `steps` steps of SGD.

    A step with coefficient c takes away eta_t c w, and momentum m repeats it 1 / (1 - m) times in all:
    c sum_t eta_t / (1 - m).
    """
    if not training.weight_decay:
        return 0.0
    return training.weight_decay * sum_of_step_sizes(training, steps) / (1 - training.momentum)


def papers_total_decay(learning_rate: float, schedule: Schedule = CIFAR_10) -> float:
    """The total decay of the paper's schedule from this step size: `PAPER_STEPS` steps with the release's coefficient.

    On another schedule all steps count.
    """
    training = schedule.applied(TrainingConfig(learning_rate=learning_rate, weight_decay=schedule.weight_decay))
    return total_decay(training, PAPER_STEPS if schedule is CIFAR_10 else schedule.max_steps)


def is_the_papers(training: TrainingConfig) -> bool:
    """Whether the step size falls as on one of the paper's data sets: on CIFAR-10 by the epoch, whatever the batch."""
    by_the_epoch = CIFAR_10.learning_rate_decay, -(-PAPER_IMAGES // training.batch_size)
    return decay_of(training) in (CIFAR_10.decay, by_the_epoch, IMAGENET.decay)


def decay_of(training: TrainingConfig) -> tuple[float, int]:
    """The factor on the step size, and after how many steps it comes."""
    return training.learning_rate_decay, training.decay_steps
