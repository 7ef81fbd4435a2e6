"""The scales at which the paper's tables and figures are run.

A scale changes how many images and how many steps, never what an experiment is. `paper` is the paper's own: all images,
a GPU's work. `laptop` is a reduction that two cores finish and that still decides the claims: networks that fit random
labels, regularisers that help or do not, all on the first images of the same data. `smoke` shows that the programs work
and decides nothing.
"""

from dataclasses import dataclass
from typing import Literal

from empirical.models import find_network
from empirical.studies.capacity import ENOUGH_STEPS
from empirical.training.schedule import CIFAR_10

Scale = Literal["smoke", "laptop", "paper"]
Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class Reduction:
    """Limits of the numbers of images and steps; None for all images, and for the steps of the schedule.

    `epochs_per_train_evaluation` is as in `TrainingConfig`.
    """

    n_train: int | None
    n_test: int | None
    max_steps: int | None
    epochs_per_train_evaluation: int = 1


_WHOLE = Reduction(None, None, None, epochs_per_train_evaluation=10)
_SMOKE = Reduction(160, 80, 4)


def reduction(scale: Scale, model: str) -> Reduction:
    """The numbers of images and steps of a network at this scale."""
    if scale == "paper":
        return _WHOLE
    if scale == "smoke":
        return _SMOKE
    network = find_network(model)
    return Reduction(network.laptop_images, network.laptop_images, network.laptop_steps)


def capacity_steps(scale: Scale) -> int:
    """The limit of steps in which a network must fit its labels for `capacity`: seconds on one core at laptop scale."""
    return {"smoke": 400, "laptop": ENOUGH_STEPS, "paper": CIFAR_10.max_steps}[scale]


def dynamics_images(scale: Scale) -> tuple[int, int]:
    """Numbers of training and test images for `dynamics`: H-infinity's spectrum takes n^3, a step n times the width."""
    return {"smoke": (40, 40), "laptop": (250, 1000), "paper": (1000, 10_000)}[scale]


def distance_images(scale: Scale) -> tuple[int | None, int | None]:
    """Numbers of training and test images for `distance`, None for all: of few images an epoch has few steps, so that
    the step at which the loss starts to fall is seen.
    """
    return {"smoke": (160, 80), "laptop": (1000, 1000), "paper": (None, None)}[scale]


@dataclass(frozen=True)
class MemorisationSizes:
    """Numbers of images, of networks on random subsets and on chosen images, and the steps of each network."""

    n_train: int
    n_test: int
    networks: int
    networks_without: int
    steps: int


def memorisation_sizes(scale: Scale) -> MemorisationSizes:
    """What `memorisation` trains; at the paper's scale 2,000 networks on subsets, as Feldman and Zhang do at least."""
    return {
        "smoke": MemorisationSizes(60, 30, 12, 2, 10),
        "laptop": MemorisationSizes(2_000, 2_000, 1_000, 20, 600),
        "paper": MemorisationSizes(60_000, 10_000, 2_000, 100, 60_000),
    }[scale]


def double_descent_images(scale: Scale) -> tuple[int, int]:
    """Numbers of training and test images for `double-descent`: the spectra take n^3; Belkin et al. take 10,000."""
    return {"smoke": (40, 40), "laptop": (2000, 2000), "paper": (10_000, 10_000)}[scale]


def gaussian_draws(scale: Scale) -> int:
    """How often `double-descent` draws its Gaussian features, which are as many at every scale: enough at laptop scale
    to hold the risk to a quarter of itself; the record at the paper's has 40."""
    return {"smoke": 40, "laptop": 1000, "paper": 40}[scale]


def network_double_descent_images(scale: Scale) -> tuple[int, int]:
    """Numbers of training and test images for `network-double-descent`; Belkin et al. take 4,000 of MNIST."""
    return {"smoke": (20, 20), "laptop": (150, 1000), "paper": (4000, 10_000)}[scale]


def order_sizes(scale: Scale) -> tuple[int | None, int | None, int]:
    """Numbers of training and test images for `order`, None for all, and the limit of steps: networks fit digits long
    before it.
    """
    return {"smoke": (60, 30, 20), "laptop": (2_000, 2_000, 20_000), "paper": (None, None, CIFAR_10.max_steps)}[scale]


@dataclass(frozen=True)
class PacBayesSizes:
    """Numbers of images, steps of the network, steps of the posterior, answers drawn for the bound at least."""

    n_train: int
    n_test: int
    training_steps: int
    steps: int
    answers: int


def pac_bayes_sizes(scale: Scale) -> PacBayesSizes:
    """What `pac-bayes` takes; at the paper's scale the images and the 20 and 1,000 epochs of Dziugaite and Roy."""
    return {
        "smoke": PacBayesSizes(60, 30, 10, 6, 300),
        "laptop": PacBayesSizes(10_000, 10_000, 3_000, 2_000, 100_000),
        "paper": PacBayesSizes(55_000, 10_000, 8_600, 430_000, 550_000),
    }[scale]


def bits_steps(scale: Scale) -> int:
    """The steps on each size of data for `bits`; Morris et al. take a million."""
    return {"smoke": 5, "laptop": 1000, "paper": 1_000_000}[scale]
