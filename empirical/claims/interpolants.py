"""Theorem 1's network beside a trained one on the same samples, and what tells them apart: from records alone."""

from dataclasses import dataclass, replace
from typing import Any

from empirical.claims.claim import claim, decide_all, missing
from empirical.claims.fitting import not_fitted
from empirical.claims.results import Results
from empirical.claims.significance import SIZE, paired_p_value, tested
from empirical.claims.training_in_words import network_in_words
from empirical.outcome import decode_hits
from empirical.randomization import RANDOM_LABELS
from empirical.runs.records import Run
from empirical.runs.studies import InterpolantsConfig
from empirical.text_table import TextTable
from theory.claims import Evidence, Finding, Verdict, verdict

NEAR = 0.3
"""Perturbations up to this share of the median distance to the nearest neighbour count as small."""


@dataclass(frozen=True, eq=False)
class InterpolantsResults(Results):
    """Runs on the same images with the same network, hyper-parameters and seed.

    Attributes:
        runs: the runs by test.
    """

    @property
    def setting(self) -> str:
        """The network, for captions."""
        return network_in_words(self.config)

    @property
    def fitted(self) -> bool:
        """Whether both networks reproduce every label of every run."""
        return all(run.summary.metrics[name]["fitted"] for run in self.runs for name in ("trained", "explicit"))

    @property
    def decisive(self) -> "InterpolantsResults":
        """The runs on true and on uniformly corrupted labels, which the claims are about."""
        return replace(
            self, runs=tuple(run for run in self.runs if run.config.randomization.label_noise.uniform_level is not None)
        )


