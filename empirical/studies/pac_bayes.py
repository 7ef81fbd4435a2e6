r"""A PAC-Bayes bound that was optimised (Dziugaite, Roy 2017): a network with Gaussian weights, on two classes.

The classes below a threshold are one class, the others are the other: for digits 0 to 4 against 5 to 9. A perceptron is
trained from initial weights w_0. Around the trained weights w a posterior N(w, diag(s)) is laid, and w and s are moved
by Adam along the gradient of the bound itself. At the end the bound is evaluated anew, with randomness that had no part
in the optimisation: `theory.complexity.gaussian_posterior` states it. It holds whatever the optimisation did.

**The gradient.** The bound is p = p(q, c), the upper inverse of kl at the error q of the stochastic network and the
complexity c. Its slopes a = dp/dq and b = dp/dc (`upper_slopes`) are numbers in each step, and a grad q + b grad c is
followed. Both gradients are exact up to sampling:

- Answers are drawn without their weights (`stochastic_perceptron`). With the activations z below the last layer given,
  the difference of the two outputs is Gaussian, so that an image of class y = -1 or 1 is missed with probability

      Phi(-y (mean of the difference) / (its deviation)),

  which is smooth in w and s. Its mean over a batch estimates q: no surrogate takes the place of the error. (Dziugaite
  and Roy descend the logistic loss, and Pinsker's inequality in place of the inverse.)
- At the best prior variance l = (sum s + ||w - w_0||^2) / d the divergence is (d log l - sum log s) / 2. The last bound
  takes l from its grid; where the best one is beyond the grid's end, the divergence is that from the prior there.

The slopes are taken at complexities of at most 10 nats an image. Where a posterior begins beyond that, which on random
labels it does, the error has less weight in its first steps than the bound itself would give it.
"""

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from empirical.datasets.preprocessing import preprocess
from empirical.models import build_model
from empirical.randomization import RandomizedDataset
from empirical.runs.config import RunConfig
from empirical.runs.encoded_tensors import decoded, encoded
from empirical.runs.resumable_parts import Parts, PartState
from empirical.runs.studies import PacBayesConfig
from empirical.training.many_networks import classes_of, train_many
from theory.common.streams import generator, torch_seed
from theory.complexity import (
    GaussianLayer,
    PosteriorBound,
    PriorVariances,
    StochasticPerceptron,
    draw_errors,
    posterior_bound,
    upper_slopes,
)

_LEAST_ERROR, _LARGEST_COMPLEXITY = 1e-3, 10.0
"""Where the slopes are taken: there is none at an error of 0, and beyond this complexity p is 1 but for 5e-5."""

Vector = torch.Tensor


def measure_pac_bayes(config: RunConfig, randomized: RandomizedDataset, parts: Parts, records: Path) -> dict[str, Any]:
    """The bound, what it is made of, and the errors of both networks; training and stretches of steps are the parts.

    Raises ValueError for a network that is no perceptron.
    """
    study, n = config.study_of(PacBayesConfig), len(randomized.data.train.labels)
    problem = _Problem(config, randomized)
    ends = sorted({round(study.steps * at / study.stretches) for at in range(study.stretches + 1)})
    parts.total = 2 * len(ends) + 1
    trained = parts("training", problem.train)
    state, trace = problem.begin(decoded(trained["weights"])["weights"]), []
    for start, end in zip(ends, [*ends[1:], None], strict=True):
        look = parts(f"bound at step {start}", partial(problem.look, state, start))
        trace.append(look)
        if end is not None:
            state = decoded(parts.in_steps(f"steps {start} to {end}", partial(problem.descend, state, start, end)))
    return {
        "parameters": len(problem.initial),
        "train_error": trained["train_error"],
        "test_error": trained["test_error"],
        "distance_from_initialisation": trained["distance"],
        "guessing": float(min(problem.test_labels.mean(), 1 - problem.test_labels.mean())),
        "images": n,
        **parts("last bound", partial(problem.last_bound, state)),
        "trace": trace,
    }


def two_classes(labels: npt.NDArray[np.int64], threshold: int) -> npt.NDArray[np.int64]:
    """0 for the classes below the threshold, 1 for the others."""
    return (labels >= threshold).astype(np.int64)


