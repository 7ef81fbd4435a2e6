"""Memorisation scores, and what removing the most memorised images costs: from records alone."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from empirical.claims.claim import claim, decide_all, missing
from empirical.claims.results import Results
from empirical.claims.significance import SIZE, positive_mean_p_value, tested
from empirical.outcome import decode_hits
from empirical.randomization import TRUE_LABELS
from empirical.runs.records import Run
from empirical.runs.studies import MemorisationConfig
from empirical.studies.memorisation import ALL, TRAINING_SETS, WITHOUT_MEMORISED, WITHOUT_RANDOM
from empirical.text_table import TextTable
from theory.claims import Evidence, Finding, Verdict
from theory.memorisation import Agreement, Counts, MemorisationScores, memorisation_scores, rank_agreement

NEAR_1 = 0.9
"""A mean score from here on counts as near 1."""

_FELDMAN = "Feldman 2020"
_FELDMAN_ZHANG = "Feldman, Zhang 2020"
_COMMAND = "memorisation"
_FIGURE = "Memorisation scores"


@dataclass(frozen=True, eq=False)
class MemorisationResults(Results):
    """Runs on the same images with the same networks and seed, by labels.

    Attributes:
        runs: the runs, by test.
    """

    @property
    def setting(self) -> str:
        """The networks, for captions."""
        study = self.config.study_of(MemorisationConfig)
        return f"{self.config.model}, {study.networks:,} networks on {study.share:.0%} of the images each"

    @property
    def true_labels(self) -> Run | None:
        """The run on true labels."""
        return self.on(TRUE_LABELS)

    @property
    def corrupted(self) -> Run | None:
        """The run on partly and uniformly corrupted labels that has the fewest of them changed."""
        return next((run for run in self.runs if run.config.randomization.partial), None)


def memorisation_results(runs: list[Run]) -> list[MemorisationResults]:
    """Sort runs of the kind `memorisation` into sets that differ in their labels alone."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if isinstance(run.config.study, MemorisationConfig):
            clean = replace(run.config, randomization=run.config.randomization.with_clean_labels)
            groups.setdefault(clean.hash, []).append(run)
    sets = [
        MemorisationResults(group[0].config, tuple(sorted(group, key=lambda run: run.config.randomization.order)))
        for group in groups.values()
    ]
    return sorted(sets, key=lambda results: (results.config.data, results.config.model, results.config.seed))


def half_counts(run: Run) -> list[Counts]:
    """The counts of the two halves of a run's networks."""
    study = run.config.study_of(MemorisationConfig)
    sizes = (study.networks + 1) // 2, study.networks // 2
    counts = []
    for networks, half in zip(sizes, run.summary.metrics["halves"], strict=True):
        inside, right_inside, right_outside = (
            np.array(half[name], dtype=np.int64) for name in ("inside", "right_inside", "right_outside")
        )
        counts.append(Counts(inside, right_inside, networks - inside, right_outside))
    return counts


def scores_of(run: Run) -> MemorisationScores:
    """The scores from all networks of a run."""
    first, second = half_counts(run)
    return memorisation_scores(first + second)


def changed_labels(run: Run) -> npt.NDArray[np.bool_]:
    """Which training labels the run's corruption has changed, bool (n,)."""
    return decode_hits(run.summary.metrics["changed"], run.config.n_train)


def halves_agree(run: Run) -> Agreement:
    """How the two halves of the networks rank the images that both of them have trained on and left out.

    With a handful of networks that is not every image; of fewer than three images no ranking is told.
    """
    halves = half_counts(run)
    both = np.all([(half.inside > 0) & (half.outside > 0) for half in halves], axis=0)
    if both.sum() < 3:
        return Agreement(0.0, -1.0, 1.0)
    first, second = (
        memorisation_scores(
            Counts(half.inside[both], half.right_inside[both], half.outside[both], half.right_outside[both])
        ).score
        for half in halves
    )
    return rank_agreement(first, second, failure_probability=SIZE, seed=run.config.seed)


def compare_memorisation(results: MemorisationResults) -> list[Finding]:
    """What the runs say of the claims that they bear on, each with its verdict by a stated rule."""
    return decide_all(CLAIMS, results)


def memorisation_table(results: MemorisationResults) -> TextTable:
    """A row for each run."""
    rows = []
    for run in results.runs:
        scores, changed, metrics = scores_of(run), changed_labels(run), run.summary.metrics
        agreement = halves_agree(run)
        removal = metrics["removal"]
        rows.append(
            (
                run.config.randomization.name,
                f"{100 * scores.accuracy_inside.mean():.2f}",
                f"{100 * scores.accuracy_outside.mean():.2f}",
                f"{scores.score.mean():.3f}",
                f"{scores.score[changed].mean():.3f}" if changed.any() else "—",
                f"{(scores.score >= 0.5).sum():,}",
                f"{agreement.correlation:.2f} ({agreement.low:.2f} to {agreement.high:.2f})",
                *(f"{100 * removal[name]['test_accuracy']:.2f}" for name in TRAINING_SETS),
            )
        )
    study = results.config.study_of(MemorisationConfig)
    return TextTable(
        f"Memorisation: {results.scale}",
        (
            "labels",
            "right on its own (%)",
            "right on the others (%)",
            "mean score",
            "mean score, changed labels",
            "scores from 0.5",
            "halves agree",
            *(f"test, {name} (%)" for name in TRAINING_SETS),
        ),
        tuple(rows),
        "Score: the share of networks that give an image its training label when it is among their training images, "
        "less that share when it is not; the mean score is the gap between the two columns before it. Halves: "
        f"Spearman's rank correlation and its interval of {1 - SIZE:.0%} (bootstrap over images). Without: networks "
        f"trained without {study.removed:.0%} of the images.",
    )


