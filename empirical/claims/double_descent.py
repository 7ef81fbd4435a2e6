"""Double descent: where the test error peaks, and whether it falls again below its first minimum: from records."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from empirical.claims.claim import claim, decide_all, missing
from empirical.claims.results import Results
from empirical.claims.significance import SIZE, paired_p_value, predicted, tested_at_every
from empirical.outcome import decode_hits
from empirical.runs.records import Run
from empirical.runs.studies import DoubleDescentConfig
from empirical.text_table import TextTable
from theory.claims import Evidence, Finding, Verdict

_BELKIN = "Belkin, Hsu, Ma, Mandal 2019, figure 2"
_FIGURE = "Double descent"
_COMMAND = "double-descent"
_SIGMAS = 4.0  # a mean of independent trials: one among a dozen such means is beyond this once in a thousand times
_TELLING = 0.25  # a prediction is held to at most this share of itself: our reading


@dataclass(frozen=True, eq=False)
class DoubleDescentResults(Results):
    """One run, which has every number of features."""

    @property
    def setting(self) -> str:
        """The features, for captions."""
        return "random Fourier features"

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Numbers of features N, rising."""
        return np.array([point["features"] for point in self._metrics["points"]])

    @property
    def levels(self) -> list[float]:
        """Levels of label corruption."""
        return list(self._metrics["levels"])

    @property
    def _metrics(self) -> dict[str, Any]:
        return self.runs[0].summary.metrics

    def curve(self, level: int, name: str) -> npt.NDArray[np.float64]:
        """A number of the record at every N, at the level of this index."""
        return np.array([point["levels"][level][name] for point in self._metrics["points"]])

    def hits(self, level: int, at: int) -> npt.NDArray[np.bool_]:
        """Which test images are classified rightly, at the level and the number of features of these indices."""
        return decode_hits(self._metrics["points"][at]["levels"][level]["test_hits"], self.config.n_test)

    @property
    def gaussian(self) -> list[dict[str, float]]:
        """Measured and expected risk of Gaussian features."""
        risks: list[dict[str, float]] = self._metrics["gaussian"]
        return risks


def double_descent_results(runs: list[Run]) -> list[DoubleDescentResults]:
    """A set for each run of the kind `double-descent`."""
    sets = [
        DoubleDescentResults(run.config, (run,)) for run in runs if isinstance(run.config.study, DoubleDescentConfig)
    ]
    return sorted(sets, key=lambda results: (results.config.data, results.config.n_train, results.config.seed))


def compare_double_descent(results: DoubleDescentResults) -> list[Finding]:
    """What the run says of each claim, with its verdict by a stated rule."""
    return decide_all(CLAIMS, results)


def double_descent_table(results: DoubleDescentResults) -> TextTable:
    """A row for each number of features."""
    n = results.config.n_train
    columns = [
        (results.curve(index, "test_accuracy"), results.curve(index, "norm")) for index in range(len(results.levels))
    ]
    rows = tuple(
        (
            f"{count:,}",
            f"{count / n:.2f}",
            *(text for accuracy, norm in columns for text in (f"{1 - accuracy[at]:.2%}", f"{norm[at]:.3g}")),
        )
        for at, count in enumerate(results.counts)
    )
    return TextTable(
        f"Double descent: {results.scale}",
        ("features N", "N / n", *(f"{what}, p = {p:g}" for p in results.levels for what in ("test error", "norm"))),
        rows,
        "Least squares of minimum norm on one-hot labels, a share p of them replaced; from N = n on all are fitted.",
    )


def _threshold(results: DoubleDescentResults) -> int | None:
    """The index of N = n, if there are numbers of features on both sides of it."""
    places = np.flatnonzero(results.counts == results.config.n_train)
    inside = len(places) == 1 and 0 < places[0] < len(results.counts) - 1
    return int(places[0]) if inside else None


