"""Bits that networks memorise of random data, and what p parameters hold by construction: from records alone."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from empirical.claims.capacity import capacity_results, perceptron_units
from empirical.claims.claim import claim, decide_all, missing
from empirical.claims.results import Results
from empirical.claims.seeds import numbers_range
from empirical.models import perceptron_sizes, transformer_sizes
from empirical.runs.missing_metric import MissingMetricError
from empirical.runs.records import Run
from empirical.runs.studies import BitsConfig
from empirical.studies.capacity import Frontier
from empirical.text_table import TextTable
from theory.claims import Evidence, Finding, Verdict
from theory.memorisation import theorem_1_bits

MORRIS = 3.6
"""Bits a parameter of GPT-like transformers, as Morris et al. 2025 state it."""

_NEAR_MORRIS = (3.4, 3.9)  # their averages are 3.51 in bfloat16 and 3.83 in float32
_STILL = 0.1  # the change of the memorised bits from one size of data to the next that is none
_ENOUGH = 0.95  # the share of its bits that a network has memorised in half of the steps or less, if they are enough
_PAPER = "Morris et al. 2025"
_COMMAND = "bits --scale paper"
_FIGURE = "Bits per parameter"


@dataclass(frozen=True, eq=False)
class BitsResults(Results):
    """Runs that differ in their network alone, and the frontiers of `capacity` on the same images.

    Attributes:
        runs: the runs of the most steps, and of those the one whose step size memorises the most; perceptrons first, by
            layers and width.
        shorter: by network, the run of the same step size and at most half as many steps that is nearest to it, where
            there is one.
        frontiers: how many random labels perceptrons were trained to fit, all of them, in the experiment `capacity`.
    """

    shorter: Mapping[str, Run] = field(default_factory=dict)
    frontiers: tuple[Frontier, ...] = ()

    @property
    def data(self) -> str:
        """Tokens."""
        return "transformers on uniform tokens"

    @property
    def training_images(self) -> None:
        """None: there are data of many sizes."""

    @property
    def images(self) -> str:
        """The tokens and the images, for captions."""
        config, study = self.config, self.config.study_of(BitsConfig)
        return (
            f"transformers on uniform tokens, {study.length} of {study.vocabulary}; perceptrons on uniform labels of "
            f"{config.data}, {config.num_classes} classes"
        )

    @property
    def setting(self) -> str:
        """The training, for captions."""
        steps, rates = {steps_of(run) for run in self.runs}, {learning_rate_of(run) for run in self.runs}
        return (
            f"{numbers_range(steps)} steps of Adam, the largest step size {numbers_range(rates)}, on each size of data"
        )

    def enough_steps(self, run: Run) -> bool:
        """Whether half of the steps, or less, memorise nearly as much of the two largest data."""
        shorter = self.shorter.get(run.config.model)
        if shorter is None:
            return False
        pairs = zip(points_of(shorter)[-2:], points_of(run)[-2:], strict=True)
        return all(half["memorised_bits"] >= _ENOUGH * whole["memorised_bits"] for half, whole in pairs)

    @property
    def transformers(self) -> list[Run]:
        """The runs on random tokens."""
        return [run for run in self.runs if is_transformer(run)]


def bits_results(runs: list[Run]) -> list[BitsResults]:
    """Sort runs of the kind `bits` into sets that differ in their network alone."""
    groups: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        if isinstance(run.config.study, BitsConfig):
            config = run.config
            study = replace(config.study_of(BitsConfig), steps=1, learning_rate=1.0)
            key = config.data, config.train_digest, config.n_train, study, config.seed, config.device
            groups.setdefault(key, []).append(run)
    beside = capacity_results(runs)
    sets = []
    for group in groups.values():
        by_steps = sorted(group, key=lambda run: (steps_of(run), _capacity_if_recorded(run)))
        longest = {run.config.model: run for run in by_steps}
        ordered = sorted(longest.values(), key=lambda run: (is_transformer(run), _sizes(run.config.model)))
        shorter = {run.config.model: run for run in by_steps if _is_shorter(run, longest[run.config.model])}
        data = ordered[0].config.data, ordered[0].config.num_classes
        dimensions = {_dimension_if_recorded(run) for run in ordered}
        frontiers = [
            frontier
            for results in beside
            if (results.config.data, results.config.num_classes) == data
            for frontier in results.frontiers
            if frontier.pixels == "original" and frontier.fits and frontier.dimension in dimensions
        ]
        sets.append(BitsResults(ordered[0].config, tuple(ordered), shorter, tuple(frontiers)))
    return sorted(sets, key=lambda results: (results.config.data, results.config.seed))


def _sizes(model: str) -> tuple[int, int]:
    """(layers, width) of the two families of networks that the experiment has."""
    return transformer_sizes(model) or perceptron_sizes(model) or (0, 0)


def steps_of(run: Run) -> int:
    """The steps on each size of data."""
    return run.config.study_of(BitsConfig).steps


def learning_rate_of(run: Run) -> float:
    """Adam's largest step size."""
    return run.config.study_of(BitsConfig).learning_rate


