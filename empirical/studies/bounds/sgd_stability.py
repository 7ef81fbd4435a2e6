r"""Uniform stability of SGD: measured by training on neighbouring samples, and bounded (Hardt, Recht, Singer 2016).

**The constants of stability.** Softmax cross-entropy of a linear classifier on inputs (x, 1) has gradient (p - e_y) (x,
1)^T and Hessian (diag(p) - p p^T) (x) (x, 1)(x, 1)^T: L = sqrt(2) ||(x, 1)||, b = ||(x, 1)||^2 / 2, whatever the label;
||x||^2 is at most d for whitened images. The bound is proved for what is measured. For a ReLU network there are no such
constants: its loss has kinks and is Lipschitz on bounded sets of weights only. L and b are the largest gradient and
curvature seen on some examples at the initial and the trained weights, the largest loss is the largest seen, and the
theorem knows neither momentum nor batches: that row is an estimate and is said to be one.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache, partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import vector_to_parameters

from empirical.runs.resumable_parts import Parts
from empirical.studies.bounds.evaluated_bound import EvaluatedBound, Found, left_out
from empirical.studies.bounds.subject import Subject, train_to_the_end
from empirical.training.config import TrainingConfig
from empirical.training.evaluation import evaluate
from empirical.training.optimization import step_size_at
from theory.complexity import Bound, convex_stability_bound, measure_stability, nonconvex_stability_bound
from theory.complexity.stability import Sample

_GRADIENTS, _HESSIANS, _POWERS = 64, 8, 20  # examples, examples, steps of power iteration


_ONCE = 10**9  # epochs between records: none but the last


STABILITY_BOUNDS = ("uniform stability, convex", "uniform stability, not convex")


def stability_bounds(subject: Subject, parts: Parts) -> Found:
    """The stability of SGD on the network and on a linear classifier, measured and bounded."""
    study, training = subject.study, subject.training
    n = min(study.stability_images, subject.n - study.stability_pairs)
    if not study.stability_pairs or n < 2:
        return left_out("stability", STABILITY_BOUNDS, "not measured"), {}
    dimension = subject.data.train_images[0].numel()
    lipschitz, smoothness = math.sqrt(2 * (dimension + 1)), (dimension + 1) / 2
    steps = study.linear_epochs * n
    plain = TrainingConfig(
        learning_rate=min(training.step_size, 1 / smoothness),
        momentum=0.0,
        learning_rate_decay=1.0,
        batch_size=1,
        max_steps=steps,
        min_steps=steps,
        epochs_per_record=_ONCE,
    )
    linear = _measure_stability("linear classifier", lambda: _linear(subject), subject, plain, n, parts)
    bound = convex_stability_bound(lipschitz, smoothness, _step_sizes(plain, steps), n)
    convex = _stability_entry(subject, bound, linear, "of a linear classifier, one example a step")
    measures = {"linear": linear | {"lipschitz": lipschitz, "smoothness": smoothness}}
    if list(subject.trained.buffers()):
        reason = "its normalisation layers hold statistics of the training sample beside the weights"
        return [convex, *left_out("stability", STABILITY_BOUNDS[1:], reason)], {"stability": measures}
    of_network = replace(
        training,
        max_steps=study.stability_steps,
        min_steps=study.stability_steps,
        augmentation="none",
        epochs_per_record=_ONCE,
    )
    build = partial(subject.network, subject.config.num_classes, subject.config.seed)
    network = _measure_stability("network", build, subject, of_network, n, parts)
    seen = parts("gradients and curvatures", lambda: _constants_seen(subject))
    measures["network"] = network | seen
    if training.optimizer != "sgd":
        return [convex, *left_out("stability", STABILITY_BOUNDS[1:], "for SGD")], {"stability": measures}
    sizes = _step_sizes(training, network["steps"])
    try:
        bound = _nonconvex_bound(seen["lipschitz"], seen["smoothness"], network["largest_loss"], sizes, n)
    except (ValueError, OverflowError, ZeroDivisionError) as error:
        return [convex, *left_out("stability", STABILITY_BOUNDS[1:], str(error))], {"stability": measures}
    note = "an estimate: the loss has no such constants, and the theorem no momentum and no batches"
    note += "; trained without augmentation" * (training.augmentation != "none")
    return [convex, _stability_entry(subject, bound, network, note)], {"stability": measures}


def _nonconvex_bound(lipschitz: float, smoothness: float, largest: float, sizes: list[float], n: int) -> Bound:
    """The bound of the theorem for losses f in [0, M]: SGD on f / M with steps M eta takes the same course."""
    scaled = [largest * size for size in sizes]
    bound = nonconvex_stability_bound(lipschitz / largest, smoothness / largest, scaled, n)
    return replace(bound, value=largest * bound.value, bounds="expected test loss less training loss", trivial=largest)


def _stability_entry(subject: Subject, bound: Bound, stability: dict[str, Any], note: str) -> EvaluatedBound:
    """The entry of a bound. Guessing has a loss of log k, so its test loss less the training loss is log k less the
    latter."""
    guessing_loss = math.log(subject.config.num_classes) - stability["train_loss"]
    gap = stability["test_loss"] - stability["train_loss"]
    entry = subject.entry(
        "stability", bound, note, measured=stability["loss_difference"], gap=gap, guessing=guessing_loss
    )
    return replace(entry, vacuous=bound.value >= min(bound.trivial, guessing_loss))


def _linear(subject: Subject) -> nn.Module:
    images = subject.data.train_images
    layer = nn.Linear(images[0].numel(), subject.config.num_classes)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return nn.Sequential(nn.Flatten(), layer).to(images.device)


def _measure_stability(
    name: str,
    build: Callable[[], nn.Module],
    subject: Subject,
    training: TrainingConfig,
    n: int,
    parts: Parts,
) -> dict[str, Any]:
    """Train on the first n images and, for each pair, on a sample with one image and its label replaced.

    Losses are compared on these n images and as many test images. The differences are the largest over pairs, with one
    seed a pair.
    """
    data, seed, pairs = subject.data, subject.config.seed, subject.study.stability_pairs
    device = data.train_images.device
    images = torch.cat([data.train_images[:n], data.test_images[:n]])
    labels = torch.cat([data.train_labels[:n], data.test_labels[:n]])
    sample = data.train_images[:n].cpu().numpy(), data.train_labels[:n].cpu().numpy()

    def fit(sample: Sample, seed: int) -> tuple[nn.Module, int]:
        inputs, labels = (torch.from_numpy(part).to(device) for part in sample)
        inputs = inputs.to(memory_format=_memory_format(data.train_images))
        model = build()
        resident = replace(subject.first(n, labels), train_images=inputs)
        return model, train_to_the_end(model, resident, training, seed)

    def losses(parameters: torch.Tensor) -> torch.Tensor:
        model = build()
        vector_to_parameters(parameters, model.parameters())
        return functional.cross_entropy(evaluate(model, images).double(), labels, reduction="none").cpu()

    fit_sample = cache(lambda: fit(sample, seed))

    def of_sample() -> dict[str, float]:
        model, steps = fit_sample()
        values = losses(weight_vector(model))
        return {
            "steps": steps,
            "train_loss": float(values[:n].mean()),
            "test_loss": float(values[n:].mean()),
            "largest_loss": float(values.max()),
        }

    def of_pair(pair: int) -> list[float]:
        measured = measure_stability(
            lambda data, seed: weight_vector((fit_sample() if data is sample else fit(data, seed))[0]),
            losses,
            sample,
            pair,
            (data.train_images[n + pair].cpu().numpy(), int(data.train_labels[n + pair])),
            [seed],
        )
        return [measured.parameter_distance, measured.loss_difference]

    sample_losses = dict(parts(f"{name} on the sample", of_sample))
    measured = [parts(f"{name} on neighbour {pair}", partial(of_pair, pair)) for pair in range(pairs)]
    distances, differences = zip(*measured, strict=True)
    return sample_losses | {"images": n, "parameter_distance": max(distances), "loss_difference": max(differences)}


def _constants_seen(subject: Subject) -> dict[str, float]:
    """The largest gradient norm of single examples, and the largest |eigenvalue| of a Hessian that power iteration
    finds."""
    data = subject.data
    gradients, curvatures = [], []
    for model in (subject.initial, subject.trained):
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        for at in range(min(_GRADIENTS, subject.n)):
            second = at < _HESSIANS
            loss = functional.cross_entropy(model(data.train_images[at : at + 1]), data.train_labels[at : at + 1])
            slope = torch.autograd.grad(loss, parameters, create_graph=second)
            gradients.append(_length(slope))
            if second:
                curvatures.append(max(_curvatures(slope, parameters), default=0.0))
    return {"lipschitz": max(gradients), "smoothness": max(curvatures)}


def _curvatures(slope: tuple[torch.Tensor, ...], parameters: list[nn.Parameter]) -> Iterator[float]:
    """The norms ||Hv|| of power iteration from the gradient, each at most the largest |eigenvalue| of the Hessian H."""
    vector: tuple[torch.Tensor, ...] = tuple(part.detach() for part in slope)
    for _ in range(_POWERS):
        length = _length(vector)
        if length == 0:
            return
        product = torch.stack([(part * v).sum() for part, v in zip(slope, vector, strict=True)]).sum()
        vector = torch.autograd.grad(product, parameters, [torch.full_like(product, 1 / length)], retain_graph=True)
        yield _length(vector)


def _length(parts: Iterable[torch.Tensor]) -> float:
    return math.sqrt(sum(float(part.detach().double().square().sum()) for part in parts))


def _step_sizes(training: TrainingConfig, steps: int) -> list[float]:
    """The step size eta_t of every step."""
    return [step_size_at(training, step) for step in range(steps)]


def _memory_format(images: torch.Tensor) -> torch.memory_format:
    return torch.contiguous_format if images.is_contiguous() else torch.channels_last


def weight_vector(model: nn.Module) -> torch.Tensor:
    """All parameters as one vector, whatever their memory format."""
    return torch.cat([parameter.detach().reshape(-1) for parameter in model.parameters()])
