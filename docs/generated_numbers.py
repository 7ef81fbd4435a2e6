"""Numbers in the pages, generated from the committed records: `python docs/generated_numbers.py` rewrites them.

A page marks a place with `<!-- numbers: NAME -->` and `<!-- end of numbers -->`; what stands between is replaced by
what the function NAME of this file returns. With `--check` nothing is changed, and a page that differs is an error.
"""

import io
import re
import statistics
import sys
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console

from empirical.claims.bits import input_dimension, is_transformer, parameters_of, points_of, steps_of
from empirical.claims.claim import NEEDS_OTHER_RUNS
from empirical.claims.kernels import kernel_of
from empirical.claims.paper import NONE, TABLE_1
from empirical.claims.paper_tables import TableRow, table_1, table_4
from empirical.claims.randomization_tests import explicit_regularisers, length_in_words, result_sets
from empirical.claims.seeds import seeds_in_words
from empirical.claims.studies import COMPARISONS
from empirical.models import default_initialization
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS
from empirical.report.console import results_table
from empirical.runs.records import Run, read_runs
from empirical.runs.studies import BitsConfig, MeasuresConfig, MemorisationConfig, OrderConfig
from empirical.training.schedule import PAPER_IMAGES, is_the_papers
from theory.memorisation import theorem_1_bits

_CONSISTENT = 0.25  # points of accuracy
_ROUNDED = 0.05  # bits a parameter: numbers of sequences are whole
_BEYOND = ("order", "memorisation", "double-descent", "network-double-descent", "pac-bayes", "measures", "bits")

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
_PLACE = re.compile(r"(<!-- numbers: (\S+) -->\n).*?(<!-- end of numbers -->)", re.DOTALL)
_NAMES = {
    "inception": "Inception",
    "inception-no-bn": "Inception without batch norm",
    "alexnet": "AlexNet",
    "mlp-3x512": "MLP 3x512",
    "mlp-1x512": "MLP 1x512",
}


def records(*folders: str) -> list[Run]:
    """The runs of these folders of `results/`; an absent folder has none."""
    return [
        run
        for folder in folders
        if (ROOT / "results" / folder).is_dir()
        for run in read_runs(ROOT / "results" / folder)
    ]


def main_job() -> str:
    """What the main job prints about its runs."""
    (results,) = result_sets(records("digits"))
    console = Console(file=io.StringIO(), width=100, color_system=None)
    console.print(results_table(results, narrow=True))
    lines = console.file.getvalue().rstrip().splitlines()  # type: ignore[attr-defined]
    return "```text\n" + "\n".join(line.rstrip() for line in lines) + "\n```\n"


def table_1_and_4() -> str:
    """Tables 1 and 4 of the paper beside ours, one table for each number of training images, the largest first."""
    runs = records("cifar10-paper-size", "cifar10", "cifar10-alexnet", "cifar10-laptop")
    sizes = sorted({run.config.n_train for run in runs if run.config.kind == "trained"}, reverse=True)
    parts = []
    for n in sizes:
        some = [run for run in runs if run.config.n_train == n]
        rows = {
            (row.model, row.test, row.regularisers): row
            for table in (table_1, table_4)
            for row in table(some)
            if row.runs
        }
        if rows:
            parts.append(f"**{n:,} training images**\n\n" + _accuracies(rows.values()))
    return "\n".join(parts)


def _accuracies(rows: Iterable[TableRow]) -> str:
    lines = ["network, regularisers | labels | seeds | epochs | train | test | the paper: train | test"]
    for row in rows:
        epochs = sorted({run.summary.metrics["epoch"] for run in row.runs})
        name = ", ".join(filter(None, [_NAMES.get(row.model, row.model), row.regularisers_in_words]))
        paper = ["—" if value is None else f"{value:.2f}" for value in (row.paper_train, row.paper_test)]
        cells = [
            name,
            row.test.name.removesuffix(" labels"),
            ", ".join(str(seed) for seed in sorted(run.config.seed for run in row.runs)),
            " to ".join(str(epoch) for epoch in dict.fromkeys((epochs[0], epochs[-1]))),
            str(row.shown_train),
            str(row.test_accuracy),
            *paper,
        ]
        lines.append(" | ".join(cells))
    return _markdown(lines)


