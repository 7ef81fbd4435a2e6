"""What a run is: its configuration, fully resolved, and the hash that names it."""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

from empirical.kernels.config import KernelConfig
from empirical.models import earlier_initialization
from empirical.randomization import Randomization
from empirical.runs.identity import digest, identity, recorded, restored
from empirical.runs.studies import ON_THE_CPU, STUDIES, Study, kind_of
from empirical.training.config import TrainingConfig
from theory.common.names import hyphenated
from theory.common.plain_numbers import plain_numbers

FORMAT = 1
"""Part of every configuration's hash: raise it when the meaning of a record changes."""

DISTANCE = "distance"
"""The experiment on images that are mixed with noise."""


@dataclass(frozen=True)
class Trained:
    """A network trained by gradient descent, with these hyper-parameters."""

    training: TrainingConfig


@dataclass(frozen=True)
class Explicit:
    """Theorem 1's construction."""


@dataclass(frozen=True)
class KernelRun:
    """Minimum-norm interpolation with a kernel."""

    kernel: KernelConfig


@dataclass(frozen=True)
class StudyRun:
    """A study that holds theory against measurement.

    Attributes:
        study: what it measures.
        training: hyper-parameters of the trained network that it is about; None for a study of no such network.
    """

    study: Study
    training: TrainingConfig | None = None


RunKind = Trained | Explicit | KernelRun | StudyRun


def on_the_cpu(what: RunKind) -> bool:
    """Whether a run is carried out on the CPU whatever device is asked for."""
    return isinstance(what, Explicit) or (isinstance(what, StudyRun) and isinstance(what.study, ON_THE_CPU))


S = TypeVar("S", bound=Study)


