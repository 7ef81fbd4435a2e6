"""Figures of label noise and of two interpolants, from made-up records."""

import pytest
from PIL import Image

from empirical.claims.interpolants import interpolants_results
from empirical.claims.label_noise import noise_results
from figures.interpolants import INTERPOLANT_FIGURES
from figures.label_noise import NOISE_FIGURES
from figures.result_figure import draw_figures
from tests.empirical import made_up_noise


@pytest.mark.parametrize(
    ("figures", "results", "texts"),
    [
        (
            NOISE_FIGURES,
            noise_results(made_up_noise.noise_runs())[0],
            ["Gaussian kernel, predicted", "explicit network, measured", "mlp-1x512, measured", "chance, 90%"],
        ),
        (NOISE_FIGURES, noise_results([made_up_noise.prediction()])[0], ["one-nearest-neighbour, predicted"]),
        (
            INTERPOLANT_FIGURES,
            interpolants_results([made_up_noise.interpolants(0.0, 0.9), made_up_noise.interpolants(1.0, 0.1)])[0],
            ["trained, true labels: test 90.0%", "explicit, random labels: test 10.0%"],
        ),
    ],
)
def test_figures_are_drawn_the_same_each_time(figures, results, texts, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("matplotlib").rcParams, "svg.fonttype", "none")
    (path,) = draw_figures(figures, results, "once", tmp_path).values()
    (again,) = draw_figures(figures, results, "twice", tmp_path).values()
    assert path.read_bytes() == again.read_bytes()
    svg = path.read_text()
    images = f"digits, {results.config.n_train:,} training and 1,000 test images"
    for text in [*texts, images, "seed 0", "cpu"]:
        assert text in svg
    with Image.open(path.with_suffix(".png")) as image:
        assert len(image.convert("RGB").getcolors(maxcolors=2**24) or []) > 50