def kernels() -> str:
    """Kernel fits of CIFAR-10 and of Fashion-MNIST and MNIST, where they are recorded: interpolants, and ridge fits."""
    lines = [
        "data | images | test images | kernel | features | labels | interpolant or ridge | train error | test error "
        "| norm"
    ]
    folders = (
        "mnist-kernels",
        "mnist-kernels-10000",
        "mnist-kernels-whole",
        "fashion-mnist-kernels",
        "cifar10-kernels",
        "cifar10-bandwidths",
        "cifar10-filters",
    )
    for run in sorted(records(*folders), key=_kernel_order):
        kernel, metrics = kernel_of(run), run.summary.metrics
        if kernel.interpolant == "minimum-norm" and 0 < _level(run) < 1:
            continue  # the figure shows the levels between
        forced = "random labels forced on the test images" if kernel.interpolant == "forced-test-labels" else ""
        ridge = f"ridge {kernel.ridge:g}" if kernel.ridge else ""  # such a fit is no interpolant of minimum norm
        cells = [
            run.config.data,
            f"{run.config.n_train:,}",
            f"{run.config.n_test:,}",
            f"gaussian, {kernel.bandwidth:g}" if kernel.kernel == "gaussian" else kernel.kernel,
            kernel.features,
            run.config.randomization.name.removesuffix(" labels"),
            ", ".join(filter(None, [forced, ridge])) or "minimum norm",
            f"{1 - metrics['train_accuracy']:.2%}",
            f"{1 - metrics['test_accuracy']:.2%}",
            f"{metrics['norm']:.1f}",
        ]
        lines.append(" | ".join(cells))
    return _markdown(lines)


def _level(run: Run) -> float:
    return run.config.randomization.corruption or 0.0


def _kernel_order(run: Run) -> tuple[object, ...]:
    kernel = kernel_of(run)
    number = kernel.features.rpartition("-")[2]
    features = kernel.features if not number.isdigit() else f"{kernel.features.rpartition('-')[0]}-{int(number):06}"
    return (
        run.config.data,
        -run.config.n_train,
        features,
        kernel.kernel,
        kernel.bandwidth,
        kernel.interpolant != "minimum-norm",
        kernel.ridge,
        _level(run),
    )


def _markdown(lines: list[str]) -> str:
    header, *rows = lines
    return "\n".join(f"| {line} |" for line in [header, " | ".join(["---"] * len(header.split(" | "))), *rows]) + "\n"


def hours() -> str:
    """How long the recorded runs took, by network, number of images and labels."""
    folders = "cifar10-paper-size", "cifar10", "cifar10-batch-sizes", "cifar10-alexnet", "cifar10-laptop"
    runs = [run for run in records(*folders) if run.config.training]
    names = {TRUE_LABELS: "true", RANDOM_LABELS: "random"}

    def key(run: Run) -> tuple[int, str, str]:
        return (
            -run.config.n_train,
            run.config.model,
            names.get(run.config.randomization, "partly corrupted, or true with changed pixels"),
        )

    lines = ["network | images | labels | runs | median minutes a run | longest"]
    for (n, model, labels), group in groupby(sorted(runs, key=key), key):
        minutes = sorted(run.summary.time["seconds"] / 60 for run in group)
        name, median = _NAMES.get(model, model), statistics.median(minutes)
        lines.append(f"{name} | {-n:,} | {labels} | {len(minutes)} | {median:.0f} | {minutes[-1]:.0f}")
    return _markdown(lines)


def batch_sizes() -> str:
    """Train accuracy on 50,000 random labels by the size of batches, beside the paper's; from Glorot's weights."""
    accuracies: dict[str, dict[int, list[float]]] = {}
    for run in records("cifar10-batch-sizes", "cifar10-paper-size", "cifar10"):
        config, training = run.config, run.config.training
        if training is None or (config.n_train, config.randomization) != (PAPER_IMAGES, RANDOM_LABELS):
            continue
        plain = is_the_papers(training) and not explicit_regularisers(training)
        if plain and training.initialization == default_initialization(config.model):
            sizes = accuracies.setdefault(config.model, {})
            sizes.setdefault(training.batch_size, []).append(100 * run.summary.metrics["train_accuracy"])
    lines = ["network | the paper | ours, by images a batch | consistent"]
    for model, sizes in accuracies.items():
        paper = TABLE_1.get((model, RANDOM_LABELS, NONE))
        if paper is None:
            continue
        means = {size: sum(values) / len(values) for size, values in sorted(sizes.items())}
        ours = ", ".join(f"{size}: {mean:.2f}%" for size, mean in means.items())
        near = [str(size) for size, mean in means.items() if abs(mean - paper.train) <= _CONSISTENT]
        lines.append(f"{_NAMES[model]} | {paper.train:g}% | {ours} | {', '.join(near) or 'none of these'}")
    return _markdown(lines) if len(lines) > 1 else "No such run is recorded yet.\n"


