"""Named experiments: each is a list of runs, planned from the user's settings.

Runs of trained networks are recorded under one name whatever experiment asks for them: two experiments that need the
same run share it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Annotated, Literal

import tyro

from empirical.claims.paper import INCEPTION_V3_DROPOUT
from empirical.datasets import ImageDataset
from empirical.experiments.scales import (
    Scale,
    bits_steps,
    capacity_steps,
    distance_images,
    double_descent_images,
    dynamics_images,
    gaussian_draws,
    memorisation_sizes,
    network_double_descent_images,
    order_sizes,
    pac_bayes_sizes,
    reduction,
)
from empirical.import_path import source_digest
from empirical.kernels.config import Interpolant, KernelConfig
from empirical.kernels.features import parse_features
from empirical.models import Initialization
from empirical.randomization import RANDOM_LABELS, TRUE_LABELS, Pixels, Randomization, parse_test
from empirical.runs.config import Explicit, KernelRun, RunConfig, RunKind, StudyRun, Trained
from empirical.runs.records import DISTANCE, Run
from empirical.runs.studies import (
    BitsConfig,
    BoundsConfig,
    DoubleDescentConfig,
    DynamicsConfig,
    InterpolantsConfig,
    MeasuresConfig,
    MemorisationConfig,
    NetworkDoubleDescentConfig,
    NoiseConfig,
    OrderConfig,
    PacBayesConfig,
    kind_of,
)
from empirical.studies.capacity import first_size, next_size
from empirical.training.config import Augmentation, TrainingConfig
from empirical.training.schedule import CIFAR_10, IMAGENET, Schedule
from theory.common.names import nearest_name
from theory.common.plain_numbers import plain_numbers
from theory.kernels import MEDIAN_SHARE

PAPER_TESTS = (
    "true-labels",
    "corrupted-0.2",
    "corrupted-0.5",
    "corrupted-0.8",
    "random-labels",
    "shuffled-pixels",
    "random-pixels",
    "gaussian",
)
"""The paper's six tests, with partial corruption at three levels."""


@plain_numbers
@dataclass(frozen=True)
class KernelSettings:
    """Kernels of the experiment `kernels`; where several values are given there is a run for each combination."""

    name: str = "gaussian"
    """gaussian, laplacian, linear, polynomial-D, arc-cosine-0, arc-cosine-1 or neural-tangent-L."""

    bandwidth: float = MEDIAN_SHARE
    """Bandwidth of the Gaussian and the Laplacian kernel, as a share of the median distance between training images."""

    features: Annotated[tuple[str, ...], tyro.conf.arg(metavar="FEATURES ...")] = ()
    """pixels, whitened-pixels, gabor, random-convolution-F, or standardised- before one of these; by default pixels,
    and gabor for grey images or random-convolution-64 for colour ones if they are large enough."""

    ridge: Annotated[tuple[float, ...], tyro.conf.arg(metavar="LAMBDA ...")] = (0.0,)
    """lambda of (K + lambda I) alpha = Y; 0 interpolates."""

    interpolant: Annotated[tuple[Interpolant, ...], tyro.conf.arg(metavar="KIND ...")] = (
        "minimum-norm",
        "forced-test-labels",
    )
    """minimum-norm; forced-test-labels also interpolates random labels on the test images (with true labels only)."""

    solver: Literal["auto", "cholesky", "conjugate-gradients"] = "auto"
    """Cholesky up to 8,192 images, conjugate gradients above."""

    leave_one_out: bool = False
    """Compute also the leave-one-out accuracy, in closed form; this needs Cholesky."""

    certify: bool = True
    """Bound the distance from the exact minimum-norm interpolant; --kernel.no-certify leaves that bound out."""


def _require_at_least(option: str, value: int | None, least: int) -> None:
    """ValueError for a size that is given and too small."""
    if value is not None and value < least:
        raise ValueError(f"{option} takes at least {least}, got {value}")


@plain_numbers
@dataclass(frozen=True)
class MemorisationSettings:
    """Sizes of the experiment `memorisation`. Raises ValueError for fewer than two networks, a half of one each."""

    networks: int | None = None
    """Networks that are trained, each on a random part of the images; by default 100, or 2,000 at scale paper."""

    def __post_init__(self) -> None:
        _require_at_least("--memorisation.networks", self.networks, 2)


@plain_numbers
@dataclass(frozen=True)
class BitsSettings:
    """Sizes of the experiment `bits`. Raises ValueError for no steps."""

    steps: int | None = None
    """Steps on each size of the data; by default 1,000, or a million at scale paper. More steps memorise more."""

    def __post_init__(self) -> None:
        _require_at_least("--bits.steps", self.steps, 1)


@plain_numbers
@dataclass(frozen=True)
class PacBayesSettings:
    """Sizes of the experiment `pac-bayes`. Raises ValueError for no steps."""

    steps: int | None = None
    """Steps on the posterior; by default 2,000, or 430,000 at scale paper. More steps give a lower bound."""

    def __post_init__(self) -> None:
        _require_at_least("--pac-bayes.steps", self.steps, 1)


