"""Causes that people name where a network does not fit, each planted: `python -m tests.empirical.diagnosis.planted`.

The command writes the table of docs/diagnose.md: what was planted, and what `diagnose` named first.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from empirical.datasets import load
from empirical.diagnosis import Answer, diagnose, first_problem, read_pass
from empirical.randomization import parse_test, randomize
from empirical.runs.preparation import resident_data
from empirical.training.config import TrainingConfig
from empirical.training.data import ResidentData

N, D, K = 300, 64, 10
PAGE = Path(__file__).parents[3] / "docs" / "diagnose.md"
BEGIN, END = "<!-- planted causes -->", "<!-- end of planted causes -->"


def digits() -> ResidentData:
    """300 digits with random labels."""
    return resident_data(randomize(load("digits").subset(N, 10), parse_test("random-labels"), seed=0), 28, "cpu")


def network(*hidden: int, outputs: int = K, norm: bool = False, last: nn.Module | None = None) -> nn.Sequential:
    """A perceptron of ReLUs."""
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in itertools.pairwise((D, *hidden)):
        layers += [nn.Linear(before, after), *([nn.BatchNorm1d(after)] if norm else []), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden[-1], outputs), *([last] if last else []))


class Redrawn(TensorDataset):
    """Draws a label at every access."""

    def __getitem__(self, index):
        image, _ = super().__getitem__(index)
        return image, torch.randint(K, ())


class Augmented(TensorDataset):
    """Adds noise to an image at every access."""

    def __getitem__(self, index):
        image, label = super().__getitem__(index)
        return image + 0.1 * torch.randn_like(image), label, index


class ByPlace:
    """Gives labels to places in the batch, whatever image comes there."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self) -> Iterator[Any]:
        for number, (images, labels) in enumerate(self.batches):
            yield images, torch.randint(K, labels.shape, generator=torch.Generator().manual_seed(number))


def passes(batches) -> dict[str, Any]:
    """Two passes over a pipeline, as options of `diagnose`."""
    return {"passes": (read_pass(batches, 10_000, 0)[0], read_pass(batches, 10_000, 0)[0])}


def loader(data: ResidentData, kind: type[TensorDataset] = TensorDataset, shuffle: bool = True) -> DataLoader:
    torch.manual_seed(0)
    return DataLoader(kind(data.train_images, data.train_labels), batch_size=50, shuffle=shuffle)


Planted = tuple[nn.Module, ResidentData, dict[str, Any]]


def _redrawn(data: ResidentData) -> Planted:
    return network(256), data, passes(loader(data, Redrawn))


def _by_place(data: ResidentData) -> Planted:
    return network(256), data, passes(ByPlace(loader(data)))


def _permutation(data: ResidentData) -> Planted:
    order = torch.randperm(K, generator=torch.Generator().manual_seed(3))
    return network(256), dataclasses.replace(data, train_labels=order[data.clean_labels]), {}


def _not_applied(data: ResidentData) -> Planted:
    return network(256), dataclasses.replace(data, train_labels=data.clean_labels), {}


def _augmented(data: ResidentData) -> Planted:
    return network(256), data, passes(loader(data, Augmented))


def _sorted(data: ResidentData) -> Planted:
    order = data.train_labels.argsort(stable=True)
    ordered = dataclasses.replace(data, train_images=data.train_images[order], train_labels=data.train_labels[order])
    ordered = dataclasses.replace(ordered, clean_labels=data.clean_labels[order])
    return network(256, norm=True), ordered, passes(loader(ordered, shuffle=False))


def _bytes(data: ResidentData) -> Planted:
    images = data.train_images
    scaled = 255 * (images - images.min()) / (images.max() - images.min())
    return network(256), dataclasses.replace(data, train_images=scaled), {}


def _from_one(data: ResidentData) -> Planted:
    shifted = dataclasses.replace(data, train_labels=data.train_labels + 1, clean_labels=data.clean_labels + 1)
    return network(256, outputs=K + 1), shifted, {}


def _softmax(data: ResidentData) -> Planted:
    return network(256, last=nn.Softmax(dim=1)), data, {}


def _sigmoid(data: ResidentData) -> Planted:
    return network(256, last=nn.Sigmoid()), data, {}


def _tanh(data: ResidentData) -> Planted:
    return network(256, last=nn.Tanh()), data, {}


def _dropout(data: ResidentData) -> Planted:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(D, 256), nn.ReLU(), nn.Dropout(), nn.Linear(256, K)), data, {}


def _weight_decay(data: ResidentData) -> Planted:
    return network(256), data, {"weight_decay": 5e-4}


def _slow_averages(data: ResidentData) -> Planted:
    model = network(256, norm=True)
    model[2].momentum = 1e-7
    model[2].running_mean.fill_(3.0)
    return model, data, {"learning_rate": 0.1}


def _dead(data: ResidentData) -> Planted:
    model = network(256)
    nn.init.constant_(model[1].bias, -1000.0)
    return model, data, {}


