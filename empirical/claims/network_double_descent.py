"""Double descent of networks: where their test loss peaks in width, and whether it falls twice in time: from records.

The rules were fixed before the runs of `results/digits-network-double-descent`, after a trial on another sample with
other seeds, which gave the step size and the number of steps.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from empirical.claims.claim import claim, decide_all, missing
from empirical.claims.fitting import FITS, not_fitted
from empirical.claims.results import Results
from empirical.claims.significance import SIZE, seeds_p_value, tested_at_every
from empirical.runs.records import Run
from empirical.runs.studies import NetworkDoubleDescentConfig
from empirical.text_table import TextTable
from theory.claims import Evidence, Finding

_BELKIN = "Belkin, Hsu, Ma, Mandal 2019, figure 3"
_NAKKIRAN = "Nakkiran, Kaplun, Bansal, Yang, Barak, Sutskever 2020, section 6"
_FIGURE = "Double descent of networks"
_COMMAND = "network-double-descent"
NEAR = 0.5, 2.0
"""Parameters per number to fit, P / (n k), that count as near the threshold."""

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NetworkDoubleDescentResults(Results):
    """One run, which has every width."""

    @property
    def study(self) -> NetworkDoubleDescentConfig:
        """The settings of the measurement."""
        return self.config.study_of(NetworkDoubleDescentConfig)

    @property
    def setting(self) -> str:
        """The networks, for captions."""
        study = self.study
        return (
            f"two-layer ReLU networks, {study.networks} of each width, Adam with step size {study.learning_rate:g}, "
            f"{study.steps:,} steps on all images"
        )

    @property
    def levels(self) -> list[float]:
        """Levels of label corruption."""
        return list(self._metrics["levels"])

    @property
    def steps(self) -> npt.NDArray[np.int64]:
        """Steps of training before each look."""
        return np.array(self._metrics["steps"])

    @property
    def units(self) -> npt.NDArray[np.int64]:
        """Numbers of hidden units, rising."""
        return np.array([point["units"] for point in self._metrics["points"]])

    @property
    def ratios(self) -> Float64Array:
        """Parameters per number to fit, P / (n k)."""
        numbers = self.config.n_train * self.config.num_classes
        return np.array([point["parameters"] for point in self._metrics["points"]]) / numbers

    @property
    def near(self) -> npt.NDArray[np.bool_]:
        """Which widths are near the threshold."""
        return (self.ratios >= NEAR[0]) & (self.ratios <= NEAR[1])

    @property
    def _metrics(self) -> dict[str, Any]:
        return self.runs[0].summary.metrics

    def test_loss(self, level: int) -> Float64Array:
        """Mean squared distance from one-hot test labels, (widths, looks, networks)."""
        return self._values("test_loss", level)

    def test_error(self, level: int) -> Float64Array:
        """The share of test images that are classified wrongly, (widths, looks, networks)."""
        return 1 - self._values("test_right", level) / self.config.n_test

    def train_error(self, level: int) -> Float64Array:
        """The share of training images that miss their training label, (widths, looks, networks)."""
        return 1 - self._values("train_right", level) / self.config.n_train

    def _values(self, name: str, level: int) -> Float64Array:
        points = self._metrics["points"]
        return np.array([point["levels"][level][name] for point in points], dtype=np.float64)


def network_double_descent_results(runs: list[Run]) -> list[NetworkDoubleDescentResults]:
    """A set for each run of the kind `network-double-descent`."""
    sets = [
        NetworkDoubleDescentResults(run.config, (run,))
        for run in runs
        if isinstance(run.config.study, NetworkDoubleDescentConfig)
    ]
    return sorted(sets, key=lambda results: (results.config.data, results.config.n_train, results.config.seed))


def compare_network_double_descent(results: NetworkDoubleDescentResults) -> list[Finding]:
    """What the run says of each claim, with its verdict by a stated rule."""
    return decide_all(CLAIMS, results)


def network_double_descent_table(results: NetworkDoubleDescentResults) -> TextTable:
    """A row for each width: errors and losses after the last step."""
    columns = [
        (results.train_error(index)[:, -1].mean(1), results.test_error(index)[:, -1].mean(1), results.test_loss(index))
        for index in range(len(results.levels))
    ]
    rows = tuple(
        (
            f"{units:,}",
            f"{ratio:.2f}",
            *(
                text
                for train, test, loss in columns
                for text in (f"{train[at]:.1%}", f"{test[at]:.1%}", f"{loss[at, -1].mean():.3g}")
            ),
        )
        for at, (units, ratio) in enumerate(zip(results.units, results.ratios, strict=True))
    )
    names = "train error", "test error", "test loss"
    return TextTable(
        f"Double descent of networks: {results.scale}",
        ("hidden units", "P / (n k)", *(f"{name}, p = {p:g}" for p in results.levels for name in names)),
        rows,
        "After the last step, means over networks that differ in their initial weights; a share p of the labels is "
        "replaced.",
    )


def _noisy(results: NetworkDoubleDescentResults) -> list[int]:
    """The indices of the levels with noise; none if there are not widths below, near and above the threshold."""
    near = results.near
    if not near[1:-1].any() or near[0] or near[-1]:
        return []
    return [index for index, level in enumerate(results.levels) if level > 0]


def _largest_fit(results: NetworkDoubleDescentResults, levels: Iterable[int]) -> bool:
    """Whether all of the largest networks fit their labels in the end, at these levels."""
    return all((results.train_error(level)[-1, -1] <= 1 - FITS).all() for level in levels)


def _less_p_value(values: Float64Array, other: Float64Array) -> float:
    """p-value of the hypothesis that the mean of `values` is at least that of `other`, one-sided: Welch's t.

    Without any spread it is that of the exact permutation test.
    """
    from scipy import stats

    if np.ptp(values) == np.ptp(other) == 0:
        return 1 / math.comb(len(values) + len(other), len(values)) if values[0] < other[0] else 1.0
    return float(stats.ttest_ind(values, other, equal_var=False, alternative="less").pvalue)


@claim(
    "network-double-descent-1",
    "Under label noise the test loss of networks peaks where they have about as many parameters as numbers to fit.",
    _BELKIN,
    paper="two-layer networks on MNIST, n = 4,000: the peak is at n k parameters",
    figure=_FIGURE,
    command=_COMMAND,
)
def _peak(results: NetworkDoubleDescentResults) -> Evidence:
    if not (noisy := _noisy(results)):
        return missing("levels of noise, and widths below, near and above n k parameters")
    if not _largest_fit(results, noisy):
        return not_fitted()
    near, ratios = np.flatnonzero(results.near), results.ratios
    far = np.flatnonzero(~results.near)
    p_values, opposites, words = [], [], []
    for index in noisy:
        losses = np.log(results.test_loss(index)[:, -1])
        peak, outside = (int(widths[losses[widths].mean(1).argmax()]) for widths in (near, far))
        p_values += [len(near) * _less_p_value(losses[width], losses[peak]) for width in far]
        opposites.append(len(far) * max(_less_p_value(losses[width], losses[outside]) for width in near))
        first, highest, second, last = np.exp(losses[[0, peak, outside, -1]].mean(1))
        words.append(
            f"p = {results.levels[index]:g}: test loss {first:.3g} at P / (n k) = {ratios[0]:.2g}, {highest:.3g} at "
            f"{ratios[peak]:.2g}, {last:.3g} at {ratios[-1]:.2g}; the largest outside {NEAR[0]:g} to {NEAR[1]:g} is "
            f"{second:.3g}, at {ratios[outside]:.2g}"
        )
    return Evidence(
        tested_at_every(p_values, opposites, SIZE),
        "; ".join(words) + f"; largest p-value {min(1.0, max(p_values)):.1g}",
        f"a width with P / (n k) between {NEAR[0]:g} and {NEAR[1]:g} is above every width outside, at every level of "
        f"noise, p-value below {SIZE}; a width outside that is above all of these, p-value below {SIZE}, contradicts",
        f"Welch's t-test of the logarithms, one-sided, with Bonferroni's correction for the choice among {len(near)} "
        f"widths, each at {SIZE:.0%} (intersection-union); it speaks of other initial weights on this sample. The "
        "widths are a grid",
    )


@claim(
    "network-double-descent-2",
    "The largest network's test error is below that of every network with fewer parameters than numbers to fit.",
    _BELKIN,
    paper="at the largest width, below the minimum left of the peak",
    figure=_FIGURE,
    command=_COMMAND,
)
def _second_descent(results: NetworkDoubleDescentResults) -> Evidence:
    if not _noisy(results):
        return missing("levels of noise, and widths below, near and above n k parameters")
    if not _largest_fit(results, range(len(results.levels))):
        return not_fitted()
    p_values, opposites, words = [], [], []
    for index, level in enumerate(results.levels):
        errors = results.test_error(index)[:, -1]
        best = int(errors[results.ratios < 1].mean(1).argmin())
        p_values.append(_less_p_value(errors[-1], errors[best]))
        opposites.append(_less_p_value(errors[best], errors[-1]))
        last, least = errors[-1].mean(), errors[best].mean()
        words.append(
            f"p = {level:g}: {last:.1%} at P / (n k) = {results.ratios[-1]:.2g}, {least:.1%} at "
            f"{results.ratios[best]:.2g}"
        )
    return Evidence(
        tested_at_every(p_values, opposites, SIZE),
        "; ".join(words) + f"; largest p-value {max(p_values):.1g}",
        f"less error at the largest width at every level, p-value below {SIZE}",
        "Welch's t-test over networks, one-sided, every level at the full size; the best width below is chosen on the "
        "same networks, against the claim",
    )


@claim(
    "network-double-descent-3",
    "Along training on noisy labels the largest network's test error falls, rises, and falls again.",
    _NAKKIRAN,
    paper="epoch-wise double descent of large networks, with 10 and 20% label noise on CIFAR-10",
    figure=_FIGURE,
    command="network-double-descent --scale paper",
)
def _in_time(results: NetworkDoubleDescentResults) -> Evidence:
    if not (noisy := _noisy(results)):
        return missing("levels of noise, and widths below, near and above n k parameters")
    if not _largest_fit(results, noisy):
        return not_fitted()
    if results.study.networks < 6:
        return missing("six networks of each width at least: three choose the looks, three are compared")
    p_values, opposites, words = [], [], []
    for index in noisy:
        errors = results.test_error(index)[-1]
        low, high = turning_looks(errors[:, ::2].mean(1))
        held = errors[:, 1::2]
        for earlier, later in ((low, high), (-1, high)):
            p_values.append(seeds_p_value(list(held[later] - held[earlier])))
            opposites.append(seeds_p_value(list(held[earlier] - held[later])))
        words.append(
            f"p = {results.levels[index]:g}: test error {held[low].mean():.1%} after {results.steps[low]:,} steps, "
            f"{held[high].mean():.1%} after {results.steps[high]:,}, {held[-1].mean():.1%} after {results.steps[-1]:,}"
        )
    return Evidence(
        tested_at_every(p_values, opposites, SIZE),
        "; ".join(words) + f"; largest p-value {max(p_values):.1g}",
        f"a rise and a later fall at every level of noise, p-value below {SIZE}",
        "the looks are chosen on half of the networks and compared on the other half: Student's t, paired by network, "
        f"one-sided, rise and fall each at {SIZE:.0%} (intersection-union)",
    )


def turning_looks(errors: Float64Array) -> tuple[int, int]:
    """The looks between which an error rises most before it falls again to what it is at last: the low and the high.

    The high is where the error is furthest above both its lowest before and its last; the low is that lowest.
    """
    before = np.minimum.accumulate(errors)[:-2]
    high = 1 + int((errors[1:-1] - np.maximum(before, errors[-1])).argmax())
    return int(errors[:high].argmin()), high


CLAIMS = (_peak, _second_descent, _in_time)
"""The claims, in the order of the report."""
