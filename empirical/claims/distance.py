"""Random labels on images that noise moves apart: whether training starts sooner, from records alone.

Whitened images have one norm, so that distance is angle. Noise that is mixed in (`randomization.pixels.mix_with_noise`)
changes the angles between all images together and nothing else: network, labels, norms, schedule are the same.
"""

from dataclasses import dataclass

import numpy as np

from empirical.claims.claim import claim, decide_all, missing
from empirical.claims.randomization_tests import LOSS_AS_TRAINED, QUICK_SHARE
from empirical.claims.results import Results
from empirical.claims.significance import MIN_SEEDS, SIZE, falling_rank_p_value, tested_at_every
from empirical.claims.training_in_words import trained_network_in_words
from empirical.randomization import RANDOM_LABELS
from empirical.runs.config import DISTANCE
from empirical.runs.records import Run
from empirical.runs.training_loss import first_losses_below, steps_to_cross, tell_training_loss
from empirical.text_table import TextTable
from theory.claims import Evidence, Finding

LEVELS = 5
"""Distances that a rank test of size 1% needs at least: 1/5! is 0.8%."""

_STARTED = 1 - QUICK_SHARE  # as claim C6 has it

WITHIN_CLASSES, NEAREST = "mean_distance_within_classes", "nearest_distance"

_NEEDED = {"step", "fitted", "mean_distance", WITHIN_CLASSES, NEAREST}
"""The metrics that a run of the experiment needs."""


@dataclass(frozen=True, eq=False)
class DistanceResults(Results):
    """Runs on random labels of the same images, network, hyper-parameters and device.

    Attributes:
        runs: the runs by seed and rising share of noise.
    """

    @property
    def images(self) -> str:
        """The images, for captions."""
        return f"{self.config.data}, {self.config.n_train:,} training images on random labels"

    @property
    def setting(self) -> str:
        """The network, for captions."""
        return trained_network_in_words(self.config)

    def of(self, seed: int) -> list[Run]:
        """The runs of a seed, by rising share of noise."""
        return [run for run in self.runs if run.config.seed == seed]

    @property
    def shares(self) -> list[float]:
        """The shares of noise that were run with every seed, rising."""
        share_sets = [{run.config.randomization.noise_share for run in self.of(seed)} for seed in self.seeds]
        return sorted(set.intersection(*share_sets))

    def at(self, share: float) -> list[Run]:
        """The runs with this share of noise, by seed."""
        return [run for run in self.runs if run.config.randomization.noise_share == share]


def distance_results(runs: list[Run]) -> list[DistanceResults]:
    """Sort the distance experiment's runs into sets that differ in the share of noise and the seed alone.

    Runs that lack a metric which is compared are left out.
    """
    groups: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        config = run.config
        of_random_labels = config.randomization.label_noise == RANDOM_LABELS.label_noise
        if config.experiment == DISTANCE and of_random_labels and run.summary.metrics.keys() >= _NEEDED:
            images = config.train_digest, config.test_digest, config.crop
            network = config.model, config.model_source, config.training, config.optimizer_source, config.device
            groups.setdefault((*images, *network), []).append(run)

    def order(run: Run) -> tuple[int, float]:
        return run.config.seed, run.config.randomization.noise_share

    sets = [DistanceResults(group[0].config, tuple(sorted(group, key=order))) for group in groups.values()]
    return sorted(sets, key=lambda results: (results.config.data, results.config.n_train, results.config.model))


def steps_to_start(run: Run) -> float | None:
    """Steps until the training loss is below 90% of guessing's, as claim C6 has it, interpolated between epochs."""
    return steps_to_cross(run, _STARTED)


def steps_to_fit(run: Run) -> int | None:
    """Steps until every label is fitted; None where some is not."""
    return int(run.summary.metrics["step"]) if run.summary.metrics["fitted"] else None


def compare_distance(results: DistanceResults) -> list[Finding]:
    """What the runs say of claim C7."""
    return decide_all(CLAIMS, results)