def beyond() -> str:
    """The verdict of every claim beyond the paper, by its data, their size and the seed."""
    runs = records(*(folder.name for folder in sorted((ROOT / "results").iterdir())))
    verdicts: dict[str, dict[str, dict[str, list[int]]]] = {}
    for comparison in map(COMPARISONS.__getitem__, _BEYOND):
        for results in comparison.results(runs):
            for finding in comparison.compare(results):
                evidence = finding.evidence
                if evidence.reason == NEEDS_OTHER_RUNS:
                    continue  # such records were not made for this claim
                by_data = verdicts.setdefault(finding.claim.statement, {}).setdefault(_data(results), {})
                by_data.setdefault(evidence.verdict, []).extend(getattr(results, "seeds", [results.config.seed]))
    lines = ["claim | data | verdicts"]
    for statement, by_data in verdicts.items():
        for data, seeds in by_data.items():
            said = "; ".join(f"{verdict} ({seeds_in_words(some)})" for verdict, some in seeds.items())
            lines.append(f"{statement} | {data} | {said}")
    return _markdown(lines)


def _data(results: Any) -> str:
    """What a set of runs beyond the paper is of, as a reader tells it from others."""
    config, study = results.config, results.config.study
    if isinstance(study, BitsConfig):
        return "transformers on uniform tokens"
    words = [config.data, f"{config.n_train:,} images"]
    if isinstance(study, OrderConfig):
        words.append(f"radius {study.radius:g}")
    if isinstance(study, MemorisationConfig):
        words.append(f"{study.networks:,} networks")
    if isinstance(study, MeasuresConfig):
        words.append(f"{config.model}, {length_in_words(config.hyper_parameters)}, {len(results.runs)} networks")
    return ", ".join(words)


def bits() -> str:
    """Bits that networks memorised, by the steps that they were trained for on each size of data."""
    runs = sorted(records("bits"), key=lambda run: (is_transformer(run), parameters_of(run), steps_of(run)))
    offered = [f"{share:g}" for share in runs[-1].config.study_of(BitsConfig).offered]
    lines = [
        f"network | parameters | steps | memorised of {', '.join(offered)} bits a parameter "
        "| Theorem 1's network of as many weights"
    ]
    for run in runs:
        p, points = parameters_of(run), points_of(run)
        shares = ", ".join(f"{point['memorised_bits'] / p:.2f}" for point in points)
        most = points[-1]["offered_bits"] / p
        fewer = f" (of {most:.2f})" if abs(most - float(offered[-1])) > _ROUNDED else ""
        d = input_dimension(run)
        built = f"{theorem_1_bits(p, d, run.config.num_classes) / p:.2f}" if d else ""
        data = "" if is_transformer(run) else f" on {run.config.data}"
        lines.append(f"{run.config.model}{data} | {p:,} | {steps_of(run):,} | {shares}{fewer} | {built}")
    return _markdown(lines)


NUMBERS: dict[str, Callable[[], str]] = {
    function.__name__.replace("_", "-"): function
    for function in (main_job, table_1_and_4, kernels, hours, batch_sizes, beyond, bits)
}


def renewed(text: str) -> str:
    """The page with every marked place as the records give it. KeyError for a place of unknown name."""
    return _PLACE.sub(lambda place: place.group(1) + NUMBERS[place.group(2)]() + place.group(3), text)


def main(arguments: list[str]) -> int:
    """Rewrite the pages, or with --check only compare; returns the exit status."""
    stale = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        new = renewed(text)
        if new != text:
            stale.append(page.relative_to(ROOT))
            if "--check" not in arguments:
                page.write_text(new, encoding="utf-8")
    for name in stale:
        print(
            f"{name}: "
            + (
                "differs from the records: run python docs/generated_numbers.py"
                if "--check" in arguments
                else "renewed"
            )
        )
    return int(bool(stale) and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
