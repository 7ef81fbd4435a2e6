"""One pass over the training samples, as the network is given them: which image, which label, in which order."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Key = int | bytes
"""What tells samples apart: an index, or the digest of an image's content."""


@dataclass(frozen=True, eq=False)
class Pass:
    """Samples in the order in which they came.

    Attributes:
        digests: the digest of each image's content.
        labels: the labels, int64 (n,).
        indices: the indices of the samples, int64 (n,); None where the pipeline does not give them.
        whole: whether the pass went to the end of the data.
    """

    digests: tuple[bytes, ...]
    labels: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int64] | None = None
    whole: bool = True


def keys_of(first: Pass, second: Pass) -> tuple[list[Key], list[Key]]:
    """What to match two passes by: indices if both have them, else the content of the images."""
    if first.indices is not None and second.indices is not None:
        return first.indices.tolist(), second.indices.tolist()
    return list(first.digests), list(second.digests)


def image_digests(images: torch.Tensor) -> tuple[bytes, ...]:
    """A 128-bit digest (BLAKE2b) of the content of each image of a batch (n, ...): equal content, equal digest."""
    rows = images.detach().cpu().contiguous().view(torch.uint8).numpy()  # NumPy has no bfloat16
    return tuple(hashlib.blake2b(row.data, digest_size=16).digest() for row in rows)


def read_pass(batches: Iterable[Any], limit: int, keep: int) -> tuple[Pass, torch.Tensor]:
    """Go through a data pipeline once.

    Arguments:
        batches: yields (images, labels) or (images, labels, indices), tensors or arrays: images
            (b, channels, height, width), integer labels (b,) and integer indices (b,), as a DataLoader does.
        limit: the pass ends with the batch that reaches this number of samples.
        keep: how many images to keep.

    Returns the pass and its first `keep` images, float32. An empty pipeline gives an empty pass.
    Raises ValueError for a batch of another form.
    """
    digests: list[bytes] = []
    labels: list[torch.Tensor] = []
    indices: list[torch.Tensor] = []
    kept: list[torch.Tensor] = []
    whole = True
    for batch in batches:
        if len(digests) >= limit:
            whole = False
            break
        images, batch_labels, index = _parts(batch)
        if len(digests) < keep:
            kept.append(images[: keep - len(digests)].float().cpu())
        digests += image_digests(images)
        labels.append(batch_labels)
        indices += [] if index is None else [index]
    if indices and len(indices) != len(labels):
        raise ValueError("pipeline: some batches have indices and others have none")
    return (
        Pass(
            tuple(digests),
            torch.cat(labels).numpy() if labels else np.zeros(0, np.int64),
            torch.cat(indices).numpy() if indices else None,
            whole,
        ),
        torch.cat(kept) if kept else torch.zeros(0, 1, 1, 1),
    )


def _parts(batch: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """The images, the labels and, where there are any, the indices of a batch."""
    if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
        raise ValueError(
            f"pipeline: a batch must be (images, labels) or (images, labels, indices), got a {type(batch).__name__}"
            + (f" of {len(batch)}" if isinstance(batch, tuple | list) else "")
        )
    images, labels, *rest = (torch.as_tensor(part).detach() for part in batch)
    if images.ndim != 4:
        raise ValueError(f"pipeline: images must be (batch, channels, height, width), got {tuple(images.shape)}")
    if images.is_floating_point() and not images.isfinite().all():
        at = int((~images.isfinite()).flatten(1).any(dim=1).nonzero()[0])
        raise ValueError(f"pipeline: image {at} of a batch contains NaN or infinity: images must be finite numbers")
    for name, part in (("labels", labels), *(("indices", part) for part in rest)):
        if part.shape != images.shape[:1] or part.is_floating_point() or part.is_complex():
            raise ValueError(
                f"pipeline: {name} must be {len(images)} integers, one for each image, got {part.dtype} "
                f"of shape {tuple(part.shape)}"
            )
    if len(labels) and int(labels.min()) < 0:
        raise ValueError(f"pipeline: a label is {int(labels.min())}; classes are numbered from 0")
    return images, labels.long().cpu(), rest[0].long().cpu() if rest else None
