"""Results beside chance, the theory and the paper's numbers: from records alone.

Networks are compared image by image on the test set they share (`significance`). Each test's size is stated with it; a
single run per test cannot speak for other seeds.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from empirical.claims.paper import TABLE_1, PaperAccuracy
from empirical.claims.paper_claims import paper_claim
from empirical.claims.significance import guessing_p_value, paired_p_value, tested, trend_p_value
from empirical.outcome import decode_hits
from empirical.runs.config import RunConfig
from empirical.runs.records import Run, networks_on_tests
from empirical.runs.training_loss import steps_to_reach, tell_training_loss
from empirical.training.config import TrainingConfig
from empirical.training.epoch_record import EpochRecord
from empirical.training.schedule import CIFAR_10, is_the_papers
from theory.claims import Claim, Evidence, Finding, Verdict, verdict
from theory.label_noise import memorised_accuracy

SIZE = 0.01
"""Size of every statistical test here: the probability of rejecting a true hypothesis."""

_ENOUGH_STEPS = CIFAR_10.max_steps

SMALL_FACTOR = 10.0
"""What the paper's `small constant factor` of training time is held to: an order of magnitude."""


QUICK_SHARE = 0.1
"""Fitting has started where the loss is this share below guessing's, log k, and is done where that much is left."""


@dataclass(frozen=True, eq=False)
class ResultSet:
    """The runs of one experiment that share data, network, hyper-parameters, device and seed, by test.

    Attributes:
        config: of a trained run, standing for what all share.
        trained, explicit: finished runs by name of the test, in the paper's order.
    """

    config: RunConfig
    trained: dict[str, Run]
    explicit: dict[str, Run]

    @property
    def chance(self) -> float:
        """Accuracy of guessing, 1/k."""
        return 1 / self.config.num_classes

    @property
    def several(self) -> bool:
        """Whether there is something to compare: a lone run of a table has its row there."""
        return len(self.trained) + len(self.explicit) > 1

    @property
    def scale(self) -> str:
        """What the results come from, for captions."""
        config = self.config
        crop = f", centre crop {config.crop}" if config.crop and config.data == "cifar10" else ""
        network = [config.model]
        if config.training is not None:
            network += [optimizer_in_words(config.training), *explicit_regularisers(config.training)]
        return (
            f"{config.data}, {config.n_train:,} training and {config.n_test:,} test images{crop}; "
            f"{', '.join(network)}; seed {config.seed}; {config.device}"
        )


@dataclass(frozen=True)
class Row:
    """A line of the results table; None where there is no finished run."""

    test: str
    epochs: int | None
    seconds: float | None
    fitted: bool | None
    train_accuracy: float | None
    train_accuracy_clean_labels: float | None
    test_accuracy: float | None
    expected: str
    explicit_train_accuracy: float | None
    explicit_test_accuracy: float | None


def result_sets(runs: list[Run]) -> list[ResultSet]:
    """Sort runs into sets that are compared with one another."""
    groups: dict[tuple[object, ...], list[Run]] = {}
    for run in networks_on_tests(runs):
        config = run.config
        key = (
            config.experiment,
            config.model,
            config.model_source,
            config.optimizer_source,
            config.training,
            config.crop,
        )
        groups.setdefault((*key, config.device, *_data_key(config)), []).append(run)
    explicit: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        if run.config.kind == "explicit":
            explicit.setdefault(_data_key(run.config), []).append(run)
    sets = [
        ResultSet(group[0].config, _by_test(group), _by_test(explicit.get(_data_key(group[0].config), [])))
        for group in groups.values()
    ]
    return sorted(sets, key=lambda results: (results.config.data, results.config.model, results.config.seed))


def optimizer_in_words(training: TrainingConfig) -> str:
    """The optimiser and its first step size, and whatever else of it is not the paper's, for captions."""
    paper = TrainingConfig()
    name = "SGD" if training.optimizer == "sgd" else training.optimizer
    words = [f"{name} from {training.learning_rate:g}"]
    words += [f"batches of {training.batch_size}"] * (training.batch_size != paper.batch_size)
    words += [f"momentum {training.momentum:g}"] * (training.momentum != paper.momentum)
    if not is_the_papers(training):
        words.append(f"decay {training.learning_rate_decay:g} every {training.decay_steps:,} steps")
    return ", ".join(words)


