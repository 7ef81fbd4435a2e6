r"""Generalisation bounds evaluated on a network that was trained (Zhang et al. 2017, section 2.2).

Every bound of `theory.complexity` that covers the network, each beside what it bounds as measured on the test images:

* **VC**: uniform convergence over the architecture; the labels enter through the training error alone.
* **norms**: margin bounds of this network, each at its best margin. The spectral one measures from the initialisation.
* **interpolants**: of the minimum-norm interpolants instead, linear and of a Gaussian kernel, on the same images with
  the same labels: balls in a Hilbert space.
* **PAC-Bayes**: of the network with noise on its weights, the prior around its initialisation.
* **Rademacher**: the network with two outputs, trained as the run was on random signs of the run's first images. The
  correlation attained is a lower bound of the class's complexity: the row is the least that a Rademacher bound can say.
* **stability**: of SGD on the run's first images, one of them replaced by another with its label: the network with the
  run's hyper-parameters; and a linear softmax classifier, whose loss is convex, with one example a step.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from empirical.models import num_parameters
from empirical.randomization import RandomizedDataset
from empirical.runs.config import RunConfig
from empirical.runs.resumable_parts import Parts
from empirical.runs.studies import BoundsConfig
from empirical.runs.trained_network import load_trained
from empirical.studies.bounds.evaluated_bound import EvaluatedBound
from empirical.studies.bounds.registry import BOUNDS
from empirical.studies.bounds.subject import Subject, error_of


def measure_bounds(config: RunConfig, randomized: RandomizedDataset, parts: Parts, records: Path) -> dict[str, Any]:
    """Evaluate all bounds on the network that the trained run of the same configuration has trained.

    Arguments:
        config: its `study` says how much is measured.
        randomized: the run's images and labels.
        parts: keeps a part for each random sign vector, neighbouring sample and standard deviation, among others.
        records: where the trained run is.

    Returns `bounds`, a list of `EvaluatedBound` as mappings; the network's `train_error`, `test_error` and `gap`; and
    the measures behind the bounds: `vc_dimension`, `norms`, `balls`, `pac_bayes`, `rademacher`, `stability`.
    Raises ValueError if the run is not among the records, FloatingPointError if training on signs or on a neighbouring
    sample diverges.
    """
    study, training = config.study_of(BoundsConfig), config.hyper_parameters
    trained, initial, data = load_trained(config, randomized, records)
    errors = [
        error_of(trained, images, labels)
        for images, labels in ((data.train_images, data.train_labels), (data.test_images, data.test_labels))
    ]
    subject = Subject(config, study, training, trained.eval(), initial.eval(), data, *errors)
    parts.total = len(study.sigmas) + study.rademacher_draws + 2 * study.stability_pairs + 6
    bounds: list[EvaluatedBound] = []
    measures: dict[str, Any] = {}
    for evaluate_family in dict.fromkeys(BOUNDS.values()):
        family_bounds, more = evaluate_family(subject, parts)
        bounds += family_bounds
        measures |= more
    return {
        "parameters": num_parameters(trained),
        "train_error": subject.train_error,
        "test_error": subject.test_error,
        "gap": subject.test_error - subject.train_error,
        "bounds": [asdict(bound) for bound in bounds],
        **measures,
    }
