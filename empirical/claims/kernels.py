"""Kernel runs beside chance and the paper's numbers (Zhang et al. 2017, section 5, table 3): from records alone."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product

from empirical.claims import paper_words as words
from empirical.claims.chance import above_chance_p_values, guessing_margin
from empirical.claims.claim import claim, decide_all, missing
from empirical.claims.hits import hits_on_test, hits_recorded
from empirical.claims.paper import TABLE_3
from empirical.claims.results import Results
from empirical.claims.significance import (
    SIZE,
    falling_rank_p_value,
    gain_p_value,
    guessing_p_value,
    outside_p_value,
    paired_p_value,
    tested_at_every,
)
from empirical.kernels.config import KernelConfig
from empirical.kernels.features import FeatureName
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS
from empirical.runs.config import KernelRun
from empirical.runs.records import Run
from theory.claims import Evidence, Finding, Verdict, verdict, worst_verdict

DOUBLED, UNCHANGED = 2.0, 0.01
"""The factor of the norms and the share of the test images that define `a larger norm at the same error`: our
reading."""

LITTLE = 0.001
"""A gain of the test accuracy up to which a ridge `does not improve` a kernel: our reading."""

LITTLE_WAY = 0.1
"""An interpolant `does not generalise` that has come at most this share of the way from guessing to no error: our
reading."""

_SOLVED = "kernel runs whose solver reached its tolerance, or whose labels are fitted all the same"


@dataclass(frozen=True, eq=False)
class KernelResults(Results):
    """Kernel runs on the same images and the same seed.

    Attributes:
        runs: the runs by features, kernel, ridge and test.
    """

    def series(self, *, ridge: float = 0.0) -> dict[tuple[str, str], list[Run]]:
        """Minimum-norm runs on uniformly corrupted labels by (kernel, features), by rising corruption."""
        series: dict[tuple[str, str], list[Run]] = {}
        for run in self.runs:
            kernel = kernel_of(run)
            plain = kernel.interpolant == "minimum-norm" and run.config.randomization.corruption is not None
            if plain and kernel.ridge == ridge:
                series.setdefault((kernel.kernel_name, kernel.features), []).append(run)
        return {key: sorted(runs, key=lambda run: run.config.randomization.order) for key, runs in series.items()}

    def clean(self) -> dict[tuple[str, str], Run]:
        """The runs on true labels without ridge by (kernel, features)."""
        return {key: runs[0] for key, runs in self.series().items() if runs[0].config.randomization == TRUE_LABELS}


def kernel_of(run: Run) -> KernelConfig:
    """How a kernel run interpolates; raises TypeError for a run of another kind."""
    match run.config.what:
        case KernelRun(kernel):
            return kernel
    raise TypeError(f"a run of kind {run.config.kind} has no kernel")


def kernel_results(runs: list[Run]) -> list[KernelResults]:
    """Sort kernel runs into sets that share their images, their seed, and how they were solved."""
    groups: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        if run.config.kind == "kernel":
            config = run.config
            images = config.train_digest, config.test_digest
            key = config.experiment, *images, config.seed, config.device, kernel_of(run).solver
            groups.setdefault(key, []).append(run)

    def order(run: Run) -> tuple[object, ...]:
        kernel = kernel_of(run)
        return filters(run), kernel.features, kernel.kernel_name, kernel.ridge, run.config.randomization.order

    sets = [KernelResults(group[0].config, tuple(sorted(group, key=order))) for group in groups.values()]
    return sorted(sets, key=lambda results: (results.config.data, results.config.n_train, results.config.seed))


def filters(run: Run) -> int:
    """The number of filters of a random convolutional network, standardised or not; 0 for other features."""
    return FeatureName.parse(kernel_of(run).features).filters or 0


def reference(run: Run) -> str:
    """The paper's test error in the same setting, "" if there is none."""
    kernel, config = kernel_of(run), run.config
    plain = kernel.kernel == "gaussian" and kernel.interpolant == "minimum-norm"
    if not plain or config.randomization != TRUE_LABELS:
        return ""
    features = FeatureName.parse(kernel.features)
    name = features.family if features.filters else kernel.features  # the public pipeline standardises those
    entry = TABLE_3.get((config.data, name, kernel.ridge > 0))
    return f"{entry.test_error:.1f}% ({entry.setting})" if entry else ""


def compare_kernels(results: KernelResults) -> list[Finding]:
    """The paper's claims that kernel runs bear on, each with its verdict by a stated rule."""
    return decide_all(CLAIMS, results)