def explicit_regularisers(training: TrainingConfig) -> list[str]:
    """Each in words, with its strength; none for the paper's unregularised setting."""
    return (
        [f"weight decay {training.weight_decay:g}"] * (training.weight_decay > 0)
        + [f"augmentation {training.augmentation}"] * (training.augmentation != "none")
        + ([f"dropout {training.dropout:g}"] if training.dropout else [])
    )


def table(results: ResultSet) -> list[Row]:
    """The results table: a row for each test."""
    rows = []
    for test in dict.fromkeys([*results.trained, *results.explicit]):
        trained, explicit = results.trained.get(test), results.explicit.get(test)
        measured = trained.summary.metrics if trained else {}
        built = explicit.summary.metrics if explicit else {}
        rows.append(
            Row(
                test=test,
                epochs=measured.get("epoch"),
                seconds=trained.summary.time["seconds"] if trained else None,
                fitted=measured.get("fitted"),
                train_accuracy=measured.get("train_accuracy"),
                train_accuracy_clean_labels=measured.get("train_accuracy_clean_labels"),
                test_accuracy=measured.get("test_accuracy"),
                expected=_expected(results, test),
                explicit_train_accuracy=built.get("train_accuracy"),
                explicit_test_accuracy=built.get("test_accuracy"),
            )
        )
    return rows


def chance_interval(results: ResultSet) -> tuple[float, float]:
    """Accuracies that guessing stays within with probability at least 1 - SIZE (exact binomial)."""
    return guessing_interval(results.config, SIZE)


def guessing_interval(config: RunConfig, size: float) -> tuple[float, float]:
    """Accuracies that guessing stays within with probability at least 1 - size (exact binomial)."""
    from scipy import stats

    low, high = stats.binom.interval(1 - size, config.n_test, 1 / config.num_classes)
    return float(low) / config.n_test, float(high) / config.n_test


def compare(results: ResultSet) -> list[Finding]:
    """The paper's claims that these results bear on, each with its verdict by a stated rule."""
    checks = (
        _fits_random_labels,
        _random_labels_at_chance,
        _costs_a_small_factor,
        _converges_quickly,
        _fits_noise_images,
        _noise_images_start_sooner,
        _error_rises_with_corruption,
        _captures_remaining_signal,
        _explicit_network_fits,
        _same_network_same_settings,
    )
    return [Finding(claim, evidence, 0.0) for claim, evidence in (check(results) for check in checks)]


def _fits_random_labels(results: ResultSet) -> tuple[Claim, Evidence]:
    claim = paper_claim(1)
    run = results.trained.get("random labels")
    if run is None:
        return claim, missing("a run on random labels")
    metrics = run.summary.metrics
    reference = _reference(results.config, "random labels")
    return claim, Evidence(
        fit_verdict([run]),
        f"train accuracy {metrics['train_accuracy']:.2%} after {metrics['epoch']} epochs",
        "100%" + (f" (the paper's own run: {reference.train:.2f}%)" if reference else ""),
        "every training label reproduced by the fixed network; hyper-parameters are those of the run on true labels",
    )


def _random_labels_at_chance(results: ResultSet) -> tuple[Claim, Evidence]:
    claim = paper_claim(2)
    run = results.trained.get("random labels")
    if run is None:
        return claim, missing("a run on random labels")
    if not hits_recorded([run]):
        return claim, missing(NEWER_RECORDS)
    if fit_verdict([run]) is not Verdict.HOLDS:
        return claim, not_fitted()
    metrics = run.summary.metrics
    p_value = _guessing_p_value(run)
    return claim, Evidence(
        verdict(p_value >= SIZE),
        f"test accuracy {metrics['test_accuracy']:.2%}, p-value of guessing {p_value:.2g}",
        f"p-value at least {SIZE}",
        "permutation test: random labels favour no class, so renaming the predicted classes changes nothing in "
        f"distribution, whatever the images have in common; size {SIZE:.0%}",
    )


