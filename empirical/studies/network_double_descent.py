r"""Double descent of networks (Belkin, Hsu, Ma, Mandal 2019, figure 3; Nakkiran et al. 2020): in width and in time.

Two-layer ReLU networks of H hidden units, f(x) = W_2 relu(W_1 x + b_1) + b_2, with

    P = H (d + 1) + k (H + 1)

parameters, are trained on the mean squared distance from one-hot labels. Those are n k numbers for n images and k
classes: as many equations as parameters at P = n k, around which the test loss is said to peak. Unlike least squares,
this is no threshold that algebra fixes. A network fits all labels from where its optimiser finds an interpolant within
its steps, so that the peak of networks that are trained for a finite time may be on either side.

All networks of a width are trained at once (stacked products), by Adam with one step size on all images, for a fixed
number of steps, however soon the labels are fitted. Each is at its own initial weights (He: deviation sqrt(2 / inputs)
of W_1 and sqrt(1 / H) of W_2, no biases). After 1, 2, 3, 4, 6, ... steps in about equal ratios, and after the last,
the networks are looked at, which gives the curve along training for each width. A pixel is taken less its mean over the
training images, and all of them are divided by one deviation. The corruption of labels at a level is that of
`double_descent`, the same for all widths; test labels stay clean.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from empirical.randomization import RandomizedDataset
from empirical.runs.config import RunConfig
from empirical.runs.resumable_parts import Parts, PartState
from empirical.runs.studies import NetworkDoubleDescentConfig
from theory.common.streams import torch_seed


def measure_network_double_descent(
    config: RunConfig, randomized: RandomizedDataset, parts: Parts, records: Path
) -> dict[str, Any]:
    """Losses and right answers of every network at every look; each width is a part.

    Returns the `levels`, the `steps` before each look, and for each width under `points` an entry for each level,
    whose lists are by look and by network. Raises FloatingPointError if training diverges.
    """
    from theory.label_noise import corrupt_labels

    study, train, test = config.study_of(NetworkDoubleDescentConfig), randomized.data.train, randomized.data.test
    k = config.num_classes
    X, Z = standardised(_flat(train.images), _flat(test.images))
    labels = np.stack(
        [
            corrupt_labels(randomized.clean_labels, k, level, config.seed, purpose="double-descent-noise")
            for level in study.levels
        ]
    )
    sample, test_sample = _Sample(X, labels, k), _Sample(Z, np.asarray(test.labels, dtype=np.int64)[None], k)
    n, d = X.shape
    widths = hidden_units(study.ratios, n, d, k)
    steps = look_steps(study.steps, study.look_ratio)
    parts.total = len(widths)
    points = []
    for units in widths:
        looks = partial(_looks, sample, test_sample, units, study, steps, config.seed)
        fits = parts.in_steps(f"{units} hidden units", looks)
        points.append({"units": units, "parameters": num_parameters(units, d, k), "levels": fits})
    return {"levels": list(study.levels), "steps": steps, "points": points}


def num_parameters(units: int, d: int, k: int) -> int:
    """Weights and biases of a two-layer network with this many hidden units, d inputs and k outputs."""
    return units * (d + 1) + k * (units + 1)


def hidden_units(ratios: tuple[float, ...], n: int, d: int, k: int) -> list[int]:
    """Numbers of hidden units, rising, each once, at least 1: those whose parameters are nearest to ratio times n k."""
    return sorted({max(1, round((ratio * n * k - k) / (d + 1 + k))) for ratio in ratios})


def look_steps(steps: int, ratio: float) -> list[int]:
    """1, 2, and on to `steps`: each the least that is at least one more, and `ratio` times, the one before."""
    looks = [1]
    while looks[-1] < steps:
        looks.append(min(steps, max(looks[-1] + 1, int(np.ceil(looks[-1] * ratio)))))
    return looks


def standardised(
    X: npt.NDArray[np.float32], Z: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Both less the mean row of X, divided by the deviation of all numbers of X about that row; by 1 if it is 0."""
    mean = X.mean(0)
    deviation = np.float32((X - mean).std() or 1.0)
    return ((X - mean) / deviation).astype(np.float32), ((Z - mean) / deviation).astype(np.float32)


