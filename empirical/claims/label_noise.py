"""Measured test accuracies under label noise beside what theory predicts of them: from records alone.

A prediction is for draws of the noise on fixed images. A measured accuracy is one draw, so it is compared with a
prediction interval. An accuracy is a whole number of images, so the interval is widened by half an image on either
side.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from empirical.claims.claim import claim, decide_all, missing
from empirical.claims.fitting import fit_verdict, not_fitted
from empirical.claims.hits import NEWER_RECORDS, hits_on_test, hits_recorded
from empirical.claims.kernels import LITTLE_WAY
from empirical.claims.networks_on_tests import networks_on_tests
from empirical.claims.results import Results
from empirical.claims.significance import SIZE, positive_mean_p_value, predicted, tested, tested_at_every
from empirical.claims.training_in_words import explicit_regularisers
from empirical.outcome import decode_hits
from empirical.runs.config import RunConfig
from empirical.runs.records import Run
from empirical.runs.studies import NoiseConfig
from empirical.studies.label_noise import EXPLICIT, KERNEL, LEAVE_ONE_OUT, LINEAR, NEAREST
from empirical.text_table import TextTable
from theory.claims import Evidence, Finding, Verdict, worst_verdict

TELLING = 0.05
"""Half the width of an interval of accuracies up to which a prediction that is within tells something: our reading."""

Levels = list[tuple[float, Run]]
"""(p, run) by rising p."""


@dataclass(frozen=True, eq=False)
class NoiseResults(Results):
    """A run of predictions and the measured runs on the same images and the same seed.

    Attributes:
        config: the configuration of the predictions, which stands for what all runs share.
        runs: the predictions and all measured runs.
        prediction: the predictions.
        networks: trained networks, by a name that tells them apart.
        explicit: Theorem 1's network.
        kernel: interpolants of the predicted kernel.
    """

    prediction: Run
    networks: dict[str, Levels]
    explicit: Levels
    kernel: Levels

    @property
    def levels(self) -> list[float]:
        """The levels predicted."""
        levels: list[float] = self.prediction.summary.metrics["levels"]
        return levels

    @property
    def measured(self) -> dict[str, Levels]:
        """All series that contain a run, by their names in words."""
        series = {**self.networks, "Gaussian kernel": self.kernel, "explicit network": self.explicit}
        return {name: runs for name, runs in series.items() if runs}

    def predicted(self, rule: str) -> list[dict[str, Any]]:
        """The accuracy, deviation and draws of a rule, by level."""
        entries: list[dict[str, Any]] = self.prediction.summary.metrics["predictions"][rule]
        return entries

    def interval(self, rule: str, index: int, size: float) -> tuple[float, float]:
        """The interval in which the accuracy at level `index` lies with probability 1 - size, for noise drawn anew."""
        from scipy import stats

        entry = self.predicted(rule)[index]
        draws = entry["draws"]
        quantile = stats.t.isf(size / 2, draws - 1) * (1 + 1 / draws) ** 0.5 if draws else stats.norm.isf(size / 2)
        half = float(quantile) * entry["deviation"] + 0.5 / self.config.n_test
        return entry["accuracy"] - half, entry["accuracy"] + half

    def both(self, runs: Levels) -> list[tuple[int, float, Run]]:
        """(index of the level, p, run) of the runs at levels that are predicted."""
        return [(self.levels.index(level), level, run) for level, run in runs if level in self.levels]


def noise_results(runs: list[Run]) -> list[NoiseResults]:
    """Join each run of predictions with the measured runs on uniformly corrupted labels, the same images and seed."""
    sets = []
    for prediction in runs:
        if not isinstance(prediction.config.study, NoiseConfig):
            continue
        same = [run for run in runs if _about(prediction.config, run.config)]
        networks: dict[tuple[object, ...], list[Run]] = {}
        for run in networks_on_tests(same):
            config = run.config
            key = config.model, config.model_source, config.optimizer_source, config.training, config.crop
            networks.setdefault((*key, config.device), []).append(run)
        # A lone run on true or on random labels is another experiment's.
        series = [
            levels
            for group in networks.values()
            if len(levels := _by_level(group)) > 1 or group[0].config.randomization.partial
        ]
        explicit = _by_level([run for run in same if run.config.kind == "explicit"])
        kernel = _by_level([run for run in same if _predicted_kernel(prediction.config.study.bandwidth, run)])
        measured = [run for levels in (*series, kernel, explicit) for _, run in levels]
        networks_by_name = dict(zip(_names(series), series, strict=True))
        sets.append(
            NoiseResults(prediction.config, (prediction, *measured), prediction, networks_by_name, explicit, kernel)
        )
    return sorted(sets, key=lambda results: (results.config.data, results.config.n_train, results.config.seed))


def compare_noise(results: NoiseResults) -> list[Finding]:
    """The claims on test error under label noise, each with its verdict by a stated rule."""
    return decide_all(CLAIMS, results)


def noise_table(results: NoiseResults) -> TextTable:
    """The table of test errors in percent, a row for each level of corruption, predictions first."""
    metrics = results.prediction.summary.metrics
    size = SIZE / len(results.levels)
    rows = []
    for index, level in enumerate(results.levels):
        cells = [f"{level:g}"]
        for rule in (NEAREST, LINEAR, KERNEL, LEAVE_ONE_OUT, EXPLICIT):
            entry = results.predicted(rule)[index]
            cells.append(f"{100 * (1 - entry['accuracy']):.1f} ± {100 * entry['deviation']:.1f}")
        for runs in results.measured.values():
            run = dict(runs).get(level)
            cells.append("—" if run is None else _percent(1 - run.summary.metrics["test_accuracy"]) + _unfitted(run))
        rows.append(tuple(cells))
    gaussian = metrics["noise_gain_gaussian_features"]
    return TextTable(
        f"Test error (%) against label noise, predicted and measured: {results.scale}",
        (
            "p",
            "nearest neighbour, predicted",
            "least squares, predicted",
            "kernel, predicted",
            "leave-one-out, predicted",
            "explicit, predicted",
            *(f"{name}, measured" for name in results.measured),
        ),
        tuple(rows),
        f"predicted: mean ± standard deviation over draws of the noise, from images and clean labels; chance "
        f"{100 * (1 - results.chance):.0f}. Noise in the outputs, E |s|^2: least squares "
        f"{metrics['noise_gain'][LINEAR]:.3g} on these pixels, "
        + ("infinite" if gaussian is None else f"{gaussian:.3g}")
        + f" on Gaussian features of as many dimensions ({metrics['varying_pixels']:,}); kernel "
        f"{metrics['noise_gain'][KERNEL]:.3g}. *: a training label is missed. Verdicts use intervals of size "
        f"{size:.1e} a level.",
    )


def _about(prediction: RunConfig, config: RunConfig) -> bool:
    return (
        config.train_digest == prediction.train_digest
        and config.test_digest == prediction.test_digest
        and config.seed == prediction.seed
        and config.randomization.corruption is not None
    )


def _predicted_kernel(bandwidth: float, run: Run) -> bool:
    kernel = run.config.kernel
    return kernel is not None and (
        (kernel.kernel, kernel.features, kernel.bandwidth) == ("gaussian", "pixels", bandwidth)
        and (kernel.ridge, kernel.interpolant) == (0.0, "minimum-norm")
    )


def _by_level(runs: Sequence[Run]) -> Levels:
    """The runs by level, the last where several differ in their solver."""
    by_level = {level: run for run in runs if (level := run.config.randomization.corruption) is not None}
    return sorted(by_level.items(), key=lambda level: level[0])


def _names(series: list[Levels]) -> list[str]:
    """Network and regularisers; a configuration's hash where these are the same."""
    configs = [runs[0][1].config for runs in series]
    names = [
        ", ".join([config.model, *(explicit_regularisers(config.training) if config.training else [])])
        for config in configs
    ]
    return [
        name if names.count(name) == 1 else f"{name} ({config.hash})"
        for name, config in zip(names, configs, strict=True)
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _unfitted(run: Run) -> str:
    return "" if run.summary.metrics["fitted"] else "*"


def _within_intervals(results: NoiseResults, runs: Levels, rule: str, what: str) -> Evidence:
    """Whether every measured accuracy lies in the rule's prediction interval."""
    both = results.both(runs)
    if not both:
        return missing(what)
    size = SIZE / len(both)
    holds, widest, parts = True, 0.0, []
    for index, level, run in both:
        low, high = results.interval(rule, index, size)
        accuracy = run.summary.metrics["test_accuracy"]
        holds &= low <= accuracy <= high
        widest = max(widest, (high - low) / 2)
        parts.append(f"p = {level:g}: {accuracy:.1%} ({max(low, 0):.1%} to {min(high, 1):.1%})")
    return Evidence(
        predicted(holds, widest, TELLING),
        "test accuracy (predicted) " + ", ".join(parts),
        f"within the interval at every level, none of which is wider than {100 * TELLING:.0f} points on either side; "
        f"the widest is {100 * widest:.1f}",
        f"Student's prediction intervals from draws of the noise on these images, {SIZE:.0%} in all (Bonferroni), "
        "widened by half an image; accuracies over draws taken as normal",
    )


@claim(
    "noise-1",
    "A kernel interpolant's test accuracy under label noise is what images and clean labels predict.",
    "linear in the labels: theory.label_noise.linear_smoother",
    figure="Test error under label noise, predicted and measured",
    command="noise",
)
def _kernel_as_predicted(results: NoiseResults) -> Evidence:
    return _within_intervals(
        results,
        results.kernel,
        KERNEL,
        f"runs of the experiment kernels on pixels, bandwidth {_bandwidth(results):g}, at levels of corruption",
    )


def _bandwidth(results: NoiseResults) -> float:
    return results.config.study_of(NoiseConfig).bandwidth


@claim(
    "noise-2",
    "Leave-one-out on the training images predicts the kernel's test accuracy under noise, without a test image.",
    "closed form: Craven, Wahba 1978; theory.label_noise.linear_smoother",
    figure="Test error under label noise, predicted and measured",
    command="noise",
)
def _leave_one_out_predicts(results: NoiseResults) -> Evidence:
    from scipy import stats

    both = results.both(results.kernel)
    if not both:
        return missing("the kernel runs of noise-1")
    config, size = results.config, SIZE / len(both)
    critical = float(stats.norm.isf(size / 2))
    scores, widest, parts = [], 0.0, []
    for index, level, run in both:
        expected = results.predicted(LEAVE_ONE_OUT)[index]["accuracy"]
        spread = results.predicted(KERNEL)[index]["deviation"]
        accuracy = run.summary.metrics["test_accuracy"]
        pooled = (config.n_test * accuracy + config.n_train * expected) / (config.n_test + config.n_train)
        variance = pooled * (1 - pooled) * (1 / config.n_test + 1 / config.n_train) + spread**2
        apart = max(abs(accuracy - expected) - 0.5 / config.n_test, 0.0)
        scores.append(apart / variance**0.5 if apart else 0.0)
        widest = max(widest, critical * variance**0.5)
        parts.append(f"p = {level:g}: {accuracy:.1%} ({expected:.1%})")
    return Evidence(
        predicted(max(scores) <= critical, widest, TELLING),
        f"test accuracy (leave-one-out) {', '.join(parts)}; at most {max(scores):.2f} standard errors apart",
        f"{critical:.2f} standard errors, and these no more than {100 * TELLING:.0f} points at any level; they are "
        f"{100 * widest:.1f} at most",
        f"normal tests, {SIZE:.0%} in all; variance of the two samples of images, as binomial, and of the noise; other "
        "test images than training images (other writers, a later day) would be found here too",
    )


def _differences_from_copying(
    results: NoiseResults, runs: list[tuple[int, float, Run]]
) -> list[tuple[float, npt.NDArray[np.float64]]]:
    """(p, image by image hit or not less the chance of a hit by the nearest neighbour's label), (m,) each."""
    right = decode_hits(results.prediction.summary.metrics["nearest_neighbour_hits"], results.config.n_test)
    return [(level, hits_on_test(run) - ((1 - level) * right + level * results.chance)) for _, level, run in runs]


@claim(
    "noise-3",
    "Networks that fit the noise are more accurate than a rule that copies the nearest image's label.",
    "Zhang et al. 2017, figure 1c and section 1.1; one-nearest-neighbour: theory.label_noise.memorising",
    figure="Test error under label noise, predicted and measured",
    command="noise --data cifar10",
)
def _networks_above_copying(results: NoiseResults) -> Evidence:
    partial = {
        name: both
        for name, runs in results.networks.items()
        if (both := [e for e in results.both(runs) if 0 < e[1] < 1])
    }
    every = [run for both in partial.values() for _, _, run in both]
    if not every:
        return missing("trained networks at partial corruption")
    if not hits_recorded(every):
        return missing(NEWER_RECORDS)
    if fit_verdict(every) is not Verdict.HOLDS:
        return not_fitted()
    above, below, parts = [], [], []
    for name, both in partial.items():
        differences = _differences_from_copying(results, both)
        above += [positive_mean_p_value(values) for _, values in differences]
        below += [positive_mean_p_value(-values) for _, values in differences]
        parts.append(f"{name}: " + ", ".join(f"p = {level:g}: {values.mean():+.1%}" for level, values in differences))
    return Evidence(
        tested_at_every(above, below, SIZE),
        "test accuracy less that of copying, " + "; ".join(parts),
        "above at every level",
        f"one-sided normal tests of the differences image by image, each of size {SIZE:.0%}: an intersection-union "
        "test; of copying the exact chance on each image; one seed",
    )


@claim(
    "noise-4",
    "Theorem 1's network fits every label and is little better than guessing, as one projection predicts.",
    "theorem 1; theory.expressivity.depth_two",
    figure="Test error under label noise, predicted and measured",
    command="noise",
)
def _explicit_as_predicted(results: NoiseResults) -> Evidence:
    from scipy import stats

    both = results.both(results.explicit)
    evidence = _within_intervals(results, results.explicit, EXPLICIT, "explicit networks at levels of corruption")
    if not both:
        return evidence
    n, little = results.config.n_test, results.chance + LITTLE_WAY * (1 - results.chance)
    hits = [round(run.summary.metrics["test_accuracy"] * n) for _, _, run in both]
    below = max(float(stats.binom.cdf(count, n, little)) for count in hits)
    above = min(float(stats.binom.sf(count - 1, n, little)) for count in hits)
    guesses = tested(below, len(hits) * above, SIZE)
    return replace(
        evidence,
        verdict=worst_verdict([evidence.verdict, guesses]),
        measured=f"{evidence.measured}; p-value of {little:.1%} or more: {below:.2g}",
        bound=f"{evidence.bound}; below {little:.1%}, {LITTLE_WAY:.0%} of the way from guessing to all, p-value below "
        f"{SIZE} at every level",
    )


@claim(
    "noise-5",
    "Theorem 1's network fits the same labels and does worse than copying the nearest image's, at every p < 1.",
    "Zhang et al. 2017, section 4; one-nearest-neighbour: theory.label_noise.memorising",
    figure="Test error under label noise, predicted and measured",
    command="noise",
)
def _excess(results: NoiseResults) -> Evidence:
    both = [entry for entry in results.both(results.explicit) if entry[1] < 1]
    if not both:
        return missing("explicit networks at p < 1")
    if not hits_recorded([run for _, _, run in both]):
        return missing(NEWER_RECORDS)
    differences = _differences_from_copying(results, both)
    above = [positive_mean_p_value(values) for _, values in differences]
    below = [positive_mean_p_value(-values) for _, values in differences]
    return Evidence(
        tested_at_every(below, above, SIZE),
        "test accuracy less that of copying, "
        + ", ".join(f"p = {level:g}: {values.mean():+.1%}" for level, values in differences),
        "below at every level",
        f"one-sided normal tests of the differences image by image, each of size {SIZE:.0%}: an intersection-union "
        "test; near p = 1 copying is at chance itself, and more test images may be needed",
    )


CLAIMS = (
    _kernel_as_predicted,
    _leave_one_out_predicts,
    _networks_above_copying,
    _explicit_as_predicted,
    _excess,
)
"""The claims of this module, in the order of the report."""