def _frozen(data: ResidentData) -> Planted:
    model = network(256, 256)
    for layer in model[:-1]:
        layer.requires_grad_(False)
    return model, data, {}


def _forgotten(data: ResidentData) -> Planted:
    model = network(256)
    model.register_parameter("forgotten", nn.Parameter(torch.ones(3, 3)))
    return model, data, {}


def _vanishing(data: ResidentData) -> Planted:
    torch.manual_seed(0)
    body = [layer for _ in range(12) for layer in (nn.LazyLinear(64), nn.Sigmoid())]
    model = nn.Sequential(nn.Flatten(), *body, nn.LazyLinear(K))
    model(data.train_images[:2])
    return model, data, {}


def _small_step(data: ResidentData) -> Planted:
    return network(256), data, {"learning_rate": 1e-6}


def _large_step(data: ResidentData) -> Planted:
    return network(256), data, {"learning_rate": 100.0}


def _short_schedule(data: ResidentData) -> Planted:
    return network(256), data, {"decay_steps": 2}


def _few_parameters(data: ResidentData) -> Planted:
    torch.manual_seed(0)
    return nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(16, K)), data, {}


def _bottleneck(data: ResidentData) -> Planted:
    torch.manual_seed(1)
    layers = [nn.Linear(D, 256), nn.ReLU(), nn.Linear(256, 1), nn.ReLU(), nn.Linear(1, 256), nn.ReLU()]
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(256, K)), data, {}


def _twice(data: ResidentData) -> Planted:
    images, labels = data.train_images.clone(), data.train_labels.clone()
    images[7], labels[7] = images[3], (labels[3] + 1) % K
    return network(256), dataclasses.replace(data, train_images=images, train_labels=labels), {}


CAUSES: dict[str, tuple[Callable[[ResidentData], Planted], str]] = {
    "the data set draws a label at every access": (_redrawn, "Does an image keep its label"),
    "labels go by the place in the batch, not by the image": (_by_place, "Does an image keep its label"),
    "the random labels are one permutation of the classes": (_permutation, "Are the random labels random"),
    "corrupted labels are computed, and the clean ones are fed": (_not_applied, "Are the random labels random"),
    "augmentation is on": (_augmented, "Does an image stay the same"),
    "samples come sorted by class, with batch norm": (_sorted, "Do the samples come in random order"),
    "images are 0 to 255": (_bytes, "Are the images normalised"),
    "labels are shifted by one: classes are numbered from 1": (_from_one, "Are the classes numbered from 0"),
    "softmax before cross-entropy": (_softmax, "Are the network's outputs logits"),
    "a sigmoid before cross-entropy": (_sigmoid, "Are the network's outputs logits"),
    "a tanh before cross-entropy": (_tanh, "Are the network's outputs logits"),
    "dropout is on": (_dropout, "Is a layer random in training"),
    "weight decay is on": (_weight_decay, "Is weight decay on"),
    "batch norm's running averages do not follow": (_slow_averages, "Is accuracy measured"),
    "all ReLUs of a layer are dead": (_dead, "Are ReLU units dead"),
    "the body is frozen, the head alone is trained": (_frozen, "Does every layer get a gradient"),
    "a parameter takes no part in the outputs": (_forgotten, "Does every layer get a gradient"),
    "gradients vanish in twelve sigmoid layers": (_vanishing, "Does every layer get a gradient"),
    "the step size is far too small": (_small_step, "Is the step size right"),
    "the step size is far too large": (_large_step, "Is the step size right"),
    "the learning-rate schedule ends too early": (_short_schedule, "Does the learning-rate schedule last"),
    "the network has too few parameters": (_few_parameters, "Are there enough parameters"),
    "a layer of one unit": (_bottleneck, "Is a layer too narrow"),
    "one image occurs twice with two labels": (_twice, "Can the labels be fitted at all"),
}
"""What is planted by what is said of it, and the question whose answer is to name it first."""


def diagnosed(plant: Callable[[ResidentData], Planted], data: ResidentData) -> Answer | None:
    """What is to be changed first, with this planted."""
    model, planted, options = plant(data)
    passes = options.pop("passes", None)
    config = TrainingConfig(**{"learning_rate": 0.01} | options)
    return first_problem(diagnose(model, planted, config, passes=passes))


def table(data: ResidentData) -> str:
    """The table of the page."""
    lines = ["| planted | found | named first |", "| --- | --- | --- |"]
    for cause, (plant, question) in CAUSES.items():
        problem = diagnosed(plant, data)
        match = problem is not None and problem.question.startswith(question)
        words = "nothing" if problem is None else f"{problem.question} {problem.answer}"
        lines.append(f"| {cause} | {'yes' if match else 'no'} | {words.replace('|', '/')} |")
    return "\n".join(lines)


def main() -> None:
    """Write the table into the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table(digits())}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
