"""Records of networks made up for the figures: every curve and outcome is chosen by the test that draws it."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict

from empirical.runs.config import Trained
from empirical.runs.records import Run
from empirical.training.config import TrainingConfig
from empirical.training.epoch_record import EpochRecord
from tests.made_up import made_up_config, made_up_run, outcome

STEPS = 8
"""An epoch's."""


def network_run(
    model: str,
    test: str,
    fit: int | None,
    test_accuracies: Sequence[float],
    *,
    seed: int = 0,
    data: str = "cifar10",
    n_train: int = 1000,
    device: str = "cpu",
    **hyper_parameters,
) -> Run:
    """A run with an epoch for each test accuracy, the first before training.

    From epoch `fit` on every label is fitted, before that a share of epoch / (fit + 1); the loss falls with it.
    """
    training = TrainingConfig(**{"learning_rate": 0.1 if "inception" in model else 0.01} | hyper_parameters)
    config = made_up_config(
        Trained(training),
        test,
        data=data,
        source=f"{data}, made up",
        n_train=n_train,
        train_digest=hashlib.sha256(f"{data} {n_train}".encode()).hexdigest(),
        test_digest=hashlib.sha256(data.encode()).hexdigest(),
        model=model,
        device=device,
        seed=seed,
    )
    last = len(test_accuracies) - 1
    epochs = []
    for epoch, accuracy in enumerate(test_accuracies):
        share = 1.0 if fit is not None and epoch >= fit else epoch / (last + 1 if fit is None else fit + 1)
        loss = 2.3 * (1 - share) if share < 1 else 0.01 / max(epoch, 1)
        measured = {"train_loss": loss, "train_accuracy": share, "test_loss": 1.0, "test_accuracy": accuracy}
        epochs.append(
            EpochRecord(
                epoch=epoch,
                step=STEPS * epoch,
                learning_rate=0.1,
                train_accuracy_clean_labels=share,
                seconds=epoch,
                online_accuracy=0.9 * share,
                online_loss=loss + 0.1 if epoch else None,
                **measured,
                train_accuracy_changed=None,
                train_accuracy_unchanged=None,
            )
        )
    final, best = epochs[-1], max(epochs, key=lambda epoch: epoch.test_accuracy)
    metrics = {
        "parameters": 7,
        "fitted": final.fitted,
        **{name: value for name, value in asdict(final).items() if name != "seconds"},
        "best_test_accuracy": best.test_accuracy,
        "best_epoch": best.epoch,
        **outcome(test_accuracies[-1], seed),
    }
    return made_up_run(config, metrics, epochs)


def rise(to: float, epochs: int, peak: float = 0.0) -> list[float]:
    """Test accuracies from chance to a value, in hundredths; on the way there `peak` above it."""
    middle = [0.1 + (to + peak - 0.1) * min(1, 4 * epoch / epochs) for epoch in range(1, epochs)]
    return [round(value, 2) for value in (0.1, *middle, to)]


def paper_runs() -> list[Run]:
    """What the experiments of the paper's tables and figures would record at a small scale, with two seeds of some."""
    runs = []
    for model, clean, slow, rate, n_train in (
        ("inception", 0.45, 20, 1.2, 1000),
        ("alexnet", 0.4, 15, 2.0, 2000),
        ("mlp-1x512", 0.3, 30, 3.0, 10_000),
    ):
        for seed in (0, 1):
            for p in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
                test = {0.0: "true-labels", 1.0: "random-labels"}.get(p, f"corrupted-{p:g}")
                fit = round(slow * (1 + rate * p)) + seed
                end = round(clean + (0.1 - clean) * p, 2)
                goes_on = p == 0 and model == "inception"
                epochs = 80 if goes_on else fit
                fits = (model, p, seed) != ("mlp-1x512", 1.0, 1)
                runs.append(
                    network_run(
                        model,
                        test,
                        fit if fits else None,
                        rise(end, epochs, 0.03 if p < 1 else 0.0),
                        seed=seed,
                        n_train=n_train,
                        min_steps=STEPS * epochs if goes_on else 0,
                    )
                )
    for test, fit in (("shuffled-pixels", 22), ("random-pixels", 30), ("gaussian", 25)):
        runs.append(network_run("inception", test, fit, rise(0.2, fit)))
    runs.append(network_run("inception-no-bn", "true-labels", 40, rise(0.41, 80, 0.05), min_steps=STEPS * 80))
    decay, crop = {"weight_decay": 1e-4}, {"augmentation": "crop"}
    for settings, end in ((decay, 0.46), (crop, 0.52), (decay | crop, 0.53)):
        runs.append(network_run("inception", "true-labels", 40, rise(end, 45), **settings))
    runs.append(network_run("inception", "random-labels", 70, rise(0.1, 70), **decay))
    runs.append(network_run("inception", "random-labels", None, rise(0.1, 70), **crop))
    runs.append(network_run("alexnet", "random-labels", None, rise(0.1, 70), n_train=2000, **decay))
    return runs
