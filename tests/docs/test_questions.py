"""The answers to people's questions: their numbers are those of the records, their commands and links exist."""

import re
import shlex
from functools import cache
from pathlib import Path
from statistics import mean, stdev

import pytest

from empirical.runs.records import Run, read_runs
from theory.label_noise import memorised_accuracy

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "questions.md"


def section(title: str) -> str:
    """The text below a heading, up to the next."""
    _, _, rest = PAGE.read_text().partition(f"## {title}\n")
    assert rest, title
    return re.sub(r"\s+", " ", rest.partition("\n## ")[0])


@cache
def records(folder: str) -> list[Run]:
    """All runs of a folder of results."""
    return read_runs(ROOT / "results" / folder)


def runs_of(folder: str, test: str, model: str = "mlp-1x512", n: int | None = None, **training: object) -> list[Run]:
    """Trained networks of a test, by seed; hyper-parameters at their default where nothing else is asked for."""
    settings = {"weight_decay": 0.0, "augmentation": "none"} | training
    runs = [
        run
        for run in records(folder)
        if run.config.kind == "trained"
        and run.config.experiment == "randomization-tests"
        and (run.config.randomization.name, run.config.model) == (test, model)
        and n in (None, run.config.n_train)
        and all(getattr(run.config.training, name) == value for name, value in settings.items())
    ]
    assert runs, (folder, test, model)
    return sorted(runs, key=lambda run: run.config.seed)


def metrics(folder: str, test: str) -> dict:
    (run,) = runs_of(folder, test)
    return run.summary.metrics


def study(name: str) -> dict:
    (run,) = (run for run in records("digits-theory") if run.path.name.startswith(name))
    return run.summary.metrics


def test_networks_learn_and_memorise():
    text = section("Does fitting random labels at 100% mean that networks do not learn?")
    rows = {
        "true": "true labels",
        "half of them replaced by random ones": "corrupted labels, p = 0.5",
        "all random": "random labels",
    }
    for row, test in rows.items():
        record = metrics("digits", test)
        assert record["train_accuracy"] == 1
        assert f"| {row} | {record['epoch']} | {record['test_accuracy']:.1%}" in text
    half = metrics("digits", "corrupted labels, p = 0.5")
    assert (
        f"labels {half['best_test_accuracy']:.1%} of the new images rightly after {half['best_epoch']} epochs" in text
    )
    (run,) = runs_of("digits", "corrupted labels, p = 0.5")
    (best,) = (epoch for epoch in run.epochs if epoch.epoch == half["best_epoch"])
    assert f"reproduces {best.train_accuracy_unchanged:.1%} of the training labels that are still true" in text
    assert f"and {best.train_accuracy_changed:.1%} of the false ones" in text


def test_no_free_lunch():
    text = section("Is this no free lunch?")
    clean, random = study("bounds_true-labels"), study("bounds_random-labels")
    assert f"On {clean['rademacher']['images']:,} digits" in text
    assert clean["rademacher"]["sign_vectors"] == 5
    assert f"measured as {clean['rademacher']['value']:.2f}" in text
    assert (
        f"errs on {clean['test_error']:.1%} of the new images and for the one that errs on {random['test_error']:.1%}"
        in text
    )
    bounds = [next(bound for bound in record["bounds"] if bound["name"] == "Rademacher") for record in (clean, random)]
    assert bounds[0]["value"] == bounds[1]["value"] >= 1


def test_structure_is_not_enough():
    text = section("Is structure in the data the explanation?")
    record = study("interpolants_true-labels")
    assert record["trained"]["fitted"]
    assert record["explicit"]["fitted"]
    assert f"| trained by SGD | 100% | {record['trained']['test_accuracy']:.1%} |" in text
    assert f"| 100% | {record['explicit']['test_accuracy']:.1%} |" in text
    assert f"still labels {metrics('digits', 'shuffled pixels')['test_accuracy']:.1%} of the new images rightly" in text


def test_memorising_with_true_labels():
    text = section("Does the network with true labels also memorise?")
    for row, folder in (("digits, 1,297 images", "digits"), ("CIFAR-10, 10,000 images", "cifar10-laptop")):
        (half,) = runs_of(folder, "corrupted labels, p = 0.5")
        clean = runs_of(folder, "true labels")[0].summary.metrics["test_accuracy"]
        copied = memorised_accuracy(clean, 0.5, 1 / half.config.num_classes)
        assert f"| {row} | {half.summary.metrics['test_accuracy']:.1%} | {copied:.1%} |" in text
    nearest = study("noise_true-labels")["predictions"]["nearest neighbour"][0]["accuracy"]
    clean = metrics("digits", "true labels")["test_accuracy"]
    assert f"right on {nearest:.1%} of the new images, more than the trained network's {clean:.1%}" in text
    assert nearest > clean


def test_regularisation():
    text = section("Does regularisation explain it?")
    for row, decay in (("no regularisation", 0.0), ("weight decay, 0.0001", 1e-4)):
        clean, random = (
            runs_of("cifar10-laptop", test, weight_decay=decay, n=10_000) for test in ("true labels", "random labels")
        )
        right = [100 * run.summary.metrics["test_accuracy"] for run in clean]
        assert len(right) == len(random) == 3
        assert all(run.summary.metrics["train_accuracy"] == 1 for run in random)
        assert f"| {row} | {mean(right):.2f} ± {stdev(right):.2f}% | 100% |" in text
    plain, crops = (
        runs_of("cifar10-laptop", "true labels", "inception", 1_000, augmentation=augmentation)[0]
        for augmentation in ("none", "crop")
    )
    accuracies = [run.summary.metrics["test_accuracy"] for run in (plain, crops)]
    assert "from {:.1%} to {:.1%} (one seed)".format(*accuracies) in text
    assert plain.config.seed == crops.config.seed


def test_early_stopping():
    text = section("Why does early stopping matter?")
    rows = {"none": "true labels"}
    rows |= {row: f"corrupted labels, p = {p}" for row, p in (("a fifth", 0.2), ("half", 0.5), ("four fifths", 0.8))}
    for row, test in rows.items():
        record = metrics("digits", test)
        best = f"{record['best_test_accuracy']:.1%}, epoch {record['best_epoch']} of {record['epoch']}"
        assert f"| {row} | {record['test_accuracy']:.1%} | {best} |" in text
    gains = [
        run.summary.metrics["best_test_accuracy"] - run.summary.metrics["test_accuracy"]
        for run in runs_of("cifar10-laptop", "true labels", n=10_000)
    ]
    assert len(gains) == 3
    assert f"{100 * mean(gains):.2f} points for MLP 1x512 on 10,000 images" in text


def test_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)\s]+)\)", PAGE.read_text())
    assert len(targets) > 10
    for target in targets:
        assert (PAGE.parent / target).exists(), target


@pytest.mark.parametrize(
    "line", [line for line in PAGE.read_text().splitlines() if line.startswith("python -m empirical.run")]
)
def test_commands_parse(line):
    """The command line's own parser takes every command of the page."""
    import tyro

    from empirical.options import Options

    tyro.cli(Options, args=shlex.split(line, comments=True)[3:])
