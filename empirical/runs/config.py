"""What a run is: its configuration, fully resolved, and the hash that names it."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from empirical.kernels.config import KernelConfig
from empirical.randomization import Randomization
from empirical.runs.studies import Study
from empirical.training.config import TrainingConfig

FORMAT = 1
"""Part of every configuration's hash: raise it when the meaning of a record changes."""


@dataclass(frozen=True)
class RunConfig:
    """A run, fully resolved: two runs of equal configuration have equal results on one machine (on a GPU: `precision`).

    Attributes:
        experiment: name of the experiment.
        kind: `trained` for a network trained by gradient descent, `explicit` for Theorem 1's construction, `kernel` for
            minimum-norm interpolation, or a kind of `STUDIES`.
        data: name of the data set.
        source: where the data came from, in a sentence (not part of the hash: the digests are).
        n_train, n_test: numbers of samples.
        num_classes: k.
        train_digest, test_digest: SHA-256 of the splits before randomisation.
        randomization: the test.
        model: name or import path of the network.
        model_source, optimizer_source: SHA-256 of the user's own code, "" for what is built in.
        crop: side of the centre crop; smaller images stay whole.
        training: hyper-parameters; None for an explicit network.
        device: `cpu` or `cuda`.
        seed: of everything random: label noise, permutations, initialisation, order of samples.
        kernel: how a kernel run interpolates; None for the others.
        study: what a run of `STUDIES` measures; None for the others.
    """

    experiment: str
    kind: str
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
    training: TrainingConfig | None
    device: str
    seed: int
    format: int = FORMAT
    kernel: KernelConfig | None = None
    study: Study | None = None

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits of SHA-256 of the configuration.

        Left out are `source`, a kernel or study that is None, and hyper-parameters at their default that came later
        than the first records: those keep their names.
        """
        content = asdict(self)
        del content["source"]
        for name in ("kernel", "study"):
            if content[name] is None:
                del content[name]
        for added in fields(TrainingConfig) if self.training else ():
            if added.metadata.get("added") and getattr(self.training, added.name) == added.default:
                del content["training"][added.name]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def directory_name(self) -> str:
        """`<experiment>_<test>_<network, features or explicit>_<hash>`."""
        what = self.kernel.features if self.kernel else self.model if self.training or self.study else self.kind
        return "_".join([self.experiment, _slug(self.randomization.name), _slug(what), self.hash])

    @property
    def title(self) -> str:
        """The test, the network and what regularises it, in words; the seed if it is not 0."""
        training = self.training
        parts = [self.randomization.name, self.model]
        if training:
            parts += [training.augmentation] if training.augmentation != "none" else []
            parts += [f"weight decay {training.weight_decay:g}"] if training.weight_decay else []
            parts += [f"dropout {training.dropout:g}"] if training.dropout else []
        return ", ".join([*parts, *([f"seed {self.seed}"] if self.seed else [])])


def trained_run(config: RunConfig) -> RunConfig:
    """The run that trains the network which `config`, of another kind, is about: all else is the same."""
    return replace(config, experiment="randomization-tests", kind="trained", kernel=None, study=None)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")


def _tuples(content: dict[str, Any]) -> dict[str, Any]:
    """JSON's lists as the tuples that they were."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}