def interpolants_results(runs: list[Run]) -> list[InterpolantsResults]:
    """Sort runs of the kind `interpolants` into sets that differ in their labels alone."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if isinstance(run.config.study, InterpolantsConfig):
            groups.setdefault(
                replace(run.config, randomization=run.config.randomization.with_clean_labels).hash, []
            ).append(run)
    sets = [
        InterpolantsResults(group[0].config, tuple(sorted(group, key=lambda run: run.config.randomization.order)))
        for group in groups.values()
    ]
    return sorted(sets, key=lambda results: (results.config.data, results.config.model, results.config.seed))


def compare_interpolants(results: InterpolantsResults) -> list[Finding]:
    """What tells two interpolants of one sample apart, each with its verdict by a stated rule; other label noise than
    uniform corruption decides nothing.
    """
    decisive = results.decisive
    return decide_all(CLAIMS, decisive) if decisive.runs else []


def interpolants_table(results: InterpolantsResults) -> TextTable:
    """The table of the networks, a row for each network of each run."""
    rows = []
    for run in results.runs:
        for name, title in _NETWORKS.items():
            metrics = run.summary.metrics
            own = metrics[name]
            exact = own.get("lipschitz")
            lipschitz = f"{exact:.3g}" if exact is not None else f"at least {own['lipschitz_lower_bound']:.3g}"
            ratio, distance = own["margin_over_lipschitz"], own["median_distance"]
            rows.append(
                (
                    run.config.randomization.name,
                    title,
                    f"{100 * own['train_accuracy']:.2f}",
                    f"{100 * own['test_accuracy']:.2f}",
                    f"{own['median_margin']:.3g}",
                    lipschitz,
                    "—" if ratio is None else f"{ratio:.2g}",
                    "—" if distance is None else f"{distance:.2g}",
                    *(f"{100 * entry[name]:.1f}" for entry in metrics["noise"]),
                )
            )
    study = results.config.study_of(InterpolantsConfig)
    return TextTable(
        f"Two interpolants of one sample: {results.scale}",
        (
            "labels",
            "network",
            "train (%)",
            "test (%)",
            "median margin",
            "Lipschitz constant",
            "margin / Lipschitz",
            "distance to a change",
            *(f"moved by {norm:g} (%)" for norm in study.norms),
        ),
        tuple(rows),
        "Both networks as functions of the stored image; lengths in median distances from a training image to its "
        "nearest neighbour. Margins: of logits, and of the explicit network's output to the nearest rounding "
        "threshold. Distance to a change of the answer: to first order, median over training images. Last columns: "
        "training images that keep their label when moved so far in a random direction.",
    )


_NETWORKS = {"trained": "trained", "explicit": "explicit, 2n + d"}


def _metrics(run: Run) -> dict[str, Any]:
    return run.summary.metrics


def _name(run: Run) -> str:
    return run.config.randomization.name


@claim(
    "interpolants-1",
    "Theorem 1's network and the trained one interpolate the same sample.",
    "theorem 1; section 2.1",
    figure="Two interpolants of one sample, off the sample",
    command="interpolants",
)
def _both_interpolate(results: InterpolantsResults) -> Evidence:
    parts = [
        f"{_name(run)}: trained {_metrics(run)['trained']['train_accuracy']:.2%}, explicit "
        f"{_metrics(run)['explicit']['train_accuracy']:.2%}"
        for run in results.runs
    ]
    explicit = all(_metrics(run)["explicit"]["fitted"] for run in results.runs)
    # A trained network that was stopped too soon says nothing of others.
    outcome = Verdict.HOLDS if results.fitted else Verdict.NOT_DECIDED if explicit else Verdict.DOES_NOT_HOLD
    return Evidence(outcome, "train accuracy, " + "; ".join(parts), "100%", "every label given is reproduced")


@claim(
    "interpolants-2",
    "The trained network generalises better than Theorem 1's on the same sample: fitting does not decide it.",
    "sections 1.1 and 4",
    figure="Two interpolants of one sample, off the sample",
    command="interpolants",
)
def _one_generalises(results: InterpolantsResults) -> Evidence:
    runs = [run for run in results.runs if run.config.randomization.label_noise != RANDOM_LABELS.label_noise]
    if not runs:
        return missing("a run on true or partially corrupted labels")
    if not results.fitted:
        return not_fitted()
    better, worse, parts = [], [], []
    for run in runs:
        trained, explicit = (
            decode_hits(_metrics(run)[name]["test_hits"], run.config.n_test) for name in ("trained", "explicit")
        )
        better.append(paired_p_value(trained, explicit, one_sided=True))
        worse.append(paired_p_value(explicit, trained, one_sided=True))
        parts.append(f"{_name(run)}: trained {trained.mean():.1%}, explicit {explicit.mean():.1%}")
    return Evidence(
        tested(max(better), min(worse), SIZE / len(runs)),
        "test accuracy, " + "; ".join(parts),
        f"p-values below {SIZE / len(runs):.1e}: largest {max(better):.0e}",
        f"McNemar's exact tests on the images that only one network gets right, one-sided, size {SIZE:.0%} in all",
    )


@claim(
    "interpolants-3",
    "Theorem 1's network forgets its labels a small way off the sample, where the trained one keeps them.",
    "section 4: the construction, not its size, is what does not generalise",
    figure="Two interpolants of one sample, off the sample",
    command="interpolants",
)
def _stability(results: InterpolantsResults) -> Evidence:
    from scipy import stats

    moved = [(run, entry) for run in results.runs for entry in _metrics(run)["noise"] if entry["norm"] <= NEAR]
    if not moved:
        return missing(f"perturbations of norm up to {NEAR:g}")
    if not results.fitted:
        return not_fitted()
    more, less = [], []
    for _, entry in moved:
        difference, error = entry["trained"] - entry["explicit"], entry["difference_error"]
        above = float(stats.norm.sf(difference / error)) if error else float(difference <= 0)
        more.append(above)
        less.append(float(stats.norm.cdf(difference / error)) if error else float(difference >= 0))
    size = SIZE / len(moved)
    parts = [
        f"{_name(run)}: "
        + ", ".join(
            f"{entry['norm']:g}: {entry['trained']:.1%} and {entry['explicit']:.1%}"
            for other, entry in moved
            if other is run
        )
        for run in results.runs
    ]
    return Evidence(
        tested(max(more), min(less), size),
        "keep their label, moved by the distance to the nearest neighbour times (trained and explicit) "
        + "; ".join(parts),
        f"the trained network keeps more at every norm up to {NEAR:g}",
        f"normal tests of the mean difference image by image, one-sided, size {SIZE:.0%} in all (Bonferroni); the same "
        "perturbations for both, uniform directions in stored pixels",
    )


@claim(
    "interpolants-4",
    "Relative to its slope the trained network's margin is larger: its answers change farther from the sample.",
    "margin over Lipschitz constant; first order",
    figure="Two interpolants of one sample, off the sample",
    command="interpolants",
)
def _distance_to_a_change(results: InterpolantsResults) -> Evidence:
    from scipy import stats

    if not results.fitted:
        return not_fitted()
    n, size = results.config.n_train, SIZE / len(results.runs)
    farther, nearer, parts = [], [], []
    for run in results.runs:
        count = _metrics(run)["farther"]
        farther.append(float(stats.binomtest(count, n, 0.5, alternative="greater").pvalue))
        nearer.append(float(stats.binomtest(count, n, 0.5, alternative="less").pvalue))
        medians = [_metrics(run)[name]["median_distance"] for name in ("trained", "explicit")]
        shown = ["infinite" if median is None else f"{median:.1e}" for median in medians]
        parts.append(
            f"{_name(run)}: median {shown[0]} and {shown[1]}, larger for {count:,} of {n:,}; Lipschitz constant at "
            f"least {_metrics(run)['trained']['lipschitz_lower_bound']:.1e}, exactly "
            f"{_metrics(run)['explicit']['lipschitz']:.1e}"
        )
    return Evidence(
        tested(max(farther), min(nearer), size),
        "distance to a change of the answer (trained and explicit) " + "; ".join(parts),
        "larger for more than half of the training images",
        f"sign tests over training images, one-sided, size {SIZE:.0%} in all; lengths in median distances to the "
        "nearest neighbour, to first order; the explicit network's are exact where its slope is not zero",
    )


@claim(
    "interpolants-5",
    "Theorem 1's network answers from images that are neighbours on a line and strangers otherwise: hence chance.",
    "the construction: projections on one direction",
    figure="Two interpolants of one sample, off the sample",
    command="interpolants",
)
def _answers_from_afar(results: InterpolantsResults) -> Evidence:
    lines = [_metrics(run)["neighbour_on_the_line"] for run in results.runs]
    return Evidence(
        verdict(all(line["median_distance"] > (1 + line["median_distance_of_random_pairs"]) / 2 for line in lines)),
        "; ".join(
            f"{_name(run)}: {line['median_distance']:.2f} median neighbour distances from a test image, two random "
            f"images {line['median_distance_of_random_pairs']:.2f}, label agrees {line['label_agrees']:.1%}"
            for run, line in zip(results.runs, lines, strict=True)
        ),
        "nearer to the distance of random images than to the nearest neighbour's, 1",
        "medians over test images and over 1,000 random pairs; no statistical test",
    )


CLAIMS = (
    _both_interpolate,
    _one_generalises,
    _stability,
    _distance_to_a_change,
    _answers_from_afar,
)
"""The claims of this module, in the order of the report."""
