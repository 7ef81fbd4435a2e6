"""The experiment `noise`: test error against label corruption."""

from empirical.datasets import ImageDataset
from empirical.experiments.cells import trained_run, users_cell
from empirical.experiments.experiment import Experiment
from empirical.experiments.run_config import run_config
from empirical.experiments.settings import Settings
from empirical.kernels.config import KernelConfig
from empirical.randomization import TRUE_LABELS, parse_test
from empirical.runs.config import Explicit, KernelRun, RunConfig, StudyRun
from empirical.runs.studies import NoiseConfig


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
        configs.append(run_config("noise", dataset, settings, seed, TRUE_LABELS, StudyRun(study), model=study.name))
        for test, randomization in zip(tests, randomizations, strict=True):
            configs += [
                trained_run(dataset, settings, seed, users_cell(settings, test), scaled=False),
                run_config("randomization-tests", dataset, settings, seed, randomization, Explicit()),
                run_config("kernels", dataset, settings, seed, randomization, KernelRun(kernel)),
            ]
    return configs


NOISE = Experiment(
    "noise",
    "Test error against label corruption: what theory predicts of each rule, and what is measured.",
    plan_noise,
    takes=("model", "training", "crop", "kernel", "memory"),
)