def _costs_a_small_factor(results: ResultSet) -> tuple[Claim, Evidence]:
    claim = paper_claim(3)
    true, random = results.trained.get("true labels"), results.trained.get("random labels")
    if true is None or random is None:
        return claim, missing("runs on true and on random labels")
    if not (true.summary.metrics["fitted"] and random.summary.metrics["fitted"]):
        return claim, missing("runs that fit their labels within the limit of steps")
    if not _steps_to_fit(true):
        return claim, missing("a run on true labels that needs training to fit them")
    factor = _steps_to_fit(random) / _steps_to_fit(true)
    return claim, Evidence(
        verdict(factor <= SMALL_FACTOR),
        f"{factor:.1f} times the steps of true labels",
        f"{SMALL_FACTOR:.0f}",
        "steps until every label is fitted; the paper gives no number, an order of magnitude is our reading; one seed",
    )


def _converges_quickly(results: ResultSet) -> tuple[Claim, Evidence]:
    claim = paper_claim(4)
    run = results.trained.get("random labels")
    if run is None:
        return claim, missing("a run on random labels")
    if not run.summary.metrics["fitted"]:
        return claim, missing("a run on random labels that fits them within the limit of steps")
    if not tell_training_loss([run]):
        return claim, missing(LOSS_AS_TRAINED)
    (start,), (end,) = (steps_to_reach([run], share) for share in (1 - QUICK_SHARE, QUICK_SHARE))
    if not start or end is None:
        return claim, missing("a run on random labels whose loss is seen to start to fall and to be low")
    return claim, Evidence(
        verdict(end - start <= start),
        f"on random labels the loss is below {1 - QUICK_SHARE:.0%} of guessing's after {start:,} steps, and below "
        f"{QUICK_SHARE:.0%} {end - start:,} steps later",
        f"at most the {start:,} steps before",
        "the paper gives no number; our reading is that the fall takes no longer than what came before it; the "
        "schedule is that of true labels; one seed",
    )


def _fits_noise_images(results: ResultSet) -> tuple[Claim, Evidence]:
    claim = paper_claim(5)
    tests = ("shuffled pixels", "random pixels", "Gaussian")
    runs = [results.trained.get(test) for test in tests]
    found = [run for run in runs if run is not None]
    if len(found) < len(tests):
        return claim, missing("runs on shuffled pixels, random pixels and Gaussian images")
    return claim, Evidence(
        fit_verdict(found),
        ", ".join(
            f"{test} {run.summary.metrics['train_accuracy']:.2%}" for test, run in zip(tests, found, strict=True)
        ),
        "100%",
        "every training label reproduced by the fixed network",
    )


def _noise_images_start_sooner(results: ResultSet) -> tuple[Claim, Evidence]:
    claim = paper_claim(6)
    tests = ("random pixels", "Gaussian", "random labels")
    runs = [results.trained[test] for test in tests if test in results.trained]
    if runs and not tell_training_loss(runs):
        return claim, missing(LOSS_AS_TRAINED)
    steps = steps_to_reach(runs, 0.5)
    if len(steps) < len(tests) or None in steps:
        return claim, missing("runs on random pixels, Gaussian images and random labels that halve their loss")
    pixels, gaussian, labels = (step or 0 for step in steps)
    return claim, Evidence(
        verdict(max(pixels, gaussian) < labels),
        f"random pixels {pixels}, Gaussian {gaussian}, random labels {labels} steps",
        "both below random labels",
        "steps until the training loss is first below half of guessing's, log k; one seed",
    )


def _error_rises_with_corruption(results: ResultSet) -> tuple[Claim, Evidence]:
    claim = paper_claim(8)
    levels = corruption_levels(results)
    if len(levels) < 3 or levels[0][0] != 0.0 or levels[-1][0] != 1.0:
        return claim, missing("runs at p = 0, p = 1 and between")
    if not hits_recorded([run for _, run in levels]):
        return claim, missing(NEWER_RECORDS)
    if fit_verdict([run for _, run in levels]) is not Verdict.HOLDS:
        return claim, not_fitted()
    errors = np.array([1 - run.summary.metrics["test_accuracy"] for _, run in levels])
    noise, hits = [level for level, _ in levels], [hits_on_test(run) for _, run in levels]
    p_value = trend_p_value(noise, hits)
    falls = [paired_p_value(more, less, one_sided=True) for less, more in itertools.pairwise(hits)]
    at_chance = _guessing_p_value(levels[-1][1])
    rises = tested(p_value, trend_p_value(noise[::-1], hits), SIZE)
    against = at_chance < SIZE or min(falls) < SIZE / len(falls)
    return claim, Evidence(
        Verdict.DOES_NOT_HOLD if against else rises,
        "test error " + ", ".join(f"{error:.1%}" for error in errors) + f" (trend: p-value {max(p_value, 1e-300):.0e})",
        f"trend p-value below {SIZE}, none significantly below the last, the last at chance (p-value {at_chance:.2g})",
        f"mean over test images of each image's own trend, one-sided, size {SIZE:.0%}; neighbours by McNemar's exact "
        f"tests, {SIZE:.0%} in all; the last held to guessing by a permutation test",
    )