@claim(
    "memorisation-1",
    "A label that was changed is fitted by memorising it: its score is near 1.",
    f"{_FELDMAN}, section 1; {_FELDMAN_ZHANG}, section 1",
    figure=_FIGURE,
    command=_COMMAND,
)
def _changed_labels_are_memorised(results: MemorisationResults) -> Evidence:
    run = results.corrupted
    if run is None or not changed_labels(run).any():
        return missing("a run on partly corrupted labels")
    scores, changed = scores_of(run), changed_labels(run)
    of_changed = scores.score[changed]
    p_value = positive_mean_p_value(of_changed, NEAR_1)
    opposite = positive_mean_p_value(-of_changed, -NEAR_1)
    return Evidence(
        tested(p_value, opposite, SIZE),
        f"mean score {of_changed.mean():.3f} on {changed.sum():,} changed labels (standard error "
        f"{of_changed.std(ddof=1) / changed.sum() ** 0.5:.3f}), {scores.score[~changed].mean():.3f} on the others; "
        "the definition says 1 of a label that nothing else predicts",
        f"mean score above {NEAR_1:g}, p-value below {SIZE}",
        f"images are independent draws, their mean normal; one-sided, size {SIZE:.0%}; {NEAR_1:g} is ours; of the "
        f"changed labels that networks are trained on they fit {scores.accuracy_inside[changed].mean():.1%}",
    )


@claim(
    "memorisation-2",
    "Which images are memorised belongs to the images: networks that share no draw rank them alike.",
    f"{_FELDMAN_ZHANG}, section 3",
    paper="a figure without a number for digits",
    figure=_FIGURE,
    command=_COMMAND,
)
def _halves_agree(results: MemorisationResults) -> Evidence:
    run = results.true_labels
    if run is None:
        return missing("a run on true labels")
    agreement, scores = halves_agree(run), scores_of(run)
    exact = np.array(run.summary.metrics["nearest_neighbour"])
    beside = rank_agreement(scores.score, exact, failure_probability=SIZE, seed=run.config.seed)
    return Evidence(
        Verdict.HOLDS if agreement.low > 0 else Verdict.DOES_NOT_HOLD if agreement.high < 0 else Verdict.NOT_DECIDED,
        f"Spearman's rank correlation of two halves of {run.config.study_of(MemorisationConfig).networks:,} networks "
        f"{agreement.correlation:.2f}, interval {agreement.low:.2f} to {agreement.high:.2f}; of all networks with the "
        f"nearest neighbour's exact scores {beside.correlation:.2f}, interval {beside.low:.2f} to {beside.high:.2f}",
        f"the interval of {1 - SIZE:.0%} is above 0",
        "bootstrap over images; a half's scores have a standard error of "
        f"{2**0.5 * np.median(scores.standard_error):.3f} (median), which alone lowers the correlation",
    )


@claim(
    "memorisation-3",
    "Memorised images help: to remove the most memorised tenth of the training images costs more test accuracy than to "
    "remove a random tenth.",
    f"{_FELDMAN_ZHANG}, section 3.1, figure 2",
    paper="more at every threshold on MNIST, CIFAR-100 and ImageNet; a figure without a number for a tenth",
    figure=_FIGURE,
    command="memorisation --data mnist --memorisation.networks 1000",
)
def _removal_costs(results: MemorisationResults) -> Evidence:
    run = results.true_labels
    if run is None:
        return missing("a run on true labels")
    networks = run.config.study_of(MemorisationConfig).networks_without
    difference, words = _removal(run, networks)
    p_value = positive_mean_p_value(difference)
    corrupted = results.corrupted
    beside = f"; with {corrupted.config.randomization.name}: {_removal(corrupted, networks)[1]}" if corrupted else ""
    return Evidence(
        tested(p_value, positive_mean_p_value(-difference), SIZE),
        f"{words}; p-value {max(p_value, 1e-300):.1g}{beside}",
        f"less test accuracy without the memorised than without random ones, p-value below {SIZE}",
        f"mean over {networks} networks each on every test image, images independent; one-sided, size {SIZE:.0%}; "
        "scores are from training images alone",
    )


def _removal(run: Run, networks: int) -> tuple[npt.NDArray[np.float64], str]:
    """What each test image loses by the removal, as a share of the networks, and the accuracies in words."""
    removal: dict[str, Any] = run.summary.metrics["removal"]
    shares = {name: np.array(removal[name]["test_right"]) / networks for name in TRAINING_SETS}
    accuracy = {name: float(share.mean()) for name, share in shares.items()}
    removed = f"{run.config.study_of(MemorisationConfig).removed:.0%}"
    return shares[WITHOUT_RANDOM] - shares[WITHOUT_MEMORISED], (
        f"test accuracy {accuracy[ALL]:.2%} with all images, {accuracy[WITHOUT_RANDOM]:.2%} without a random {removed} "
        f"of them, {accuracy[WITHOUT_MEMORISED]:.2%} without the {removed} that are most memorised"
    )


CLAIMS = (_changed_labels_are_memorised, _halves_agree, _removal_costs)
"""The claims, in the order of the report."""