def _unsolved(runs: Iterable[Run]) -> bool:
    """Whether some labels are not fitted for want of the solver's convergence, which says nothing of the kernel."""
    metrics = [run.summary.metrics for run in runs]
    return any(not (some["fitted"] or some.get("converged", True)) for some in metrics)


def _hits(run: Run) -> int:
    hits: int = round(run.summary.metrics["test_accuracy"] * run.config.n_test)
    return hits


def _better(run: Run, other: Run) -> float:
    """p-value of McNemar's exact test, one-sided: whether `run` hits more test images than `other`."""
    return paired_p_value(hits_on_test(run), hits_on_test(other), one_sided=True)


def _least_norm(run: Run) -> float:
    """A lower bound on the norm of every interpolant of these labels: the certificate's, or the norm as measured
    without one."""
    bound: float | None = run.summary.metrics.get("norm_lower_bound")
    return float(run.summary.metrics["norm"]) if bound is None else bound


def _most_norm(run: Run) -> float:
    """An upper bound on the least norm of an interpolant: by the certificate, or the norm as measured without one."""
    return float(run.summary.metrics["norm"] + (run.summary.metrics.get("distance_bound") or 0.0))


def _larger_norm(run: Run, other: Run) -> Verdict:
    """Whether the least norm of the first is larger; not decided where the certified intervals of the two overlap."""
    if _least_norm(run) > _most_norm(other):
        return Verdict.HOLDS
    return Verdict.DOES_NOT_HOLD if _most_norm(run) <= _least_norm(other) else Verdict.NOT_DECIDED


def _label(run: Run) -> str:
    kernel = kernel_of(run)
    return f"{kernel.kernel_name} on {kernel.features}"


@claim(
    "C25",
    "Exact interpolation with a kernel generalises, without any regularisation.",
    "section 5, table 3",
    paper=f"test error: {words.KERNELS}",
    figure="Norm and error across features",
    related=("kernel-least-norm", "kernel-solvers"),
    decided_by="kernel runs on true labels",
    command="kernels",
)
def _generalises(results: KernelResults) -> Evidence:
    runs = list(results.clean().values())
    if not runs:
        return missing("a kernel run on true labels")
    if _unsolved(runs):
        return missing(_SOLVED)
    p_values, opposites = zip(*map(above_chance_p_values, runs), strict=True)
    fitted = all(run.summary.metrics["fitted"] for run in runs)
    return Evidence(
        tested_at_every(p_values, opposites, SIZE) if fitted else Verdict.DOES_NOT_HOLD,
        "; ".join(
            f"{_label(run)}: test error {1 - run.summary.metrics['test_accuracy']:.2%}"
            + (f", the paper: {reference(run)}" if reference(run) else "")
            for run in runs
        ),
        "every training label reproduced; test error below chance",
        f"one-sided binomial tests against the majority class, each of size {SIZE:.0%}: an intersection-union test; "
        "the paper does not state its settings in full (bandwidth, preprocessing), so its figures are beside ours and "
        "are not the bound",
    )


@claim(
    "kernel-random-labels",
    "The same kernel interpolates random labels too, with a larger norm, and then test error is that of guessing.",
    "Belkin, Ma, Mandal 2018; Zhang et al. 2017, section 5",
    figure="Norm and error against label corruption",
    command="kernels --tests true-labels random-labels",
)
def _fits_random_labels(results: KernelResults) -> Evidence:
    pairs = [
        (runs[0], runs[-1])
        for runs in results.series().values()
        if runs[0].config.randomization == TRUE_LABELS and runs[-1].config.randomization == RANDOM_LABELS
    ]
    if not pairs:
        return missing("kernel runs on true and on random labels")
    if _unsolved(run for pair in pairs for run in pair):
        return missing(_SOLVED)
    chance, margin = results.chance, guessing_margin(results.chance)
    verdicts, parts = [], []
    for true, random in pairs:
        before, after = true.summary.metrics, random.summary.metrics
        p_value = guessing_p_value(after["test_confusion"], random.config.seed)
        verdicts.append(verdict(before["fitted"] and after["fitted"] and p_value >= SIZE / len(pairs)))
        verdicts.append(_larger_norm(random, true))
        outside = outside_p_value(_hits(random), random.config.n_test, chance - margin, chance + margin)
        verdicts.append(Verdict.HOLDS if outside < SIZE else Verdict.NOT_DECIDED)
        parts.append(
            f"{_label(random)}: norm {after['norm']:.1f} against {before['norm']:.1f}, "
            f"{after['norm'] / before['norm']:.2f} times; test accuracy {after['test_accuracy']:.2%}, p-value of "
            f"guessing {p_value:.2g}, of being further from it {outside:.2g}"
        )
    return Evidence(
        worst_verdict(verdicts),
        "; ".join(parts),
        f"both fitted; a larger norm; within {100 * margin:.1f} points of guessing, p-values below {SIZE}; p-values of "
        f"guessing at least {SIZE / len(pairs):.1e}",
        "norms by their certificates where there are any; two one-sided binomial tests, as in C2, and a permutation "
        "test: random labels favour no class, so renaming the predicted classes changes nothing in distribution, "
        f"whatever the images have in common; size {SIZE:.0%} in all",
    )