@plain_numbers
@dataclass(frozen=True)
class RunConfig:
    """A run, fully resolved: two runs of equal configuration have equal results on one machine (on a GPU: `precision`).

    Attributes:
        experiment: the name of the experiment.
        what: what is done with the data, and how it is done.
        data: name of the data set.
        source: where the data came from, in a sentence (not part of the hash: the digests are).
        n_train, n_test: numbers of samples.
        num_classes: k.
        train_digest, test_digest: SHA-256 of the splits before randomisation.
        randomization: the test.
        model: name or import path of the network.
        model_source, optimizer_source: SHA-256 of the user's own code, "" for what is built in.
        crop: side of the centre crop; smaller images stay whole.
        device: `cpu` or `cuda`.
        seed: the seed of everything random: label noise, permutations, initialisation, order of samples.
        format: the format of the record.
    """

    experiment: str
    what: RunKind
    data: str
    source: str
    n_train: int
    n_test: int
    num_classes: int
    train_digest: str
    test_digest: str
    randomization: Randomization
    model: str
    model_source: str
    optimizer_source: str
    crop: int | None
    device: str
    seed: int
    format: int = field(default=FORMAT, metadata={"before": MISSING})

    @property
    def kind(self) -> str:
        """`trained`, `explicit`, `kernel`, or a kind of `STUDIES`: the name of the kind in records and on the command
        line."""
        match self.what:
            case Trained():
                return "trained"
            case Explicit():
                return "explicit"
            case KernelRun():
                return "kernel"
            case StudyRun(study):
                return kind_of(study)

    @property
    def training(self) -> TrainingConfig | None:
        """The hyper-parameters of the network that is trained or studied; None for a run without such a network."""
        return self.what.training if isinstance(self.what, Trained | StudyRun) else None

    @property
    def hyper_parameters(self) -> TrainingConfig:
        """The hyper-parameters of a run that needs them; raises TypeError for a run without them."""
        if self.training is None:
            raise TypeError(f"a run of kind {self.kind} has no hyper-parameters of a trained network")
        return self.training

    @property
    def kernel(self) -> KernelConfig | None:
        """The settings of a kernel run; None for a run of another kind."""
        return self.what.kernel if isinstance(self.what, KernelRun) else None

    @property
    def study(self) -> Study | None:
        """The settings of a study; None for a run of another kind."""
        return self.what.study if isinstance(self.what, StudyRun) else None

    def study_of(self, kind: type[S]) -> S:
        """The settings of a study of this kind; raises TypeError for a run of another kind."""
        if not isinstance(self.study, kind):
            raise TypeError(f"a run of kind {self.kind} has no {kind.__name__}")
        return self.study

    def with_training(self, training: TrainingConfig) -> "RunConfig":
        """The same run with other hyper-parameters; raises TypeError for a run without hyper-parameters."""
        if not isinstance(self.what, Trained | StudyRun):
            raise TypeError(f"a run of kind {self.kind} has no hyper-parameters of a trained network")
        return replace(self, what=replace(self.what, training=training))

    def recorded(self) -> dict[str, Any]:
        """The content of `config.json`: what is done stands beside the other fields, as `kind`, `training`, `kernel`,
        `study`."""
        return {"kernel": None, "study": None} | self._content(recorded)

    @staticmethod
    def restored(content: dict[str, Any]) -> "RunConfig":
        """The inverse of `recorded`. Raises TypeError, ValueError or KeyError for a value that is no such record."""
        rest = dict(content)
        kind, training, kernel, study = (rest.pop(name, None) for name in ("kind", "training", "kernel", "study"))
        if training:
            training = {"initialization": earlier_initialization(content["model"])} | training
        hyper_parameters = restored(TrainingConfig, training) if training else None
        what: RunKind
        if kind == "trained" and hyper_parameters:
            what = Trained(hyper_parameters)
        elif kind == "explicit":
            what = Explicit()
        elif kind == "kernel" and kernel:
            what = KernelRun(restored(KernelConfig, kernel))
        elif kind in STUDIES and study:
            what = StudyRun(restored(STUDIES[kind], study), hyper_parameters)
        else:
            raise ValueError(
                f"no run of kind {kind!r} is known, or the record does not say how it is done: a newer version may "
                "have made it; update this package, or move the record elsewhere"
            )
        randomization = Randomization.from_record(rest.pop("randomization"))
        return restored(RunConfig, rest | {"what": what, "randomization": randomization})

    @cached_property
    def hash(self) -> str:
        """Twelve hexadecimal digits of SHA-256 of the fields that name the run (`identity`); `source` is not among
        them. The initialisation is left out where records that do not state it mean the same, which depends on the
        network.
        """
        content = self._content(identity)
        del content["source"]
        if self.training and self.training.initialization == earlier_initialization(self.model):
            del content["training"]["initialization"]
        return digest(content)

    def _content(self, encode: Callable[[Any], Any]) -> dict[str, Any]:
        content: dict[str, Any] = encode(self)
        how: dict[str, Any] = content.pop("what")
        return content | {"kind": self.kind, "training": None} | how

    @property
    def directory_name(self) -> str:
        """`<experiment>_<test>_<network, features or explicit>_<hash>`."""
        match self.what:
            case KernelRun(kernel):
                what = kernel.features
            case Explicit():
                what = "explicit"
            case Trained() | StudyRun():
                what = self.model
        return "_".join([self.experiment, hyphenated(self.randomization.name), hyphenated(what), self.hash])

    @property
    def title(self) -> str:
        """The test, the network and its regularisers, in words; the seed if it is not 0."""
        training = self.training
        parts = [self.randomization.name, self.model]
        if training:
            parts += [training.augmentation] if training.augmentation != "none" else []
            parts += [f"weight decay {training.weight_decay:g}"] if training.weight_decay else []
            parts += [f"dropout {training.dropout:g}"] if training.dropout else []
        return ", ".join([*parts, *([f"seed {self.seed}"] if self.seed else [])])


def trained_run(config: RunConfig) -> RunConfig:
    """The run that trains the network which `config`, of another kind, is about: all other fields are the same."""
    return replace(config, experiment="randomization-tests", what=Trained(config.hyper_parameters))


def hash_in(directory_name: str) -> str:
    """The hash at the end of the name of a run's directory."""
    return directory_name.rpartition("_")[2]