def _capacity_if_recorded(run: Run) -> float:
    """`capacity_of`, or 0 for a record that lacks it: the claims say so."""
    try:
        return capacity_of(run)
    except MissingMetricError:
        return 0.0


def _dimension_if_recorded(run: Run) -> int | None:
    """`input_dimension`, or None for a record that lacks it: the claims say so."""
    try:
        return input_dimension(run)
    except MissingMetricError:
        return None


def _is_shorter(run: Run, longest: Run) -> bool:
    """Whether it is the same training but for at most half of the steps."""
    return learning_rate_of(run) == learning_rate_of(longest) and steps_of(run) <= steps_of(longest) / 2


def is_transformer(run: Run) -> bool:
    """Whether the run memorises tokens; the others memorise labels."""
    return transformer_sizes(run.config.model) is not None


def parameters_of(run: Run) -> int:
    """p, the network's parameters."""
    return int(run.summary.metrics["parameters"])


def points_of(run: Run) -> list[dict[str, Any]]:
    """The sizes of data, rising, with what was memorised of each."""
    points: list[dict[str, Any]] = run.summary.metrics["points"]
    return points


def capacity_of(run: Run) -> float:
    """The most bits that the network has memorised of any data."""
    return float(max(point["memorised_bits"] for point in points_of(run)))


def input_dimension(run: Run) -> int | None:
    """d, the numbers in an image, from a perceptron's parameters; None for a transformer."""
    units = perceptron_units(run.config.model)
    if not units:
        return None
    behind = sum((before + 1) * after for before, after in pairwise((*units, run.config.num_classes)))
    return (parameters_of(run) - behind) // units[0] - 1


def compare_bits(results: BitsResults) -> list[Finding]:
    """What the runs say of the claims that they bear on, each with its verdict by a stated rule."""
    return decide_all(CLAIMS, results)


def bits_table(results: BitsResults) -> TextTable:
    """A row for each network."""
    shares = results.config.study_of(BitsConfig).offered
    dimensions = [dimension for run in results.runs if (dimension := input_dimension(run))]
    rows = []
    for run in results.runs:
        p, points = parameters_of(run), points_of(run)
        cells = [f"{point['memorised_bits'] / p:.2f} of {point['offered_bits'] / p:.2f}" for point in points]
        built = theorem_1_bits(p, dimensions[0], results.config.num_classes) / p if dimensions else None
        rows.append(
            (
                run.config.model,
                f"{p:,}",
                *cells,
                *["—"] * (len(shares) - len(cells)),
                f"{capacity_of(run):,.0f}",
                f"{capacity_of(run) / p:.2f}",
                "—" if built is None or is_transformer(run) else f"{built:.2f}",
            )
        )
    return TextTable(
        f"Bits per parameter: {results.scale}",
        (
            "network",
            "parameters p",
            *(f"memorised of offered, bits / p ({at + 1})" for at in range(len(shares))),
            "most bits",
            "bits / p",
            "Theorem 1's bits / p",
        ),
        tuple(rows),
        "Memorised: by how many bits the trained network shortens the code of its own training data, drawn uniformly; "
        "the most of all sizes is a lower bound of its capacity. Theorem 1: (p - d)/2 labels of log2 k bits.",
    )


