"""How far images are apart as a network gets them: whitened, so that all have the same norm and only angles differ.

Whitened images of d values have squared norm d. Two of independent noise are at distance sqrt(2d) on average, up to
order d^(-1/2), which is the unit here: 1 for images that have nothing in common, 0 for equal ones.
"""

import numpy as np
import numpy.typing as npt
import torch

from empirical.datasets.lazy_images import Images
from empirical.datasets.preprocessing import preprocess

FIRST = 2000
"""Images that are measured: the distance to the nearest of them falls with their number."""


def separation(images: Images, classes: npt.NDArray[np.int64], crop: int | None) -> dict[str, float | None]:
    """Distances between the first images, in units of sqrt(2d).

    Arguments:
        images: (n, channels, height, width), n at least 2.
        classes: the classes of the images, (n,).
        crop: side of the centre crop.

    Returns `mean_distance` of all pairs, `mean_distance_within_classes`, None where no two are of one class, and
    `nearest_distance`, the median distance to the nearest other image. Raises ValueError for fewer than two images.
    """
    if len(images) < 2:
        raise ValueError(f"a distance takes two images, got {len(images)}")
    X = preprocess(images[:FIRST], crop).flatten(1).double()
    n, d = X.shape
    distances = torch.cdist(X, X) / (2 * d) ** 0.5
    labels = torch.tensor(classes[:n])
    others = ~torch.eye(n, dtype=torch.bool)
    alike = others & (labels[:, None] == labels)
    nearest = distances.masked_fill(~others, float("inf")).amin(1)
    return {
        "mean_distance": float(distances[others].mean()),
        "mean_distance_within_classes": float(distances[alike].mean()) if bool(alike.any()) else None,
        "nearest_distance": float(nearest.median()),
    }
