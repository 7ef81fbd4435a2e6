"""Numbers in the pages, generated from the committed records: `python docs/generated_numbers.py` rewrites them.

A page marks a place with `<!-- numbers: NAME -->` and `<!-- end of numbers -->`; what stands between is replaced by
what the function NAME of this file returns. With `--check` nothing is changed, and a page that differs is an error.
"""

import argparse
import io
import json
import re
import statistics
import sys
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console

from empirical.claims.bits import input_dimension, is_transformer, learning_rate_of, parameters_of, points_of, steps_of
from empirical.claims.bounds import bounds_results, certifies, number
from empirical.claims.kernels import kernel_of
from empirical.claims.pac_bayes import pac_bayes_results
from empirical.claims.paper import NONE, TABLE_1, TABLE_4
from empirical.claims.paper_tables import Spread, TableRow, regularisers, table_1, table_4
from empirical.claims.result_sets import result_sets
from empirical.claims.seeds import seeds_in_words
from empirical.claims.studies import COMPARISONS
from empirical.claims.training_in_words import explicit_regularisers, length_in_words
from empirical.models import default_initialization
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS
from empirical.report.console import results_table
from empirical.runs.records import Run, read_runs
from empirical.runs.studies import BitsConfig, MeasuresConfig, MemorisationConfig, OrderConfig
from empirical.training.config import TrainingConfig
from empirical.training.schedule import PAPER_IMAGES, is_the_papers
from theory.claims import Verdict
from theory.memorisation import theorem_1_bits

_CONSISTENT = 0.25  # points of accuracy
_ROUNDED = 0.05  # bits a parameter: numbers of sequences are whole
_FAILED = "failed to converge"
_BEYOND = ("order", "memorisation", "double-descent", "network-double-descent", "pac-bayes", "measures", "bits")

_SHORT = {
    "C7": "They start sooner (C6) since such inputs are further apart.",
    "C19": "Theorem 1's matrix has full rank; with well-placed biases its smallest eigenvalue bounds the weights.",
    "C20": "For every depth k, width O(n/k) and O(n + d) weights fit any labels.",
    "signal-beyond-memorising": "At partial corruption networks beat the copying of a label, (1 - p)A + p/k.",
    "kernel-random-labels": "The same kernel interpolates random labels, with a larger norm, and then guesses.",
    "dynamics-1": "H-infinity predicts the training curve of a wide two-layer network, from width 4,096 on.",
    "complexity-measure": "The measure sqrt(2 y^T H^-1 y / n) grows with corruption, as test error does.",
    "capacity-1": "Training fits as many random labels as Theorem 1's network of equally many weights.",
    "noise-4": "Theorem 1's network fits every label and is little better than guessing, as one projection predicts.",
    "noise-5": "Theorem 1's network does worse than copying the nearest image's label, at every p < 1.",
    "interpolants-3": "Theorem 1's network forgets its labels close to the sample; the trained one keeps them.",
    "order-2": "Before it memorises changed labels, a network answers with the labels they had before.",
    "order-3": "A network that has fitted random labels has more critical samples than on true ones.",
    "memorisation-3": "Memorised images help: losing the most memorised tenth costs more than a random tenth.",
    "double-descent-2": "Beyond the peak test error falls below its lowest with fewer features than images.",
    "double-descent-3": "On Gaussian features the measured risk is as theory says, away from N = n.",
    "network-double-descent-1": "Under label noise test loss peaks at as many parameters as numbers to fit.",
    "network-double-descent-2": "The largest network errs less than any with fewer parameters than numbers to fit.",
    "pac-bayes-1": "On true labels the optimised bound is below the error of guessing.",
    "pac-bayes-2": "On random labels the same bound is one half or more: it tells.",
    "measures-2": "Networks on random labels are sharper than those on true ones.",
}
"""Long statements in at most some fifteen words, for the tables of claims."""