@claim(
    "bits-1",
    "Transformers memorise about 3.6 bits of random tokens a parameter.",
    _PAPER,
    paper="about 3.6; on average 3.51 in bfloat16 and 3.83 in float32, 500,000 to 1.5 billion parameters, a million "
    "steps",
    figure=_FIGURE,
    command=_COMMAND,
)
def _about_3_6(results: BitsResults) -> Evidence:
    shares = {run.config.model: capacity_of(run) / parameters_of(run) for run in results.transformers}
    if not shares:
        return missing("a transformer on random tokens")
    low, high = _NEAR_MORRIS
    near = all(low <= share <= high for share in shares.values())
    over = any(share > high for share in shares.values())
    steps = max(steps_of(run) for run in results.transformers)
    return Evidence(
        Verdict.HOLDS if near else Verdict.DOES_NOT_HOLD if over else Verdict.NOT_DECIDED,
        "most bits memorised a parameter: " + ", ".join(f"{model} {share:.2f}" for model, share in shares.items()),
        f"between {low} and {high} for every transformer; above that it does not hold",
        f"no test; at most {steps:,} steps on each size of data: less than {low} says nothing against it, since longer "
        "training may find more",
    )


@claim(
    "bits-2",
    "A transformer's memorised bits stop growing where the data outgrow it.",
    _PAPER,
    paper="a figure: bits grow with the data, then stay at a level in proportion to the parameters",
    figure=_FIGURE,
    command=_COMMAND,
)
def _bits_stop_growing(results: BitsResults) -> Evidence:
    runs = [run for run in results.transformers if len(points_of(run)) > 1]
    if not runs:
        return missing("a transformer on random tokens of several sizes")
    level, trained, refuted, words = [], [], [], []
    for run in runs:
        before, last = points_of(run)[-2:]
        change = last["memorised_bits"] / max(before["memorised_bits"], 1e-9) - 1
        trained.append(results.enough_steps(run))
        level.append(abs(change) <= _STILL or not trained[-1])
        refuted.append(trained[-1] and change > _STILL and before["memorised_bits"] < before["offered_bits"] / 2)
        words.append(
            f"{run.config.model}, {steps_of(run):,} steps: {before['memorised_bits']:,.0f} of "
            f"{before['offered_bits']:,.0f} bits, {last['memorised_bits']:,.0f} of {last['offered_bits']:,.0f}"
            + ("" if trained[-1] else ", not shown to be enough steps")
        )
    held = all(level) and any(trained)
    return Evidence(
        Verdict.DOES_NOT_HOLD if any(refuted) else Verdict.HOLDS if held else Verdict.NOT_DECIDED,
        "memorised of the two largest data: " + "; ".join(words),
        f"the same of both but for {_STILL:.0%}; more of the largest, where less than half of the next was memorised, "
        "contradicts it",
        "no test; one seed; a network decides, either way, where half of its steps, or less, give at least "
        f"{_ENOUGH:.0%} of the bits of both: trained for too short a time it also stops, or memorises a little of all",
    )


CLAIMS = (_about_3_6, _bits_stop_growing)
"""The claims, in the order of the report."""


def label_bits(results: BitsResults, frontier: Frontier) -> float:
    """The bits of the random labels that the experiment `capacity` fitted, all of them."""
    return frontier.fits * math.log2(results.config.num_classes)
