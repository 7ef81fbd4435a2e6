"""Settings for all tests: property tests repeat the same few examples on every run, and take the time they need.

`HYPOTHESIS_PROFILE=thorough` looks for a counterexample among many more.
"""

import os
from pathlib import Path

import matplotlib as mpl
import pytest
from hypothesis import settings

# There is a worker process a core, which begins with this environment: several threads each would wait for one another.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
mpl.use("agg")
settings.register_profile("default", deadline=None, derandomize=True, max_examples=30)
settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


# pytest allows 1e-12 beside any relative tolerance, so that a test of smaller numbers could not fail.
type(pytest.approx(1.0)).DEFAULT_ABSOLUTE_TOLERANCE = 0  # type: ignore[attr-defined]

LONGEST = ("test_slurm", "test_notebooks", "test_torn_network", "test_distributed")
"""Modules of a minute and more. The workers begin with them, so that none waits for another in the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.stem not in LONGEST)


@pytest.fixture(scope="session")
def real_cifar10() -> Path:
    """The folder of the real CIFAR-10, official binary layout; the test is skipped where it is missing."""
    root = os.environ.get("RETHINKING_DATA")
    path = Path(root or "data") / "cifar-10-batches-bin"
    if not path.is_dir():
        pytest.skip("needs the real CIFAR-10: set RETHINKING_DATA to the folder that holds cifar-10-batches-bin")
    return path


@pytest.fixture(scope="session")
def main_job(tmp_path_factory) -> Path:
    """The records, figures and report of the main job on 120 images: seconds instead of a minute."""
    from empirical.run import main

    out = tmp_path_factory.mktemp("main-job")
    assert main(["--out", str(out), "--train-size", "120", "--test-size", "60"]) == 0
    return out
