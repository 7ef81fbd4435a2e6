"""A state as a checkpoint has it: written, and read by the part of `torch.load` that runs no code."""

import io

import torch

from empirical.training.state import TrainingState


def saved(state: TrainingState) -> bytes:
    file = io.BytesIO()
    torch.save(state.content(), file)
    return file.getvalue()


def loaded(content: bytes) -> TrainingState:
    return TrainingState.of(torch.load(io.BytesIO(content), weights_only=True))
