"""What is measured in a run, by kind of run: the reference of every number in a record.

`python -m empirical.runs.metrics docs/records.md` writes the tables between the markers of that page.
"""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- metrics: begin -->", "<!-- metrics: end -->"


@dataclass(frozen=True)
class Metric:
    """A number, or a list of numbers, in a record.

    Attributes:
        name: its path in the record: `a.b` is b in the mapping a, `a[]` each mapping of the list a, `*` any name.
        unit: the unit of the number; "1" for a share or a ratio.
        meaning: the definition, in a sentence.
        absent: when the number is missing from a record, or null; "" if every record contains it.
    """

    name: str
    unit: str
    meaning: str
    absent: str = ""


_BEFORE = "in records from before it was measured"

_BUT_FOR_DISTANCE = "in all experiments but `distance`"

_CLASSIFIER = (
    Metric("train_accuracy", "1", "The share of training images that are given their training label."),
    Metric("test_accuracy", "1", "The share of test images that are classified rightly."),
    Metric("test_hits", "bits", "Which test images are classified rightly: a bit each, packed, in base64.", _BEFORE),
    Metric(
        "test_confusion",
        "images",
        "Row i, column j: how many test images of class j are taken for class i.",
        f"with more than 100 classes; {_BEFORE}",
    ),
)

_CLEAN = Metric(
    "train_accuracy_clean_labels", "1", "The share of training images that are given the label before corruption."
)

_SEEN = "where the network missed a label and was not evaluated on the rest (`epochs_per_train_evaluation`)"

EPOCH = (
    Metric("epoch", "epochs", "Passes over the training images so far; 0 is before training."),
    Metric("step", "steps", "Steps of the optimiser so far."),
    Metric("learning_rate", "1", "The step size of the next step."),
    Metric("train_loss", "nats", "The mean cross-entropy on the training labels, of the network as it stands.", _SEEN),
    Metric("train_accuracy", "1", "The share of training images that are given their training label.", _SEEN),
    Metric(_CLEAN.name, _CLEAN.unit, _CLEAN.meaning, _SEEN),
    Metric(
        "train_accuracy_changed",
        "1",
        "The same as `train_accuracy` on the images whose label was changed by corruption.",
        f"where there is no such image; {_SEEN}",
    ),
    Metric(
        "train_accuracy_unchanged",
        "1",
        "The same as `train_accuracy` on the images whose label was left as it is.",
        f"where there is no such image; {_SEEN}",
    ),
    Metric("test_loss", "nats", "The mean cross-entropy on the test labels."),
    Metric("test_accuracy", "1", "The share of test images that are classified rightly."),
    Metric(
        "online_accuracy",
        "1",
        "The share of the epoch's samples that were given their label when the network was trained on them.",
        f"before training; {_BEFORE}",
    ),
    Metric(
        "online_loss",
        "nats",
        "The mean cross-entropy of the epoch's samples when the network was trained on them.",
        f"before training; {_BEFORE}",
    ),
    _CLASSIFIER[2],
)
"""The numbers in every line of `metrics.jsonl`; the metrics of a trained run repeat those of its last line."""

EPOCH_TIME = (Metric("seconds", "s", "The time of training and evaluation so far, over interruptions."),)

TIME = {
    "every run": (Metric("seconds", "s", "The time of the run's work: of a study, since it last began."),),
    "trained": (
        Metric(
            "images_per_second",
            "images/s",
            "Training images per second of training, without evaluation.",
            f"where no epoch was trained; {_BEFORE}",
        ),
    ),
    "kernel": (
        Metric("stages.*", "s", "The time of a stage: the Gram matrix, the solver's stages, evaluate, certify."),
        Metric("planned_bytes", "bytes", "The memory that was planned for the fit."),
        Metric("peak_bytes", "bytes", "The most memory that the process has held."),
    ),
}
"""The numbers that differ from one repetition of a run to the next, by kind of run."""

