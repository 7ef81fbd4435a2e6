"""A network that an earlier run trained, found by the run's configuration: for experiments about trained networks."""

import copy
import shlex
from pathlib import Path

from torch import nn

from empirical.randomization import RandomizedDataset
from empirical.runs.checkpoint import load_weights
from empirical.runs.config import RunConfig, trained_run
from empirical.runs.preparation import prepare
from empirical.runs.records import RunDirectory
from empirical.training.data import ResidentData


def load_trained(
    config: RunConfig, randomized: RandomizedDataset, records: Path
) -> tuple[nn.Module, nn.Module, ResidentData]:
    """Load the trained network, the same network at its initialisation, and its data; both networks are in evaluation
    mode.

    Arguments:
        config: any run with the hyper-parameters, network, images, labels and seed of the trained one.
        randomized: the run's data.
        records: the directory of all records.

    Raises ValueError, saying what to run, if no finished run of that network left its weights there.
    """
    trained = trained_run(config)
    command = (
        f"python -m empirical.run --data {trained.data} --model {trained.model} "
        f"--tests {shlex.quote(trained.randomization.option)} --seed {trained.seed} --train-size {trained.n_train} "
        f"--test-size {trained.n_test} --out {records}"
    )
    directory = RunDirectory(records, trained)
    if not directory.finished:
        raise ValueError(
            f"no finished run {trained.directory_name} under {records}: it trains the network that this is about; "
            f"{command}, with the same hyper-parameters"
        )
    try:
        weights = load_weights(directory.path / "checkpoint.pt", trained.hash)
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(f"{directory.path} has no weights that can be read ({error}): {command} --rerun") from error
    initial, data = prepare(trained, randomized)
    network = copy.deepcopy(initial)
    network.load_state_dict(weights)
    return network.eval(), initial.eval(), data
