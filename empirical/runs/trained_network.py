"""A network that an earlier run trained, found again by what the run is: for experiments about trained networks."""

import copy
import pickle
from pathlib import Path

import torch
from torch import nn

from empirical.randomization import Randomization, RandomizedDataset
from empirical.runs.config import RunConfig, trained_run
from empirical.runs.preparation import prepare
from empirical.training.data import ResidentData


def load_trained(
    config: RunConfig, randomized: RandomizedDataset, records: Path
) -> tuple[nn.Module, nn.Module, ResidentData]:
    """The trained network, the same at its initialisation, and the data it was trained on; both in evaluation mode.

    Arguments:
        config: any run with the hyper-parameters, network, images, labels and seed of the trained one.
        randomized: its data.
        records: the directory of all records.

    Raises ValueError, saying what to run, if no finished run of that network left its weights there.
    """
    trained = trained_run(config)
    command = (
        f"python -m empirical.run --data {trained.data} --model {trained.model} "
        f"--tests {_test(trained.randomization)} --seed {trained.seed} --train-size {trained.n_train} "
        f"--test-size {trained.n_test} --out {records}"
    )
    found = next((path.parent for path in sorted(records.glob(f"*_{trained.hash}/summary.json"))), None)
    if found is None:
        raise ValueError(
            f"no finished run {trained.directory_name} under {records}: it trains the network that this is about; "
            f"{command}, with the same hyper-parameters"
        )
    try:
        weights = torch.load(found / "checkpoint.pt", map_location="cpu", weights_only=True)["model"]
    except (OSError, KeyError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(f"{found} has no weights that can be read ({error}): {command} --rerun") from error
    initial, data = prepare(trained, randomized)
    network = copy.deepcopy(initial)
    network.load_state_dict(weights)
    return network.eval(), initial.eval(), data


def _test(randomization: Randomization) -> str:
    """As it is typed (`randomization.parse_test`)."""
    if randomization.pixels == "gaussian":
        return "gaussian"
    if randomization.pixels != "original":
        return f"{randomization.pixels}-pixels"
    noise = randomization.label_noise
    return {0.0: "true-labels", 1.0: "random-labels"}.get(noise, f"corrupted-{noise:g}")