@claim(
    "double-descent-1",
    "Test error and norm peak where there are as many features as training images, N = n.",
    _BELKIN,
    paper="random Fourier features on MNIST, n = 10,000: the peak of both is at N = n",
    figure=_FIGURE,
    command=_COMMAND,
)
def _peak(results: DoubleDescentResults) -> Evidence:
    at = _threshold(results)
    if at is None:
        return missing("numbers of features below, at and above the number of training images")
    error_peaks, norm_peaks, p_values, opposites, words = [], [], [], [], []
    for index, level in enumerate(results.levels):
        error = 1 - results.curve(index, "test_accuracy")
        norm = results.curve(index, "norm")
        highest, best = int(error.argmax()), int(error[:at].argmin())
        error_peaks.append(highest == at)
        norm_peaks.append(int(norm.argmax()) == at)
        below, beyond = (
            paired_p_value(results.hits(index, other), results.hits(index, at), one_sided=True)
            for other in (best, len(error) - 1)
        )
        worse = paired_p_value(results.hits(index, at), results.hits(index, highest), one_sided=True)
        opposites.append(1.0 if highest == at else min(1.0, len(error) * worse))
        p_values += [min(1.0, at * below), beyond]  # the best of `at` numbers of features is chosen on the same images
        words.append(
            f"p = {level:g}: test error {error[best]:.1%} at N = {results.counts[best]:,}, {error[at]:.1%} at N = n, "
            f"{error[-1]:.1%} at N = {results.counts[-1]:,}; norm {norm[best]:.2g}, {norm[at]:.2g}, {norm[-1]:.2g}"
        )
    elsewhere = not all(norm_peaks) or any(p_value < SIZE / len(opposites) for p_value in opposites)
    held = all(error_peaks) and max(p_values) < SIZE
    return Evidence(
        Verdict.DOES_NOT_HOLD if elsewhere else Verdict.HOLDS if held else Verdict.NOT_DECIDED,
        "; ".join(words) + f"; largest p-value {max(p_values):.1g}",
        f"the largest of all numbers of features at N = n, error and norm, at every level; p-value below {SIZE}. A "
        f"larger norm elsewhere contradicts, and so does an error that is larger there, p-value below {SIZE}",
        "McNemar's exact test of N = n against the best N below, with Bonferroni's correction for that choice, and "
        f"against the largest N, on the same test images, each at {SIZE:.0%} (intersection-union); against the claim "
        "the worst N is compared with N = n, with Bonferroni's correction for its choice and the levels; the numbers "
        "of features are a grid, one draw of the features",
    )


@claim(
    "double-descent-2",
    "Beyond the peak the test error falls below the lowest that it has with fewer features than training images.",
    _BELKIN,
    paper="at the largest N, below the minimum left of the peak",
    figure=_FIGURE,
    command=_COMMAND,
)
def _second_descent(results: DoubleDescentResults) -> Evidence:
    at = _threshold(results)
    if at is None:
        return missing("numbers of features below, at and above the number of training images")
    p_values, opposites, words = [], [], []
    for index, level in enumerate(results.levels):
        error = 1 - results.curve(index, "test_accuracy")
        best, last = int(error[:at].argmin()), len(error) - 1
        pair = results.hits(index, last), results.hits(index, best)
        p_values.append(paired_p_value(*pair, one_sided=True))
        falls = paired_p_value(results.hits(index, last), results.hits(index, last - 1), one_sided=True) < SIZE
        opposites.append(1.0 if falls else paired_p_value(*reversed(pair), one_sided=True))
        words.append(
            f"p = {level:g}: {error[last]:.2%} at N = {results.counts[last]:,}, {error[best]:.2%} at N = "
            f"{results.counts[best]:,} (p-value {p_values[-1]:.1g})"
        )
    return Evidence(
        tested_at_every(p_values, opposites, SIZE),
        "; ".join(words),
        f"less error at the largest N at every level, p-value below {SIZE}",
        "McNemar's exact test, one-sided, every level at the full size; the best N below n is chosen on the test "
        "images, against the claim; where the error still falls to the largest N, an error that is not below the best "
        "does not contradict: more features may bring it there",
    )


@claim(
    "double-descent-3",
    "Where theory is exact, on Gaussian features, the measured risk is what it says at every ratio N / n away from 1.",
    "Hastie, Montanari, Rosset, Tibshirani 2022, theorem 1; exact by the inverse Wishart distribution's mean",
    figure=_FIGURE,
    command=_COMMAND,
)
def _gaussian(results: DoubleDescentResults) -> Evidence:
    off = [abs(point["risk"] - point["expected"]) / point["standard_error"] for point in results.gaussian]
    worst = results.gaussian[int(np.argmax(off))]
    widest = max(_SIGMAS * point["standard_error"] / point["expected"] for point in results.gaussian)
    return Evidence(
        predicted(max(off) <= _SIGMAS, widest, _TELLING),
        f"{len(off)} ratios, at most {max(off):.1f} standard errors off, at N / n = {worst['ratio']:.2g}: risk "
        f"{worst['risk']:.3g}, expected {worst['expected']:.3g}",
        f"within {_SIGMAS:g} standard errors at every ratio, and these no more than {_TELLING:.0%} of the risk; they "
        f"are {widest:.0%} at most",
        "means over independent data sets of Gaussian features, which depend on the seed alone: runs of one seed share "
        "them, whatever their images; within 8% of N = n the risk has no variance and is left out. It is no "
        "theory of Fourier features of images: of those it predicts the place of the peak alone",
    )


CLAIMS = (_peak, _second_descent, _gaussian)
"""The claims, in the order of the report."""
