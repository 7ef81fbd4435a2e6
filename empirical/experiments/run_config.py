"""What plans share: the configuration of one run, its device, its images, and hyper-parameters that were not chosen."""

from dataclasses import replace

from empirical.datasets import ImageDataset
from empirical.experiments.settings import Settings
from empirical.import_path import source_digest
from empirical.models import Initialization
from empirical.randomization import Randomization
from empirical.runs.config import KernelRun, RunConfig, RunKind, StudyRun, Trained, on_the_cpu
from empirical.runs.studies import DynamicsConfig
from empirical.training.config import Augmentation, TrainingConfig


def run_config(
    experiment: str,
    dataset: ImageDataset,
    settings: Settings,
    seed: int,
    randomization: Randomization,
    what: RunKind,
    *,
    model: str = "theorem-1",
) -> RunConfig:
    """The configuration of one run, on the device and with the crop of the settings where it uses them."""
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
        device="cpu" if on_the_cpu(what) else resolve_device(settings.device),
        seed=seed,
    )


def resolve_device(device: str) -> str:
    """Resolve `auto`, which is CUDA where there is a GPU. Raises ValueError for CUDA where there is no GPU."""
    import torch

    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise ValueError("--device cuda: this torch sees no CUDA device; use --device cpu")
    return ("cuda" if available else "cpu") if device == "auto" else device


def at_most(dataset: ImageDataset, settings: Settings, n: int | None, n_test: int | None) -> ImageDataset:
    """The first images, as many as were asked for or else at most n and n_test, where None stands for all."""
    train, test = len(dataset.train.labels), len(dataset.test.labels)
    return dataset.subset(settings.n_train or min(n or train, train), settings.n_test or min(n_test or test, test))


def with_defaults(
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


def require_trainable(dataset: ImageDataset, settings: Settings, augmentation: Augmentation) -> None:
    """Raise ValueError for an unknown optimiser, or for an augmentation that does not suit the images."""
    from empirical.training.augmentation import check_augmentation
    from empirical.training.optimization import optimizer_factory

    if settings.training.optimizer != "sgd":
        optimizer_factory(settings.training.optimizer)
    check_augmentation(augmentation, dataset.image_shape, settings.crop)