@plain_numbers
@dataclass(frozen=True)
class OrderSettings:
    """Settings of the experiment `order`. Raises ValueError for a radius that is not positive and finite."""

    radius: float = OrderConfig.radius
    """Half the width of the box around an image, in standard deviations of its pixels; the image is critical if the
    predicted class changes inside."""

    def __post_init__(self) -> None:
        if not 0 < self.radius < math.inf:
            raise ValueError(f"--order.radius must be positive and finite, got {self.radius}")


@plain_numbers
@dataclass(frozen=True)
class Settings:
    """What a user can choose of an experiment.

    Attributes:
        model: name or import path of the network; the experiment's own if empty.
        tests: names of the randomisation tests; the experiment's own if empty.
        device: `auto`, `cpu` or `cuda`.
        seeds: the seeds of everything random; every run is made once for each seed.
        training: hyper-parameters.
        crop: side of the centre crop.
        kernel: the settings of the experiment `kernels`.
        scale: the scale of the paper's tables and figures.
        n_train, n_test: numbers of images, in place of the scale's; None for that, or for all.
        memorisation, bits, pac_bayes: the sizes of these experiments, in place of the scale's.
        order: the settings of the experiment `order`.
        stated: names of hyper-parameters that the user stated, which may be their defaults.
    """

    model: str = ""
    tests: tuple[str, ...] = ()
    device: str = "auto"
    seeds: tuple[int, ...] = (0,)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    crop: int | None = 28
    kernel: KernelSettings = field(default_factory=KernelSettings)
    scale: Scale = "laptop"
    n_train: int | None = None
    n_test: int | None = None
    memorisation: MemorisationSettings = field(default_factory=MemorisationSettings)
    bits: BitsSettings = field(default_factory=BitsSettings)
    pac_bayes: PacBayesSettings = field(default_factory=PacBayesSettings)
    order: OrderSettings = field(default_factory=OrderSettings)
    stated: tuple[str, ...] = ()

    def chose(self, hyper_parameter: str) -> bool:
        """Whether the user chose a hyper-parameter, its default included: what is chosen, no experiment replaces."""
        own, default = (getattr(config, hyper_parameter) for config in (self.training, TrainingConfig))
        return hyper_parameter in self.stated or own != default


@dataclass(frozen=True)
class Experiment:
    """A named experiment: what it shows, the runs that show it, its data set, centre crop, and the size of a folder's
    images.

    Where the next runs depend on the results of earlier runs, `follow` plans them from the finished runs: none at the
    end. `takes` names the user's settings that this experiment uses, beside the settings that all experiments use.
    """

    name: str
    description: str
    plan: Callable[[ImageDataset, Settings], list[RunConfig]]
    data: str = "digits"
    crop: int | None = 28
    image_size: int = 32
    follow: Callable[[ImageDataset, Settings, list[Run]], list[RunConfig]] | None = None
    takes: tuple[str, ...] = ("model", "training")


@dataclass(frozen=True)
class Cell:
    """A cell of a table or a curve's point in the paper: a network, a test, and what regularises it.

    `weight_decay` is whether there is any: its strength is the schedule's.
    """

    model: str
    test: str = "true-labels"
    augmentation: Augmentation = "none"
    weight_decay: bool = False
    dropout: float = 0.0
    min_steps: int = 0
    schedule: Schedule = CIFAR_10


_REGULARISED: tuple[tuple[Augmentation, bool], ...] = (("crop", True), ("crop", False), ("none", True), ("none", False))

TABLE_1_CELLS = (
    *(Cell("inception", "true-labels", crop, decay) for crop, decay in _REGULARISED),
    Cell("inception", "random-labels"),
    *(Cell("inception-no-bn", "true-labels", "none", decay) for decay in (True, False)),
    Cell("inception-no-bn", "random-labels"),
    *(Cell("alexnet", "true-labels", crop, decay) for crop, decay in _REGULARISED),
    Cell("alexnet", "random-labels"),
    *(
        cell
        for model in ("mlp-3x512", "mlp-1x512")
        for cell in (Cell(model, weight_decay=True), Cell(model), Cell(model, "random-labels"))
    ),
)
"""Table 1, in its order."""

_TABLE_2_ROWS: tuple[tuple[str, Augmentation, float, bool], ...] = (
    ("true-labels", "resized-crop", INCEPTION_V3_DROPOUT, True),
    ("true-labels", "resized-crop", 0.0, False),
    ("true-labels", "none", 0.0, True),
    ("true-labels", "none", 0.0, False),
    ("random-labels", "none", INCEPTION_V3_DROPOUT, True),
    ("random-labels", "none", 0.0, True),
    ("random-labels", "none", 0.0, False),
)
TABLE_2_CELLS = tuple(
    Cell("inception-v3", test, augmentation, decay, dropout, schedule=IMAGENET)
    for test, augmentation, dropout, decay in _TABLE_2_ROWS
)
"""Table 2, in its order."""

TABLE_4_CELLS = (
    *(Cell(model, "random-labels", weight_decay=True) for model in ("inception", "alexnet", "mlp-3x512", "mlp-1x512")),
    Cell("inception", "random-labels", "crop"),
    Cell("inception", "random-labels", "flip-rotate"),
)
"""Table 4, in its order."""


