"""The options of the command line, for each of its commands, and the options that each experiment takes."""

from dataclasses import dataclass, field, fields, is_dataclass, make_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro

from empirical.datasets.decoders import Decoder
from empirical.datasets.storage import Storage
from empirical.execution.launcher import LauncherConfig
from empirical.experiments.experiment import Experiment
from empirical.experiments.experiments import EXPERIMENTS
from empirical.experiments.scales import Device, Scale
from empirical.experiments.settings import (
    BitsSettings,
    KernelSettings,
    MemorisationSettings,
    OrderSettings,
    PacBayesSettings,
)
from empirical.planning.settings import PlanSettings
from empirical.training.config import TrainingConfig
from theory.common.plain_numbers import plain_numbers


@plain_numbers
@dataclass(frozen=True)
class Options:
    """Run an experiment on real images, record it, and report it beside the theory and the paper.

    Finished runs are not repeated and interrupted ones go on where they stopped: after Ctrl-C, a crash or a
    kill, give the same command again. `NAME --help` shows the options of one experiment. The other commands are
    `plan NAME`, `diagnose`, `status DIR`, `tables DIR` and `pack DIR`; each has its own --help.
    """

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="[NAME]")] = "randomization-tests"
    """The experiment; --list prints them all."""

    list: bool = False
    """Print the experiments, data sets, models and tests, and run nothing."""

    data: str = ""
    """Data set: digits (needs no files), cifar10, cifar100, svhn, mnist, fashion-mnist, tiny-imagenet, imagenet, folder
    for your own images, or torchvision:NAME for what torchvision reads; the experiment's own by default."""

    data_root: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where the data set's files are; data/NAME by default."""

    download: bool = False
    """Fetch the official archive of the data set if its files are missing."""

    data_note: str = ""
    """A note that readers of the results need about these files, such as lossy compression; the records contain it."""

    image_size: int | None = None
    """Side to which the images of a folder or of ImageNet are resized; by default the experiment's: 32, or 299 for
    table2."""

    data_storage: Storage = "auto"
    """Where the images of a folder or of ImageNet are kept: memory; stream decodes them whenever they are needed;
    memmap decodes them once, into a file that later runs use again; auto is memory if they take at most an eighth of
    the machine's, else stream."""

    data_map: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where memory maps are made and looked for; .memory-map in the data set's folder by default."""

    data_decoder: Decoder = "pillow"
    """What decodes the JPEGs of a folder or of ImageNet: pillow; torchcodec, on the CPU; nvjpeg, on the GPU, for where
    the cores do not suffice. Pixels differ a little, so that another decoder makes other runs."""

    train_size: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Use the first N training images only."""

    test_size: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Use the first N test images only."""

    scale: Scale = "laptop"
    """Size of the experiment: paper is a GPU's work, laptop uses fewer images, smoke only shows that all works."""

    crop: int | None = None
    """Side of the centre crop; images no larger are kept whole. By default the experiment's: 28, or none for table2."""

    model: str = ""
    """Network: a name from --list, or package.module:factory, called as factory(image_shape, num_classes); by default
    the experiment's own, mlp-1x512 where it has none."""

    tests: Annotated[tuple[str, ...], tyro.conf.arg(metavar="TEST ...")] = ()
    """The randomisation tests to run; by default all of the experiment's. The paper's: true-labels, corrupted-P,
    random-labels, shuffled-pixels, random-pixels, gaussian. Other label noise: symmetric-P, pair-flip-P,
    transition:FILE, labels:FILE; noise in the images: mixed-S; --list says what each is."""

    device: Device = "auto"
    """Where to train; auto is CUDA where there is one."""

    seed: Annotated[tuple[int, ...], tyro.conf.arg(metavar="INT ...")] = (0,)
    """Seeds of everything random: label noise, permutations, initialisation, order of samples. Every run is made once
    for each."""

    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs")
    """Directory of the records, the figures and the report."""

    pipeline: Annotated[str, tyro.conf.arg(metavar="PACKAGE.MODULE:FACTORY")] = ""
    """Your data pipeline; factory() gives batches (images, labels[, indices]), such as a DataLoader."""

    rerun: bool = False
    """Run again what is already finished."""

    observe: Annotated[tuple[str, ...], tyro.conf.arg(metavar="OBSERVER ...")] = ()
    """Whom to tell of every epoch, too: tensorboard, wandb, mlflow, or package.module:factory, called with the
    directory of the records."""

    training: TrainingConfig = field(default_factory=TrainingConfig)
    """Hyper-parameters."""

    kernel: KernelSettings = field(default_factory=KernelSettings)
    """Settings of the kernel."""

    memorisation: MemorisationSettings = field(default_factory=MemorisationSettings)
    """Sizes of the experiment `memorisation`."""

    bits: BitsSettings = field(default_factory=BitsSettings)
    """Sizes of the experiment `bits`."""

    pac_bayes: PacBayesSettings = field(default_factory=PacBayesSettings)
    """Sizes of the experiment `pac-bayes`."""

    order: OrderSettings = field(default_factory=OrderSettings)
    """Settings of the experiment `order`."""

    memory: Annotated[float | None, tyro.conf.arg(metavar="GB")] = None
    """Memory that a kernel run may take; what is free by default."""

    launcher: LauncherConfig = field(default_factory=LauncherConfig)
    """Where the runs are carried out."""

    network_timeout: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 600.0
    """Seconds after which a rank under torchrun that hears nothing from the other ranks ends with a message. The time
    must be longer than the first rank takes to write a checkpoint."""

    only_run: Annotated[str, tyro.conf.arg(metavar="HASH")] = ""
    """Carry out only the run with this hash, and report nothing; a cluster's jobs use this option."""

    stated: Annotated[tuple[str, ...], tyro.conf.Suppress, tyro.conf.Fixed] = ()
    """Names of the options that were stated, such as training.max_steps: to state a default is a choice, too."""

    @property
    def memory_limit(self) -> int | None:
        """Bytes that a kernel run may take; None is what is free."""
        return None if self.memory is None else int(self.memory * 1e9)

    def stated_of(self, group: str) -> tuple[str, ...]:
        """The names within a group, such as `training`, of its stated options."""
        return tuple(name.partition(".")[2] for name in self.stated if name.startswith(f"{group}."))


