r"""Many small networks trained at once, each on its own samples: one batched product for all of them.

A small network's step is over before the processor is busy: most of its time goes to starting operations. t networks
of one architecture hold their parameters stacked, (t, ...), and `torch.func.vmap` turns each product of their forward
passes into one batched product. Nothing else changes: the loss is the sum of the networks' own mean losses, so that
each gradient is that of its own network, and an optimiser that works on each number by itself works on stacks as well.

Network i has its own initial weights, its own samples in its own order: those of `build_model` and of `Batches` with
its own seed. So it is the network that `loop.train` makes of the same seed, samples and steps, up to rounding: products
are summed in another order. The differences grow with the number of steps as any change of the initial weights does.
Over the twenty steps of the tests, in float64, a network alone and the same network among others differ by less than
1e-9, and from that of `loop.train`, which takes its loss in float32, by less than 1e-6.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional

from empirical.training.batches import epoch_order
from empirical.training.config import TrainingConfig
from empirical.training.dropout import DROPOUT_LAYERS
from empirical.training.optimization import build_optimizer, diverged, initial_rates, step_size_at

_ALONE = ("augmentation", "dropout", "precision", "compile", "graphed")
_PREDICTED_AT_ONCE = 512  # images; the activations of all networks are in memory together


class ManyNetworks(nn.Module):
    """Networks of one architecture, their parameters stacked.

    Arguments:
        networks: at their initial weights, at least one, all of one architecture.

    Raises ValueError for networks whose layers keep statistics of a batch or draw at random: many networks at once
    would share these.
    """

    def __init__(self, networks: Sequence[nn.Module]):
        super().__init__()
        require_plain(networks[0])
        stacked, _ = stack_module_state(list(networks))
        self.names = list(stacked)
        self.stacked = nn.ParameterList([nn.Parameter(values.detach()) for values in stacked.values()])
        self._architecture = [networks[0]]  # in a list: its parameters are not this module's

    def forward(self, images: torch.Tensor, *, shared: bool = False) -> torch.Tensor:
        """Logits (t, m, k) of images (t, m, channels, height, width), or of `shared` ones (m, ...) for each network."""

        def logits(values: list[torch.Tensor], shown: torch.Tensor) -> torch.Tensor:
            named = dict(zip(self.names, values, strict=True))
            answer: torch.Tensor = functional_call(self._architecture[0], named, (shown,))
            return answer

        over = vmap(logits, in_dims=(0, None if shared else 0))
        result: torch.Tensor = over(list(self.stacked), images)
        return result


def require_plain(network: nn.Module) -> None:
    """ValueError for a network with batch normalisation or other state, or with dropout."""
    drops = any(isinstance(layer, DROPOUT_LAYERS) for layer in network.modules())
    if drops or any(True for _ in network.buffers()):
        raise ValueError(
            "many networks are trained at once only without batch normalisation and dropout: choose another --model, "
            "mlp-1x128 for example"
        )


def require_common(config: TrainingConfig) -> None:
    """ValueError for hyper-parameters of which training many networks at once would take no notice."""
    ignored = [name for name in _ALONE if getattr(config, name) not in (getattr(TrainingConfig, name), 0)]
    if ignored:
        options = ", ".join(f"--training.{name.replace('_', '-')}" for name in ignored)
        raise ValueError(f"many networks are trained at once, plainly and in float32: leave out {options}")


def train_many(
    networks: Sequence[nn.Module],
    images: torch.Tensor,
    labels: torch.Tensor,
    samples: npt.NDArray[np.int64],
    seeds: Sequence[int],
    config: TrainingConfig,
) -> ManyNetworks:
    """Train networks at once, each on its own samples, for `max_steps` steps; an epoch that has begun is finished.

    Arguments:
        networks: t of them, at their initial weights.
        images, labels: all samples, (n, channels, height, width) and int64 (n,).
        samples: which of them each network is trained on, int64 (t, s).
        seeds: the seed of the order of samples, for each network.
        config: as for one network; all networks share the step size.

    Raises ValueError as `ManyNetworks` and `require_common` do, and for numbers that differ; FloatingPointError if a
    loss is no longer finite.
    """
    if not len(networks) == len(samples) == len(seeds):
        raise ValueError(
            f"{len(networks)} networks need as many rows of samples and seeds: {samples.shape}, {len(seeds)}"
        )
    require_common(config)
    many = ManyNetworks(networks)
    optimizer = build_optimizer(many, config, stacked=True)
    rates = initial_rates(optimizer, config)
    chosen, s = torch.from_numpy(samples).to(images.device), samples.shape[1]
    step, epoch = 0, 0
    while step < config.max_steps:
        epoch += 1
        order = torch.from_numpy(np.stack([epoch_order(seed, epoch, s) for seed in seeds])).to(images.device)
        for batch in chosen.gather(1, order).split(config.batch_size, dim=1):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = step_size_at(config, step, rate)
            logits = many(images[batch])
            losses = functional.cross_entropy(logits.flatten(0, 1), labels[batch].flatten(), reduction="sum")
            optimizer.zero_grad()
            (losses / batch.shape[1]).backward()
            optimizer.step()
            step += 1
        if not math.isfinite(loss := losses.item()):
            raise diverged("the loss of a network", loss, epoch, config)
    return many


@torch.no_grad()
def classes_of(many: ManyNetworks, images: torch.Tensor) -> npt.NDArray[np.int64]:
    """The class that each network gives each image, int64 (t, m)."""
    parts = [many(part, shared=True).argmax(2) for part in images.split(_PREDICTED_AT_ONCE)]
    return np.asarray(torch.cat(parts, dim=1).cpu().numpy(), dtype=np.int64)
