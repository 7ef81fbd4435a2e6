"""Trained runs sorted into data sets and networks: what the paper's figures have a drawing and a curve for.

A network here is one on some images of a data set with one setting of hyper-parameters. Its runs are of several tests
and seeds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from empirical.claims.networks_on_tests import networks_on_tests
from empirical.claims.paper import TABLE_1
from empirical.claims.seeds import seeds_in_words
from empirical.claims.training_in_words import explicit_regularisers, optimizer_in_words
from empirical.randomization import TRUE_LABELS, Randomization
from empirical.runs.config import RunConfig
from empirical.runs.records import Run
from empirical.training.config import TrainingConfig

_PAPER_ORDER = list(dict.fromkeys(model for model, _, _ in TABLE_1))


@dataclass(frozen=True, eq=False)
class Network:
    """The runs of one network in one setting.

    Attributes:
        details: its explicit regularisers; where another one of that name, number of training images and regularisers
            is beside it, what else is different.
        config: what its runs share; test, seed and source are placeholders.
        runs: by test, in order of their seeds; of runs that differ only in how long they trained on after the fit,
            the longest.
    """

    details: tuple[str, ...]
    config: RunConfig
    runs: dict[Randomization, tuple[Run, ...]]

    @property
    def name(self) -> str:
        """The label that tells the network from others on the same images."""
        return ", ".join([self.config.model, *self.details])

    @property
    def label(self) -> str:
        """The label that tells the network from others on the data set."""
        return ", ".join([self.config.model, f"n = {self.config.n_train:,}", *self.details])

    @property
    def training(self) -> TrainingConfig:
        """The hyper-parameters of the network."""
        return self.config.hyper_parameters

    @property
    def regularised(self) -> bool:
        """Whether there is any explicit regulariser."""
        return bool(explicit_regularisers(self.training))

    @property
    def levels(self) -> dict[float, tuple[Run, ...]]:
        """The runs on uniformly corrupted labels, by rising corruption."""
        samples = {level: runs for test, runs in self.runs.items() if (level := test.corruption) is not None}
        return dict(sorted(samples.items()))


@dataclass(frozen=True, eq=False)
class DataSetRuns:
    """All trained runs on one data set, of whatever network, test and seed."""

    data: str
    runs: tuple[Run, ...]

    @cached_property
    def networks(self) -> tuple[Network, ...]:
        """Every network in every setting, in the paper's order."""
        settings: dict[RunConfig, dict[tuple[Randomization, int], Run]] = {}
        for run in sorted(self.runs, key=lambda run: len(run.epochs)):
            key = run.config.randomization, run.config.seed
            settings.setdefault(_setting(run.config), {})[key] = run
        return tuple(
            Network(_details(setting, settings), setting, _by_test(settings[setting].values()))
            for setting in sorted(settings, key=_place)
        )

    @property
    def unregularised(self) -> tuple[Network, ...]:
        """The networks without explicit regularisers."""
        return tuple(network for network in self.networks if not network.regularised)

    @property
    def several(self) -> bool:
        """Whether there is more than one network, setting or seed, so that it takes more than the page of one set."""
        return len(self.networks) > 1 or len({run.config.seed for run in self.runs}) > 1


def data_set_runs(runs: Sequence[Run]) -> list[DataSetRuns]:
    """Sort the trained runs by data set."""
    trained = networks_on_tests(runs)
    return [
        DataSetRuns(data, tuple(run for run in trained if run.config.data == data))
        for data in sorted({run.config.data for run in trained})
    ]


def scale(samples: Mapping[Network, Sequence[Run]]) -> str:
    """The facts behind a drawing, for captions: data, numbers of images, optimiser, seeds, device."""
    facts = {
        network: (
            f"{network.config.n_test:,} test images",
            optimizer_in_words(network.training),
            seeds(runs),
            network.config.device,
        )
        for network, runs in samples.items()
    }
    first = next(iter(facts.values()))
    shared = [fact for fact in first if all(fact in own_facts for own_facts in facts.values())]
    parts = []
    for network, network_facts in facts.items():
        own = [fact for fact in network_facts if fact not in shared]
        parts.append(network.label + (f" ({', '.join(own)})" if own else ""))
    data = next(iter(samples)).config.data
    return f"{data}; {'; '.join(parts)}; n training images" + "".join(f", {fact}" for fact in shared)


def sources(samples: Mapping[Network, Sequence[Run]]) -> str:
    """The source of the images."""
    return "; ".join(dict.fromkeys(run.config.source for runs in samples.values() for run in runs))


def seeds(runs: Iterable[Run]) -> str:
    """The seeds of runs, in words, and whether every test and hyper-parameter that is drawn has them all."""
    samples: dict[tuple[object, ...], set[int]] = {}
    for run in runs:
        training = run.config.hyper_parameters
        point = run.config.randomization, training.weight_decay, training.batch_size
        samples.setdefault(point, set()).add(run.config.seed)
    every = set().union(*samples.values())
    fewer = any(own != every for own in samples.values())
    return seeds_in_words(every) + (", fewer at some points" if fewer else "")


def evaluation_times(trainings: Iterable[TrainingConfig]) -> str:
    """When fixed networks were looked at while they trained, in words: `after each epoch`."""
    apart = sorted({training.epochs_per_record for training in trainings})
    if apart == [1]:
        return "after each epoch"
    return f"after every {' or '.join(map(str, apart))} epochs"


def loss_in_words(trainings: Iterable[TrainingConfig], *, online: bool) -> str:
    """The samples behind a loss curve, for captions."""
    when = evaluation_times(trainings)
    return f"as they were trained on, the mean over an epoch, {when}" if online else f"by the fixed network {when}"


def _setting(config: RunConfig) -> RunConfig:
    """What makes a run the network's, whichever the test, the seed, the words for its source.

    How long a run goes on after the fit changes nothing before it.
    """
    config = config.with_training(replace(config.hyper_parameters, min_steps=0))
    return replace(config, randomization=TRUE_LABELS, seed=0, source="")


def _place(config: RunConfig) -> tuple[object, ...]:
    chosen = _regularisers(config)
    place = _PAPER_ORDER.index(config.model) if config.model in _PAPER_ORDER else len(_PAPER_ORDER)
    return place, config.model, config.n_train, len(chosen), chosen, config.hash


def _regularisers(config: RunConfig) -> tuple[str, ...]:
    return tuple(explicit_regularisers(config.hyper_parameters))


def _details(config: RunConfig, settings: Iterable[RunConfig]) -> tuple[str, ...]:
    """The words that tell a setting from others of the same network on as many images; its hash as the last resort."""
    own = _other_details(config)
    alike = [
        _other_details(other)
        for other in settings
        if (other.model, other.n_train, _regularisers(other)) == (config.model, config.n_train, _regularisers(config))
    ]
    differing = [f"{name} {value}" for name, value in own.items() if any(other[name] != value for other in alike)]
    return *_regularisers(config), *differing, *([config.hash] if alike.count(own) > 1 else [])


def _other_details(config: RunConfig) -> dict[str, object]:
    details = {name.replace("_", " "): value for name, value in vars(config.training).items()}
    return details | {"test images": config.n_test, "crop": config.crop, "device": config.device}


def _by_test(runs: Iterable[Run]) -> dict[Randomization, tuple[Run, ...]]:
    tests: dict[Randomization, list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.config.seed):
        tests.setdefault(run.config.randomization, []).append(run)
    return {test: tuple(sample) for test, sample in tests.items()}
