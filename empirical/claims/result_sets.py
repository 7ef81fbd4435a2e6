"""Trained and explicit networks sorted into the sets that are compared with one another."""

from dataclasses import dataclass
from functools import cached_property

from empirical.claims.chance import guessing_interval
from empirical.claims.fitting import fits
from empirical.claims.hits import hits_on_test, hits_recorded
from empirical.claims.networks_on_tests import networks_on_tests
from empirical.claims.results import Results
from empirical.claims.significance import SIZE, guessing_p_value, holm
from empirical.claims.training_in_words import network_in_words, trained_network_in_words
from empirical.randomization import RANDOM_LABELS, Randomization
from empirical.runs.config import RunConfig
from empirical.runs.records import Run


@dataclass(frozen=True, eq=False)
class GuessingFamily:
    """The trained runs on random labels of all sets: each is tested for guessing, so that p-values are adjusted."""

    runs: tuple[Run, ...]

    @cached_property
    def p_values(self) -> dict[str, float]:
        """Holm's p-values of guessing by a run's hash, of the runs that fit and whose hits are recorded."""
        members = [run for run in self.runs if hits_recorded([run]) and fits(run)]
        adjusted = holm([_guessing_p_value(run) for run in members])
        return {run.config.hash: p_value for run, p_value in zip(members, adjusted, strict=True)}


@dataclass(frozen=True, eq=False)
class ResultSet(Results):
    """The runs of one experiment that share data, network, hyper-parameters, device and seed, by test.

    Attributes:
        runs: the trained runs and then the explicit networks, each in the paper's order of tests.
        guessing: the trained runs on random labels of all sets.
    """

    guessing: GuessingFamily

    @cached_property
    def trained(self) -> dict[Randomization, Run]:
        """The trained runs by test."""
        return {run.config.randomization: run for run in self.runs if run.config.kind == "trained"}

    @cached_property
    def explicit(self) -> dict[Randomization, Run]:
        """The explicit networks by test."""
        return {run.config.randomization: run for run in self.runs if run.config.kind == "explicit"}

    @property
    def several(self) -> bool:
        """Whether there is something to compare; a single run of a table is shown in the table alone."""
        return len(self.runs) > 1

    @property
    def network(self) -> str:
        """The network and its explicit regularisers, for titles."""
        return network_in_words(self.config)

    @property
    def images(self) -> str:
        """The images, for captions."""
        crop = self.config.crop if self.config.data == "cifar10" else None
        return super().images + (f", centre crop {crop}" if crop else "")

    @property
    def setting(self) -> str:
        """The network, for captions."""
        return trained_network_in_words(self.config)


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
    guessing = GuessingFamily(tuple(run for run in networks_on_tests(runs) if _is_of_random_labels(run)))
    explicit: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        if run.config.kind == "explicit":
            explicit.setdefault(_data_key(run.config), []).append(run)
    sets = []
    for group in groups.values():
        config = group[0].config
        sets.append(ResultSet(config, (*_by_test(group), *_by_test(explicit.get(_data_key(config), []))), guessing))
    return sorted(sets, key=lambda results: (results.config.data, results.config.model, results.config.seed))


def corruption_levels(results: ResultSet, *, explicit: bool = False) -> list[tuple[float, Run]]:
    """(p, run) of the runs on uniformly corrupted labels, by rising p; runs of other label noise are left out."""
    runs = results.explicit if explicit else results.trained
    levels = [(level, run) for test, run in runs.items() if (level := test.corruption) is not None]
    return sorted(levels, key=lambda level: level[0])


def chance_interval(results: ResultSet) -> tuple[float, float]:
    """Accuracies that guessing stays within with probability at least 1 - SIZE (exact binomial)."""
    return guessing_interval(results.config, SIZE)


def _is_of_random_labels(run: Run) -> bool:
    return run.config.randomization == RANDOM_LABELS


def _data_key(config: RunConfig) -> tuple[object, ...]:
    return config.train_digest, config.test_digest, config.seed


def _by_test(runs: list[Run]) -> list[Run]:
    """The last run of each test, in the paper's order."""
    tests = {run.config.randomization: run for run in runs}
    return [tests[test] for test in sorted(tests, key=lambda test: test.order)]


def _guessing_p_value(run: Run) -> float:
    """The p-value of guessing for a run on random labels, by the binomial test where the record lacks a confusion
    matrix."""
    from scipy import stats

    metrics = run.summary.metrics
    if "test_confusion" in metrics:
        return guessing_p_value(metrics["test_confusion"], run.config.seed)
    hits = int(hits_on_test(run).sum())
    return float(stats.binomtest(hits, run.config.n_test, 1 / run.config.num_classes).pvalue)
