"""The named experiments, in the order in which they are listed.

Runs of trained networks are recorded under one name whatever experiment asks for them: two experiments that need the
same run share it.
"""

from empirical.experiments.bits import BITS
from empirical.experiments.capacity import CAPACITY
from empirical.experiments.distance import STEPS_AGAINST_DISTANCE
from empirical.experiments.double_descent import DOUBLE_DESCENT, NETWORK_DOUBLE_DESCENT
from empirical.experiments.dynamics import DYNAMICS
from empirical.experiments.experiment import Experiment
from empirical.experiments.kernels import KERNELS
from empirical.experiments.measures import MEASURES
from empirical.experiments.memorisation import MEMORISATION
from empirical.experiments.noise import NOISE
from empirical.experiments.order import ORDER
from empirical.experiments.pac_bayes import PAC_BAYES
from empirical.experiments.paper import FIGURE_1, FIGURE_2, TABLE_1, TABLE_2, TABLE_4
from empirical.experiments.randomization_tests import RANDOMIZATION_TESTS
from empirical.experiments.studied_networks import BOUNDS, INTERPOLANTS
from theory.common.names import nearest_name

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        *(RANDOMIZATION_TESTS, FIGURE_1, FIGURE_2, TABLE_1, TABLE_2, TABLE_4),
        *(KERNELS, CAPACITY, BOUNDS, DYNAMICS, STEPS_AGAINST_DISTANCE, NOISE, INTERPOLANTS),
        *(ORDER, MEMORISATION, DOUBLE_DESCENT, NETWORK_DOUBLE_DESCENT, PAC_BAYES, MEASURES, BITS),
    )
}
"""The experiments by name."""


def find_experiment(name: str) -> Experiment:
    """The experiment called `name`; ValueError with the nearest match if there is none."""
    if name not in EXPERIMENTS:
        raise ValueError(f"experiment (NAME): {nearest_name(name, EXPERIMENTS)}")
    return EXPERIMENTS[name]
