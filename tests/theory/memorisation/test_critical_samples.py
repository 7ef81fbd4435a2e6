"""Critical samples: the exact radius against linear programmes, the search against the exact radius."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from theory.memorisation import find_critical_samples, linear_critical_radius


def classifier(seed: int, k: int, d: int, n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    shapes = (k, d), (k,), (n, d)
    weights, biases, points = (torch.randn(shape, generator=random, dtype=torch.float64) for shape in shapes)
    return weights, biases, points


def by_linear_programmes(weights: np.ndarray, biases: np.ndarray, point: np.ndarray) -> float:
    """The least r for which some x' in the box of radius r has z_j(x') >= z_c(x'), the least over j, by a solver."""
    c = int((weights @ point + biases).argmax())
    d = len(point)
    radii = []
    for j in set(range(len(weights))) - {c}:
        gap = (weights[c] - weights[j]) @ point + biases[c] - biases[j]
        rows = [[*(weights[c] - weights[j]), 0.0]]  # the gap and its change are at most 0
        rows += [[*(sign * np.eye(d)[i]), -1.0] for i in range(d) for sign in (1, -1)]
        solved = linprog([0.0] * d + [1.0], rows, [-gap, *[0.0] * (2 * d)], bounds=[(None, None)] * (d + 1))
        radii.append(solved.fun if solved.success else np.inf)
    return min(radii)


@pytest.mark.parametrize(("k", "d"), [(2, 1), (3, 4), (5, 3)])
def test_the_exact_radius_is_that_of_linear_programmes(k, d):
    weights, biases, points = classifier(k, k, d, 8)
    radii = linear_critical_radius(weights, biases, points)
    expected = [by_linear_programmes(weights.numpy(), biases.numpy(), point.numpy()) for point in points]
    np.testing.assert_allclose(radii.numpy(), expected, rtol=1e-7)  # the solver's feasibility tolerance


def test_classes_of_equal_weights_never_change_places():
    weights = torch.tensor([[1.0, 2.0], [1.0, 2.0]])
    radii = linear_critical_radius(weights, torch.tensor([1.0, 0.0]), torch.zeros(3, 2))
    assert torch.isinf(radii).all()


@pytest.mark.parametrize("radius", [0.05, 0.2, 0.5])
def test_the_search_finds_critical_samples_only_and_nearly_all_of_them(radius):
    weights, biases, points = classifier(1, 4, 20, 400)
    exact = linear_critical_radius(weights, biases, points)
    mask = find_critical_samples(lambda x: x @ weights.T + biases, points, radius)
    # A corner of the box decides, and rounding by 1e-13 of the logits moves it by less than 1e-12 radii.
    assert not mask[exact > radius * (1 + 1e-12)].any()
    assert mask.any()
    assert not mask.all()
    # A step is 0.83 radii with noise of 0.67, then clipped: a coordinate is near its corner most of the time.
    assert mask[exact < 0.6 * radius].all()


def test_the_search_on_a_network_finds_what_a_grid_finds():
    """In one dimension every point of the box can be tried."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(1, 30), torch.nn.Tanh(), torch.nn.Linear(30, 3)).double()
    with torch.no_grad():
        network[0].weight *= 20
        network[0].bias *= 10
    points, radius = torch.linspace(-2, 2, 101, dtype=torch.float64)[:, None], 0.2
    grid = points + radius * torch.linspace(-1, 1, 401, dtype=torch.float64)
    with torch.no_grad():
        classes = network(grid.reshape(-1, 1)).argmax(1).reshape(grid.shape)
        critical = (classes != network(points).argmax(1)[:, None]).any(1)
    mask = find_critical_samples(network, points, radius, steps=200)
    assert 5 < critical.sum() < 96
    assert not (mask & ~critical).any()
    assert (critical & ~mask).sum() <= 1


def test_a_points_answer_does_not_depend_on_the_others_and_no_radius_finds_nothing():
    weights, biases, points = classifier(2, 3, 6, 50)

    def logits(x: torch.Tensor) -> torch.Tensor:
        return (x.reshape(len(x), -1, 1) * weights.T).sum(1) + biases  # each row by itself, to the bit

    whole = find_critical_samples(logits, points, 0.3, steps=3)
    changed = points.clone()
    changed[::2] = 100.0
    assert torch.equal(find_critical_samples(logits, changed, 0.3, steps=3)[1::2], whole[1::2])
    assert 0 < whole.sum() < 50
    assert not find_critical_samples(logits, points, 0.0).any()


def test_arguments():
    weights, biases, points = classifier(3, 3, 2, 4)
    for radius in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="radius must be"):
            find_critical_samples(lambda x: x @ weights.T, points, radius)
    with pytest.raises(ValueError, match="steps must be"):
        find_critical_samples(lambda x: x @ weights.T, points, 1.0, steps=0)
    with pytest.raises(ValueError, match="two classes"):
        find_critical_samples(lambda x: x @ weights[:1].T, points, 1.0)
    with pytest.raises(ValueError, match="weights must be"):
        linear_critical_radius(weights, biases[:2], points)
    with pytest.raises(ValueError, match="points must be"):
        linear_critical_radius(weights, biases, points[:, :1])


def test_a_linear_classifier_as_lists():
    """W = (1, 0; 0, 1): from (3, 1) the difference 2 falls by 2 r."""
    weights, biases, points = [[1, 0], [0, 1]], [0, 0], [[3, 1]]
    assert linear_critical_radius(weights, biases, points).tolist() == [1.0]
    assert linear_critical_radius(*map(torch.tensor, (weights, biases, points))).tolist() == [1.0]