_SEE = {
    "C1": "cifar10-paper-size/figures/loss-curves_cifar10-alexnet-seed-0.png",
    "C2": "cifar10-laptop/figures/figure-1c_cifar10.png",
    "C3": "cifar10-laptop/figures/figure-1b_cifar10.png",
    "C4": "cifar10-laptop/figures/figure-1a_cifar10-inception-n-1000.png",
    "C5": "cifar10-laptop/figures/figure-1a_cifar10-inception-n-1000.png",
    "C6": "digits-seeds/figures/figure-1a_digits-mlp-1x512-n-1297.png",
    "C7": "cifar10-distance/figures/distance_cifar10.png",
    "C8": "cifar10-laptop/figures/figure-1c_cifar10.png",
    "C9": "digits/figures/corruption_digits-mlp-1x512-seed-0.png",
    "C10": "reproduce.md#table-2-imagenet",
    "C11": "reproduce.md#tables-1-and-4",
    "C12": "cifar10-weight-decay/figures/weight-decay_cifar10.png",
    "C13": "reproduce.md#tables-1-and-4",
    "C14": "rules.md#evidence-before-and-after",
    "C15": "rules.md#evidence-before-and-after",
    "C16": "cifar10-no-batch-norm/figures/figure-2_cifar10.png",
    "C17": "rules.md#evidence-before-and-after",
    "C18": "theory/figures/parameters.png",
    "C19": "theory/figures/condition-by-biases.png",
    "C20": "theory/figures/parameters.png",
    "C21": "questions.md#is-this-no-free-lunch",
    "C22": "digits-theory/figures/bounds_digits.png",
    "C23": "theory/figures/minimum-norm.png",
    "C24": "theory/figures/curvature.png",
    "C25": "mnist-kernels-whole/figures/kernel-norm-and-error_mnist-60000-seed-0.png",
    "C26": "reproduce.md#table-3-kernels",
    "C27": "reproduce.md#table-3-kernels",
    "C28": "mnist-kernels/figures/kernel-norm-and-error_mnist-8000-seed-0.png",
    "C29": "digits/figures/loss-curves_digits-mlp-1x512-seed-0.png",
    "signal-beyond-memorising": "digits/figures/corruption_digits-mlp-1x512-seed-0.png",
    "early-stopping-noise": "questions.md#why-does-early-stopping-matter",
    "kernel-random-labels": "cifar10-kernels/figures/kernel-corruption_cifar10-10000-seed-0.png",
    "dynamics-1": "digits-theory/figures/dynamics_digits.png",
    "dynamics-2": "digits-theory/figures/dynamics-corruption_digits.png",
    "complexity-measure": "digits-theory/figures/dynamics-corruption_digits.png",
    "capacity": "bits/figures/capacity_digits.png",
    "noise": "cifar10-kernels/figures/label-noise_cifar10.png",
    "interpolants": "digits-theory/figures/interpolants_digits.png",
    "order": "digits-order/figures/order_digits.png",
    "memorisation": "mnist-memorisation/figures/memorisation_mnist.png",
    "double-descent": "mnist-double-descent-paper-size/figures/double-descent_mnist.png",
    "network-double-descent": "digits-network-double-descent/figures/network-double-descent_digits.png",
    "pac-bayes": "digits-pac-bayes/figures/pac-bayes_digits.png",
    "measures": "digits-measures/figures/measures_digits.png",
    "bits": "bits/figures/bits_digits.png",
}
"""Where a claim, or a family of numbered claims, is seen: a picture in `results/`, or a place in `docs/`."""

_DATA = {
    "cifar10": "CIFAR-10",
    "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST",
    "folder": "ImageNet's sample",
    "transformers on uniform tokens": "random tokens",
}

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


def claims() -> str:
    """How many of the paper's claims have which verdict, and a row for each."""
    some = [claim for claim in _verdicts() if _is_the_papers(claim)]
    return _counts(some) + "\n" + _claims_table(some)


