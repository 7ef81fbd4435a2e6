"""Steps of training: forward, backward, update, and the streams of random layers."""

import copy
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from empirical.training.batches import Batches
from empirical.training.config import TrainingConfig
from empirical.training.data import TrainingData
from empirical.training.distributed import Ranks
from empirical.training.evaluation import Online
from empirical.training.optimization import build_optimizer, initial_rates, precision, step_size_at
from empirical.training.random_state import forked_rng
from empirical.training.synchronised_layers import BatchShare, over_global_batch
from theory.common.streams import torch_seed


class Stepper:
    """A network in training, its optimiser, and the streams of its random layers, which together take steps."""

    def __init__(self, model: nn.Module, config: TrainingConfig, seed: int, ranks: Ranks, data: TrainingData):
        self._config, self._seed, self._ranks, self._device = config, seed, ranks, data.train_labels.device
        self._share = BatchShare(ranks.device)
        some_unused = False
        if ranks.count > 1:
            some_unused = _some_unused(model, torch.zeros(2, *data.train_source.shape, device=self._device))
            model = over_global_batch(model, ranks, self._share, batch_norm=config.batch_norm == "global")
        self._model = model
        self.optimizer = build_optimizer(model, config)
        self._initial_rates = initial_rates(self.optimizer, config)
        wrapped = ranks.wrap(model, some_unused=some_unused)
        self._eager: Callable[[torch.Tensor], torch.Tensor] = wrapped
        self._forward: Callable[[torch.Tensor], torch.Tensor] = wrapped
        if config.compile:
            if ranks.count > 1:
                raise ValueError("compile (--training.compile) has not been tried on several ranks: leave it out")
            graphs = "reduce-overhead" if self._device.type == "cuda" else None
            # The shape is fixed: else torch makes the batch's size a symbol from a process's second network on.
            self._forward = torch.compile(wrapped, mode=graphs, dynamic=False)

    def over(self, batches: Batches, at: int) -> Iterator[Any]:
        """An epoch's batches from number `at` on, as `take` wants them."""
        return batches.starting(at)

    def take(self, batches: Iterator[Any], steps: int, step: int) -> Online:
        """Train on this many batches, after `step` steps made before.

        Arguments:
            batches: the batches of an epoch, from `over`; they are used up in order.

        Returns the number of all ranks' samples that the network got right just before it was trained on them, and its
        losses.
        """
        losses = []
        hits = torch.zeros((), dtype=torch.int64, device=self._device)
        self._model.train()
        with forked_rng(self._device), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")  # only slower
            for number in range(step, step + steps):
                images, labels, size = next(batches)
                self._seed_layers(number, size)
                for group, rate in zip(self.optimizer.param_groups, self._initial_rates, strict=True):
                    group["lr"] = self._step_size(number, rate)
                right, loss = self._update(images, labels, size)
                hits += right
                losses.append(loss)
        return Online.sums(int(self._ranks.sum(hits)), self._ranks.sum(torch.stack(losses)).tolist())

    def _update(self, images: torch.Tensor, labels: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """One step on this rank's share of a batch: how many of it were right before, and the sum of their losses."""
        with precision(self._config, self._device):
            forward = self._forward if len(images) == self._config.batch_size else self._eager
            logits = forward(images)
            loss = _share_of_mean_loss(logits, labels, size, self._ranks)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
        self.optimizer.step()
        right = (logits.detach().argmax(dim=1) == labels).sum()
        return right, loss.detach() * (size / self._ranks.count)

    def largest_step_size(self, number: int) -> float:
        """The step sizes of all groups of parameters in step `number`, for the record."""
        return step_size_at(self._config, number, max(self._initial_rates))

    def _step_size(self, number: int, initial_rate: float) -> float:
        """The step size as the parameters are updated with it: on a GPU in their precision, like a graph's tensor."""
        size = step_size_at(self._config, number, initial_rate)
        return size if self._device.type == "cpu" else float(np.float32(size))

    def _seed_layers(self, step: int, size: int) -> None:
        """Make the streams of random layers: a common stream for layers that know of ranks, and a stream for each rank
        for other layers."""
        common, rank = torch_seed(self._seed, f"stochastic-layers/{step}"), self._ranks.rank
        own = torch_seed(self._seed, f"stochastic-layers/{step}/rank-{rank}") if rank else common
        torch.default_generator.manual_seed(own)
        if self._device.type == "cuda":
            torch.cuda.manual_seed(own)
        if self._ranks.count > 1:
            self._share.begin(self._ranks.share(size), size, common)


def _some_unused(model: nn.Module, images: torch.Tensor) -> bool:
    """Whether some trainable parameters take no part in the output of a network in training."""
    network = copy.deepcopy(model).train()
    with forked_rng(images.device):
        network(images).sum().backward()
    return any(parameter.grad is None for parameter in network.parameters() if parameter.requires_grad)


def _share_of_mean_loss(logits: torch.Tensor, labels: torch.Tensor, size: int, ranks: Ranks) -> torch.Tensor:
    """This rank's term of the mean cross-entropy of a batch of `size`, which is the average of the terms over ranks."""
    if not len(labels):
        return logits.float().sum()  # 0, and so are the gradients, for which the other ranks wait
    loss = functional.cross_entropy(logits.float(), labels)
    weight = ranks.count * len(labels) / size
    return loss if weight == 1 else weight * loss
