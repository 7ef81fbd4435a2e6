"""Kernel runs beside chance and the paper's numbers (Zhang et al. 2017, section 5, table 3): from records alone."""

from dataclasses import dataclass
from itertools import product

from empirical.claims.paper import TABLE_3
from empirical.claims.paper_claims import paper_claim
from empirical.claims.randomization_tests import SIZE, hits_recorded, missing
from empirical.claims.significance import guessing_p_value, paired_p_value
from empirical.kernels.config import KernelConfig
from empirical.outcome import decode_hits
from empirical.runs.config import RunConfig
from empirical.runs.records import Run
from theory.claims import Claim, Evidence, Finding, Verdict, verdict

_TRUE = "true labels"


@dataclass(frozen=True, eq=False)
class KernelResults:
    """Kernel runs on the same images and the same seed.

    Attributes:
        config: of one of them, standing for what all share.
        runs: by features, kernel, ridge and label noise.
    """

    config: RunConfig
    runs: tuple[Run, ...]

    @property
    def scale(self) -> str:
        """What the results come from, for captions."""
        config = self.config
        return (
            f"{config.data}, {config.n_train:,} training and {config.n_test:,} test images; seed {config.seed}; "
            f"{config.device}"
        )

    @property
    def chance(self) -> float:
        """Accuracy of guessing, 1/k."""
        return 1 / self.config.num_classes

    def series(self, *, ridge: float = 0.0) -> dict[tuple[str, str], list[Run]]:
        """Minimum-norm runs on original pixels by (kernel, features), by rising label noise."""
        found: dict[tuple[str, str], list[Run]] = {}
        for run in self.runs:
            kernel = kernel_of(run)
            plain = kernel.interpolant == "minimum-norm" and run.config.randomization.pixels == "original"
            if plain and kernel.ridge == ridge:
                found.setdefault((kernel.kernel_name, kernel.features), []).append(run)
        return {key: sorted(runs, key=lambda run: run.config.randomization.label_noise) for key, runs in found.items()}

    def clean(self) -> dict[tuple[str, str], Run]:
        """The runs on true labels without ridge by (kernel, features)."""
        return {key: runs[0] for key, runs in self.series().items() if runs[0].config.randomization.label_noise == 0}


def kernel_of(run: Run) -> KernelConfig:
    """How a kernel run interpolates."""
    assert run.config.kernel is not None, "only kernel runs come here"
    return run.config.kernel


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
        kernel, randomization = kernel_of(run), run.config.randomization
        number = kernel.features.rpartition("-")[2]
        size = int(number) if number.isdigit() else 0
        return size, kernel.features, kernel.kernel_name, kernel.ridge, randomization.pixels, randomization.label_noise

    sets = [KernelResults(group[0].config, tuple(sorted(group, key=order))) for group in groups.values()]
    return sorted(sets, key=lambda each: (each.config.data, each.config.n_train, each.config.seed))


def reference(run: Run) -> str:
    """The paper's test error in the same setting, "" if there is none."""
    kernel, config = kernel_of(run), run.config
    plain = kernel.kernel == "gaussian" and kernel.interpolant == "minimum-norm"
    if not plain or config.randomization.name != _TRUE:
        return ""
    name = "random-convolution" if kernel.features.startswith("random-convolution") else kernel.features
    entry = TABLE_3.get((config.data, name, kernel.ridge > 0))
    return f"{entry.test_error:.1f}% ({entry.setting})" if entry else ""


def compare_kernels(results: KernelResults) -> list[Finding]:
    """The paper's claims that kernel runs bear on, each with its verdict by a stated rule."""
    checks = (
        _generalises,
        _fits_random_labels,
        _ridge_does_not_help,
        _bad_interpolant,
        _norm_does_not_predict,
    )
    return [Finding(claim, evidence, 0.0) for claim, evidence in (check(results) for check in checks)]