@claim(
    "C26",
    "On MNIST regularisation does not improve these kernels.",
    "section 5",
    related=("ridge-limit",),
    decided_by="kernels with several ridges",
    command="kernels --data mnist --kernel.ridge 0 0.01 0.1 1",
)
def _ridge_does_not_help(results: KernelResults) -> Evidence:
    if results.config.data != "mnist":
        return missing("kernel runs on MNIST: on CIFAR-10 the paper's ridge lowers the error from 17% to 15%")
    plain = results.clean()
    ridges = sorted({kernel_of(run).ridge for run in results.runs} - {0.0})
    parts, p_values, little = [], [], []
    for ridge in ridges:
        for key, runs in results.series(ridge=ridge).items():
            comparable = key in plain and hits_recorded([runs[0], plain[key]])
            if comparable and runs[0].config.randomization == TRUE_LABELS:
                p_values.append(_better(runs[0], plain[key]))
                gain = hits_on_test(runs[0]).astype(float) - hits_on_test(plain[key])
                little.append(gain_p_value(-gain, -LITTLE))
                error = 1 - runs[0].summary.metrics["test_accuracy"]
                parts.append(
                    f"{_label(runs[0])}, ridge {ridge:g}: {error:.2%}, p-value of a gain of {LITTLE:.1%} "
                    f"{little[-1]:.1g}"
                )
    if not parts:
        return missing("kernel runs with --kernel.ridge 0 and positive")
    without = ", ".join(f"{_label(run)}: {1 - run.summary.metrics['test_accuracy']:.2%}" for run in plain.values())
    return Evidence(
        Verdict.DOES_NOT_HOLD
        if min(p_values) < SIZE / len(p_values)
        else Verdict.HOLDS
        if max(little) < SIZE
        else Verdict.NOT_DECIDED,
        f"test error without ridge {without}; {'; '.join(parts)}",
        f"every ridge gains less than {LITTLE:.1%}, p-values below {SIZE}; a ridge that is better contradicts",
        f"normal tests image by image, one-sided, each of size {SIZE:.0%}: an intersection-union test; against, "
        f"McNemar's exact tests on the images where the two differ, size {SIZE:.0%} in all",
    )


@claim(
    "C27",
    "Interpolants that do not generalise exist, with a much larger norm.",
    "section 5",
    related=("kernel-noise-norm",),
    decided_by="kernels with forced-test-labels",
    command="kernels --kernel.interpolant minimum-norm forced-test-labels",
)
def _bad_interpolant(results: KernelResults) -> Evidence:
    from scipy import stats

    plain = results.clean()
    forced = [run for run in results.runs if kernel_of(run).interpolant == "forced-test-labels"]
    pairs = [
        (plain[key], run) for run in forced if (key := (kernel_of(run).kernel_name, kernel_of(run).features)) in plain
    ]
    if not pairs:
        return missing("a kernel run with --kernel.interpolant forced-test-labels beside the plain one")
    if _unsolved(run for pair in pairs for run in pair):
        return missing(_SOLVED)
    n, limit = results.config.n_test, results.chance + LITTLE_WAY * (1 - results.chance)
    verdicts = [verdict(all(bad.summary.metrics["fitted"] for _, bad in pairs))]
    verdicts += [_larger_norm(bad, good) for good, bad in pairs]
    below = [float(stats.binom.cdf(_hits(bad), n, limit)) for _, bad in pairs]
    above = [float(stats.binom.sf(_hits(bad) - 1, n, limit)) for _, bad in pairs]
    decided = worst_verdict([*verdicts, tested_at_every(below, above, SIZE)])
    ratios = [bad.summary.metrics["norm"] / good.summary.metrics["norm"] for good, bad in pairs]
    if decided is Verdict.HOLDS and min(ratios) < DOUBLED:
        decided = Verdict.NOT_DECIDED
    return Evidence(
        decided,
        "; ".join(
            f"{_label(bad)}: training labels fitted, test accuracy {bad.summary.metrics['test_accuracy']:.2%}, norm "
            f"{bad.summary.metrics['norm']:.1f} against {good.summary.metrics['norm']:.1f}"
            for good, bad in pairs
        ),
        f"fitted; at most {limit:.1%} of the test images right, {LITTLE_WAY:.0%} of the way from guessing to all, "
        f"p-values below {SIZE}; a norm at least {DOUBLED:g} times as large, and one that is not larger contradicts",
        f"exact binomial tests, one-sided, each of size {SIZE:.0%}: an intersection-union test; the paper "
        "gives no number for the norm",
    )


