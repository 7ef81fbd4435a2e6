"""The runs that a command's options ask for: those planned at once, and those that follow from finished ones."""

from dataclasses import replace
from typing import get_args

from empirical.datasets import DATASETS, ImageDataset, load
from empirical.datasets.decoders import Decoder
from empirical.datasets.storage import Storage
from empirical.execution.launcher import Pairs
from empirical.experiments.experiments import EXPERIMENTS, find_experiment
from empirical.experiments.scales import Device, Scale
from empirical.experiments.settings import Settings
from empirical.options import Options, flag_not_taken
from empirical.randomization import parse_test
from empirical.randomization.label_noise import GivenLabels
from empirical.runs.config import RunConfig, on_the_cpu
from empirical.runs.records import Run, run_directories


def plan_runs(options: Options, data: ImageDataset | None = None) -> tuple[ImageDataset, Settings, list[RunConfig]]:
    """The data set, the settings and the runs that the options ask for; a data set that is given is not loaded again.
    Faults of options and data are found here, before a record is begun. Raises ValueError or OSError.
    """
    experiment = find_experiment(options.name)
    _check_sizes(options)
    if flag := flag_not_taken(options, experiment):
        raise ValueError(
            f"{flag}: the experiment {experiment.name} does not take this option and would ignore it; "
            f"{experiment.name} --help shows the options that it takes"
        )
    if min(options.seed, default=-1) < 0:
        raise ValueError(f"--seed takes non-negative integers, got {' '.join(map(str, options.seed)) or 'none'}")
    if repeated := [seed for seed in options.seed if options.seed.count(seed) > 1]:
        raise ValueError(f"--seed names {repeated[0]} twice: the same run would count as two")
    dataset = load_dataset(options, data)
    dataset.subset(options.train_size, options.test_size)  # ValueError where there are fewer
    _check_order(options, dataset, from_python=data is not None)
    for test in options.tests:
        parse_test(test).check(dataset)  # while it is whole: the runs may be of its first images
    settings = Settings(
        model=options.model,
        tests=options.tests,
        device=options.device,
        seeds=options.seed,
        training=options.training,
        crop=experiment.crop if options.crop is None else options.crop,
        kernel=options.kernel,
        scale=options.scale,
        n_train=options.train_size,
        n_test=options.test_size,
        memorisation=options.memorisation,
        bits=options.bits,
        pac_bayes=options.pac_bayes,
        order=options.order,
        stated=options.stated_of("training"),
    )
    if options.launcher.kind == "slurm" and not options.only_run:
        if options.device == "cuda" and not options.launcher.gpus:
            raise ValueError("--device cuda on SLURM needs --launcher.gpus 1")
        settings = replace(settings, device="cpu")  # planned without asking whether this machine has another
    planned = {config.hash: config for config in experiment.plan(dataset, settings)}  # a run asked for twice is one run
    return dataset, settings, _for_jobs(list(planned.values()), options)


def load_dataset(options: Options, data: ImageDataset | None = None) -> ImageDataset:
    """The data set that is given, asked for, or the experiment's own. Raises ValueError or OSError if it cannot be
    loaded.
    """
    experiment = find_experiment(options.name)
    name = data.name if data else options.data or experiment.data
    if options.image_size is not None and name in DATASETS and not DATASETS[name].resized:
        raise ValueError(f"--image-size: the images of {name} keep their size; --crop takes their centre")
    if name == "folder" and options.data_root and options.out.resolve().is_relative_to(options.data_root.resolve()):
        raise ValueError(f"--out {options.out} lies in the data set's folder, where its folders would count as classes")
    dataset = data or load(
        name,
        options.data_root,
        image_size=options.image_size or experiment.image_size,
        download=options.download,
        storage=options.data_storage,
        map_directory=options.data_map,
        decoder=options.data_decoder,
    )
    if dataset.num_classes < 2:
        raise ValueError(f"{name}: there is nothing to tell apart with one class only, {dataset.class_names[0]!r}")
    if options.data_note:
        dataset = replace(dataset, source=f"{dataset.source} ({options.data_note})")
    return dataset


def _check_order(options: Options, dataset: ImageDataset, *, from_python: bool) -> None:
    """ValueError for labels of a file, in the order of the images' own files, where the data set has another order."""
    name = dataset.name
    if from_python or name not in DATASETS or not DATASETS[name].reordered:
        return
    if words := [test for test in options.tests if isinstance(parse_test(test).label_noise, GivenLabels)]:
        raise ValueError(
            f"test (--tests) {words[0]}: the images of {name} come in an order of their own, so that labels in the "
            f"order of the files would go to other images. Load them in Python, dataset = empirical.load({name!r}, "
            "...), put the labels into the order of dataset.train.labels, and run run_experiment(data=dataset, "
            "tests=...)"
        )


def _check_sizes(options: Options) -> None:
    for option, side in (("--crop", options.crop), ("--image-size", options.image_size)):
        if side is not None and side < 1:
            raise ValueError(f"{option} takes a side of at least one pixel, got {side}")
    if options.memory is not None and options.memory <= 0:
        raise ValueError(f"--memory takes gigabytes, more than 0, got {options.memory:g}")
    for option, size in (("--train-size", options.train_size), ("--test-size", options.test_size)):
        if size is not None and size < 1:
            raise ValueError(f"{option} takes at least 1 image, got {size}")
    for option, choice, choices in (
        ("--scale", options.scale, Scale),
        ("--device", options.device, Device),
        ("--data-storage", options.data_storage, Storage),
        ("--data-decoder", options.data_decoder, Decoder),
    ):
        if choice not in get_args(choices):
            raise ValueError(f"{option} takes {', '.join(get_args(choices))}, got {choice!r}")
    if options.out.exists() and not options.out.is_dir():
        raise ValueError(f"--out {options.out} is a file: name a directory")


def device_of_jobs(options: Options) -> str:
    """The device of a cluster's jobs: `cuda` where they ask for a GPU, unless the CPU is asked for."""
    launcher = options.launcher
    return "cuda" if launcher.kind == "slurm" and launcher.gpus and options.device != "cpu" else "cpu"


def _for_jobs(configs: list[RunConfig], options: Options) -> list[RunConfig]:
    """The options as a cluster's job will parse them on its own device; a process that carries out a run knows its
    device."""
    if options.only_run or device_of_jobs(options) == "cpu":
        return configs
    return [config if on_the_cpu(config.what) else replace(config, device="cuda") for config in configs]


def following_runs(runs: Pairs, dataset: ImageDataset, settings: Settings, options: Options) -> Pairs:
    """The runs that follow from the finished ones, where an experiment is adaptive; a run that failed is not planned
    again."""
    follow = EXPERIMENTS[options.name].follow
    if follow is None:
        return []
    hashes = {config.hash for config, _ in runs}
    configs = _for_jobs(follow(dataset, settings, finished_runs(runs)), options)
    untried = [config for config in configs if config.hash not in hashes]
    return list(zip(untried, run_directories(options.out, untried), strict=True))


def run_of_hash(runs: Pairs, dataset: ImageDataset, settings: Settings, options: Options) -> Pairs:
    """The run that --only-run names, which may be a run that follows. Raises ValueError if there is none."""
    seen = more = runs
    while not (chosen := [pair for pair in more if pair[0].hash == options.only_run]):
        more = following_runs(seen, dataset, settings, options)
        if not more:
            raise ValueError(f"--only-run {options.only_run}: these options ask for no run of this hash")
        seen = seen + more
    return chosen


def finished_runs(runs: Pairs) -> list[Run]:
    """The records of those runs that are finished."""
    return [directory.read() for _, directory in runs if directory.finished]
