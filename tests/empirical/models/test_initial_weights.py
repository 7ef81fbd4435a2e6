import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from empirical.datasets import load
from empirical.datasets.preprocessing import preprocess
from empirical.models import build_model, default_learning_rate


@pytest.mark.parametrize("name", ["inception", "inception-no-bn", "alexnet", "wide-resnet-10-1"])
def test_training_starts_at_the_papers_step_size(name):
    """Fifteen steps on two real images of each class lower the loss by more than 0.1 from log 10.

    No output that is the same for all images has a lower loss than log 10, so this takes telling images apart. Without
    batch norm that is not a matter of course: from torch's default weights the loss stays at log 10.
    """
    split = load("digits").train
    chosen = np.concatenate([np.flatnonzero(split.labels == digit)[:2] for digit in range(10)])
    images, labels = preprocess(split.images[chosen]), torch.tensor(split.labels[chosen])
    model = build_model(name, (1, 8, 8), 10, seed=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=default_learning_rate(name), momentum=0.9)
    losses = []
    for _ in range(15):
        loss = functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < math.log(10) - 0.1, losses
