"""All checks, in the order in which their problems are to be solved: an early one can be the cause of a later one."""

import copy
import functools
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import nn

from empirical.diagnosis.accuracy_measurement import check_accuracy
from empirical.diagnosis.answer import Answer, Verdict
from empirical.diagnosis.capacity import check_duplicates, check_narrowest_layer, check_parameters
from empirical.diagnosis.fixed_data import check_images_fixed, check_labels_fixed
from empirical.diagnosis.gradient_flow import check_dead_units, check_gradients, parameter_gradients, relu_units
from empirical.diagnosis.inputs import check_classes, check_order, check_scale
from empirical.diagnosis.label_randomness import check_labels_random
from empirical.diagnosis.outputs import check_outputs
from empirical.diagnosis.passes import Pass, image_digests
from empirical.diagnosis.probe import Probe, probe
from empirical.diagnosis.regularization import check_stochastic_layers, check_weight_decay
from empirical.diagnosis.step_size import check_schedule, check_step_size
from empirical.training.config import TrainingConfig
from empirical.training.data import ResidentData

_FEW = 256
"""Images for checks of the network that need no more."""


def diagnose(
    model: nn.Module,
    data: ResidentData,
    config: TrainingConfig,
    seed: int = 0,
    *,
    random_labels: bool = True,
    passes: tuple[Pass, Pass] | None = None,
    samples: Pass | None = None,
    stage: Callable[[str], None] = lambda name: None,
) -> Iterator[Answer]:
    """Why does a network not fit its labels? Yields the answers one by one, in order.

    Arguments:
        model: with its initial weights, on the device of `data`; it is left as it is.
        data: the sample of the training set that the checks train on, some 1,000 images. Where its `clean_labels` are
            its `train_labels` they are taken for unknown.
        config: the hyper-parameters to be judged.
        seed: the seed of the order of samples, as in training.
        random_labels: whether the labels are meant to be random.
        passes: two passes over the data by a pipeline of the user's; by default what the training loop feeds.
        samples: the whole training set, as the network sees it; by default the sample.
        stage: told what is being done.

    A network that does not train at all (its loss has no gradient) gets the answers that need none.
    """
    images, labels = data.train_images, data.train_labels
    n, d = len(labels if samples is None else samples.labels), images[0].numel()
    stage("gradients at initialisation")
    gradients = parameter_gradients(model, data, config.batch_size, seed)
    units = relu_units(model, images, config.batch_size, seed)
    if all(gradient.norm is None for gradient in gradients):
        yield check_gradients(gradients, None)
        return

    @functools.cache
    def probe_at(rate: float) -> Probe:
        stage(f"a short training at step size {rate:g}")
        return probe(model, data, replace(config, learning_rate=rate), seed)

    trained = probe_at(config.step_size)
    seen = trained.passes if passes is None else passes
    if len(seen) == 2:
        yield check_labels_fixed(*seen)
    else:
        question = "Does an image keep its label from one epoch to the next?"
        yield Answer(question, "training broke off or ended within two epochs", Verdict.CANNOT_TELL)
    if random_labels:
        clean = None if torch.equal(labels, data.clean_labels) else data.clean_labels
        classes = 1 + int(torch.cat([labels, data.clean_labels]).max())
        stage("randomness of the labels")
        yield check_labels_random(images, labels, clean, classes, seed)
    if len(seen) == 2:
        yield check_images_fixed(*seen)
        yield check_order(seen[0])
    yield check_scale(images)
    with torch.no_grad():
        outputs = copy.deepcopy(model).eval()(images[:2])
    yield check_classes(labels, outputs.shape[1] if outputs.ndim == 2 else 1 + int(labels.max()))
    yield check_outputs(model, images[:_FEW])
    yield check_stochastic_layers(model, images[:_FEW], seed)
    yield check_weight_decay(model, config)
    yield check_accuracy(trained, data, config)
    learnt = trained.fall >= 0  # else the state after the probe is the step size's fault
    stage("gradients after the short training")
    later = parameter_gradients(trained.network, data, config.batch_size, seed) if learnt else None
    # Dead units first: they are a cause of missing gradients.
    yield check_dead_units(units, relu_units(trained.network, images, config.batch_size, seed) if learnt else None)
    yield check_gradients(gradients, later)
    yield check_step_size(probe_at, config)
    yield check_schedule(probe_at, config)
    yield check_parameters(model, n, d)
    yield check_narrowest_layer(model, images[:_FEW])
    yield check_duplicates(Pass(image_digests(images), labels.cpu().numpy()) if samples is None else samples)