def _corruption_cells(model: str, levels: int) -> list[Cell]:
    tests = [f"corrupted-{level / levels:g}" for level in range(1, levels)]
    return [Cell(model, test) for test in ("true-labels", *tests, "random-labels")]


FIGURE_1_CELLS = (
    *(Cell("inception", test) for test in ("shuffled-pixels", "random-pixels", "gaussian")),
    *_corruption_cells("inception", 5),
    *_corruption_cells("alexnet", 5),
    *_corruption_cells("mlp-1x512", 10),
)
"""Figure 1: (a) Inception on the tests, (b) and (c) three networks at levels of corruption."""

FIGURE_2_STEPS = 10_000
FIGURE_2_CELLS = (Cell("inception", min_steps=FIGURE_2_STEPS), Cell("inception-no-bn", min_steps=FIGURE_2_STEPS))
"""Figure 2b: Inception with and without batch normalisation. (Figure 2a shows the runs of table 2.)"""


def plan_cells(cells: tuple[Cell, ...], dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """The runs of cells at the chosen scale, for every seed.

    A network of the user's takes the place of the cells' own, its own dropout as the cell has it; chosen tests restrict
    the cells, and where no cell has one of them, it is run without regularisers. The weight decay of a user's optimiser
    cannot be set from here: cells with weight decay are left out. Raises ValueError for unknown tests, models,
    optimisers or devices, and for regularisers beside the cells'.
    """
    no_decay = settings.chose("weight_decay") and not settings.training.weight_decay
    if no_decay or any(map(settings.chose, ("augmentation", "dropout", "min_steps"))):
        raise ValueError(
            "--training.augmentation, --training.dropout, --training.min-steps and --training.weight-decay 0 are what "
            "this experiment varies: leave them out, or use the experiment randomization-tests"
        )
    if settings.training.optimizer != "sgd":
        cells = tuple(cell for cell in cells if not cell.weight_decay)
    if settings.model:
        cells = tuple(cell for cell in cells if cell.model == settings.model) or tuple(
            dict.fromkeys(replace(cell, model=settings.model) for cell in cells)
        )
    if settings.tests:
        plain = dict.fromkeys(Cell(cell.model, schedule=cell.schedule) for cell in cells)
        cells = tuple(
            cell
            for test in settings.tests
            for cell in [c for c in cells if c.test == test] or [replace(template, test=test) for template in plain]
        )
    return [
        _trained(dataset, settings, seed, cell, scaled=True) for seed in settings.seeds for cell in dict.fromkeys(cells)
    ]


def _users_cell(settings: Settings, test: str) -> Cell:
    """The cell of a test with the user's own regularisers."""
    training = settings.training
    return Cell(
        settings.model or "mlp-1x512", test, training.augmentation, training.weight_decay > 0, 0.0, training.min_steps
    )


def plan_randomization_tests(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan a trained network for each test and, on the same images and labels, Theorem 1's explicit network.

    Raises ValueError for unknown tests, models, optimisers or devices.
    """
    dataset = dataset.subset(settings.n_train, settings.n_test)
    return [
        config
        for seed in settings.seeds
        for test in settings.tests or PAPER_TESTS
        for config in (
            _trained(dataset, settings, seed, _users_cell(settings, test), scaled=False),
            _run_config("randomization-tests", dataset, settings, seed, parse_test(test), Explicit()),
        )
    ]


def _trained(dataset: ImageDataset, settings: Settings, seed: int, cell: Cell, *, scaled: bool) -> RunConfig:
    """A network's run. Its numbers of images and steps are the scale's unless the user sets them."""
    from empirical.datasets.preprocessing import seen_shape
    from empirical.models import check_model, default_initialization, default_learning_rate

    shape = seen_shape(dataset.image_shape, settings.crop)
    check_model(cell.model, shape, dataset.num_classes)
    _check_training(dataset, settings, cell.augmentation)
    training, schedule = settings.training, cell.schedule
    reduced = reduction(settings.scale if scaled else "paper", cell.model)
    grid = training.epochs_per_train_evaluation
    if scaled and not settings.chose("epochs_per_train_evaluation"):
        grid = reduced.epochs_per_train_evaluation
    max_steps = training.max_steps if settings.chose("max_steps") else reduced.max_steps or schedule.max_steps
    if not (settings.chose("learning_rate_decay") or settings.chose("decay_steps")):
        training = schedule.applied(training)
    training = replace(
        training,
        learning_rate=training.learning_rate or default_learning_rate(cell.model),
        augmentation=cell.augmentation,
        weight_decay=(training.weight_decay or schedule.weight_decay) if cell.weight_decay else 0.0,
        dropout=_dropout(cell) if scaled else training.dropout,
        max_steps=max_steps,
        min_steps=min(cell.min_steps, max_steps),
        epochs_per_train_evaluation=grid,
        initialization=training.initialization or default_initialization(cell.model),
    )
    n_train, n_test = (
        min(limit or available, available) if choice is None else choice
        for choice, limit, available in (
            (settings.n_train, reduced.n_train, len(dataset.train.labels)),
            (settings.n_test, reduced.n_test, len(dataset.test.labels)),
        )
    )
    return _run_config(
        "randomization-tests",
        dataset.subset(n_train, n_test),
        settings,
        seed,
        parse_test(cell.test),
        Trained(training),
        model=cell.model,
    )


def _dropout(cell: Cell) -> float | None:
    """The dropout of a cell of a table; without any, that of a user's network is switched off, and ours have none."""
    if cell.dropout:
        return cell.dropout
    return 0.0 if ":" in cell.model else None


def _check_training(dataset: ImageDataset, settings: Settings, augmentation: Augmentation) -> None:
    """Raise ValueError for an unknown optimiser, or for an augmentation that does not suit the images."""
    from empirical.training.augmentation import check_augmentation
    from empirical.training.optimization import optimizer_factory

    if settings.training.optimizer != "sgd":
        optimizer_factory(settings.training.optimizer)
    check_augmentation(augmentation, dataset.image_shape, settings.crop)


def plan_kernels(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan a kernel run for every combination of features, ridge and test, and the interpolant made not to generalise.

    Raises ValueError for unknown tests, kernels, features or devices, and features that do not suit the images.
    """
    chosen = settings.kernel
    dataset = dataset.subset(settings.n_train, settings.n_test)
    tests = [parse_test(name) for name in settings.tests or ("true-labels", "random-labels")]
    features = chosen.features or _default_features(dataset)
    for name in features:
        parse_features(name, settings.seeds[0]).dimension(dataset.image_shape)
    configs = []
    combinations = product(settings.seeds, features, chosen.ridge, chosen.interpolant, tests)
    for seed, name, ridge, interpolant, test in combinations:
        if interpolant == "forced-test-labels" and (ridge or test != TRUE_LABELS):
            continue
        kernel = KernelConfig(
            chosen.name,
            chosen.bandwidth,
            name,
            ridge,
            interpolant,
            chosen.solver,
            chosen.leave_one_out,
            chosen.certify,
        )
        configs.append(_run_config("kernels", dataset, settings, seed, test, KernelRun(kernel)))
    return configs


def plan_bounds(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan a network trained on true and on random labels, and the bounds of each."""
    return _with_studies(dataset, settings, ("true-labels", "random-labels"), BoundsConfig())


def plan_interpolants(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan a network trained on true, on partly corrupted and on random labels, and Theorem 1's network beside each."""
    return _with_studies(dataset, settings, ("true-labels", "corrupted-0.5", "random-labels"), InterpolantsConfig())


def _with_studies(
    dataset: ImageDataset, settings: Settings, tests: tuple[str, ...], study: BoundsConfig | InterpolantsConfig
) -> list[RunConfig]:
    """Plan a network trained on each test, followed by the run that studies this network."""
    dataset = dataset.subset(settings.n_train, settings.n_test)
    configs = []
    for seed, test in product(settings.seeds, settings.tests or tests):
        trained = _trained(dataset, settings, seed, _users_cell(settings, test), scaled=False)
        studied = replace(trained, experiment=kind_of(study), what=StudyRun(study, trained.hyper_parameters))
        configs += [trained, studied]
    return configs


def plan_noise(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan a trained network, Theorem 1's and a kernel interpolant at eleven levels of corruption, and the predictions
    of theory. Chosen tests restrict the measured levels; predictions are made at all levels. Raises ValueError for
    tests other than label corruption.
    """
    study = NoiseConfig(bandwidth=settings.kernel.bandwidth)
    tests = settings.tests or tuple(f"corrupted-{level:g}" for level in study.levels)
    randomizations = [parse_test(test) for test in tests]
    if any(randomization.corruption is None for randomization in randomizations):
        raise ValueError(
            "test (--tests): noise takes uniform label corruption, corrupted-P, on the images as they are; other label "
            "noise is measured by randomization-tests"
        )
    dataset = dataset.subset(settings.n_train, settings.n_test)
    kernel = KernelConfig(bandwidth=settings.kernel.bandwidth, solver=settings.kernel.solver, certify=False)
    configs = []
    for seed in settings.seeds:
        configs.append(_run_config("noise", dataset, settings, seed, TRUE_LABELS, StudyRun(study), model=study.name))
        for test, randomization in zip(tests, randomizations, strict=True):
            configs += [
                _trained(dataset, settings, seed, _users_cell(settings, test), scaled=False),
                _run_config("randomization-tests", dataset, settings, seed, randomization, Explicit()),
                _run_config("kernels", dataset, settings, seed, randomization, KernelRun(kernel)),
            ]
    return configs


DYNAMICS_WIDTHS = (512, 4096)
_DYNAMICS_TESTS = (
    *("true-labels", "corrupted-0.2", "corrupted-0.5", "corrupted-0.8", "random-labels"),
    *("random-pixels", "gaussian"),
)


def plan_dynamics(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan wide two-layer networks on five levels of corruption, random pixels and Gaussian images, at two widths."""
    if dataset.num_classes % 2:
        raise ValueError(
            f"dynamics compares even with odd classes, and in {dataset.num_classes} classes are not equally many: "
            "use a data set with an even number of classes"
        )
    n, n_test = dynamics_images(settings.scale)
    dataset = dataset.subset(
        settings.n_train or min(n, len(dataset.train.labels)), settings.n_test or min(n_test, len(dataset.test.labels))
    )
    return [
        _run_config("dynamics", dataset, settings, seed, parse_test(test), StudyRun(study), model=study.name)
        for seed, width, test in product(settings.seeds, DYNAMICS_WIDTHS, settings.tests or _DYNAMICS_TESTS)
        for study in [DynamicsConfig(width=width)]
    ]


DISTANCE_SHARES = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 1.0)
"""The shares of noise in the images: the noise makes up 0, 6, 16, 31, 50, 69 and 100% of the variance."""


def plan_distance(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """A network on the same random labels of images that are further and further apart: mixed with more and more noise.

    Raises ValueError for tests other than random labels of images as they are or mixed with noise.
    """
    words = settings.tests or tuple(
        f"mixed-{share}+random-labels" if share else "random-labels" for share in DISTANCE_SHARES
    )
    tests = [parse_test(word) for word in words]
    if any(test.label_noise != RANDOM_LABELS.label_noise or test.pixels not in ("original", "mixed") for test in tests):
        raise ValueError(
            "test (--tests): distance is of random labels alone, random-labels or mixed-S+random-labels; other tests "
            "are those of randomization-tests"
        )
    n, n_test = distance_images(settings.scale)
    settings = replace(
        settings,
        n_train=settings.n_train or min(n or len(dataset.train.labels), len(dataset.train.labels)),
        n_test=settings.n_test or min(n_test or len(dataset.test.labels), len(dataset.test.labels)),
    )
    return [
        replace(_trained(dataset, settings, seed, _users_cell(settings, test.option), scaled=True), experiment=DISTANCE)
        for seed, test in product(settings.seeds, tests)
    ]


MEMORISATION_MODEL = "mlp-1x128"
_MEMORISATION_RATE = 0.1  # ten times the perceptrons': a small network then fits in seconds


def plan_memorisation(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Memorisation scores with true labels and with a tenth of the labels replaced.

    Raises ValueError for unknown tests and models, and for networks that cannot be trained many at once.
    """
    import torch

    from empirical.datasets.preprocessing import seen_shape
    from empirical.models import build_model
    from empirical.training.many_networks import require_common, require_plain

    model = settings.model or MEMORISATION_MODEL
    sizes = memorisation_sizes(settings.scale)
    dataset = _at_most(dataset, settings, sizes.n_train, sizes.n_test)
    require_common(settings.training)
    training = _with_defaults(settings, _MEMORISATION_RATE, sizes.steps, "torch")
    networks = settings.memorisation.networks or sizes.networks
    study = MemorisationConfig(networks=networks, networks_without=sizes.networks_without)
    shape = seen_shape(dataset.image_shape, settings.crop)
    settings = replace(settings, device="cpu")
    _check_training(dataset, settings, "none")
    with torch.device("meta"):
        require_plain(build_model(model, shape, dataset.num_classes, 0))
    return [
        _run_config("memorisation", dataset, settings, seed, parse_test(test), StudyRun(study, training), model=model)
        for seed, test in product(settings.seeds, settings.tests or ("true-labels", "corrupted-0.1"))
    ]


def plan_measures(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan the measures of a network for each of the main job's tests; at smoke scale of one that is hardly trained.

    Raises ValueError for unknown tests, models, optimisers or devices.
    """
    dataset = dataset.subset(settings.n_train, settings.n_test)
    smoke = settings.scale == "smoke"
    study = MeasuresConfig(draws=2, search_steps=1, bisections=1) if smoke else MeasuresConfig()
    configs = []
    for seed, test in product(settings.seeds, settings.tests or PAPER_TESTS):
        trained = _trained(dataset, settings, seed, _users_cell(settings, test), scaled=smoke)
        configs.append(replace(trained, experiment="measures", what=StudyRun(study, trained.hyper_parameters)))
    return configs


ORDER_TESTS = ("true-labels", *(f"corrupted-{level}" for level in (0.2, 0.4, 0.6, 0.8)), "random-labels")


def plan_order(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan a network looked at along training, for each level of label corruption.

    Raises ValueError for tests other than label corruption, for unknown models, and for augmentation.
    """
    from empirical.datasets.preprocessing import seen_shape
    from empirical.models import check_model, default_initialization

    tests = [parse_test(word) for word in settings.tests or ORDER_TESTS]
    if any(test.corruption is None for test in tests):
        raise ValueError(
            "test (--tests): order takes uniform label corruption: true-labels, corrupted-P or random-labels"
        )
    model = settings.model or "mlp-1x512"
    shape = seen_shape(dataset.image_shape, settings.crop)
    check_model(model, shape, dataset.num_classes)
    _check_training(dataset, settings, settings.training.augmentation)
    n, n_test, steps = order_sizes(settings.scale)
    dataset = _at_most(dataset, settings, n, n_test)
    training = _with_defaults(settings, _MEMORISATION_RATE, steps, default_initialization(model))
    study = OrderConfig(radius=settings.order.radius)
    return [
        _run_config("order", dataset, settings, seed, test, StudyRun(study, training), model=model)
        for seed, test in product(settings.seeds, tests)
    ]


BITS_MODELS = ("mlp-1x8", "mlp-1x16", "transformer-1x8", "transformer-1x16", "transformer-1x32")
_LARGER_BITS_MODELS = (*BITS_MODELS, "transformer-2x64", "transformer-2x128")


def plan_bits(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan a run for each network: perceptrons on random labels of the images, transformers on random tokens.

    Raises ValueError for other tests, and for networks that are neither.
    """
    from empirical.datasets.preprocessing import seen_shape
    from empirical.models import check_model, perceptron_sizes, transformer_sizes

    if settings.tests not in ((), ("true-labels",)):
        raise ValueError("test (--tests): bits draws labels and tokens itself, uniformly: leave --tests out")
    models = {"smoke": BITS_MODELS[::2], "laptop": BITS_MODELS, "paper": _LARGER_BITS_MODELS}[settings.scale]
    if settings.model:
        models = (settings.model,)
    shape = seen_shape(dataset.image_shape, settings.crop)
    for model in models:
        if perceptron_sizes(model):
            check_model(model, shape, dataset.num_classes)
        elif not transformer_sizes(model):
            raise ValueError(
                f"model (--model): bits takes perceptrons, mlp-LxW, and transformers, transformer-LxW, got {model!r}"
            )
    study = BitsConfig(steps=settings.bits.steps or bits_steps(settings.scale))
    dataset = dataset.subset(settings.n_train, settings.n_test)
    return [
        _run_config("bits", dataset, settings, seed, TRUE_LABELS, StudyRun(study), model=model)
        for seed, model in product(settings.seeds, models)
    ]


ON_THE_CPU = ("explicit", "double-descent", "network-double-descent", "memorisation", "pac-bayes")
"""Kinds of runs that are carried out on the CPU whatever device is asked for."""


def plan_double_descent(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan a run for each seed: all numbers of features and levels of corruption. Raises ValueError for other tests."""
    study = DoubleDescentConfig(gaussian_draws=gaussian_draws(settings.scale))
    return _double_descent("double-descent", dataset, settings, study, double_descent_images)


def plan_network_double_descent(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan a run for each seed: all widths and levels of corruption. Raises ValueError for other tests."""
    smoke = settings.scale == "smoke"
    study = NetworkDoubleDescentConfig(networks=4, steps=20) if smoke else NetworkDoubleDescentConfig()
    return _double_descent("network-double-descent", dataset, settings, study, network_double_descent_images)


def _double_descent(
    name: str,
    dataset: ImageDataset,
    settings: Settings,
    study: DoubleDescentConfig | NetworkDoubleDescentConfig,
    images: Callable[[Scale], tuple[int, int]],
) -> list[RunConfig]:
    if settings.tests not in ((), ("true-labels",)):
        raise ValueError(f"test (--tests): {name} corrupts labels itself, at three levels: leave --tests out")
    n, n_test = images(settings.scale)
    dataset = dataset.subset(
        settings.n_train or min(n, len(dataset.train.labels)), settings.n_test or min(n_test, len(dataset.test.labels))
    )
    settings = replace(settings, device="cpu")
    return [
        _run_config(name, dataset, settings, seed, TRUE_LABELS, StudyRun(study), model=study.name)
        for seed in settings.seeds
    ]


PAC_BAYES_MODEL = "mlp-1x600"
_PAC_BAYES_RATE = 0.05  # five times the perceptrons': random labels are then fitted in the steps of a laptop


def plan_pac_bayes(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan the optimised bound on true and on random labels, the first half of the classes against the second.

    Raises ValueError for an odd number of classes, unknown tests and models, and networks that are no perceptrons.
    """
    import torch

    from empirical.datasets.preprocessing import seen_shape
    from empirical.models import build_model
    from empirical.studies.pac_bayes import perceptron_layers
    from empirical.training.many_networks import require_common

    if dataset.num_classes % 2:
        raise ValueError(
            f"pac-bayes sets half of the classes against the other half, and {dataset.num_classes} classes have no "
            "halves: use a data set with an even number of classes"
        )
    sizes = pac_bayes_sizes(settings.scale)
    dataset = _at_most(dataset, settings, sizes.n_train, sizes.n_test)
    require_common(settings.training)
    training = _with_defaults(settings, _PAC_BAYES_RATE, sizes.training_steps, "torch")
    model = settings.model or PAC_BAYES_MODEL
    study = PacBayesConfig(
        threshold=dataset.num_classes // 2,
        steps=settings.pac_bayes.steps or sizes.steps,
        draws=-(-sizes.answers // len(dataset.train.labels)),
    )
    shape = seen_shape(dataset.image_shape, settings.crop)
    settings = replace(settings, device="cpu")
    _check_training(dataset, settings, "none")
    with torch.device("meta"):
        perceptron_layers(build_model(model, shape, 2, 0))
    return [
        _run_config("pac-bayes", dataset, settings, seed, parse_test(test), StudyRun(study, training), model=model)
        for seed, test in product(settings.seeds, settings.tests or ("true-labels", "random-labels"))
    ]


CAPACITY_MODELS = ("mlp-1x4", "mlp-1x8", "mlp-1x16", "mlp-1x32", "mlp-2x8", "mlp-2x16", "mlp-2x32")
_CAPACITY_INPUTS: dict[str, Pixels] = {"random-labels": "original", "gaussian": "gaussian"}
_STEPS_BETWEEN_LOOKS = 200
_TEST_IMAGES = 100  # with random labels more test images tell nothing


def plan_capacity(dataset: ImageDataset, settings: Settings) -> list[RunConfig]:
    """Plan the first size for every frontier. Raises ValueError as `follow_capacity` does."""
    return follow_capacity(dataset, settings, [])


def follow_capacity(dataset: ImageDataset, settings: Settings, finished: list[Run]) -> list[RunConfig]:
    """Plan the next size for every frontier that is not closed: random labels on real and on Gaussian images.

    Raises ValueError for unknown models, and for tests other than random-labels and gaussian (random labels on both).
    """
    import torch

    from empirical.datasets.preprocessing import seen_shape
    from empirical.models import build_model, check_model, num_parameters

    tests = settings.tests or tuple(_CAPACITY_INPUTS)
    if unknown := [test for test in tests if test not in _CAPACITY_INPUTS]:
        raise ValueError(
            f"test (--tests): capacity takes random labels, on real images (random-labels) or on Gaussian ones "
            f"(gaussian), got {', '.join(unknown)}"
        )
    shape = seen_shape(dataset.image_shape, settings.crop)
    limit = settings.n_train or len(dataset.train.labels)
    configs = []
    models = (settings.model,) if settings.model else CAPACITY_MODELS
    for model, test, seed in product(models, tests, settings.seeds):
        pixels = _CAPACITY_INPUTS[test]
        looks = {
            run.config.n_train: bool(run.summary.metrics["fitted"])
            for run in finished
            if (run.config.model, run.config.randomization.pixels, run.config.seed) == (model, pixels, seed)
        }
        check_model(model, shape, dataset.num_classes)
        _check_training(dataset, settings, settings.training.augmentation)
        with torch.device("meta"):
            parameters = num_parameters(build_model(model, shape, dataset.num_classes, seed))
        n = next_size(looks, first_size(parameters), limit)
        if n is not None:
            configs.append(
                _capacity_look(dataset, settings, model, Randomization(pixels, RANDOM_LABELS.label_noise), seed, n)
            )
    return configs


def _at_most(dataset: ImageDataset, settings: Settings, n: int | None, n_test: int | None) -> ImageDataset:
    """The first images, as many as were asked for or else at most n and n_test, where None stands for all."""
    train, test = len(dataset.train.labels), len(dataset.test.labels)
    return dataset.subset(settings.n_train or min(n or train, train), settings.n_test or min(n_test or test, test))


def _with_defaults(
    settings: Settings, learning_rate: float, max_steps: int, initialization: Initialization
) -> TrainingConfig:
    """The hyper-parameters that were chosen, and these where none were."""
    training = settings.training
    return replace(
        training,
        learning_rate=training.learning_rate or learning_rate,
        max_steps=training.max_steps if settings.chose("max_steps") else max_steps,
        initialization=training.initialization or initialization,
    )


def _capacity_look(
    dataset: ImageDataset, settings: Settings, model: str, randomization: Randomization, seed: int, n: int
) -> RunConfig:
    from empirical.models import default_initialization, default_learning_rate

    training = settings.training
    steps_an_epoch = -(-n // training.batch_size)
    training = replace(
        training,
        learning_rate=training.learning_rate or default_learning_rate(model),
        max_steps=training.max_steps if settings.chose("max_steps") else capacity_steps(settings.scale),
        epochs_per_record=max(1, _STEPS_BETWEEN_LOOKS // steps_an_epoch),
        initialization=training.initialization or default_initialization(model),
    )
    n_test = min(settings.n_test or _TEST_IMAGES, len(dataset.test.labels))
    return _run_config(
        "capacity",
        dataset.subset(n, n_test),
        settings,
        seed,
        randomization,
        Trained(training),
        model=model,
    )


def _default_features(dataset: ImageDataset) -> tuple[str, ...]:
    channels, *sides = dataset.image_shape
    if channels == 1:
        return "pixels", "gabor"
    return ("pixels", "random-convolution-64") if min(sides) > 6 else ("pixels",)


def _plan_of(cells: tuple[Cell, ...]) -> Callable[[ImageDataset, Settings], list[RunConfig]]:
    return lambda dataset, settings: plan_cells(cells, dataset, settings)


_OF_CELLS = ("model", "training", "scale")

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in [
        Experiment(
            "randomization-tests",
            "The paper's six tests: a network trained until it fits, beside the explicit 2n + d network of Theorem 1.",
            plan_randomization_tests,
        ),
        Experiment(
            "figure1",
            "Figure 1: loss curves of the tests; time to fit and test error against label corruption, three networks.",
            _plan_of(FIGURE_1_CELLS),
            "cifar10",
            takes=_OF_CELLS,
        ),
        Experiment(
            "figure2",
            "Figure 2b: test accuracy along training with and without batch normalisation.",
            _plan_of(FIGURE_2_CELLS),
            "cifar10",
            takes=_OF_CELLS,
        ),
        Experiment(
            "table1",
            "Table 1: accuracies of five networks with and without regularisers, on true and on random labels.",
            _plan_of(TABLE_1_CELLS),
            "cifar10",
            takes=_OF_CELLS,
        ),
        Experiment(
            "table2",
            "Table 2: Inception V3 on ImageNet's layout of folders, with and without regularisers.",
            _plan_of(TABLE_2_CELLS),
            "folder",
            crop=None,
            image_size=299,
            takes=_OF_CELLS,
        ),
        Experiment(
            "table4",
            "Table 4: fitting random labels with explicit regularisation.",
            _plan_of(TABLE_4_CELLS),
            "cifar10",
            takes=_OF_CELLS,
        ),
        Experiment(
            "kernels",
            "Section 5: the minimum-norm interpolant in a kernel's Hilbert space: its error, norm, certificate.",
            plan_kernels,
            takes=("kernel", "memory"),
        ),
        Experiment(
            "capacity",
            "The largest n whose random labels a network of p parameters is trained to fit, beside Theorem 1's 2n + d.",
            plan_capacity,
            follow=follow_capacity,
            takes=_OF_CELLS,
        ),
        Experiment(
            "bounds",
            "Generalisation bounds and complexity measures, on networks that fit true and random labels.",
            plan_bounds,
        ),
        Experiment(
            "dynamics",
            "Training of wide two-layer networks: the curve that H-infinity predicts, and the measured one.",
            plan_dynamics,
            takes=("scale",),
        ),
        Experiment(
            DISTANCE,
            "Steps to fit random labels against the distance of the images, which noise that is mixed in moves apart.",
            plan_distance,
            "cifar10",
            takes=_OF_CELLS,
        ),
        Experiment(
            "noise",
            "Test error against label corruption: what theory predicts of each rule, and what is measured.",
            plan_noise,
            takes=("model", "training", "kernel", "memory"),
        ),
        Experiment(
            "interpolants",
            "Theorem 1's network and a trained one on the same sample: margins, slopes, stability.",
            plan_interpolants,
        ),
        Experiment(
            "order",
            "What a network gets right along training on partly corrupted labels, and when; two minutes on digits.",
            plan_order,
            takes=("model", "training", "scale", "order"),
        ),
        Experiment(
            "memorisation",
            "How much networks owe their answer on a training image to that image; five minutes on digits.",
            plan_memorisation,
            takes=("model", "training", "scale", "memorisation"),
        ),
        Experiment(
            "double-descent",
            "Test error and norm of least squares on more and more random Fourier features; two minutes on MNIST.",
            plan_double_descent,
            "mnist",
            takes=("scale",),
        ),
        Experiment(
            "network-double-descent",
            "Test loss of two-layer networks of more and more hidden units, along training; ten minutes on digits.",
            plan_network_double_descent,
            takes=("scale",),
        ),
        Experiment(
            "pac-bayes",
            "A PAC-Bayes bound with an optimised posterior, on true and on random labels; a minute on digits.",
            plan_pac_bayes,
            takes=("model", "training", "scale", "pac_bayes"),
        ),
        Experiment(
            "measures",
            "Sharpness and norms over margins, on the main job's networks trained again; two minutes on digits.",
            plan_measures,
            takes=("model", "training", "scale"),
        ),
        Experiment(
            "bits",
            "Bits that small transformers and perceptrons memorise of random tokens and labels; five minutes.",
            plan_bits,
            takes=("model", "scale", "bits"),
        ),
    ]
}
"""The experiments by name."""


def find_experiment(name: str) -> Experiment:
    """The experiment called `name`; ValueError with the nearest match if there is none."""
    if name not in EXPERIMENTS:
        raise ValueError(f"experiment (NAME): {nearest_name(name, EXPERIMENTS)}")
    return EXPERIMENTS[name]


def resolve_device(device: str) -> str:
    """Resolve `auto`, which is CUDA where there is a GPU. Raises ValueError for CUDA where there is no GPU."""
    import torch

    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise ValueError("--device cuda: this torch sees no CUDA device; use --device cpu")
    return ("cuda" if available else "cpu") if device == "auto" else device


def _run_config(
    experiment: str,
    dataset: ImageDataset,
    settings: Settings,
    seed: int,
    randomization: Randomization,
    what: RunKind,
    *,
    model: str = "theorem-1",
) -> RunConfig:
    training = what.training if isinstance(what, Trained | StudyRun) else None
    cropped = training or (isinstance(what, StudyRun) and isinstance(what.study, DynamicsConfig))
    return RunConfig(
        experiment=experiment,
        what=what,
        data=dataset.name,
        source=dataset.source,
        n_train=len(dataset.train.labels),
        n_test=len(dataset.test.labels),
        num_classes=dataset.num_classes,
        train_digest=dataset.train.digest,
        test_digest=dataset.test.digest,
        randomization=randomization.on(dataset),
        model=what.kernel.name if isinstance(what, KernelRun) else model,
        model_source=source_digest(model, "model") if training else "",
        optimizer_source=source_digest(training.optimizer, "optimizer") if training else "",
        crop=settings.crop if cropped else None,
        device="cpu" if isinstance(what, Explicit) else resolve_device(settings.device),
        seed=seed,
    )
