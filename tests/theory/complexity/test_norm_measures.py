"""Measures of norms and margins against values by hand, sums over paths, and the invariances that they state."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from theory.complexity import (
    HomogeneousNetwork,
    WeightLayer,
    homogeneous_network,
    layer_norms,
    lower_margin,
    norm_measures,
    path_norm,
    weight_layers,
)


def perceptron(seed: int, *, bias: bool = True, depth: int = 3) -> nn.Sequential:
    torch.manual_seed(seed)
    sizes = [4, *[5] * (depth - 1), 3]
    layers = [(nn.Linear(a, b, bias).double(), nn.ReLU()) for a, b in itertools.pairwise(sizes)]
    return nn.Sequential(*itertools.chain(*layers))[:-1]


def measures(module: nn.Module, initial: nn.Module, margin: float) -> dict[str, float]:
    inputs = torch.ones(1, 4).double()
    norms = layer_norms(weight_layers(module, inputs), weight_layers(initial, inputs))
    return norm_measures(norms, path_norm(homogeneous_network(module)), margin)


def test_every_measure_from_the_definition():
    module, initial = perceptron(0), perceptron(1)
    values = measures(module, initial, 0.5)
    w, v = ([layer.weight.detach() for layer in network[::2]] for network in (module, initial))
    frobenius = [math.sqrt(float((a**2).sum())) for a in w]
    spectral = [float(torch.linalg.svdvals(a)[0]) for a in w]
    changes = [math.sqrt(float(((a - b) ** 2).sum())) for a, b in zip(w, v, strict=True)]
    spectral_changes = [float(torch.linalg.svdvals(a - b)[0]) for a, b in zip(w, v, strict=True)]
    ranks = math.sqrt(sum((f / s) ** 2 for f, s in zip(frobenius, spectral, strict=True)))
    distances = math.sqrt(sum((c / s) ** 2 for c, s in zip(changes, spectral, strict=True)))
    path = paths(module)
    expected = {
        "inverse margin": 2.0,
        "parameter norm": math.sqrt(sum(f**2 for f in frobenius)),
        "distance from initialisation": math.sqrt(sum(c**2 for c in changes)),
        "spectral distance from initialisation": math.sqrt(sum(c**2 for c in spectral_changes)),
        "product of Frobenius norms": math.prod(frobenius),
        "product of Frobenius norms / margin": 2 * math.prod(frobenius),
        "product of spectral norms": math.prod(spectral),
        "product of spectral norms / margin": 2 * math.prod(spectral),
        "stable ranks": ranks,
        "spectral norms and stable ranks / margin": 2 * math.prod(spectral) * ranks,
        "spectral norms and distances / margin": 2 * math.prod(spectral) * distances,
        "path norm": path,
        "path norm / margin": 2 * path,
    }
    assert values.keys() == expected.keys()
    for name, value in expected.items():
        assert values[name] == pytest.approx(value, rel=1e-12), name


def paths(module: nn.Sequential) -> float:
    """The sum over every single path, those from a bias too."""
    layers = [(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in module[::2]]
    total = 0.0
    for start in range(len(layers)):
        widths = [layers[start][0].shape[1], *(len(weights) for weights, _ in layers[start:])]
        for units in itertools.product(*(range(width) for width in widths[1:])):
            onward = math.prod(layers[start + at][0][units[at], units[at - 1]] ** 2 for at in range(1, len(units)))
            total += layers[start][1][units[0]] ** 2 * onward
            if start == 0:
                total += sum(layers[0][0][units[0], i] ** 2 * onward for i in range(widths[0]))
    return math.sqrt(total)


def test_the_path_norm_is_that_of_the_network_with_squared_weights():
    module = perceptron(3)
    squared = perceptron(3)
    with torch.no_grad():
        for values in squared.parameters():
            values.square_()
    assert path_norm(homogeneous_network(module)) ** 2 == pytest.approx(
        float(squared(torch.ones(1, 4).double()).sum().detach())
    )


def test_a_factor_moved_between_layers_leaves_products_and_paths():
    """And a factor on one layer, which the margin has too, leaves what is divided by the margin."""
    module, moved, grown = (perceptron(0, bias=False) for _ in range(3))
    with torch.no_grad():
        moved[0].weight.mul_(8)
        moved[4].weight.div_(8)
        grown[4].weight.mul_(8)
    plain, rescaled, larger = measures(module, module, 0.5), measures(moved, moved, 0.5), measures(grown, grown, 4.0)
    for name, value in plain.items():
        if "product" in name or "path" in name:
            assert rescaled[name] == pytest.approx(value, rel=1e-12), name
        if "/ margin" in name:
            assert larger[name] == pytest.approx(value, rel=1e-12), name
    assert rescaled["parameter norm"] > plain["parameter norm"]


def test_where_there_is_no_margin():
    module = perceptron(0)
    for margin in (0.0, -0.5):
        values = measures(module, module, margin)
        infinite = {name for name, value in values.items() if math.isinf(value)}
        assert infinite == {name for name in values if name.endswith("margin")}
    assert values["distance from initialisation"] == 0
    with pytest.raises(ValueError, match="margin must be finite"):
        measures(module, module, math.nan)


def test_a_layer_of_zeros():
    network = HomogeneousNetwork((np.zeros((2, 2)), np.eye(2)))
    layers = [WeightLayer(matrix[None, :, :, None, None]) for matrix in network.matrices]
    values = norm_measures(layer_norms(layers, layers), path_norm(network), 1.0)
    assert (values["product of spectral norms"], values["path norm"], values["stable ranks"]) == (0, 0, math.sqrt(2))


def test_other_layers_are_refused():
    inputs = torch.ones(1, 4).double()
    layers, fewer = (weight_layers(perceptron(0, depth=depth), inputs) for depth in (3, 2))
    with pytest.raises(ValueError, match="3 layers, got 2"):
        layer_norms(layers, fewer)
    with pytest.raises(ValueError, match="one shape"):
        layer_norms(layers, layers[::-1])


def test_without_paths_the_other_measures_stay():
    module = perceptron(0)
    layers = weight_layers(module, torch.ones(1, 4).double())
    norms = layer_norms(layers, layers)
    whole, rest = norm_measures(norms, 2.0, 0.5), norm_measures(norms, None, 0.5)
    assert {name: value for name, value in whole.items() if name in rest} == rest
    assert whole.keys() - rest.keys() == {"path norm", "path norm / margin"}


def test_the_lower_margin_is_an_order_statistic():
    values = np.random.default_rng(0).permutation(np.arange(1.0, 101))
    assert [lower_margin(values, share) for share in (0.001, 0.01, 0.1, 0.101, 1)] == [1, 1, 10, 11, 100]
    assert lower_margin([3.0]) == 3
    assert lower_margin(np.arange(30.0), 0.1) == 2  # 0.1 * 30 is above 3 in float64
    for n in range(1, 60):
        sample = np.arange(float(n))
        least = next(m for m in sample if (sample <= m).sum() >= n / 10 - 1e-9)
        assert lower_margin(sample) == least
    for bad, message in ((0.0, "share"), (1.5, "share")):
        with pytest.raises(ValueError, match=message):
            lower_margin(values, bad)
    with pytest.raises(ValueError, match="margins"):
        lower_margin([math.nan])
