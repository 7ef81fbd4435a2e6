"""The random numbers that torch draws by itself, as in dropout: a block that leaves their state as it was."""

from contextlib import AbstractContextManager

import torch


def forked_rng(device: torch.device) -> AbstractContextManager[None]:
    """Put the generators of the CPU and of this device back after the block.

    Of no other: torch alone would look at every GPU that it sees, a CPU's run among them, and take memory on each.
    """
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])