@plain_numbers
@dataclass(frozen=True)
class DiagnoseOptions(Options):
    """Why does a network not fit random labels? Checks its data, its size, its step size and its regularisers."""


@plain_numbers
@dataclass(frozen=True)
class PlanOptions(Options):
    """Say what time, memory and disk the runs of an experiment need, measured on this machine in seconds; run
    nothing."""

    plan: PlanSettings = field(default_factory=PlanSettings)
    """The size in full, and how it is measured."""


@dataclass(frozen=True)
class StatusOptions:
    """Show the state of the runs recorded in a directory; safe at any time."""

    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="[DIR]")] = Path("runs")
    """Directory of the records."""


_OF_ONE = ("memorisation", "bits", "pac_bayes", "order")
"""The options that a single experiment takes, which is named alike."""

_OF_SOME = ("model", "training", "crop", "scale", "kernel", "memory", *_OF_ONE)
"""The options that not every experiment takes; an experiment's `takes` names the options that it takes."""

_LEFT_OUT: dict[type["Options"], tuple[str, ...]] = {
    Options: ("pipeline",),
    DiagnoseOptions: (
        *("name", "list", "scale", "kernel", "memory", *_OF_ONE, "out", "rerun", "observe"),
        *("launcher", "network_timeout", "only_run"),
    ),
    PlanOptions: ("list", "pipeline", "rerun", "observe", "memory", "network_timeout", "only_run"),
}
"""The options that a command accepts, because all describe the same runs, but does not use."""

_OTHER_NAMES = {
    **dict.fromkeys(("--lr", "--learning-rate", "--training.lr"), "the step size is --training.learning-rate"),
    **dict.fromkeys(("--optimizer", "--optim", "--optimiser"), "the optimiser is --training.optimizer"),
    **dict.fromkeys(("--batch-size", "--bs", "--batch"), "the batch size is --training.batch-size"),
    **dict.fromkeys(("--weight-decay", "--wd"), "weight decay is --training.weight-decay"),
    **dict.fromkeys(
        ("--epochs", "--max-epochs", "--steps", "--max-steps"),
        "a run ends when it fits its labels; its limit, in steps, is --training.max-steps",
    ),
    "--momentum": "momentum is --training.momentum",
    "--dropout": "dropout is --training.dropout",
    "--augment": "augmentation is --training.augmentation",
    "--augmentation": "augmentation is --training.augmentation",
    "--dataset": "the data set is --data",
    "--network": "the network is --model",
    "--arch": "the network is --model",
}
"""What other programs call an option, and what it is here."""

Command = TypeVar("Command", bound=Options)


def parsed(command: type[Command], prog: str, arguments: list[str]) -> Command:
    """Parse the options of a command. Its help shows the options that it uses; with an experiment, those that the
    experiment takes.

    Exits as command lines do: with status 0 after the help, 2 for options that cannot be read.
    """
    hidden = set(_LEFT_OUT[command])
    if experiment := next((EXPERIMENTS[word] for word in arguments if word in EXPERIMENTS), None):
        hidden |= set(_OF_SOME) - set(experiment.takes)
        hidden |= set() if "training" in experiment.takes else {"network_timeout"}
    for word in arguments:
        flag = word.partition("=")[0].replace("_", "-")
        if flag in _OTHER_NAMES:
            raise ValueError(f"there is no option {word.partition('=')[0]}: {_OTHER_NAMES[flag]}")
    helping = not {"-h", "--help"}.isdisjoint(arguments)
    shown = _without(command, hidden) if helping else command
    options = tyro.cli(shown, prog=prog, args=arguments, config=(tyro.conf.FlagCreatePairsOff,))
    return replace(options, stated=_flags(arguments))


def _flags(arguments: list[str]) -> tuple[str, ...]:
    """The names of the options among the words of a command line, as in Python: training.max_steps."""
    flags = [word[2:].partition("=")[0].replace("-", "_") for word in arguments if word.startswith("--")]
    return tuple(flag.replace(".no_", ".") for flag in flags)


def flag_not_taken(options: Options, experiment: Experiment) -> str | None:
    """The first option that was chosen, its default included, and that the experiment does not take; None if there is
    none.
    """
    defaults = Options()
    for name in _OF_SOME:
        value, default = getattr(options, name), getattr(defaults, name)
        stated = [flag for flag in options.stated if flag.partition(".")[0] == name]
        if name in experiment.takes or (value == default and not stated):
            continue
        changed = [
            f"{name}.{part.name}"
            for part in (fields(value) if is_dataclass(value) else ())
            if getattr(value, part.name) != getattr(default, part.name)
        ]
        return "--" + [*changed, *stated, name][0].replace("_", "-")
    return None


def _without(command: type[Command], hidden: set[str]) -> type[Command]:
    """The same options with some of them hidden from the help."""
    suppressed: list[tuple[str, Any, Any]] = [
        (
            option.name,
            tyro.conf.Suppress[option.type],  # type: ignore[misc, name-defined]
            field(default=option.default, default_factory=option.default_factory),
        )
        for option in fields(command)
        if option.name in hidden
    ]
    return make_dataclass(
        command.__name__, suppressed, bases=(command,), namespace={"__doc__": command.__doc__}, frozen=True
    )
