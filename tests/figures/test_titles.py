"""The title of a figure states a finding only where the claim behind it holds."""

import pytest

from empirical.claims.bits import bits_results
from empirical.claims.double_descent import double_descent_results
from empirical.claims.order import order_results
from empirical.claims.pac_bayes import pac_bayes_results
from figures.bits import BITS_FIGURES
from figures.double_descent import DOUBLE_DESCENT_FIGURES
from figures.order import ORDER_FIGURES
from figures.pac_bayes import PAC_BAYES_FIGURES
from figures.result_figure import draw_figures
from tests.empirical.studies import test_bits, test_double_descent, test_order, test_pac_bayes

_TOLD = test_pac_bayes.AGREEING
_LOW = [test_pac_bayes.bayes_run(), test_pac_bayes.bayes_run("random-labels", bound=0.4, stochastic_test_error=0.5)]
_FLAT = test_double_descent.sweep_run(errors=(0.10, 0.08, 0.07, 0.06, 0.04))
_UNTRAINED = [run for run in test_bits.AGREEING if run.config.study == test_bits.LEVEL.config.study]


@pytest.mark.parametrize(
    ("results", "figures", "title"),
    [
        (pac_bayes_results(_TOLD), PAC_BAYES_FIGURES, "A bound that tells true from random labels"),
        (pac_bayes_results(_LOW), PAC_BAYES_FIGURES, "An optimised PAC-Bayes bound"),
        (order_results(test_order.AGREEING), ORDER_FIGURES, "Changed labels: first answered rightly, then memorised"),
        (order_results([test_order.TRUE, test_order.RANDOM]), ORDER_FIGURES, "The order of learning"),
        (
            double_descent_results(test_double_descent.AGREEING),
            DOUBLE_DESCENT_FIGURES,
            "Error and norm peak at as many features as images: random Fourier features, n = 500",
        ),
        (double_descent_results([_FLAT]), DOUBLE_DESCENT_FIGURES, "Double descent: random Fourier features, n = 500"),
        (bits_results(test_bits.AGREEING), BITS_FIGURES, "bits a parameter where more steps add little"),
        (bits_results(_UNTRAINED), BITS_FIGURES, "Bits per parameter"),
    ],
)
def test_titles(results, figures, title, tmp_path):
    (only,) = results
    drawn = "".join(path.read_text() for path in draw_figures(figures, only, "test", tmp_path).values())
    assert f"{title}</text>" in drawn
