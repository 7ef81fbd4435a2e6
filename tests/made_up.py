"""Runs made up to lie on either side of a rule: built and read as recorded ones are, by the code of `runs`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from empirical.outcome import outcome_on_test
from empirical.randomization import parse_test
from empirical.runs.config import Explicit, KernelRun, RunConfig, RunKind, StudyRun, Trained
from empirical.runs.records import Run, RunDirectory, run_from
from empirical.training.epoch_record import EpochRecord

LABELS = np.repeat(np.arange(10), 100)


def made_up_config(what: RunKind, test: str = "true-labels", **changes: Any) -> RunConfig:
    """A run of this kind on 500 training and 1,000 test images of ten classes, but for the changes."""
    match what:
        case Trained():
            experiment, model = "randomization-tests", "mlp-1x512"
        case Explicit():
            experiment, model = "randomization-tests", "theorem-1"
        case KernelRun(kernel):
            experiment, model = "kernels", kernel.name
        case StudyRun(study, training):
            experiment, model = "", "mlp-1x512" if training else study.name
    config = RunConfig(
        experiment=experiment,
        what=what,
        data="digits",
        source="made up for this test",
        n_train=500,
        n_test=1000,
        num_classes=10,
        train_digest="a",
        test_digest="b",
        randomization=parse_test(test),
        model=model,
        model_source="",
        optimizer_source="",
        crop=28,
        device="cpu",
        seed=0,
    )
    return replace(config, **{"experiment": experiment or config.kind} | changes)


def made_up_run(config: RunConfig, metrics: dict[str, Any], epochs: Sequence[EpochRecord] = ()) -> Run:
    """The finished run as it is read back from its record."""
    summary = {"metrics": metrics, "time": {"seconds": 1.0}, "environment": {}}
    record = {"config": config.recorded(), "epochs": list(map(asdict, epochs)), "summary": summary}
    return run_from(Path(config.directory_name), json.loads(json.dumps(record)))


def write_run(run: Run, root: Path) -> None:
    """Put it on disk, as a finished run is."""
    directory = RunDirectory(root, run.config)
    with directory.claim():
        for epoch in run.epochs:
            directory.append(epoch)
        directory.finish(run.summary.metrics, run.summary.time)


def outcome(accuracy: float, seed: int = 0) -> dict[str, object]:
    """What is recorded of a test set of 1,000 images in 10 classes.

    As many hits in every class, on images drawn by the seed; the wrong ones spread over the other classes.
    """
    random = np.random.default_rng([seed, round(1000 * accuracy)])
    right = round(100 * accuracy)
    predictions = []
    for label in range(10):
        wrong = np.repeat(np.delete(np.arange(10), label), (100 - right) // 9)
        rest = np.full(100 - right - len(wrong), (label + 1) % 10)
        predictions.append(random.permutation(np.concatenate([np.full(right, label), wrong, rest])))
    return {"test_accuracy": right / 100, **outcome_on_test(np.concatenate(predictions), LABELS, 10)}