def perceptron_layers(network: nn.Module) -> list[nn.Linear]:
    """The linear layers of a perceptron with ReLU. Raises ValueError for any other network."""
    flatten, *rest = list(network.children()) or [network]
    linear = [layer for layer in rest[::2] if isinstance(layer, nn.Linear) and layer.bias is not None]
    plain = isinstance(flatten, nn.Flatten) and all(isinstance(layer, nn.ReLU) for layer in rest[1::2])
    if not (plain and len(rest) % 2 == 1 and len(linear) == len(rest[::2])):
        raise ValueError(
            "pac-bayes takes a perceptron with ReLU and biases, whose answers can be drawn without its weights: choose "
            "another --model, mlp-1x600 for example"
        )
    return linear


class _Problem:
    """What every part shares: the network's architecture, its initial weights, the images with their two classes."""

    def __init__(self, config: RunConfig, randomized: RandomizedDataset):
        self.config, self.study = config, config.study_of(PacBayesConfig)
        train, test = randomized.data.train, randomized.data.test
        self.images, self.test_images = (preprocess(split.images, config.crop) for split in (train, test))
        self.labels, self.test_labels = (two_classes(split.labels, self.study.threshold) for split in (train, test))
        channels, *sides = self.images.shape[1:]
        rule = config.hyper_parameters.initialization
        self.network = build_model(config.model, (channels, sides[0], sides[1]), 2, config.seed, rule)
        self.shapes = [(layer.out_features, layer.in_features) for layer in perceptron_layers(self.network)]
        self.initial = torch.nn.utils.parameters_to_vector(self.network.parameters()).detach()

    def train(self) -> dict[str, Any]:
        """The trained weights and the errors of the network that has them."""
        labels, n = torch.from_numpy(self.labels), len(self.labels)
        seed = torch_seed(self.config.seed, "pac-bayes-order")
        many = train_many([self.network], self.images, labels, np.arange(n)[None], [seed], self.config.hyper_parameters)
        weights = torch.cat([values.detach().reshape(-1) for values in many.stacked])
        wrong, test_wrong = (
            classes_of(many, images)[0] != classes
            for images, classes in ((self.images, self.labels), (self.test_images, self.test_labels))
        )
        return {
            "weights": encoded({"weights": weights}),
            "train_error": float(wrong.mean()),
            "test_error": float(test_wrong.mean()),
            "distance": float((weights.double() - self.initial.double()).norm()),
        }

    def begin(self, weights: Vector) -> dict[str, Any]:
        """The posterior around the trained weights, one variance for all of them."""
        return {
            "means": weights,
            "log_variances": torch.full_like(weights, math.log(self.study.first_variance)),
            "optimizer": None,
        }

    def descend(self, state: dict[str, Any], start: int, end: int, kept: PartState) -> str:
        """The state after the steps from `start` to `end`, encoded."""
        study, n = self.study, len(self.labels)
        random = torch.Generator().manual_seed(torch_seed(self.config.seed, f"pac-bayes-steps/{start}"))
        begin = start
        if saved := kept.load():
            state, begin = saved, saved["step"]
            random.set_state(saved["random"])
        means, log_variances = (state[name].clone().requires_grad_() for name in ("means", "log_variances"))
        rates = study.learning_rate, study.learning_rate * study.variance_rate
        optimizer = torch.optim.Adam([{"params": [means]}, {"params": [log_variances]}])
        if state["optimizer"] is not None:
            optimizer.load_state_dict(state["optimizer"])
        inputs, signs = self.images.flatten(1), torch.from_numpy(2.0 * self.labels - 1).float()
        largest = PriorVariances(study.largest_prior_variance, study.priors_per_factor_e).variance(1)
        constant = math.log(2 * math.sqrt(n) / study.failure_probability)

        def reached(step: int) -> dict[str, Any]:
            values = {"means": means.detach(), "log_variances": log_variances.detach()}
            return {**values, "optimizer": optimizer.state_dict(), "random": random.get_state(), "step": step}

        for step in range(begin, end):
            kept.offer((step - start) / (end - start), partial(reached, step))
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * min(1.0, 2 * (1 - step / study.steps))  # steps shrink over the second half
            batch = torch.randint(n, (study.batch_size,), generator=random)
            error = self._error(means, log_variances.exp(), inputs[batch], signs[batch], random)
            complexity = (best_divergence(means, log_variances, self.initial, largest) + constant) / n
            q, c = error.item(), complexity.item()
            by_error, by_complexity = upper_slopes(
                min(max(q, _LEAST_ERROR), 1 - _LEAST_ERROR), min(c, _LARGEST_COMPLEXITY)
            )
            optimizer.zero_grad()
            (by_error * error + by_complexity * complexity).backward()
            optimizer.step()
        if not bool(torch.isfinite(means).all() and torch.isfinite(log_variances).all()):
            raise FloatingPointError(f"the posterior is no longer finite after step {end}: its steps are too large")
        return encoded(
            {
                "means": means.detach(),
                "log_variances": log_variances.detach(),
                "optimizer": optimizer.state_dict(),
            }
        )

    def _error(
        self, means: Vector, variances: Vector, inputs: Vector, signs: Vector, random: torch.Generator
    ) -> Vector:
        """The mean probability of a wrong answer over a batch, activations below the last layer drawn."""
        outputs = inputs
        layers = list(zip(self._layers(means), self._layers(variances), strict=True))
        for at, ((weights, biases), (spread, bias_spread)) in enumerate(layers):
            mean, variance = (
                functional.linear(outputs, weights, biases),
                functional.linear(outputs**2, spread, bias_spread),
            )
            if at < len(layers) - 1:
                outputs = (mean + variance.sqrt() * torch.randn(mean.shape, generator=random)).relu()
        difference, deviation = mean[:, 1] - mean[:, 0], variance.sum(1).sqrt()
        missed: Vector = torch.special.ndtr(-signs * difference / deviation)
        return missed.mean()

    def _layers(self, values: Vector) -> list[tuple[Vector, Vector]]:
        """The parts of a vector of all parameters: weights (units, inputs) and biases of each layer."""
        sizes = [size for units, inputs in self.shapes for size in (units * inputs, units)]
        pieces = iter(values.split(sizes))
        return [(next(pieces).view(shape), next(pieces)) for shape in self.shapes]

    def _bound(self, state: dict[str, Any], purpose: str, draws: int) -> tuple[StochasticPerceptron, PosteriorBound]:
        """The stochastic network of a state, and its bound, answers drawn by this purpose's own randomness."""
        study = self.study
        pairs = zip(self._layers(state["means"]), self._layers(state["log_variances"].exp()), strict=True)
        network = StochasticPerceptron(
            tuple(GaussianLayer(*(values.numpy() for values in (*means, *variances))) for means, variances in pairs)
        )
        inputs = self.images.flatten(1).numpy()
        errors = draw_errors(network, inputs, self.labels, generator(self.config.seed, purpose), draws)
        return network, posterior_bound(
            network.means,
            network.variances,
            self.initial.numpy(),
            errors,
            len(self.labels),
            priors=PriorVariances(study.largest_prior_variance, study.priors_per_factor_e),
            failure_probability=study.failure_probability,
            sampling_failure_probability=study.sampling_failure_probability,
        )

    def look(self, state: dict[str, Any], step: int) -> dict[str, Any]:
        """The bound on the way: each one holds by itself, all of them together less surely."""
        _, bound = self._bound(state, f"pac-bayes-look/{step}", 1)
        return {
            "step": step,
            "error": bound.sampled_error,
            "divergence": bound.divergence,
            "bound": bound.bound.value,
        }

    def last_bound(self, state: dict[str, Any]) -> dict[str, Any]:
        """The bound that counts, and the stochastic network's error on test images."""
        network, bound = self._bound(state, "pac-bayes-answers", self.study.draws)
        test_errors = draw_errors(
            network,
            self.test_images.flatten(1).numpy(),
            self.test_labels,
            generator(self.config.seed, "pac-bayes-test-answers"),
            self.study.draws,
        )
        return {
            "stochastic_train_error": bound.sampled_error,
            "stochastic_train_error_bound": bound.sampled_error_bound,
            "stochastic_test_error": float(test_errors.mean()),
            "answers": bound.draws,
            "divergence": bound.divergence,
            "prior_index": bound.prior_index,
            "prior_variance": bound.prior_variance,
            "posterior_distance": float(np.linalg.norm(network.means - self.initial.double().numpy())),
            "posterior_variance": float(network.variances.mean()),
            "bound": bound.bound.value,
            "square_root_bound": bound.square_root.value,
            "failure_probability": bound.bound.failure_probability,
        }


def best_divergence(means: Vector, log_variances: Vector, initial: Vector, largest: float = math.inf) -> Vector:
    """The least KL(N(means, diag(exp(log_variances))) || N(initial, l I)) over l up to `largest`, in nats.

    It is differentiable. The bound's grid of prior variances ends, and so must the steps' own: without that end, the
    variances of a posterior that has given its labels up wander off: every multiple of the prior costs the same.
    """
    size = log_variances.exp().sum() + ((means - initial) ** 2).sum()
    d = len(means)
    if size / d <= largest:
        return (d * (size / d).log() - log_variances.sum()) / 2
    return (d * (math.log(largest) - 1) + size / largest - log_variances.sum()) / 2