def added_claims() -> str:
    """The same of the claims that the experiments add."""
    some = [claim for claim in _verdicts() if not _is_the_papers(claim)]
    return _counts(some) + "\n" + _claims_table(some)


def _verdicts() -> list[dict[str, Any]]:
    return list(json.loads((ROOT / "results" / "claims.json").read_text(encoding="utf-8")))


def _is_the_papers(claim: dict[str, Any]) -> bool:
    return re.fullmatch(r"C\d+", claim["id"]) is not None


def _counts(some: list[dict[str, Any]]) -> str:
    verdicts: dict[str, list[str]] = {}
    for claim in some:
        verdicts.setdefault(claim["verdict"], []).append(claim["id"])
    named = {verdict: ", ".join(ids) for verdict, ids in verdicts.items() if verdict != Verdict.HOLDS.value}
    lines = [f"- *{verdict}*, {len(verdicts[verdict])}: {ids}." for verdict, ids in sorted(named.items())]
    return "\n".join([*lines, f"- *{Verdict.HOLDS.value}*, {len(verdicts.get(Verdict.HOLDS.value, []))}."]) + "\n"


def _claims_table(some: list[dict[str, Any]]) -> str:
    lines = ["claim | statement | verdict | evidence: sets of runs, data (training images) | see"]
    for claim in some:
        name = claim["id"]
        target = _SEE.get(name) or _SEE.get(name.rpartition("-")[0], "")
        place, words = (
            (target, "page") if target.partition("#")[0].endswith(".md") else (f"../results/{target}", "figure")
        )
        see = f"[{words}]({place})" if target else ""
        cells = [name, _SHORT.get(name, claim["statement"]), claim["verdict"], _evidence(claim), see]
        lines.append(" | ".join(cells))
    return _markdown(lines)


