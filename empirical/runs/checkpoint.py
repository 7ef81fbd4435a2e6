"""A trained network's checkpoint: a state that names its run, and that is used only if it is as it was saved.

A state has a digest of its own content beside it, and one of the epochs recorded before it. Whoever goes on from it
then goes on from what the run has been through, or starts over: a bit that has flipped, a state of another run or one
that was edited gives another finished record otherwise.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from empirical.training.epoch_record import EpochRecord
from empirical.training.state import TrainingState
from theory.common.tensor_files import load_tensors, save_tensors


def save_checkpoint(path: Path, state: TrainingState, run: str, epochs: Sequence[EpochRecord]) -> None:
    """Replace the checkpoint file, whole or not at all.

    Arguments:
        path: the file.
        state: the state to go on from.
        run: the hash of the configuration.
        epochs: the epochs recorded so far; the epochs up to the last in the state belong to it.
    """
    marked = {**state.content(), "run": run, "metrics": _metrics_digest(state.recorded, epochs)}
    save_tensors(path, marked | {"digest": content_digest(marked)})


def load_checkpoint(path: Path, run: str, epochs: Sequence[EpochRecord]) -> TrainingState:
    """Load the state to go on from, for a run with these recorded epochs.

    Raises FileNotFoundError if there is none, ValueError, saying why, if it must not be used.
    """
    content = _load_content(path, run)
    try:
        state = TrainingState.of(content)
    except ValueError as error:
        raise ValueError(f"{path} is of another version of this program: {error}") from None
    if not any(epoch.epoch == state.recorded for epoch in epochs):
        raise ValueError(f"{path} is of an epoch whose record is missing")
    if content.get("metrics") != _metrics_digest(state.recorded, epochs):
        raise ValueError(f"{path} belongs to other records than those in metrics.jsonl")
    return state


def load_weights(path: Path, run: str) -> dict[str, torch.Tensor]:
    """Load the network of a finished run; raises as `load_checkpoint` does."""
    weights = _load_content(path, run).get("model")
    if not isinstance(weights, dict):
        raise ValueError(f"{path} has no network in it")
    return weights


def _load_content(path: Path, run: str) -> dict[str, Any]:
    content = load_tensors(path)
    digest = content.pop("digest", None)
    if digest != content_digest(content):
        raise ValueError(f"{path} is not as it was saved: its digest does not hold")
    if content.get("run") != run:
        raise ValueError(f"{path} is of another run, {content.get('run')}")
    return content


def content_digest(content: Any) -> str:
    """SHA-256 of nested dictionaries, lists, tensors and numbers, by their bits and in their order."""
    digest = hashlib.sha256()
    _feed(digest.update, content)
    return digest.hexdigest()


def _feed(update: Any, content: Any) -> None:
    if isinstance(content, Mapping):
        update(f"{{{len(content)}".encode())
        for name, value in content.items():
            update(repr(name).encode())
            _feed(update, value)
    elif isinstance(content, list | tuple):
        update(f"[{len(content)}".encode())
        for value in content:
            _feed(update, value)
    elif isinstance(content, torch.Tensor):
        update(f"{content.dtype} {tuple(content.shape)}".encode())
        values = content.detach().cpu().contiguous().reshape(-1)
        update(values.view(torch.uint8).numpy() if values.numel() else b"")
    else:
        update(f"{type(content).__name__} {content!r}".encode())


def _metrics_digest(recorded: int, epochs: Sequence[EpochRecord]) -> str:
    entries = [asdict(epoch) for epoch in epochs if epoch.epoch <= recorded]
    return hashlib.sha256(json.dumps(entries).encode()).hexdigest()