ENVIRONMENT = (
    Metric("python", "version", "The version of Python."),
    *(
        Metric(name, "version", f"The version of {name}.", "where it is not installed")
        for name in ("numpy", "scipy", "scikit-learn", "torch", "cvxpy", "matplotlib", "rethinking-generalization")
    ),
    Metric("machine", "name", "The architecture of the processor."),
    Metric("system", "name", "The operating system."),
    Metric("processor", "name", "The processor."),
    Metric("accelerator", "name", "The GPU.", "where torch sees none"),
    Metric("threads", "threads", "Threads of torch in the process that wrote the summary."),
    Metric("ranks", "processes", "Processes that have made the run together.", _BEFORE),
)

_RADEMACHER = (
    ("value", "1", "The mean correlation with random signs that was reached."),
    ("lower", "1", "A lower end of the interval for the Rademacher complexity."),
    ("upper", "1", "An upper end of the interval for the Rademacher complexity."),
    ("failure_probability", "1", "The probability with which the interval may miss."),
    ("sign_vectors", "vectors", "Random sign vectors drawn."),
)

METRICS: dict[str, tuple[Metric, ...]] = {
    "trained": (
        Metric("parameters", "numbers", "Trainable parameters of the network."),
        Metric("dimension", "numbers", "Numbers in an input of the network, after the crop.", _BEFORE),
        Metric("fitted", "yes or no", "Whether every training image is given its training label."),
        *EPOCH,
        Metric("best_test_accuracy", "1", "The highest test accuracy of all recorded epochs."),
        Metric("best_epoch", "epochs", "The first epoch with the highest test accuracy."),
        Metric("weight_norm", "1", "The Euclidean norm of all parameters.", _BEFORE),
        Metric("initial_weight_norm", "1", "The same before training.", _BEFORE),
        Metric("distance_from_initialisation", "1", "The Euclidean norm of the change of all parameters.", _BEFORE),
        *_CLASSIFIER[3:],
        Metric(
            "train_top_5_accuracy",
            "1",
            "The share of training images whose training label is among the five likeliest.",
            "with at most 20 classes",
        ),
        Metric(
            "test_top_5_accuracy",
            "1",
            "The share of test images whose label is among the five likeliest.",
            "with at most 20 classes",
        ),
        Metric(
            "colour_statistics_accuracy",
            "1",
            "The test accuracy of linear discriminant analysis of colour statistics, which random pixels keep.",
            f"except on random pixels that are held in memory; {_BEFORE}",
        ),
        Metric(
            "mean_distance",
            "sqrt(2d)",
            "The mean distance between the first 2,000 whitened training images.",
            _BUT_FOR_DISTANCE,
        ),
        Metric(
            "mean_distance_within_classes",
            "sqrt(2d)",
            "The same between images of the same class.",
            f"{_BUT_FOR_DISTANCE}; where no two are of one class",
        ),
        Metric(
            "nearest_distance",
            "sqrt(2d)",
            "The median distance from a training image to the nearest other.",
            _BUT_FOR_DISTANCE,
        ),
    ),
    "explicit": (
        Metric("parameters", "numbers", "Weights of Theorem 1's network, 2n + d."),
        Metric("fitted", "yes or no", "Whether every training image is given its training label."),
        *_CLASSIFIER,
        _CLEAN,
        Metric("largest_error", "classes", "The largest distance of an output from its training label's number."),
        Metric("error_bound", "classes", "A proved bound of `largest_error`, rounding included."),
    ),
    "kernel": (
        Metric("kernel", "name", "The kernel, its bandwidth in the units of the features."),
        Metric("dimension", "numbers", "Features of an image."),
        Metric("fitted", "yes or no", "Whether every training image is given its training label."),
        *_CLASSIFIER,
        _CLEAN,
        Metric("norm", "1", "The norm of the interpolant in the kernel's Hilbert space, over all classes."),
        Metric("solver", "name", "cholesky or conjugate-gradients."),
        Metric("precision", "name", "The floating-point type of the Gram matrix."),
        Metric("iterations", "iterations", "Iterations of the solver."),
        Metric("relative_residual", "1", "The residual ||K alpha - y|| / ||y|| of the worst class, ridge included."),
        Metric("converged", "yes or no", "Whether the solver reached its tolerance."),
        Metric("operations", "operations", "Floating-point operations that were planned for."),
        Metric(
            "leave_one_out_accuracy",
            "1",
            "The share of training images that are given their training label by the interpolant of the others.",
            "unless it is asked for (--kernel.leave-one-out)",
        ),
        Metric("max_residual", "1", "The largest entry of |K alpha - Y|, ridge included.", "without a certificate"),
        Metric("residual_rounding", "1", "A bound of the rounding in `max_residual`.", "without a certificate"),
        Metric(
            "smallest_eigenvalue",
            "1",
            "A lower bound of the Gram matrix's least eigenvalue.",
            "without a certificate",
        ),
        Metric("eigenvalue_evidence", "name", "How that bound was found.", "without a certificate"),
        Metric("failure_probability", "1", "The probability with which it may fail.", "without a certificate"),
        Metric(
            "gram_error",
            "1",
            "The Frobenius norm of the difference between the Gram matrix and the solver's.",
            "without a certificate; where the features do not fit into one block",
        ),
        Metric(
            "norm_lower_bound",
            "1",
            "A lower bound of the norm of the exact minimum-norm interpolant.",
            "without a certificate; with a ridge",
        ),
        Metric(
            "distance_bound",
            "1",
            "A bound of the distance from the exact minimum-norm interpolant.",
            "without a certificate; with a ridge; where the bound is not finite",
        ),
    ),
    "dynamics": (
        Metric("n", "images", "Training images."),
        Metric("width", "units", "Hidden units."),
        Metric("step_size", "1", "eta, of a full-batch step on the sum of squares."),
        Metric("initial_residual_norm", "1", "||y - u_0||, before training."),
        Metric("steps", "steps", "Steps at which the residual is recorded."),
        Metric("residual_norms", "1", "||y - u_t|| at these steps, measured."),
        Metric("predicted_residual_norms", "1", "||(I - eta H)^t (y - u_0)|| at these steps, by H-infinity."),
        Metric("fitted", "yes or no", "Whether the residual fell to the asked share of its initial norm."),
        Metric(
            "steps_to_halve_loss",
            "steps",
            "Steps until the loss is half of its initial value.",
            "where `max_steps` are too few",
        ),
        Metric("predicted_steps_to_halve_loss", "steps", "The same by prediction.", "where `max_steps` are too few"),
        Metric(
            "steps_to_fit", "steps", "Steps until the residual is the asked share.", "where `max_steps` are too few"
        ),
        Metric("predicted_steps_to_fit", "steps", "The same by prediction.", "where `max_steps` are too few"),
        Metric("largest_deviation", "1", "The largest |measured - predicted| over all steps, per ||y - u_0||."),
        Metric("largest_deviation_from_initial_kernel", "1", "The same with the network's own kernel before training."),
        Metric("largest_log_ratio", "1", "The largest |log(measured / predicted)| over all steps."),
        Metric("complexity_measure", "1", "(2 y' H^-1 y / n)^(1/2), of the labels."),
        Metric("complexity_error", "1", "A bound of its relative rounding error."),
        Metric("complexity_of_random_labels", "1", "The root of the measure's mean square over random labels."),
        Metric("complexity_spread", "1", "The relative standard deviation of the square over random labels."),
        Metric("largest_eigenvalue", "1", "The largest eigenvalue of H-infinity."),
        Metric("smallest_eigenvalue", "1", "The smallest eigenvalue of H-infinity."),
        Metric("eigenvalue_error", "1", "A bound of the error of the eigenvalues."),
        Metric("condition", "1", "The condition number of H-infinity."),
        Metric("changed_activations", "1", "The share of pairs of image and unit whose activation has changed sides."),
        Metric("nearest_distance", "1", "The median distance to the nearest training image, of unit norm."),
        *_CLASSIFIER,
        _CLEAN,
    ),
    "noise": (
        Metric("chance", "1", "The accuracy of guessing, 1 / k."),
        Metric("levels", "1", "The levels of label corruption, p."),
        Metric("train_error_clean_labels", "1", "The expected share of changed labels at each level, p (k - 1) / k."),
        Metric("predictions.*[].accuracy", "1", "The predicted test accuracy of a rule at each level."),
        Metric("predictions.*[].deviation", "1", "The standard deviation of that accuracy over corruptions."),
        Metric("predictions.*[].draws", "draws", "Corruptions simulated; 0 for a closed form."),
        Metric("nearest_neighbour_hits", "bits", "Test images that the nearest neighbour's clean label fits; base64."),
        Metric("kernel", "name", "The kernel, its bandwidth in pixels."),
        Metric("varying_pixels", "numbers", "Pixels that are not the same in all training images."),
        Metric("noise_gain.*", "1", "The mean over test images of ||s||^2, the gain of label noise in a linear rule."),
        Metric(
            "noise_gain_gaussian_features",
            "1",
            "The same for least squares on Gaussian features of as many dimensions.",
            "where theory has no finite value",
        ),
    ),
    "interpolants": (
        Metric("unit", "pixel values", "The median distance of training images from their nearest neighbour."),
        Metric("*.fitted", "yes or no", "Whether the network, trained or explicit, fits every training label."),
        *(Metric(f"*.{metric.name}", metric.unit, metric.meaning, metric.absent) for metric in _CLASSIFIER),
        Metric("*.smallest_margin", "1", "The smallest margin of training images, by the labels given."),
        Metric("*.median_margin", "1", "The median margin of training images, by the labels given."),
        Metric("*.median_slope", "1/`unit`", "The median slope of the margin at training images."),
        Metric("*.lipschitz_lower_bound", "1/`unit`", "The largest slope at training and test images."),
        Metric("*.margin_over_lipschitz", "`unit`", "The median margin over that slope.", "where all slopes are 0"),
        Metric("*.median_distance", "`unit`", "The median distance to a change of answer.", "where it is infinite"),
        Metric("explicit.lipschitz", "1/`unit`", "The exact Lipschitz constant of Theorem 1's network."),
        Metric("explicit.weights", "numbers", "Weights of Theorem 1's network."),
        Metric(
            "farther",
            "images",
            "Training images that are farther from a change of answer in the trained network than in Theorem 1's.",
        ),
        Metric("neighbour_on_the_line.median_distance", "`unit`", "From a test image to its neighbour in projection."),
        Metric("neighbour_on_the_line.median_distance_of_random_pairs", "`unit`", "The same for random pairs."),
        Metric("neighbour_on_the_line.label_agrees", "1", "The share of such neighbours with the test image's label."),
        Metric("noise[].norm", "`unit`", "The norm of a random perturbation of training images."),
        Metric("noise[].trained", "1", "The share of perturbed images that keep their label, trained network."),
        Metric("noise[].explicit", "1", "The same for Theorem 1's network."),
        Metric("noise[].difference_error", "1", "The standard error of the difference of the two shares."),
        Metric("segment[].fraction", "1", "The place on the way from a training image to its nearest neighbour."),
        Metric("segment[].trained", "1", "The share of images there that keep their label, trained network."),
        Metric("segment[].explicit", "1", "The same for Theorem 1's network."),
        Metric("segment[].difference_error", "1", "The standard error of the difference of the two shares."),
    ),
    "memorisation": (
        Metric("images", "images", "Training images."),
        Metric("subset", "images", "Training images of each network."),
        Metric("test_accuracy", "1", "The mean share of test images that the networks on subsets classify rightly."),
        Metric(
            "halves[].inside",
            "networks",
            "How many networks, of the even and of the odd ones, are trained on each image.",
        ),
        Metric("halves[].right_inside", "networks", "How many of those give it its training label."),
        Metric("halves[].right_outside", "networks", "How many of the others give it its training label."),
        Metric("changed", "bits", "Which training labels were changed: a bit each, packed, in base64."),
        Metric("nearest_neighbour", "1", "The exact score of each image for one-nearest-neighbour."),
        Metric("removal.*.images", "images", "Training images of a network, of all or without some."),
        Metric("removal.*.test_accuracy", "1", "The mean share of test images that such networks classify rightly."),
        Metric("removal.*.deviation", "1", "The standard deviation of that share over networks."),
        Metric("removal.*.test_right", "networks", "How many of them classify each test image rightly."),
        Metric("image_shape", "numbers", "Channels, height and width of the images shown."),
        Metric("shown[].image", "1", "The number of a training image, of the highest scores."),
        Metric("shown[].label", "1", "Its training label."),
        Metric("shown[].clean_label", "1", "Its label before corruption."),
        Metric("shown[].answer", "1", "What most networks say that are not trained on it."),
        Metric("shown[].score", "1", "Its memorisation score."),
        Metric("shown[].pixels", "bytes", "Its pixels as stored, in base64."),
    ),
    "double-descent": (
        Metric("bandwidth", "1", "The bandwidth of the features' kernel, in pixels divided by 255."),
        Metric("levels", "1", "The levels of label corruption, p."),
        Metric("points[].features", "numbers", "Random Fourier features, N."),
        Metric("points[].levels[].norm", "1", "The Frobenius norm of the coefficients."),
        Metric("points[].levels[].train_loss", "1", "The mean squared distance from the one-hot training labels."),
        Metric("points[].levels[].test_loss", "1", "The mean squared distance from the one-hot test labels."),
        *(
            Metric(f"points[].levels[].{metric.name}", metric.unit, metric.meaning)
            for metric in _CLASSIFIER
            if metric.name != "test_confusion"
        ),
        Metric("gaussian[].ratio", "1", "Gaussian features per sample."),
        Metric("gaussian[].risk", "1", "The measured risk of least squares of minimum norm on them."),
        Metric("gaussian[].standard_error", "1", "The standard error of that risk."),
        Metric("gaussian[].expected", "1", "The exact expectation of that risk."),
    ),
    "network-double-descent": (
        Metric("levels", "1", "The levels of label corruption, p."),
        Metric("steps", "steps", "Steps of training before each look, the last of them all."),
        Metric("points[].units", "units", "Hidden units of the networks."),
        Metric("points[].parameters", "numbers", "Parameters of each network."),
        Metric("points[].levels[].train_right", "images", "Images given their training label, by look and network."),
        Metric(
            "points[].levels[].train_loss",
            "1",
            "The mean squared distance from one-hot training labels, by look and network.",
        ),
        Metric(
            "points[].levels[].test_right", "images", "Test images that are classified rightly, by look and network."
        ),
        Metric(
            "points[].levels[].test_loss",
            "1",
            "The mean squared distance from one-hot test labels, by look and network.",
        ),
    ),
    "order": (
        Metric("unchanged", "images", "Training images whose label was left as it was."),
        Metric("changed", "images", "Training images whose label was changed."),
        Metric("searched", "images", "Test images that are searched for another class nearby, the first ones."),
        Metric("fitted", "yes or no", "Whether every training image is given its training label in the end."),
        Metric("looks[].epoch", "epochs", "Passes over the training images before a look."),
        Metric("looks[].step", "steps", "Steps of the optimiser before it."),
        Metric("looks[].train_loss", "nats", "The mean cross-entropy on the training labels, of the fixed network."),
        Metric("looks[].unchanged_right", "images", "Images with an unchanged label that are given it."),
        Metric("looks[].changed_given", "images", "Images with a changed label that are given the new one."),
        Metric("looks[].changed_true", "images", "Images with a changed label that are given the one from before."),
        Metric("looks[].test_accuracy", "1", "The share of test images that are classified rightly."),
        Metric("looks[].test_hits", "bits", "Which these are: a bit each, packed, in base64."),
        Metric("looks[].critical", "bits", "For which of the searched images another class was found: a bit each."),
    ),
    "pac-bayes": (
        Metric("parameters", "numbers", "Parameters of the network, d."),
        Metric("images", "images", "Training images, n."),
        Metric("train_error", "1", "The share of training images that the trained network misses, of two classes."),
        Metric("test_error", "1", "The share of test images that the trained network misses."),
        Metric("distance_from_initialisation", "1", "The distance of the trained from the initial weights."),
        Metric("guessing", "1", "The error of the best constant answer on the test images."),
        Metric("stochastic_train_error", "1", "The share of wrong answers of the stochastic network, training images."),
        Metric("stochastic_train_error_bound", "1", "An upper bound of its expectation over the draws."),
        Metric("stochastic_test_error", "1", "The share of its wrong answers on test images."),
        Metric("answers", "answers", "Answers drawn on training images."),
        Metric("divergence", "nats", "The divergence of the posterior from the prior."),
        Metric("prior_index", "1", "The place of the prior's variance in the grid, j."),
        Metric("prior_variance", "1", "The variance of the prior."),
        Metric("posterior_distance", "1", "The distance of the posterior's mean from the initial weights."),
        Metric("posterior_variance", "1", "The mean variance of the posterior's weights."),
        Metric("bound", "1", "The bound on the stochastic network's error, kl inverted."),
        Metric("square_root_bound", "1", "The same by Pinsker's inequality, which may exceed 1."),
        Metric("failure_probability", "1", "The probability that the bound fails, at most."),
        Metric("trace[].step", "steps", "Steps of the posterior's optimisation."),
        Metric("trace[].error", "1", "The stochastic network's training error there, one answer for each image."),
        Metric("trace[].divergence", "nats", "The divergence there."),
        Metric("trace[].bound", "1", "The bound there."),
    ),
    "bits": (
        Metric("parameters", "numbers", "Trainable parameters of the network."),
        Metric("tokens", "tokens", "Tokens of a sequence; 1 where labels of images are memorised."),
        Metric("vocabulary", "tokens", "Tokens to choose from, or classes."),
        Metric("points[].sequences", "sequences", "Sequences, or labels, that the network is trained on."),
        Metric("points[].offered_bits", "bits", "The bits that these are, drawn uniformly."),
        Metric("points[].memorised_bits", "bits", "By how much the network shortens their code, none lengthened."),
        Metric("points[].unclipped_bits", "bits", "The same by the network's own code, lengthened ones included."),
        Metric("points[].epochs", "epochs", "Passes over them, the last one begun."),
    ),
    "measures": (
        Metric("parameters", "numbers", "Trainable parameters of the network."),
        Metric("images", "images", "Training images."),
        Metric("steps", "steps", "Steps until the end of training."),
        Metric("train_error", "1", "The share of training images that miss their training label."),
        Metric("test_error", "1", "The share of test images that are classified wrongly."),
        Metric("gap", "1", "Test error less training error."),
        Metric("margin", "1", "The margin that a tenth of the training images do not exceed."),
        Metric(
            "noise",
            "1",
            "The largest deviation of Gaussian noise on the weights that raises the training error by at most 0.1.",
            "if there is none",
        ),
        Metric("relative_noise", "1", "The same in proportion to each weight.", "as `noise`"),
        Metric(
            "box",
            "1",
            "The largest half-width of a box around the weights in which no perturbation does; an upper bound.",
            "as `noise`",
        ),
        Metric("relative_box", "1", "The same in proportion to each weight.", "as `noise`"),
        Metric("measures[].name", "name", "A measure of complexity."),
        Metric("measures[].value", "1", "Its value.", "where it is infinite or does not cover the network"),
    ),
    "bounds": (
        Metric("parameters", "numbers", "Trainable parameters of the network."),
        Metric("train_error", "1", "The share of training images that miss their training label."),
        Metric("test_error", "1", "The share of test images that are classified wrongly."),
        Metric("gap", "1", "Test error less training error."),
        Metric("bounds[].name", "name", "The bound."),
        Metric("bounds[].family", "name", "The kind of complexity that it goes by."),
        Metric("bounds[].bounds", "name", "What it bounds."),
        Metric("bounds[].source", "name", "Where the bound is from."),
        Metric("bounds[].value", "1", "The bound.", "where it overflows or does not cover the network"),
        Metric("bounds[].vacuous", "yes or no", "Whether it says no more than is known without it.", "as `value`"),
        Metric(
            "bounds[].guessing",
            "1",
            "The error or the loss of guessing, whichever is bounded.",
            "where it is not covered",
        ),
        Metric(
            "bounds[].measured",
            "1",
            "The quantity that is bounded, as measured on the test images.",
            "where it is not measured",
        ),
        Metric("bounds[].gap", "1", "Test less training error of the function in question.", "as `measured`"),
        Metric("bounds[].note", "sentence", "What keeps it from being a proved bound of `measured`; may be empty."),
        Metric("vc_dimension.lower", "1", "A lower bound of the VC dimension.", "where no architecture is covered"),
        Metric("vc_dimension.upper", "1", "An upper bound of the VC dimension.", "as `vc_dimension.lower`"),
        Metric("vc_dimension.closed_form", "1", "The closed form of the upper bound.", "without a hidden layer"),
        Metric("norms.spectral", "1", "The spectral norm of each layer's matrix.", "where it is no perceptron"),
        Metric("norms.frobenius", "1", "The Frobenius norm of each layer's matrix.", "as `norms.spectral`"),
        Metric("norms.distance_from_initialisation", "1", "The norm of all layers' change.", "as `norms.spectral`"),
        Metric("norms.spectral_complexity", "1", "The spectral complexity.", "as `norms.spectral`"),
        Metric("norms.median_margin", "1", "The median margin of training images.", "as `norms.spectral`"),
        Metric("balls.*.norm", "1", "The Hilbert norm of an interpolant of the same labels."),
        Metric("balls.*.kernel", "name", "Its kernel."),
        Metric("balls.*.images", "images", "The training images that it takes."),
        Metric("balls.*.train_error", "1", "Its training error."),
        Metric("balls.*.test_error", "1", "Its test error."),
        *(Metric(f"balls.*.rademacher.{name}", unit, meaning) for name, unit, meaning in _RADEMACHER),
        Metric("pac_bayes.sigma", "1", "The standard deviation of the noise on the weights.", "if no noise suits"),
        Metric("pac_bayes.prior_variance", "1", "The variance of the prior.", "as `pac_bayes.sigma`"),
        Metric("pac_bayes.divergence", "nats", "The divergence from the prior.", "as `pac_bayes.sigma`"),
        Metric("pac_bayes.mean_training_error", "1", "The noisy network's training error.", "as `pac_bayes.sigma`"),
        Metric("pac_bayes.training_error_bound", "1", "An upper bound of its expectation.", "as `pac_bayes.sigma`"),
        *(
            Metric(f"rademacher.{name}", unit, meaning, "if it is left out (`rademacher_draws` 0)")
            for name, unit, meaning in (*_RADEMACHER, ("images", "images", "The images that the signs are fitted on."))
        ),
        *(
            Metric(f"stability.*.{name}", unit, meaning, "if it is left out (`stability_pairs` 0)")
            for name, unit, meaning in (
                ("images", "images", "The size of the neighbouring samples."),
                ("steps", "steps", "Steps on each sample."),
                ("train_loss", "nats", "The mean loss on the first sample."),
                ("test_loss", "nats", "The mean loss on test images."),
                ("largest_loss", "nats", "The largest loss of an image."),
                ("lipschitz", "1", "The largest gradient's norm that was met."),
                ("smoothness", "1", "The largest curvature that was met."),
                ("parameter_distance", "1", "The largest distance of parameters trained on neighbouring samples."),
                ("loss_difference", "nats", "The largest difference of an image's losses between them."),
            )
        ),
    ),
}
"""The metrics by kind of run."""


