"""Networks and optimisers compared over seeds: mean, spread, paired difference and its test, one table for each n.

A setting is a network with its hyper-parameters. It is held against the first setting of the table, seed by seed: the
same seed means the same images, the same given labels and, for one network, the same start. The differences of d seeds
have a mean, and a two-sided t test with d − 1 degrees of freedom of its being zero, as if they were normal. The
p-values of one table are adjusted for their number by Holm.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from empirical.claims.fitting import first_fit
from empirical.claims.paper_tables import Size, Spread
from empirical.claims.seeds import numbers_in_words
from empirical.claims.significance import holm, standard_deviation
from empirical.claims.training_in_words import optimizer_in_words
from empirical.randomization import Randomization
from empirical.runs.records import Run
from empirical.text_table import TextTable
from figures.networks import DataSetRuns, Network

_DASH = "—"


def seed_tables(runs: DataSetRuns) -> list[TextTable]:
    """A table for each number of images with a setting that was run with several seeds."""
    groups: dict[Size, list[Network]] = {}
    for network in runs.networks:
        groups.setdefault(Size.of(network.config), []).append(network)
    tables = [_table(size, groups[size]) for size in sorted(groups, reverse=True)]
    return [table for table in tables if table is not None]


def _table(size: Size, networks: Sequence[Network]) -> TextTable | None:
    tests = sorted({test for network in networks for test in network.runs}, key=lambda test: test.order)
    rows, p_values = [], []
    for test in tests:
        settings = [network for network in networks if test in network.runs]
        if all(len(network.runs[test]) == 1 for network in settings):
            continue
        reference = max(settings, key=lambda network: len(network.runs[test]))
        for network in settings:
            difference, p_value = _paired(network, reference, test) if network is not reference else ("reference", None)
            p_values.append(p_value)
            rows.append([_setting(network), test.name, *_measured(network.runs[test]), difference])
    if not rows:
        return None
    adjusted = iter(holm([p_value for p_value in p_values if p_value is not None]))
    cells = [
        (*row, _DASH if p_value is None else f"{next(adjusted):.2g}")
        for row, p_value in zip(rows, p_values, strict=True)
    ]
    return TextTable(
        f"Seeds and settings, {size}",
        (
            "network, optimiser",
            "test",
            "seeds",
            "fitted",
            "epochs to fit",
            "test accuracy, %",
            "difference over shared seeds, points",
            "p",
        ),
        tuple(cells),
        "Mean ± standard deviation over seeds. Differences in test accuracy are paired by seed, against the setting of "
        "most seeds in the same test, with a 99% t interval; p is of a two-sided paired t test, adjusted for the "
        "number of tests in this table (Holm). Few seeds give wide intervals: a large p is no proof of equality.",
    )


def _setting(network: Network) -> str:
    return ", ".join([network.name, optimizer_in_words(network.training)])


def _measured(runs: Sequence[Run]) -> list[str]:
    fits = [fit.epoch for run in runs if (fit := first_fit(run))]
    accuracies = [run.summary.metrics["test_accuracy"] for run in runs]
    time = _DASH
    if fits:
        time = f"{np.mean(fits):.1f}" + (f" ± {np.std(fits, ddof=1):.1f}" if len(fits) > 1 else "")
    return [
        numbers_in_words(run.config.seed for run in runs),
        f"{len(fits)} of {len(runs)}",
        time,
        str(Spread.of(accuracies)),
    ]


def _paired(network: Network, reference: Network, test: Randomization) -> tuple[str, float | None]:
    """The mean difference over the seeds that both have, with its interval, in words, and the p-value."""
    accuracy, held_to = (
        {run.config.seed: 100 * run.summary.metrics["test_accuracy"] for run in setting.runs[test]}
        for setting in (network, reference)
    )
    differences = [accuracy[seed] - held_to[seed] for seed in sorted(accuracy.keys() & held_to.keys())]
    if not differences:
        return "no seed in common", None
    mean = float(np.mean(differences))
    if len(differences) == 1:
        return f"{mean:+.2f} (1 seed)", None
    error = standard_deviation(differences) / len(differences) ** 0.5
    if error == 0:  # no spread to hold the mean against
        return f"{mean:+.2f}, the same for {len(differences)} seeds", None
    half = error * float(stats.t.ppf(0.995, len(differences) - 1))
    p_value = float(2 * stats.t.sf(abs(mean) / error, len(differences) - 1))
    return f"{mean:+.2f} ± {half:.2f} ({len(differences)} seeds)", p_value
