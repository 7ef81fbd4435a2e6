r"""Curvature of the loss: the same at all global minima.

Zhang et al. 2017, section 5 (claim C24). For (1/n) sum_i loss(<w, x_i>, y_i) the Hessian is

    (1/n) X^T diag(beta) X,    beta_i = the second derivative of the loss at (<w, x_i>, y_i),

which depends on w through the predictions alone. At a global minimum of a loss that vanishes only at <w, x_i> = y_i
all predictions are the labels, so beta and the Hessian are the same at every one; its rank is at most n.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from theory.common.arrays import Float64Array, as_real

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def squared_loss(predictions: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """(1/2) (prediction - label)^2."""
    return (predictions - labels) ** 2 / 2


def log_cosh_loss(predictions: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The loss log cosh(prediction - label): convex, with a second derivative that depends on the prediction.

    As r - log sigmoid(2r) - log 2, which overflows nowhere and has the right second derivative at r = 0.
    """
    residuals = predictions - labels
    return residuals - torch.nn.functional.logsigmoid(2 * residuals) - math.log(2)


def hessian(loss: Loss, X: Any, y: Any, w: Any) -> Float64Array:
    """The Hessian (d, d) of w -> mean of loss(Xw, y) by automatic differentiation, float64.

    Arguments: loss, a torch function of predictions and labels (n,); X (n, d), y (n,), w (d,). Raises ValueError for
    other shapes.
    """
    named = ((X, "X"), (y, "y"), (w, "w"))
    points, labels, weights = (torch.from_numpy(as_real(value, name).astype(np.float64)) for value, name in named)
    if points.ndim != 2 or labels.shape != points.shape[:1] or weights.shape != points.shape[1:]:
        shapes = ", ".join(str(tuple(value.shape)) for value in (points, labels, weights))
        raise ValueError(f"X must be (n, d), y (n,) and w (d,), got {shapes}")
    matrix = torch.autograd.functional.hessian(lambda v: loss(points @ v, labels).mean(), weights)
    return np.asarray(matrix)