def _flat(images: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    return np.asarray(images, dtype=np.float32).reshape(len(images), -1) / np.float32(255)


class _Sample:
    """Images (m, d), float32, under one or several labellings (labels, m) of k classes."""

    def __init__(self, images: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], k: int):
        self.images, self.labels = torch.tensor(images), torch.tensor(labels)
        self.one_hot = functional.one_hot(self.labels, k).float()


def _looks(
    sample: _Sample,
    test_sample: _Sample,
    units: int,
    study: NetworkDoubleDescentConfig,
    steps: list[int],
    seed: int,
    state: PartState,
) -> list[dict[str, list[list[float]]]]:
    """An entry for each labelling of the sample: losses and right answers by look and network."""
    levels, networks, d, k = len(sample.labels), study.networks, sample.images.shape[1], sample.one_hot.shape[2]
    t = levels * networks  # network i of level j is number j * networks + i of the stack
    random = torch.Generator().manual_seed(torch_seed(seed, f"initial weights of {units} hidden units"))
    first = torch.randn(networks, d, units, generator=random) * (2 / d) ** 0.5
    second = torch.randn(networks, units, k, generator=random) / units**0.5
    parameters = [  # the networks of a level begin at the same weights as those of another
        first.repeat(levels, 1, 1).requires_grad_(),
        torch.zeros(t, 1, units, requires_grad=True),
        second.repeat(levels, 1, 1).requires_grad_(),
        torch.zeros(t, 1, k, requires_grad=True),
    ]
    optimizer = torch.optim.Adam(parameters, lr=study.learning_rate)
    images, test_images = (part.images.expand(t, -1, -1) for part in (sample, test_sample))
    labels, targets = (part.repeat_interleave(networks, 0) for part in (sample.labels, sample.one_hot))
    entries: list[dict[str, list[list[float]]]] = [
        {name: [] for name in ("train_right", "train_loss", "test_right", "test_loss")} for _ in range(levels)
    ]
    begin = 0
    if saved := state.load():
        with torch.no_grad():
            for parameter, values in zip(parameters, saved["parameters"], strict=True):
                parameter.copy_(values)
        optimizer.load_state_dict(saved["optimizer"])
        entries, begin = saved["entries"], saved["step"]

    def reached(step: int) -> dict[str, Any]:
        values = [parameter.detach() for parameter in parameters]
        return {"parameters": values, "optimizer": optimizer.state_dict(), "entries": entries, "step": step}

    looks = set(steps)
    for step in range(begin + 1, steps[-1] + 1):
        state.offer((step - 1) / steps[-1], partial(reached, step - 1))
        losses = _distances(_outputs(parameters, images), targets)
        optimizer.zero_grad()
        losses.sum().backward()  # a network's gradient is that of its own loss: no parameter is shared
        optimizer.step()
        if step not in looks:
            continue
        with torch.no_grad():
            outputs, test_outputs = _outputs(parameters, images), _outputs(parameters, test_images)
            values = {
                "train_right": (outputs.argmax(2) == labels).sum(1),
                "train_loss": _distances(outputs, targets),
                "test_right": (test_outputs.argmax(2) == test_sample.labels).sum(1),
                "test_loss": _distances(test_outputs, test_sample.one_hot),
            }
        if not bool(values["train_loss"].isfinite().all() & values["test_loss"].isfinite().all()):
            raise FloatingPointError(f"the loss of a network of {units} hidden units is not finite at step {step:,}")
        for name, numbers in values.items():
            for entry, row in zip(entries, numbers.reshape(levels, networks).tolist(), strict=True):
                entry[name].append(row)
    return entries


def _outputs(parameters: list[torch.Tensor], images: torch.Tensor) -> torch.Tensor:
    """Outputs (t, m, k) of t networks on images (t, m, d)."""
    first, first_bias, second, second_bias = parameters
    return torch.baddbmm(second_bias, torch.relu(torch.baddbmm(first_bias, images, first)), second)


def _distances(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The mean squared distance of each network's outputs from the targets, (t,)."""
    return (outputs - targets).square().sum(2).mean(1)