@claim(
    "C28",
    "The minimum norm does not predict generalisation: a larger norm may go with no larger an error.",
    "section 5",
    paper=words.KERNEL_NORM,
    figure="Norm and error across features",
    decided_by="kernel runs on the same features with two bandwidths, or on MNIST",
    command="kernels --data cifar10 --kernel.bandwidth 0.4",
)
def _norm_does_not_predict(results: KernelResults) -> Evidence:
    runs = [run for run in results.clean().values() if run.summary.metrics["fitted"] and hits_recorded([run])]
    pairs = [
        (less, more)
        for less, more in product(runs, runs)
        if _same_but_for_bandwidth(less, more)
        and more.summary.metrics["norm"] >= DOUBLED * less.summary.metrics["norm"]
    ]
    papers = [
        (less, more)
        for less, more in product(runs, runs)
        if results.config.data == "mnist"
        and kernel_of(less).kernel_name == kernel_of(more).kernel_name
        and (kernel_of(less).features, kernel_of(more).features) == ("pixels", "gabor")
    ]
    if not pairs and not papers:
        return missing(f"kernel runs on the same features with two bandwidths whose norms differ by {DOUBLED:g} times")
    size, shown, parts = SIZE / (len(pairs) + len(papers)), False, []
    for less, more in pairs:
        gain = hits_on_test(more).astype(float) - hits_on_test(less)
        p_value = gain_p_value(gain, -UNCHANGED)
        shown |= p_value < size
        parts.append(f"{_norms(less, more)}, p-value {p_value:.1g}")
    for less, more in papers:
        larger = more.summary.metrics["norm"] > less.summary.metrics["norm"]
        p_value = _better(more, less)
        shown |= larger and p_value < size
        parts.append(f"{_norms(less, more)}, p-value of a smaller error {p_value:.1g}")
    norms, accuracies = ([run.summary.metrics[name] for run in runs] for name in ("norm", "test_accuracy"))
    in_order = falling_rank_p_value(norms, accuracies)
    parts.append(f"{len(runs)} kernels on these images, accuracy falling with the norm: p-value {in_order:.1g}")
    against = Verdict.DOES_NOT_HOLD if in_order < SIZE else Verdict.NOT_DECIDED
    return Evidence(
        Verdict.HOLDS if shown else against,
        "; ".join(parts),
        f"a norm at least {DOUBLED:g} times as large, an error less than {UNCHANGED:.0%} larger; on MNIST, the paper's "
        "pair: a larger norm on Gabor features, a smaller error",
        "the same images and features, another bandwidth: any order of norms can be produced so; differences image by "
        f"image, one-sided normal tests, and McNemar's on MNIST, size {SIZE:.0%} in all; one such pair decides; where "
        "there is none, a norm that orders all errors contradicts: Kendall's tau, exact, by which five kernels suffice",
    )


def _same_but_for_bandwidth(run: Run, other: Run) -> bool:
    kernels = [kernel_of(candidate) for candidate in (run, other)]
    same = replace(kernels[0], bandwidth=1.0) == replace(kernels[1], bandwidth=1.0)
    return same and kernels[0].bandwidth != kernels[1].bandwidth


def _norms(less: Run, more: Run) -> str:
    metrics = [run.summary.metrics for run in (less, more)]
    return (
        f"{_label(less)} and {_label(more)}: norm {metrics[0]['norm']:.1f} and {metrics[1]['norm']:.1f}, test error "
        f"{1 - metrics[0]['test_accuracy']:.2%} and {1 - metrics[1]['test_accuracy']:.2%}"
    )


CLAIMS = (
    _generalises,
    _fits_random_labels,
    _ridge_does_not_help,
    _bad_interpolant,
    _norm_does_not_predict,
)
"""The claims of this module, in the order of the report."""