def _captures_remaining_signal(results: ResultSet) -> tuple[Claim, Evidence]:
    from scipy import stats

    claim = paper_claim(9)
    levels = corruption_levels(results)
    partial = [(level, run) for level, run in levels if 0 < level < 1]
    if not partial or levels[0][0] != 0.0:
        return claim, missing("runs at p = 0 and at partial corruption")
    if fit_verdict([run for _, run in [levels[0], *partial]]) is not Verdict.HOLDS:
        return claim, not_fitted()
    clean = levels[0][1].summary.metrics["test_accuracy"]
    parts, p_values, below = [], [], []
    for level, run in partial:
        predicted = memorised_accuracy(clean, level, results.chance)
        accuracy = run.summary.metrics["test_accuracy"]
        hits = round(accuracy * results.config.n_test)
        p_values.append(stats.binomtest(hits, results.config.n_test, predicted, alternative="greater").pvalue)
        below.append(stats.binomtest(hits, results.config.n_test, predicted, alternative="less").pvalue)
        parts.append(f"p = {level:g}: {accuracy:.1%} (memorising: {predicted:.1%})")
    size = SIZE / len(partial)
    return claim, Evidence(
        tested(max(p_values), min(below), size),
        "test accuracy " + ", ".join(parts),
        "above memorising at every level",
        f"one-sided binomial tests, {SIZE:.0%} in all (Bonferroni); a nominal size, since A is measured on the same "
        "test images and taken as exact",
    )


def _explicit_network_fits(results: ResultSet) -> tuple[Claim, Evidence]:
    claim = paper_claim(18)
    if not results.explicit:
        return claim, missing("explicit networks")
    metrics = [run.summary.metrics for run in results.explicit.values()]
    bound = max(entry["error_bound"] for entry in metrics)
    return claim, Evidence(
        verdict(all(entry["fitted"] for entry in metrics) and bound < 0.5),
        f"{sum(entry['fitted'] for entry in metrics)} of {len(metrics)} tests fitted, "
        f"{metrics[0]['parameters']:,} weights, largest error {max(entry['largest_error'] for entry in metrics):.0e}",
        f"nearest class right; proved error of the sum of ReLUs at most {bound:.0e}",
        "rounding bound at every training point; below 1/2 it proves that the nearest class is the label",
    )


def _same_network_same_settings(results: ResultSet) -> tuple[Claim, Evidence]:
    claim = paper_claim(29)
    true, random = results.trained.get("true labels"), results.trained.get("random labels")
    if true is None or random is None:
        return claim, missing("runs on true and on random labels")
    if not hits_recorded([true, random]):
        return claim, missing(NEWER_RECORDS)
    pair = [run.summary.metrics for run in (true, random)]
    p_value = paired_p_value(hits_on_test(true), hits_on_test(random))
    fits = fit_verdict([true, random])
    return claim, Evidence(
        tested(p_value, 1.0, SIZE) if fits is Verdict.HOLDS else fits,
        f"train accuracy {pair[0]['train_accuracy']:.2%} and {pair[1]['train_accuracy']:.2%}, "
        f"test accuracy {pair[0]['test_accuracy']:.1%} and {pair[1]['test_accuracy']:.1%}, "
        f"p-value of equality {p_value:.0e}",
        f"both fitted, p-value below {SIZE}",
        "two runs that differ in their labels alone; McNemar's exact test on the images that one of them gets right",
    )


def corruption_levels(results: ResultSet, *, explicit: bool = False) -> list[tuple[float, Run]]:
    """(p, run) of the runs on original pixels, by rising label noise."""
    runs = results.explicit if explicit else results.trained
    levels = [(run.config.randomization.label_noise, run) for run in runs.values() if _original(run)]
    return sorted(levels, key=lambda level: level[0])


