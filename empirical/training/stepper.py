"""Steps of training: forward, backward, update, and the streams of random layers."""

import copy
import warnings
from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.nn import functional

from empirical.training.config import TrainingConfig
from empirical.training.data import TrainingData
from empirical.training.distributed import Ranks
from empirical.training.evaluation import Online
from empirical.training.optimization import build_optimizer, precision, step_size_at
from empirical.training.synchronised_layers import BatchShare, over_global_batch
from theory.common.streams import torch_seed


class Stepper:
    """Takes steps: the network as it is trained, its optimiser, and the streams of its random layers."""

    def __init__(self, model: nn.Module, config: TrainingConfig, seed: int, ranks: Ranks, data: TrainingData):
        self._config, self._seed, self._ranks, self._device = config, seed, ranks, data.train_labels.device
        self._generators = [self._device] if self._device.type == "cuda" else []  # beside the CPU's
        self._share = BatchShare(ranks.device)
        some_unused = False
        if ranks.count > 1:
            some_unused = _some_unused(model, torch.zeros(2, *data.train_source.shape, device=self._device))
            model = over_global_batch(model, ranks, self._share, batch_norm=config.batch_norm == "global")
        self._model = model
        self.optimizer = build_optimizer(model, config)
        wrapped = ranks.wrap(model, some_unused=some_unused)
        graphs = "reduce-overhead" if self._device.type == "cuda" else None
        self._forward: Callable[[torch.Tensor], torch.Tensor] = (
            torch.compile(wrapped, mode=graphs) if config.compile else wrapped
        )

    def take(self, batches: Iterator[tuple[torch.Tensor, torch.Tensor, int]], steps: int, step: int) -> Online:
        """Train on so many batches, `step` steps having been made before.

        Returns what the network had right, of all ranks' samples, just before it was trained on them, and its losses.
        """
        losses = []
        hits = torch.zeros((), dtype=torch.int64, device=self._device)
        self._model.train()
        with torch.random.fork_rng(self._generators), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")  # only slower
            for number in range(step, step + steps):
                images, labels, size = next(batches)
                self._seed_layers(number, size)
                for group in self.optimizer.param_groups:
                    group["lr"] = step_size_at(self._config, number)
                with precision(self._config, self._device):
                    logits = self._forward(images)
                    loss = _share_of_mean_loss(logits, labels, size, self._ranks)
                    self.optimizer.zero_grad(set_to_none=True)
                    loss.backward()
                self.optimizer.step()
                hits += (logits.detach().argmax(dim=1) == labels).sum()
                losses.append(loss.detach() * (size / self._ranks.count))
        return Online.sums(int(self._ranks.sum(hits)), self._ranks.sum(torch.stack(losses)).tolist())

    def _seed_layers(self, step: int, size: int) -> None:
        """Streams for the layers that know of ranks, the same on each, and for those that do not, one for each."""
        common, rank = torch_seed(self._seed, f"stochastic-layers/{step}"), self._ranks.rank
        own = torch_seed(self._seed, f"stochastic-layers/{step}/rank-{rank}") if rank else common
        torch.default_generator.manual_seed(own)
        if self._device.type == "cuda":
            torch.cuda.manual_seed(own)
        if self._ranks.count > 1:
            self._share.begin(self._ranks.share(size), size, common)


def _some_unused(model: nn.Module, images: torch.Tensor) -> bool:
    """Whether some trainable parameters have no part in the output of a network in training."""
    network = copy.deepcopy(model).train()
    with torch.random.fork_rng([images.device] if images.device.type == "cuda" else []):
        network(images).sum().backward()
    return any(parameter.grad is None for parameter in network.parameters() if parameter.requires_grad)


def _share_of_mean_loss(logits: torch.Tensor, labels: torch.Tensor, size: int, ranks: Ranks) -> torch.Tensor:
    """This rank's term of the mean cross-entropy of a batch of `size`, which is the average of the terms over ranks."""
    if not len(labels):
        return logits.float().sum()  # 0, and so are the gradients, for which the other ranks wait
    loss = functional.cross_entropy(logits.float(), labels)
    weight = ranks.count * len(labels) / size
    return loss if weight == 1 else weight * loss
