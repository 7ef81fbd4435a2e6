"""Layers that treat a batch as a whole, for networks whose batch is shared among ranks.

Batch norm subtracts the mean of the batch and divides by its deviation; on a share of the batch it would be another
layer, and the experiment another one with every number of ranks. Dropout must not drop the same activations in every
share. With `over_global_batch` both do on N ranks what they do on one, up to the order of sums. The masks themselves
are those of one rank for dropout of vectors on CPUs, as before a linear layer; on GPUs and for images torch draws in
an order of its own, so that there one rank has other masks than several, which have the same whatever their number.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

from empirical.training.distributed import Ranks


class BatchShare:
    """The rank's samples in the present batch, and the generator of its random layers; set at every step."""

    def __init__(self, device: str) -> None:
        self.rows, self.total = slice(0, 0), 0
        self.generator = torch.Generator(device)

    def begin(self, rows: slice, total: int, seed: int) -> None:
        """Begin a batch of `total` samples, of which `rows` are this rank's."""
        self.rows, self.total = rows, total
        self.generator.manual_seed(seed)


class GlobalDropout(nn.Module):
    """Dropout whose mask is drawn for the whole batch, the same on every rank; a rank takes its rows of it."""

    def __init__(self, probability: float, share: BatchShare) -> None:
        super().__init__()
        self.p, self._share = probability, share

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Drop activations of a share of the batch (share, ...); the shape stays."""
        if not self.training or self.p == 0:
            return x
        shape = (self._share.total, *x.shape[1:])
        kept = torch.empty(shape, dtype=x.dtype, device=x.device).bernoulli_(
            1 - self.p, generator=self._share.generator
        )
        return x * kept[self._share.rows].div_(1 - self.p)


class _SumOverRanks(torch.autograd.Function):
    """The sum over ranks as an operation with a gradient, which is the sum over ranks as well."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        total = values.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        total = gradient.clone()
        distributed.all_reduce(total)
        return total


class GlobalBatchNorm(_BatchNorm):
    """Batch norm with the moments of the whole batch (Ioffe and Szegedy 2015), for CPUs.

    Mean first and then the deviation from it, each summed over ranks: the difference of two large sums would lose
    digits. Running moments are the batch's, hence the same on every rank.
    """

    def _check_input_dim(self, x: torch.Tensor) -> None:
        """Accept any number of dimensions."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise a share of the batch (share, channels, ...). Raises ValueError for a single value in the whole
        batch."""
        if not (self.training or self.running_mean is None):
            return super().forward(x)
        places = [0, *range(2, x.dim())]
        shape = (1, -1, *[1] * (x.dim() - 2))
        values = x.float()
        size = values.new_tensor([x.numel() / x.shape[1]])
        sums = _SumOverRanks.apply(torch.cat([values.sum(places), size]))
        size = sums[-1].detach()
        if size <= 1:
            raise ValueError("batch norm needs more than one value of each channel in a batch")
        mean = sums[:-1] / size
        centred = values - mean.view(shape)
        variance = _SumOverRanks.apply(centred.square().sum(places)) / size
        if self.running_mean is not None and self.running_var is not None:
            self._move(self.running_mean, self.running_var, mean.detach(), variance.detach() * size / (size - 1))
        scale = torch.rsqrt(variance + self.eps)
        scale = scale if self.weight is None else scale * self.weight
        out: torch.Tensor = centred * scale.view(shape)
        return (out if self.bias is None else out + self.bias.view(shape)).to(x.dtype)

    def _move(
        self, running_mean: torch.Tensor, running_var: torch.Tensor, mean: torch.Tensor, variance: torch.Tensor
    ) -> None:
        share = self.momentum
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            share = 1 / float(self.num_batches_tracked) if share is None else share
        assert share is not None, "a layer with running moments counts its batches"
        with torch.no_grad():
            running_mean.lerp_(mean, share)
            running_var.lerp_(variance, share)


_STATE_OF_LAYER = (
    "_parameters",
    "_buffers",
    "_non_persistent_buffers_set",
    "affine",
    "track_running_stats",
    "training",
)


def over_global_batch(model: nn.Module, ranks: Ranks, share: BatchShare, *, batch_norm: bool) -> nn.Module:
    """The network with its `nn.Dropout` layers and, if asked for, its batch norms over the whole batch.

    Parameters and buffers keep their names. Other random layers draw for each rank by itself. The network is changed in
    place, unless it is itself such a layer.
    """
    model = _replaced(model, nn.Dropout, lambda layer: GlobalDropout(layer.p, share))
    if not batch_norm:
        return model
    kind = nn.SyncBatchNorm if ranks.device == "cuda" else GlobalBatchNorm
    return _replaced(model, _BatchNorm, lambda layer: synchronised(layer, kind))


def synchronised(layer: _BatchNorm, kind: type[_BatchNorm]) -> _BatchNorm:
    """Convert a layer to another kind, with its own parameters and buffers, not copies.

    Arguments:
        layer: any batch norm; a constant scale may be a buffer in place of a parameter.
        kind: `torch.nn.SyncBatchNorm`, which passes over the activations once and is for GPUs alone, or
            `GlobalBatchNorm`.
    """
    replacement = kind(layer.num_features, layer.eps, layer.momentum, affine=False, track_running_stats=False)
    replacement.__dict__ |= {name: layer.__dict__[name] for name in _STATE_OF_LAYER}
    return replacement


def _replaced(model: nn.Module, kind: type, make: Callable[[Any], nn.Module]) -> nn.Module:
    if isinstance(model, kind):
        return make(model)
    for name, child in model.named_children():
        setattr(model, name, _replaced(child, kind, make))
    return model
