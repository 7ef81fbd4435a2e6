"""Pictures and pages drawn from records alone: `python -m figures RECORDS`.

palette             the colours of all figures, each with its marker and dashes
colour_vision       how far apart colours are for those who see two primaries
pictures            the images of the six tests: `python -m figures.pictures`
only_labels         same network, same settings, only the labels differ
seed_comparison     networks and optimisers over seeds: mean, spread, paired difference and test
loss_curves         training loss of the randomisation tests, one network and seed
corruption          test error against label corruption, one network and seed, beside Theorem 1's network
figure_1            Figure 1, over all networks and seeds of a data set: loss, time to fit, test error
figure_2            Figure 2: accuracy along training, with and without batch normalisation and regularisers
hyper_parameters    train accuracy on random labels against weight decay, and against the size of batches
distance            steps to fit random labels against the distance of images
networks            trained runs sorted into data sets and networks
kernels             minimum-norm interpolation in a Hilbert space: norm, error, corruption, filters
capacity, bits      how many labels, and how many bits, networks memorise
dynamics            predicted and measured training of wide two-layer networks
label_noise         test error under label noise, predicted and measured
interpolants        two interpolants of one sample, off the sample
bounds, pac_bayes   bounds on true and on random labels; an optimised one
measures            which measures order true before random labels
order, memorisation  what is fitted first; what networks owe to single images
double_descent, network_double_descent  test error against features, and against width
expressivity        Theorem 1 and what is beside it: the interpolant, its error, condition, steepness, parameters
least_squares       SGD and its kin on the way to the minimum norm: rates, thresholds, limits
implicit_bias       which solution other optimisers, geometries, losses and parametrisations pick
scaling             time against devices, and a sweep against slots, as planned and simulated
cost                seconds of the processor against size
theory_record       what figures of the theory's records have in common: a record, and the claims that they show
drawings            only what has changed, several at a time
style               the look of all figures, and their captions
result_figure       what the figures of results have in common: a title, what they need, a file each
report              one self-contained page: tables, figures, claims, what was run
draw                every figure of a directory of records, and the page
redraw              committed figures from their records: `python -m figures.redraw`
"""

from typing import TYPE_CHECKING

from theory.common.lazy import lazy_names
from theory.common.version import __version__ as __version__

if TYPE_CHECKING:
    from figures.corruption import draw_corruption
    from figures.expressivity import draw_conditions, draw_errors, draw_geometry, draw_interpolant, draw_parameters
    from figures.kernels import draw_filters, draw_kernel_corruption, draw_norm_and_error
    from figures.loss_curves import draw_loss_curves
    from figures.report import write_report

__all__ = [
    "draw_conditions",
    "draw_corruption",
    "draw_errors",
    "draw_filters",
    "draw_geometry",
    "draw_interpolant",
    "draw_kernel_corruption",
    "draw_loss_curves",
    "draw_norm_and_error",
    "draw_parameters",
    "write_report",
]

__getattr__, __dir__ = lazy_names(__name__, __file__)