def distance_table(results: DistanceResults) -> TextTable:
    """A row for every share of noise: distances, and the steps to start and to fit of every seed."""

    def steps(counts: list[float | int | None]) -> str:
        return ", ".join("-" if count is None else f"{count:,.0f}" for count in counts)

    rows = []
    for share in results.shares:
        runs = results.at(share)
        metrics = runs[0].summary.metrics
        within = metrics[WITHIN_CLASSES]
        rows.append(
            (
                f"{share:g}",
                f"{share**2 / (share**2 + (1 - share) ** 2):.0%}",
                f"{metrics['mean_distance']:.3f}",
                "-" if within is None else f"{within:.3f}",
                f"{metrics[NEAREST]:.3f}",
                steps([steps_to_start(run) for run in runs]),
                steps([steps_to_fit(run) for run in runs]),
            )
        )
    return TextTable(
        f"Images mixed with noise: {results.scale}",
        (
            "share of noise",
            "of the variance",
            "mean distance",
            "within classes",
            "to the nearest",
            "steps to start",
            "steps to fit",
        ),
        tuple(rows),
        "Distances of whitened images in units of independent noise's, those of the first seed. Start: the training "
        f"loss is below {1 - QUICK_SHARE:.0%} of guessing's, between epochs by a straight line; fit: every label is "
        "reproduced; each seed by itself.",
    )


@claim(
    "C7",
    "Random pixels and Gaussian images start to converge sooner than random labels since such inputs are further "
    "apart.",
    "section 2.1, a conjecture",
    figure="Steps against distance",
    related=("predicted-dynamics",),
    decided_by="runs on random labels in which the distance of the images alone varies: images mixed with noise",
    command="distance --seed 0 1 2",
)
def _noise_images_are_further_apart(results: DistanceResults) -> Evidence:
    if len(results.shares) < LEVELS or len(results.seeds) < MIN_SEEDS:
        return missing(
            f"runs on random labels of images mixed with noise in {LEVELS} shares, {MIN_SEEDS} seeds of each"
        )
    if not tell_training_loss(results.runs):
        return missing(LOSS_AS_TRAINED)
    starts = {share: [steps_to_start(run) for run in results.at(share)] for share in results.shares}
    distances = {share: [run.summary.metrics[WITHIN_CLASSES] for run in results.at(share)] for share in results.shares}
    if any(None in values for values in (*starts.values(), *distances.values())):
        return missing("runs whose loss starts to fall, on images of which several are of one class")
    losses = [
        first_losses_below(
            [run for run in results.of(seed) if run.config.randomization.noise_share in results.shares], _STARTED
        )
        for seed in results.seeds
    ]
    if None in losses:
        return missing("records at steps that all runs of a seed have, after every loss has started to fall")
    steps, apart = (
        np.array([values[share] for share in results.shares], dtype=float) for values in (starts, distances)
    )
    columns = list(zip(apart.T, np.array(losses, dtype=float), strict=True))
    falls = [falling_rank_p_value(distance, loss) for distance, loss in columns]
    rises = [falling_rank_p_value(distance, -loss) for distance, loss in columns]
    fits = [[steps_to_fit(run) for run in results.at(share)] for share in (results.shares[0], results.shares[-1])]
    fitted = [np.mean([count for count in counts if count is not None]) for counts in fits if None not in counts]
    return Evidence(
        tested_at_every(falls, rises, SIZE),
        "; ".join(
            f"noise {share:g}: distance {distance:.3f}, start after {count:.0f} steps"
            for share, distance, count in zip(results.shares, apart.mean(axis=1), steps.mean(axis=1), strict=True)
        )
        + (f"; every label is fitted after {fitted[0]:.0f} and {fitted[1]:.0f} steps" if len(fitted) == 2 else "")
        + f"; means of {len(results.seeds)} seeds, p-values {', '.join(f'{p:.1g}' for p in falls)}",
        f"a lower training loss at a greater distance, p-value below {SIZE} with every seed",
        f"the loss at the first record at which it is below {_STARTED:.0%} of guessing's for all shares of noise: the "
        "steps to start lie between two records, and the same two for many; mean distance between images of a class, "
        "whitened, in units of independent noise's; Kendall's rank correlation, one-sided, for every seed by "
        f"itself (intersection-union), size {SIZE:.0%}; noise moves all angles together, near and far ones",
    )


CLAIMS = (_noise_images_are_further_apart,)
"""The claims of this module, in the order of the report."""
