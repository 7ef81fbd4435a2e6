from pathlib import Path

import pytest

from empirical.run import main

SMALL = ["--train-size", "120", "--test-size", "60"]
"""The main job on a part of the digits: seconds instead of a minute."""


@pytest.fixture(scope="session")
def main_job(tmp_path_factory) -> Path:
    """The records, figures and report of the main job on 120 images."""
    out = tmp_path_factory.mktemp("main-job")
    assert main(["--out", str(out), *SMALL]) == 0
    return out