def _evidence(claim: dict[str, Any]) -> str:
    """On which data the findings decide, how many of them, and how many of those that could have are open."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for finding in claim["findings"]:
        if not finding["needs"]:
            groups.setdefault(finding["verdict"], []).append(finding)
    undecided = groups.pop(Verdict.NOT_DECIDED.value, [])
    if not groups:
        needed = f"decided by {claim['decided_by'].removeprefix('by ')}" if claim["decided_by"] else ""
        tried = f"open on {_where(undecided)}" if undecided else "no such run"
        return "; ".join(filter(None, [tried, needed]))
    total = sum(map(len, groups.values()))
    fails, holds = (groups.get(verdict.value, []) for verdict in (Verdict.DOES_NOT_HOLD, Verdict.HOLDS))
    parts = [f"fails in {len(fails)} of {total}: {_where(fails)}"] if fails else []
    if holds:
        sets = [finding for finding in holds if finding["data"]]  # the theory's checks have none
        checks = len(holds) - len(sets)
        parts += [f"{'holds in ' * bool(fails)}{len(sets)}: {_where(sets)}"] if sets else []
        parts += [f"{checks} checks by theory" if checks > 1 else "a check by theory"] if checks else []
    return "; ".join(parts + [f"{len(undecided)} open"] * bool(undecided))


def _where(findings: list[dict[str, Any]]) -> str:
    sizes: dict[str, list[int]] = {}
    for finding in findings:
        number = finding["training_images"]
        sizes.setdefault(_DATA.get(finding["data"], finding["data"]), []).extend([] if number is None else [number])
    words = []
    for data, some in sorted(sizes.items()):
        ends = dict.fromkeys(f"{n:,}" for n in (min(some), max(some))) if some else {}
        words.append(f"{data} ({' to '.join(ends)})" if ends else data)
    return ", ".join(words)


def table_1_and_4() -> str:
    """Tables 1 and 4 of the paper beside ours, one table for each number of training images, the largest first."""
    runs = records("cifar10-paper-size", "cifar10-perceptrons", "cifar10", "cifar10-alexnet", "cifar10-laptop")
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
        if row.test == RANDOM_LABELS and TABLE_4.get((row.model, row.regularisers), 0.0) is None:
            paper[0] = _FAILED
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


def table_4_with_regularisers() -> str:
    """Random labels with every strength of a regulariser that is recorded, beside Table 4's train accuracies."""
    samples: dict[tuple[Any, ...], list[Run]] = {}
    for run in records("cifar10-laptop", "cifar10-regularisers", "cifar10-weight-decay"):
        config, training = run.config, run.config.training
        if training is None or config.randomization != RANDOM_LABELS or regularisers(config) == NONE:
            continue
        key = config.model, *regularisers(config), training.weight_decay, config.n_train, training.weight_decay_of
        samples.setdefault(key, []).append(run)
    lines = ["network | regulariser | images | seeds | epochs | train | online, last epoch | the paper, 50,000 images"]
    networks = list(dict.fromkeys(model for model, _ in TABLE_4))

    def place(sample: tuple[tuple[Any, ...], list[Run]]) -> tuple[Any, ...]:
        model, augmentation, *rest = sample[0]
        return networks.index(model), augmentation != "none", augmentation, *rest

    for key, some in sorted(samples.items(), key=place):
        model, augmentation, decays, strength, n, decay_of = key
        only = ", on weights alone" * (decay_of != TrainingConfig().weight_decay_of)
        name = (
            f"weight decay {strength:g}{only}"
            if decays
            else "flips and rotations" * (augmentation != "crop") or "crops"
        )
        paper = TABLE_4.get((model, (augmentation, decays)), 0.0)
        epochs = [run.summary.metrics["epoch"] for run in some]
        online = [run.summary.metrics["online_accuracy"] for run in some]
        cells = [
            _NAMES[model],
            name,
            f"{n:,}",
            ", ".join(str(seed) for seed in sorted(run.config.seed for run in some)),
            " to ".join(str(epoch) for epoch in dict.fromkeys((min(epochs), max(epochs)))),
            str(Spread.of([run.summary.metrics["train_accuracy"] for run in some])),
            str(Spread.of(online)) if augmentation != "none" else "—",
            _FAILED if paper is None else f"{paper:.2f}",
        ]
        lines.append(" | ".join(cells))
    return _markdown(lines)


_SIX_TESTS = {
    "1, true labels": ("everything", "true labels"),
    "2, corrupted labels, p = 0.5": (
        "about half of the labels are still the true ones",
        "corrupted labels, p = 0.4",
        "corrupted labels, p = 0.6",
    ),
    "3, random labels": ("nothing: a label is drawn without a look at its image", "random labels"),
    "4, shuffled pixels": (
        "colours, and what each pixel says: its new place is the same in all images",
        "shuffled pixels",
    ),
    "5, random pixels": ("colours alone: every image has a new order of its own", "random pixels"),
    "6, Gaussian noise": ("nothing: the image is gone", "Gaussian"),
}
"""The rows of the picture of the six tests: what is left to learn, and the tests that are recorded for the row."""


