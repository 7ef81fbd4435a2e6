r"""Bits per parameter (Morris et al. 2025): how much a network of p parameters memorises of data that are pure chance.

A transformer is trained on uniform random tokens: nothing about them can be learnt but the tokens themselves. A
perceptron is trained on the first images with labels drawn uniformly among k classes, which are sequences of one
token, given an image. What either has memorised is how many bits shorter it makes the code of its own training data
(`theory.memorisation.memorised_bits`). The data are made larger and larger, from fewer bits than the network holds to
more: the most that it memorises of any of them is its capacity, as far as training finds it.

Training is Adam's, with a step size that rises over the first twentieth of the steps and falls to 0 as a cosine. The
first sequences, and the first labels, of larger data are those of smaller ones.
"""

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from empirical.datasets.preprocessing import preprocess
from empirical.models import build_model, num_parameters, transformer_sizes
from empirical.models.causal_transformer import CausalTransformer
from empirical.randomization import RandomizedDataset
from empirical.runs.config import RunConfig
from empirical.runs.resumable_parts import Parts, PartState
from empirical.runs.studies import BitsConfig
from empirical.training.batches import epoch_order
from theory.common.streams import torch_seed, uniform_integers, words
from theory.memorisation import memorised_bits, uniform_bits

_RISE = 0.05  # share of the steps


def measure_bits(config: RunConfig, randomized: RandomizedDataset, parts: Parts, records: Path) -> dict[str, Any]:
    """Train the network on each size of data and measure what it has memorised; each size is a part.

    Returns the number of `parameters`, the `tokens` of a sequence (1 for labels) and the `vocabulary` they are drawn
    from, and for each size under `points` the bits that the data have and those that are memorised.
    """
    study = config.study_of(BitsConfig)
    sizes = transformer_sizes(config.model)
    task = _Tokens(config, *sizes) if sizes else _Labels(config, randomized)
    parameters = num_parameters(task.network())
    counts = data_sizes(parameters, study.offered, task.tokens * math.log2(task.vocabulary), task.most)
    parts.total = len(counts)
    points = [
        parts.in_steps(f"{count:,} sequences", partial(_memorise, study, task, count, config.seed)) for count in counts
    ]
    return {"parameters": parameters, "tokens": task.tokens, "vocabulary": task.vocabulary, "points": points}


def data_sizes(parameters: int, offered: tuple[float, ...], bits: float, most: int | None) -> list[int]:
    """Numbers of sequences of so many bits each that offer so many bits a parameter, rising, each once, at most
    `most`."""
    counts = [max(1, round(share * parameters / bits)) for share in offered]
    return sorted({count if most is None else min(count, most) for count in counts})


class _Tokens:
    """Uniform random tokens, for a transformer."""

    def __init__(self, config: RunConfig, blocks: int, width: int):
        study = config.study_of(BitsConfig)
        self.config, self.tokens, self.vocabulary, self.most = config, study.length, study.vocabulary, None
        self.blocks, self.width, self.heads = blocks, width, max(1, width // study.head)

    def network(self) -> nn.Module:
        """The transformer at its initial weights."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(torch_seed(self.config.seed, "initialisation"))
            network = CausalTransformer(self.vocabulary, self.tokens, self.blocks, self.width, self.heads)
        return network.to(self.config.device)

    def data(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The first sequences, as inputs and as targets, int64 (count, S) both."""
        bits = words(self.config.seed, "uniform-tokens", np.arange(count), self.tokens)
        sequences = torch.from_numpy(uniform_integers(bits, self.vocabulary)).to(self.config.device)
        return sequences, sequences


class _Labels:
    """Labels drawn uniformly for the first training images, for a perceptron."""

    def __init__(self, config: RunConfig, randomized: RandomizedDataset):
        self.config, self.tokens, self.vocabulary = config, 1, config.num_classes
        self.images = preprocess(randomized.data.train.images, config.crop).to(config.device)
        self.most = len(self.images)

    def network(self) -> nn.Module:
        """The perceptron at its initial weights."""
        channels, height, width = self.images.shape[1:]
        network = build_model(self.config.model, (channels, height, width), self.vocabulary, self.config.seed)
        return network.to(self.config.device)

    def data(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The first images, and a label for each, int64 (count, 1)."""
        bits = words(self.config.seed, "uniform-labels", np.arange(count), 1)
        return self.images[:count], torch.from_numpy(uniform_integers(bits, self.vocabulary)).to(self.config.device)


def _memorise(study: BitsConfig, task: _Tokens | _Labels, count: int, seed: int, state: PartState) -> dict[str, Any]:
    inputs, targets = task.data(count)
    network = task.network()
    optimizer = torch.optim.Adam(network.parameters(), lr=study.learning_rate)
    begin = 0
    if saved := state.load():
        network.load_state_dict(saved["network"])
        optimizer.load_state_dict(saved["optimizer"])
        begin = saved["step"]
    batches_an_epoch = -(-count // study.batch_size)
    for step in range(begin, study.steps):
        epoch, at = divmod(step, batches_an_epoch)
        if at == 0 or step == begin:
            order = torch.from_numpy(epoch_order(seed, epoch + 1, count)).to(inputs.device).split(study.batch_size)
        for group in optimizer.param_groups:
            group["lr"] = study.learning_rate * step_share(step / study.steps)
        loss = _losses(network, inputs[order[at]], targets[order[at]]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        state.offer((step + 1) / study.steps, partial(_state, network, optimizer, step + 1))
    with torch.no_grad():
        nats = torch.cat(
            [
                _losses(network, *pair).double().sum(1)
                for pair in zip(inputs.split(study.batch_size), targets.split(study.batch_size), strict=True)
            ]
        )
    logarithms = np.minimum(-nats.cpu().numpy() / math.log(2), 0.0)
    if not np.isfinite(logarithms).all():
        raise FloatingPointError(
            f"the loss on {count:,} sequences is no longer finite: the step size {study.learning_rate} is too large"
        )
    offered = uniform_bits(count, task.tokens, task.vocabulary)
    return {
        "sequences": count,
        "offered_bits": offered,
        "memorised_bits": memorised_bits(logarithms, task.tokens, task.vocabulary),
        "unclipped_bits": offered + float(logarithms.sum()),
        "epochs": -(-study.steps // batches_an_epoch),
    }


def _state(network: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> dict[str, Any]:
    return {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "step": step}


def step_share(share: float) -> float:
    """The step size as a share of the largest, after this share of the steps."""
    return min(1.0, (share + 1e-3) / _RISE) * 0.5 * (1 + math.cos(math.pi * share))


def _losses(network: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropies in nats, of every token, (n, S)."""
    logits = network(inputs).reshape(targets.numel(), -1)
    return functional.cross_entropy(logits, targets.flatten(), reduction="none").view(targets.shape)