def entries(content: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """All numbers and lists in a record's metrics, with their paths as `Metric.name` spells them."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from entries(value, f"{name}.{key}" if name else key)
    elif isinstance(content, list) and content and isinstance(content[0], dict):
        for value in content:
            yield from entries(value, f"{name}[]")
    else:
        yield name, content


def described(name: str, metrics: Iterable[Metric]) -> list[Metric]:
    """The documented metrics that a name matches; none if the name is not documented."""
    return [metric for metric in metrics if fnmatchcase(name, metric.name.replace("[", "[[]"))]


def reference() -> str:
    """The tables of all metrics, in Markdown."""
    sections = {
        **{f"Metrics of a run of kind `{kind}`": metrics for kind, metrics in METRICS.items()},
        "A line of `metrics.jsonl`": (*EPOCH, *EPOCH_TIME),
        **{f"Time: {kind}": metrics for kind, metrics in TIME.items()},
        "Environment": ENVIRONMENT,
    }
    return "\n".join(f"### {title}\n\n{_table(metrics)}" for title, metrics in sections.items())


def _table(metrics: Iterable[Metric]) -> str:
    rows = [(f"`{metric.name}`", metric.unit, metric.meaning, metric.absent) for metric in metrics]
    lines = [("name", "unit", "meaning", "absent or null"), ("---",) * 4, *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def with_reference(page: str) -> str:
    """The page with the reference between its markers; raises ValueError if the page lacks them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no place for the reference, between {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{reference()}{END}{after}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the reference of all numbers of records into a page.")
    parser.add_argument("page", type=Path, metavar="PAGE", help="the page, docs/records.md")
    path: Path = parser.parse_args().page
    path.write_text(with_reference(path.read_text(encoding="utf-8")), encoding="utf-8")