def _hits(run: Run) -> int:
    hits: int = round(run.summary.metrics["test_accuracy"] * run.config.n_test)
    return hits


def _better(run: Run, other: Run) -> float:
    """p-value of McNemar's exact test, one-sided: whether `run` hits more test images than `other`."""
    hits = [decode_hits(each.summary.metrics["test_hits"], each.config.n_test) for each in (run, other)]
    return paired_p_value(*hits, one_sided=True)


def _least_norm(run: Run) -> float:
    """No interpolant of these labels has less: the certificate's bound, or the norm as measured if there is none."""
    bound: float | None = run.summary.metrics.get("norm_lower_bound")
    return float(run.summary.metrics["norm"]) if bound is None else bound


def _most_norm(run: Run) -> float:
    """The least interpolant of these labels has no more: by the certificate, or as measured if there is none."""
    return float(run.summary.metrics["norm"] + (run.summary.metrics.get("distance_bound") or 0.0))


def _label(run: Run) -> str:
    kernel = kernel_of(run)
    return f"{kernel.kernel_name} on {kernel.features}"


def _generalises(results: KernelResults) -> tuple[Claim, Evidence]:
    from scipy import stats

    claim = paper_claim(25)
    runs = list(results.clean().values())
    if not runs:
        return claim, missing("a kernel run on true labels")
    size = SIZE / len(runs)
    p_values = [
        stats.binomtest(_hits(run), run.config.n_test, results.chance, alternative="greater").pvalue for run in runs
    ]
    return claim, Evidence(
        verdict(all(run.summary.metrics["fitted"] for run in runs) and max(p_values) < size),
        "; ".join(
            f"{_label(run)}: test error {1 - run.summary.metrics['test_accuracy']:.2%}"
            + (f", the paper: {reference(run)}" if reference(run) else "")
            for run in runs
        ),
        "every training label reproduced; test error below chance",
        f"one-sided binomial tests against guessing, size {SIZE:.0%} in all; the paper does not state its settings in "
        "full (bandwidth, preprocessing), so its figures stand beside ours and are not the bound",
    )


def _fits_random_labels(results: KernelResults) -> tuple[Claim, Evidence]:
    claim = Claim(
        "kernel-random-labels",
        "The same kernel interpolates random labels too, with a larger norm, and then test error is that of guessing.",
        "Belkin, Ma, Mandal 2018; Zhang et al. 2017, section 5",
    )
    pairs = [
        (runs[0], runs[-1])
        for runs in results.series().values()
        if runs[0].config.randomization.label_noise == 0 and runs[-1].config.randomization.label_noise == 1
    ]
    if not pairs:
        return claim, missing("kernel runs on true and on random labels")
    held, parts = True, []
    for true, random in pairs:
        before, after = true.summary.metrics, random.summary.metrics
        p_value = guessing_p_value(after["test_confusion"], random.config.seed)
        held &= bool(before["fitted"] and after["fitted"] and _least_norm(random) > _most_norm(true))
        held &= p_value >= SIZE / len(pairs)
        parts.append(
            f"{_label(random)}: norm {after['norm']:.1f} against {before['norm']:.1f}, "
            f"{after['norm'] / before['norm']:.2f} times; test accuracy {after['test_accuracy']:.2%}, p-value "
            f"{p_value:.2g}"
        )
    return claim, Evidence(
        verdict(held),
        "; ".join(parts),
        f"both fitted; a larger norm; p-values of guessing at least {SIZE / len(pairs):.1e}",
        "norms by their certificates where there are any; permutation test: random labels favour no class, so renaming "
        "the predicted classes changes nothing in distribution, whatever the images have in common; size "
        f"{SIZE:.0%} in all",
    )


