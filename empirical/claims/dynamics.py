"""Predicted beside measured training of wide two-layer networks: from records alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from empirical.claims.claim import claim, decide_all, missing
from empirical.claims.hits import hits_on_test
from empirical.claims.results import Results
from empirical.claims.significance import SIZE, paired_p_value, tested, trend_p_value
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS, Randomization
from empirical.runs.records import Run
from empirical.runs.studies import DynamicsConfig
from empirical.text_table import TextTable
from theory.claims import Evidence, Finding, Verdict, verdict

CLOSE = 0.1
"""The curves agree if their largest difference is at most this share of the initial residual."""

CLOSE_FACTOR = 1.25
"""The factor by which predicted and measured slow-down may differ, either way: as in `theory.checks.dynamics`."""

SPREADS = 3.0
"""Two measures differ clearly if they are this many standard deviations of the measure of random labels apart."""

WIDE = 4096
"""The width from which a network counts as wide."""

_TRUE, _RANDOM = "true labels", "random labels"
_ARORA = "Arora, Du, Hu, Li, Wang 2019"


@dataclass(frozen=True, eq=False)
class DynamicsResults(Results):
    """Runs that share their images, seed, device, and all but the width of their networks.

    Attributes:
        runs: the runs by width and test.
    """

    @property
    def images(self) -> str:
        """The images, for captions."""
        return f"{super().images} of unit norm, even against odd classes"

    @property
    def setting(self) -> str:
        """The steps, for captions."""
        return f"full-batch steps of {study_of(self.runs[0]).rate:g}/n"

    @property
    def widths(self) -> list[int]:
        """The widths that were run, rising."""
        return sorted({study_of(run).width for run in self.runs})

    def at(self, width: int) -> dict[Randomization, Run]:
        """The runs of one width by test, in the order of `runs`."""
        return {run.config.randomization: run for run in self.runs if study_of(run).width == width}

    def corruption(self, width: int) -> list[tuple[float, Run]]:
        """(p, run) of the runs of one width on uniformly corrupted labels, by rising p."""
        return [(level, run) for test, run in self.at(width).items() if (level := test.corruption) is not None]


def study_of(run: Run) -> DynamicsConfig:
    """What a dynamics run measures."""
    return run.config.study_of(DynamicsConfig)


def dynamics_results(runs: list[Run]) -> list[DynamicsResults]:
    """Sort dynamics runs into sets that are compared with one another."""
    groups: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        if run.config.kind == "dynamics":
            config = run.config
            images = config.train_digest, config.test_digest, config.crop
            key = config.experiment, *images, config.seed, config.device, replace(study_of(run), width=0)
            groups.setdefault(key, []).append(run)

    def order(run: Run) -> tuple[object, ...]:
        return study_of(run).width, run.config.randomization.order

    sets = [DynamicsResults(group[0].config, tuple(sorted(group, key=order))) for group in groups.values()]
    return sorted(sets, key=lambda results: (results.config.data, results.config.n_train, results.config.seed))


def slowdown(run: Run, true: Run, *, predicted: bool = False) -> float | None:
    """Steps to fit, measured or predicted, of one run over those on true labels; None if a measured run did not fit."""
    name = "predicted_steps_to_fit" if predicted else "steps_to_fit"
    steps = [record.summary.metrics[name] for record in (run, true)]
    return steps[0] / steps[1] if steps[0] is not None and steps[1] else None


def compare_dynamics(results: DynamicsResults) -> list[Finding]:
    """What the runs say of the claims that they bear on, each with its verdict by a stated rule."""
    return decide_all(CLAIMS, results)


def dynamics_table(results: DynamicsResults) -> TextTable:
    """A row for every width and test: predicted and measured steps, their disagreement, complexity and test error."""
    rows = []
    for width in results.widths:
        for test, run in results.at(width).items():
            metrics = run.summary.metrics
            steps = metrics["steps_to_fit"]
            rows.append(
                (
                    f"{width:,}",
                    test.name,
                    f"{metrics['predicted_steps_to_fit']:,}",
                    "-" if steps is None else f"{steps:,}",
                    f"{metrics['largest_deviation']:.3f}",
                    f"{metrics['largest_deviation_from_initial_kernel']:.3f}",
                    f"{metrics['changed_activations']:.1%}",
                    f"{metrics['complexity_measure']:.2f}",
                    f"{metrics['train_accuracy']:.2%}",
                    f"{1 - metrics['test_accuracy']:.2%}",
                )
            )
    return TextTable(
        f"Predicted and measured training: {results.scale}",
        (
            "width",
            "test",
            "steps, predicted",
            "steps, measured",
            "deviation",
            "deviation, initial kernel",
            "activations changed",
            "complexity",
            "train accuracy",
            "test error",
        ),
        tuple(rows),
        f"Steps until the residual is {study_of(results.runs[0]).fitted:g} of its initial norm. Deviation: the largest "
        "difference of the norms over training, as a share of the initial one; also with the network's own kernel "
        "before training in place of H-infinity. Complexity: sqrt(2 y^T H^-1 y / n).",
    )


@claim(
    "dynamics-1",
    f"H-infinity predicts the training curve of a two-layer network of width {WIDE:,} or more, and worse at a "
    "smaller width.",
    f"{_ARORA}, theorem 4.1",
    figure="Predicted and measured training",
    command="dynamics",
)
def _curves_agree(results: DynamicsResults) -> Evidence:
    *narrower, widest = results.widths
    if widest < WIDE or not narrower:
        return missing(f"runs at width {WIDE:,} or more and at a smaller one")
    wide, narrow = results.at(widest), results.at(narrower[0])
    both = [test for test in wide if test in narrow]
    if not both:
        return missing("runs on the same tests at both widths")
    deviations = {test: (_deviation(narrow[test]), _deviation(wide[test])) for test in both}
    falls = max(after for _, after in deviations.values()) < max(before for before, _ in deviations.values())
    exponents = [math.log(after / before) / math.log(widest / narrower[0]) for before, after in deviations.values()]
    return Evidence(
        verdict(falls and max(_deviation(run) for run in wide.values()) <= CLOSE),
        "; ".join(
            f"{test.name}: {deviations[test][0]:.3f} at width {narrower[0]:,}, {_deviation(run):.3f} at {widest:,}"
            if test in deviations
            else f"{test.name}: {_deviation(run):.3f} at {widest:,}"
            for test, run in wide.items()
        )
        + f"; exponent of the width {min(exponents):.2f} to {max(exponents):.2f} (order of the theorem: -0.5)",
        f"every test at most {CLOSE:g} at width {widest:,}; the worst of the tests better than at {narrower[0]:,}",
        "largest | ||y - u_t|| - predicted | over all steps, as a share of ||y - u_0||; of order m^(-1/2) times a "
        "factor that grows with n and 1/lambda_min; the tolerance is ours, one network a width",
    )


@claim(
    "dynamics-2",
    "Random labels take longer than true ones by the factor that H-infinity predicts of their labels.",
    f"section 1.1, figure 1b (claim C3); {_ARORA}, section 4",
    figure="Training time and complexity against label corruption",
    command="dynamics",
)
def _slowdown_agrees(results: DynamicsResults) -> Evidence:
    widest = results.widths[-1]
    pair = [results.at(widest).get(test) for test in (RANDOM_LABELS, TRUE_LABELS)]
    if widest < WIDE or pair[0] is None or pair[1] is None:
        return missing(f"runs on true and on random labels at width {WIDE:,} or more")
    random, true = pair[0], pair[1]
    measured, predicted = slowdown(random, true), slowdown(random, true, predicted=True)
    if measured is None or predicted is None:
        return missing("runs that reach the residual they are to reach within the limit of steps")
    off = max(measured / predicted, predicted / measured)
    # Steps are whole: of few of them, one more or less is a good part.
    rounding = 1 + 1 / min(true.summary.metrics["steps_to_fit"], true.summary.metrics["predicted_steps_to_fit"])
    additions = [
        f"{test.name}: {measured_there:.1f} (predicted {predicted_there:.1f})"
        for test, run in results.at(widest).items()
        if test.partial
        and (measured_there := slowdown(run, true)) is not None
        and (predicted_there := slowdown(run, true, predicted=True)) is not None
    ]
    return Evidence(
        verdict(min(measured, predicted) > 1 and off <= CLOSE_FACTOR * rounding),
        f"{measured:.1f} times the steps of true labels, predicted {predicted:.1f} times"
        + (f"; {', '.join(additions)}" if additions else "")
        + f"; width {widest:,}",
        f"both above 1; within a factor {CLOSE_FACTOR:g}, and {rounding:.2f} for steps being whole",
        f"steps to {study_of(random).fitted:g} of the initial residual, the same images, network and step size; the "
        "tolerance is ours, one seed",
    )


@claim(
    "complexity-measure",
    "The complexity measure sqrt(2 y^T H^-1 y / n) grows with label corruption, as measured test error does.",
    f"{_ARORA}, theorem 5.1 and section 5; Zhang et al. 2017, figure 1c",
    figure="Training time and complexity against label corruption",
    command="dynamics",
)
def _complexity_orders_errors(results: DynamicsResults) -> Evidence:
    levels = results.corruption(results.widths[-1])
    if len(levels) < 3:
        return missing("runs at three levels of label corruption or more")
    measures = [float(run.summary.metrics["complexity_measure"]) for _, run in levels]
    errors = [1 - run.summary.metrics["test_accuracy"] for _, run in levels]
    hits = [hits_on_test(run) for _, run in levels]
    trend = trend_p_value(measures, hits)
    opposite = trend_p_value([-measure for measure in measures], hits)
    clear = SPREADS * max(run.summary.metrics["complexity_spread"] for _, run in levels)
    pairs = list(permutations(range(len(levels)), 2))
    falls = any(later > earlier and measures[later] < measures[earlier] - clear for earlier, later in pairs)
    disorder = [
        paired_p_value(hits[high], hits[low], one_sided=True)
        for low, high in pairs
        if measures[low] < measures[high] - clear
    ]
    against = falls or min(disorder, default=1.0) < SIZE / len(pairs)
    return Evidence(
        Verdict.DOES_NOT_HOLD if against else tested(trend, opposite, SIZE),
        "; ".join(
            f"p = {level:g}: measure {measure:.2f}, test error {error:.1%}"
            for (level, _), measure, error in zip(levels, measures, errors, strict=True)
        )
        + f"; trend of error with the measure: p-value {max(trend, 1e-300):.0e}"
        + _bound_in_words(measures, errors),
        f"the measure in the order of p, up to {clear:.2f}; trend p-value below {SIZE}; no pair significantly reversed",
        f"{SPREADS:g} standard deviations of the measure of random labels, which their draw moves; mean over test "
        f"images of each image's own trend, one-sided, size {SIZE:.0%}; pairs by McNemar's tests, {SIZE:.0%} in all; "
        f"width {results.widths[-1]:,}, one seed",
    )


def _bound_in_words(measures: Sequence[float], errors: Sequence[float]) -> str:
    """How good the measure is as a bound on the test error, up to its lower-order terms."""
    if min(measures) >= 1:
        return "; as a bound it says nothing: above 1 throughout"
    holds = all(measure >= error for measure, error in zip(measures, errors, strict=True))
    return (
        f"; it is {'' if holds else 'not '}above the error throughout, below 1 at {sum(np.array(measures) < 1)} levels"
    )


def _deviation(run: Run) -> float:
    return float(run.summary.metrics["largest_deviation"])


CLAIMS = (
    _curves_agree,
    _slowdown_agrees,
    _complexity_orders_errors,
)
"""The claims of this module, in the order of the report."""