def fit_verdict(runs: Sequence[Run]) -> Verdict:
    """Whether every run fitted its labels. One stopped sooner than the paper's scale allows has not shown that it
    cannot.
    """
    left = [run for run in runs if not run.summary.metrics["fitted"]]
    if not left:
        return Verdict.HOLDS
    stopped = any(run.config.training and run.config.training.max_steps < _ENOUGH_STEPS for run in left)
    return Verdict.NOT_DECIDED if stopped else Verdict.DOES_NOT_HOLD


NEWER_RECORDS = "records that say which test images were hit, which these are too old for: run them again (--rerun)"
LOSS_AS_TRAINED = (
    "records of the loss of samples as they were trained on, which these are too old for: run them again (--rerun); "
    "the fixed network's gets far above guessing's, as batch norm's running averages lag behind"
)


def not_fitted() -> Evidence:
    """The evidence where a claim about networks that fit meets some that do not."""
    return Evidence(
        Verdict.NOT_DECIDED,
        "not every training label is fitted",
        "",
        "would be decided by runs that fit their labels",
    )


def hits_recorded(runs: Sequence[Run]) -> bool:
    """Whether all records say which test images were hit."""
    return all("test_hits" in run.summary.metrics for run in runs)


def hits_on_test(run: Run) -> npt.NDArray[np.bool_]:
    """Which test images a run gets right."""
    return decode_hits(run.summary.metrics["test_hits"], run.config.n_test)


def _guessing_p_value(run: Run) -> float:
    """Of a run on random labels; for more classes than its record has a confusion matrix of, by the binomial test."""
    from scipy import stats

    metrics = run.summary.metrics
    if "test_confusion" in metrics:
        return guessing_p_value(metrics["test_confusion"], run.config.seed)
    hits = int(hits_on_test(run).sum())
    return float(stats.binomtest(hits, run.config.n_test, 1 / run.config.num_classes).pvalue)


def first_fit(run: Run) -> EpochRecord | None:
    """The first epoch after which every label given is fitted; None if there is none within the limit of steps."""
    return next((record for record in run.epochs if record.fitted), None)


def _steps_to_fit(run: Run) -> int:
    """Of a run that fits its labels; it may have gone on after that."""
    fit = first_fit(run)
    assert fit is not None, "only runs that fit come here"
    return fit.step


def _expected(results: ResultSet, test: str) -> str:
    """What the paper measured in the same setting, or else what chance or memorisation predicts of test accuracy."""
    config = results.config
    run = results.trained.get(test) or results.explicit[test]
    randomization = run.config.randomization
    reference = _reference(config, test)
    if reference is not None:
        return f"paper: train {reference.train:.2f}, test {reference.test:.2f}"
    low, high = chance_interval(results)
    chance = f"chance: {low:.1%} to {high:.1%}"
    if randomization.label_noise == 1 or randomization.pixels in ("random", "gaussian"):
        return chance
    clean = results.trained.get("true labels")
    if randomization.label_noise > 0 and clean is not None:
        clean_accuracy = clean.summary.metrics["test_accuracy"]
        return f"memorising: {memorised_accuracy(clean_accuracy, randomization.label_noise, results.chance):.1%}"
    return f"above chance, {high:.1%}"


def _reference(config: RunConfig, test: str) -> PaperAccuracy | None:
    """The paper's accuracies in the same setting, if it has it."""
    if config.data != "cifar10" or config.training is None:
        return None
    chosen = config.training.augmentation, config.training.weight_decay > 0
    return TABLE_1.get((config.model, test, chosen))


def _original(run: Run) -> bool:
    return run.config.randomization.pixels == "original"


def missing(what: str) -> Evidence:
    """The evidence where runs that would decide a claim are not there."""
    return Evidence(Verdict.NOT_DECIDED, "not run", "", f"would be decided by {what}")


def _data_key(config: RunConfig) -> tuple[object, ...]:
    return config.train_digest, config.test_digest, config.seed


def _by_test(runs: list[Run]) -> dict[str, Run]:
    def order(run: Run) -> tuple[int, float]:
        pixels = ("original", "shuffled", "random", "gaussian").index(run.config.randomization.pixels)
        return pixels, run.config.randomization.label_noise

    return {run.config.randomization.name: run for run in sorted(runs, key=order)}