def _ridge_does_not_help(results: KernelResults) -> tuple[Claim, Evidence]:
    claim = paper_claim(26)
    plain = results.clean()
    ridges = sorted({kernel_of(run).ridge for run in results.runs} - {0.0})
    parts, p_values = [], []
    for ridge in ridges:
        for key, runs in results.series(ridge=ridge).items():
            comparable = key in plain and hits_recorded([runs[0], plain[key]])
            if comparable and runs[0].config.randomization.label_noise == 0:
                p_values.append(_better(runs[0], plain[key]))
                error = 1 - runs[0].summary.metrics["test_accuracy"]
                parts.append(f"{_label(runs[0])}, ridge {ridge:g}: {error:.2%}")
    if not parts:
        return claim, missing("kernel runs with --kernel.ridge 0 and positive")
    without = ", ".join(f"{_label(run)}: {1 - run.summary.metrics['test_accuracy']:.2%}" for run in plain.values())
    return claim, Evidence(
        verdict(min(p_values) >= SIZE / len(p_values)),
        f"test error without ridge {without}; {'; '.join(parts)}",
        f"no ridge significantly better: p-values at least {SIZE / len(p_values):.1e}",
        f"McNemar's exact tests on the images where the two differ, one-sided, size {SIZE:.0%} in all",
    )


def _bad_interpolant(results: KernelResults) -> tuple[Claim, Evidence]:
    from scipy import stats

    claim = paper_claim(27)
    plain = results.clean()
    forced = [run for run in results.runs if kernel_of(run).interpolant == "forced-test-labels"]
    pairs = [
        (plain[key], run) for run in forced if (key := (kernel_of(run).kernel_name, kernel_of(run).features)) in plain
    ]
    if not pairs:
        return claim, missing("a kernel run with --kernel.interpolant forced-test-labels beside the plain one")
    low, high = stats.binom.interval(1 - SIZE / len(pairs), results.config.n_test, results.chance)
    held = all(
        bad.summary.metrics["fitted"] and low <= _hits(bad) <= high and _least_norm(bad) > _most_norm(good)
        for good, bad in pairs
    )
    return claim, Evidence(
        verdict(held),
        "; ".join(
            f"{_label(bad)}: training labels fitted, test accuracy {bad.summary.metrics['test_accuracy']:.2%}, norm "
            f"{bad.summary.metrics['norm']:.1f} against {good.summary.metrics['norm']:.1f}"
            for good, bad in pairs
        ),
        f"fitted; test accuracy {low / results.config.n_test:.2%} to {high / results.config.n_test:.2%}; a larger norm",
        f"exact binomial interval of guessing, size {SIZE:.0%} in all; how much larger is reported, the paper gives no "
        "number",
    )


def _norm_does_not_predict(results: KernelResults) -> tuple[Claim, Evidence]:
    claim = paper_claim(28)
    normalised = ("gaussian", "laplacian")
    runs = [
        run
        for run in results.clean().values()
        if kernel_of(run).kernel in normalised and run.summary.metrics["fitted"] and hits_recorded([run])
    ]
    if len({kernel_of(run).features for run in runs}) < 2:
        return claim, missing("kernel runs on two kinds of features")
    found = [
        f"{_label(a)} above {_label(b)}"
        for a, b in product(runs, runs)
        if kernel_of(a).kernel_name == kernel_of(b).kernel_name
        and a.summary.metrics["norm"] > b.summary.metrics["norm"]
        and _better(a, b) < SIZE / len(runs) ** 2
    ]
    return claim, Evidence(
        Verdict.HOLDS if found else Verdict.NOT_DECIDED,
        ", ".join(
            f"{_label(run)}: norm {run.summary.metrics['norm']:.1f}, test error "
            f"{1 - run.summary.metrics['test_accuracy']:.2%}"
            for run in runs
        )
        + (f"; larger norm, smaller error: {'; '.join(found)}" if found else ""),
        "a pair of features with a larger norm and a significantly smaller error",
        f"McNemar's exact tests, one-sided, size {SIZE:.0%} in all; one such pair decides; without one, other features "
        "or more test images may; only kernels with k(x, x) = 1 are compared",
    )
