"""Figures of predicted and measured training, from records of small runs on real images."""

import pytest
from PIL import Image

from empirical.claims.dynamics import dynamics_results
from empirical.datasets import load
from empirical.randomization import RANDOM_LABELS, randomize
from empirical.runs.config import StudyRun
from empirical.runs.records import Run
from empirical.runs.resumable_parts import Parts
from empirical.runs.studies import DynamicsConfig
from empirical.studies.dynamics import measure_dynamics
from figures.dynamics import DYNAMICS_FIGURES
from tests.made_up import made_up_config, made_up_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> list[Run]:
    data = load("digits").subset(60, 40)
    records = []
    for width in (64, 256):
        for test in ("true-labels", "corrupted-0.5", "random-labels"):
            directory = tmp_path_factory.mktemp(f"{test}-{width}")
            config = made_up_config(
                StudyRun(DynamicsConfig(width=width)),
                test,
                source=data.source,
                n_train=60,
                n_test=40,
                train_digest=data.train.digest,
                test_digest=data.test.digest,
                model=f"two-layer-{width}",
            )
            parts = Parts(directory, lambda name, share: None)
            metrics = measure_dynamics(config, randomize(data, config.randomization, 0), parts, directory)
            records.append(made_up_run(config, metrics))
    return records


def test_every_figure_is_drawn_the_same_each_time(runs, tmp_path):
    (results,) = dynamics_results(runs)
    for figure in DYNAMICS_FIGURES.values():
        assert figure.possible(results)
        for time in ("once", "twice"):
            figure.draw(results, tmp_path / f"{figure.name}-{time}")
        assert (tmp_path / f"{figure.name}-once.svg").read_bytes() == (
            tmp_path / f"{figure.name}-twice.svg"
        ).read_bytes()
        with Image.open(tmp_path / f"{figure.name}-once.png") as image:
            colours = image.convert("RGB").getcolors(maxcolors=2**24)
        assert colours is not None
        assert len(colours) > 100
        svg = (tmp_path / f"{figure.name}-once.svg").read_text()
        for text in ("digits, 60 training and 40 test images", "seed 0; cpu"):
            assert text in svg


def test_curves_alone_where_there_is_one_test(runs, tmp_path):
    (results,) = dynamics_results([run for run in runs if run.config.randomization == RANDOM_LABELS])
    assert [figure.possible(results) for figure in DYNAMICS_FIGURES.values()] == [True, False]
    for figure in DYNAMICS_FIGURES.values():
        if figure.possible(results):
            figure.draw(results, tmp_path / figure.name)
            assert (tmp_path / f"{figure.name}.png").exists()