def six_tests() -> str:
    """Test accuracy of small Inception on 1,000 images under the six tests, over the seeds that are recorded."""
    accuracies: dict[str, dict[int, float]] = {}
    for run in records("cifar10-laptop"):
        config = run.config
        if config.training and config.model == "inception" and not explicit_regularisers(config.training):
            accuracies.setdefault(config.randomization.name, {})[config.seed] = run.summary.metrics["test_accuracy"]
    lines = ["row of the picture | what is left to learn | test accuracy of small Inception | seeds"]
    for row, (learnt, *tests) in _SIX_TESTS.items():
        parts, seeds = [], set[int]()
        for test in tests:
            found = accuracies[test]
            seeds |= found.keys()
            ends = dict.fromkeys(f"{value:.1%}" for value in (min(found.values()), max(found.values())))
            at = f" at {test.partition(', ')[2]}" if len(tests) > 1 else ""
            parts.append(" to ".join(ends) + at)
        lines.append(f"{row} | {learnt} | {', '.join(parts)} | {', '.join(map(str, sorted(seeds)))}")
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
    for run in sorted((run for run in records(*folders) if run.config.kind == "kernel"), key=_kernel_order):
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
    folders = ("cifar10-paper-size", "cifar10-perceptrons", "cifar10", "cifar10-batch-sizes", "cifar10-alexnet")
    folders += ("cifar10-laptop",)
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
                if evidence.needs:
                    continue  # such records were not made for this claim
                by_data = verdicts.setdefault(finding.claim.statement, {}).setdefault(_data(results), {})
                by_data.setdefault(evidence.verdict, []).extend(results.seeds)
    lines = ["claim | data | verdicts"]
    for statement, data_verdicts in verdicts.items():
        for data, seeds in data_verdicts.items():
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
    """Bits that networks memorised, by the step size and the steps that they were trained for on each size of data."""

    def place(run: Run) -> tuple[float, ...]:
        return is_transformer(run), parameters_of(run), learning_rate_of(run), steps_of(run)

    runs = sorted((run for run in records("bits") if isinstance(run.config.study, BitsConfig)), key=place)
    offered = [f"{share:g}" for share in runs[-1].config.study_of(BitsConfig).offered]
    lines = [
        f"network | parameters | step size | steps | memorised of {', '.join(offered)} bits a parameter "
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
        rate = learning_rate_of(run)
        lines.append(f"{run.config.model}{data} | {p:,} | {rate:g} | {steps_of(run):,} | {shares}{fewer} | {built}")
    return _markdown(lines)


def bounds() -> str:
    """Every bound of C22 on the digits, and the optimised one of `pac-bayes` behind them."""
    (results,) = bounds_results(records("digits-theory"))
    guessing = results.guessing
    lines = ["bound on the test error | true labels | random labels | below guessing on true labels"]
    for true, random in results.pairs():
        if true is None or random is None or true.vacuous is None:
            continue
        pair = [number(bound.value) for bound in (true, random) if bound.value is not None]
        below = "yes" if certifies(true) else "no"
        lines.append(f"{true.name} | {' | '.join(pair)} | {below}, {guessing:.0%}")
    (optimised,) = (some for some in pac_bayes_results(records("digits-pac-bayes")) if some.config.seed == 0)
    pair = [f"{optimised.number(test, 'bound'):.3f}" for test in (TRUE_LABELS, RANDOM_LABELS)]
    guess = optimised.number(TRUE_LABELS, "guessing")
    below = "yes" if optimised.number(TRUE_LABELS, "bound") < guess else "no"
    lines.append(f"PAC-Bayes, optimised (two classes, 600 units) | {' | '.join(pair)} | {below}, {guess:.0%}")
    return _markdown(lines)


NUMBERS: dict[str, Callable[[], str]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        main_job,
        claims,
        added_claims,
        table_1_and_4,
        table_4_with_regularisers,
        six_tests,
        kernels,
        hours,
        batch_sizes,
        beyond,
        bits,
        bounds,
    )
}


def renewed(text: str) -> str:
    """The page with every marked place as the records give it. KeyError for a place of unknown name."""
    return _PLACE.sub(lambda place: place.group(1) + NUMBERS[place.group(2)]() + place.group(3), text)


def main(arguments: list[str]) -> int:
    """Rewrite the pages, or with --check only compare; returns the exit status."""
    parser = argparse.ArgumentParser("python docs/generated_numbers.py", description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; a page that differs is an error")
    check: bool = parser.parse_args(arguments).check
    stale = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        new = renewed(text)
        if new != text:
            stale.append(page.relative_to(ROOT))
            if not check:
                page.write_text(new, encoding="utf-8")
    for name in stale:
        print(f"{name}: {'differs from the records: run python docs/generated_numbers.py' if check else 'renewed'}")
    return int(bool(stale) and check)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
