"""The data of the expressivity figures: `python -m theory.expressivity.curves [OUT.json]`.

Each function returns plain lists and numbers, for a seed and a version of NumPy the same up to rounding; a value that
float64 does not hold is None. `figures.expressivity` draws them.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import flint
import numpy as np
import numpy.typing as npt

from theory import curves
from theory.common.arrays import Float64Array
from theory.common.double_double import OVERFLOW_THRESHOLD
from theory.common.streams import generator
from theory.common.terminal import prepare_output
from theory.expressivity.deep import deep_relu_interpolant
from theory.expressivity.depth_two import DepthTwoNetwork, relu_interpolant
from theory.expressivity.geometry import interpolant_geometry
from theory.expressivity.interleaved_matrix import biases_before, condition_number
from theory.expressivity.lower_bounds import min_parameters
from theory.expressivity.narrow import narrow_parameter_count
from theory.expressivity.projection import ProjectedSample, project_sample

PLACES = (1.0, 0.75, 0.5, 0.25)
"""The values of eps: biases at z_j - eps (z_j - z_{j-1}), from the previous data point (1) past the midpoint (1/2)
towards z_j."""

_DIMENSION, _CLASSES = 100, 10
_PRECISION = 256
_LENGTHS = ("lipschitz", "lipschitz_needed", "robust_radius")
_WEIGHT_NORMS = ("weight_l1", "weight_l2", "weight_max")


def interpolant_curves(seed: int, n: int = 25, depths: Sequence[int] = (2, 4, 8)) -> dict[str, Any]:
    """The interpolant of n noisy samples of a sine, for each depth what the output is after each hidden layer.

    The grid holds every data point and goes a little beyond them. `difference` is the largest between the outputs of
    two networks on it: in exact arithmetic they are one function, outside the data too (fewer points than layers
    aside: then the last point's layer levels the sum).
    """
    random = generator(seed, "curves-interpolant")
    x = np.sort(random.random(n))
    y = np.sin(2 * np.pi * x) + 0.3 * random.standard_normal(n)
    grid = np.union1d(np.linspace(x[0] - 0.1, x[-1] + 0.1, 201), x)
    networks, outputs = [], []
    for depth in depths:
        network = deep_relu_interpolant(x, y, depth, seed=seed)
        sums = [replace(network, layers=network.layers[:layers]).forward(grid) for layers in range(1, depth)]
        outputs.append(sums[-1])
        networks.append(
            {
                "depth": depth,
                "num_weights": network.num_weights,
                "width": network.width,
                "after_layers": [total.round(6).tolist() for total in sums],
            }
        )
    return {
        "n": n,
        "x": x.tolist(),
        "y": y.tolist(),
        "grid": grid.round(6).tolist(),
        "networks": networks,
        "difference": float(np.ptp(outputs, axis=0).max()),
    }


def error_curves(
    seed: int, sizes: Sequence[int] = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
) -> dict[str, Any]:
    """Largest error at the data against n, for each place of the biases and both evaluations.

    Random images with random labels; the first n of them for each n. For every eps the exact weights are rounded once:
    no float64 solver of A w = y can be expected to do better. `compensated` are those of `relu_interpolant`, which make
    up for the rounding of those before. `overflow_at` is the first weight too large to be evaluated, if any.
    """
    images, labels = _images(seed, max(sizes))
    series: list[dict[str, Any]] = [
        {"eps": eps, "compensated": compensated, "sum_of_relus": [], "stable": [], "overflow_at": []}
        for eps, compensated in [(1.0, True), *((eps, False) for eps in PLACES)]
    ]
    for n in sizes:
        sample = project_sample(images[:n], labels[:n], seed)
        for curve in series:
            if curve["compensated"]:
                network = relu_interpolant(images[:n], labels[:n], seed=seed)
            else:
                network = _network_with_biases(sample, curve["eps"])
            too_large = np.flatnonzero(~(np.abs(network.weights[:, 0]) < OVERFLOW_THRESHOLD))
            curve["overflow_at"].append(int(too_large[0]) + 1 if too_large.size else None)
            for name, evaluate in (("sum_of_relus", network.sum_of_relus), ("stable", network)):
                error = None if too_large.size else float(np.abs(evaluate(images[:n]) - labels[:n]).max())
                curve[name].append(error)
    return {"dimension": _DIMENSION, "classes": _CLASSES, "sizes": list(sizes), "series": series}


def condition_curves(seed: int, sizes: Sequence[int] = (2, 3, 5, 10, 20, 50, 100, 200, 500)) -> dict[str, Any]:
    """Condition number of Lemma 1's matrix against n for each place of the biases: at equal gaps, and on random images.

    They are computed from the entrywise accurate inverse: nothing is lost to the conditioning that they measure.
    """
    images, labels = _images(seed, max(sizes))
    samples = {
        "equal gaps": [np.arange(1.0, n + 1) for n in sizes],
        "random images": [project_sample(images[:n], labels[:n], seed).z for n in sizes],
    }
    series = [
        {"points": points, "eps": eps, "condition": [condition_number(z, biases_before(z, eps)) for z in projections]}
        for points, projections in samples.items()
        for eps in PLACES
    ]
    return {"dimension": _DIMENSION, "sizes": list(sizes), "series": series}


def geometry_curves(
    seed: int, sizes: Sequence[int] = (10, 30, 100, 300, 1000, 3000, 10_000), directions: int = 25
) -> dict[str, Any]:
    """Lipschitz constant, weight norms and robust radius of Theorem 1's interpolant against n, on random images.

    Medians over directions. The weights are those of a direction of length 1, so that they compare with slopes.
    """
    images, labels = _images(seed, max(sizes))
    series: dict[str, list[float]] = {name: [] for name in (*_LENGTHS, *_WEIGHT_NORMS)}
    for n in sizes:
        measured: list[list[float]] = []
        for index in range(directions):
            network = relu_interpolant(images[:n], labels[:n], seed=seed * directions + index)
            geometry = interpolant_geometry(network, images[:n], labels[:n])
            scale = float(np.linalg.norm(network.direction))
            norms = [scale * getattr(geometry, name) for name in _WEIGHT_NORMS]
            measured.append([getattr(geometry, name) for name in _LENGTHS] + norms)
        for name, median in zip(series, np.median(measured, axis=0).tolist(), strict=True):
            series[name].append(median)
    return {
        "dimension": _DIMENSION,
        "classes": _CLASSES,
        "directions": directions,
        "sizes": list(sizes),
        "medians": series,
    }


def parameter_curves(exponents: Sequence[float] = tuple(np.arange(1, 7.01, 0.25).tolist())) -> dict[str, Any]:
    """Parameters against n = 10^exponent: what each construction takes, and what none can do without.

    Images of 32 x 32 x 3 and 10 labels as one output. The counts of the constructions and the bounds are theorems
    (`deep`, `narrow`, `lower_bounds`). The bound for depth 2 stops at 10^6: its exact integers have n bits.
    """
    dimension = 32 * 32 * 3
    sizes = [round(10**exponent) for exponent in exponents]
    return {
        "dimension": dimension,
        "classes": _CLASSES,
        "sizes": sizes,
        "theorem_1": [2 * n + dimension for n in sizes],
        "corollary_1": {str(depth): [2 * n + dimension + 2 * depth - 2 for n in sizes] for depth in (8, 64)},
        "narrow": [narrow_parameter_count(n, dimension, _CLASSES) for n in sizes],
        "needed_at_depth_2": [min_parameters(n, 2) if n <= 10**6 else None for n in sizes],
        "needed_at_any_depth": [min_parameters(n) for n in sizes],
        "paper": sizes,
    }


def _images(seed: int, n: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    random = generator(seed, "curves-images")
    return random.integers(0, 256, (n, _DIMENSION), dtype=np.uint8), random.integers(0, _CLASSES, n)


def _network_with_biases(sample: ProjectedSample, eps: float) -> DepthTwoNetwork:
    """The network with biases at z_j - eps gap, its exact weights rounded once; infinite where they overflow."""
    biases = np.array(biases_before(sample.z, eps), dtype=np.float64)
    weights = _rounded_weights(sample.z, biases, sample.labels[:, 0])
    return DepthTwoNetwork(sample.direction, biases, weights[:, None])


def _rounded_weights(z: Float64Array, biases: Float64Array, labels: Float64Array) -> Float64Array:
    """`interleaved_weights`, rounded to float64: the same recurrence in balls of 256 bits.

    Over the rationals its numbers grow to n times the length of a gap, which ends at a few thousand points.
    """
    weights = []
    with flint.ctx.workprec(_PRECISION):
        points, knots, targets = ([flint.arb(value) for value in vector.tolist()] for vector in (z, biases, labels))
        slope = before = flint.arb(0)
        end = knots[0]
        for point, knot, target in zip(points, knots, targets, strict=True):
            slope_before = slope
            slope = (target - before - (knot - end) * slope) / (point - knot)
            weights.append(float(slope - slope_before))
            before, end = target, point
    return np.array(weights)


def expressivity_curves(seed: int) -> dict[str, Any]:
    """All of the above, by name."""
    return {
        "interpolant": interpolant_curves(seed),
        "errors": error_curves(seed),
        "conditions": condition_curves(seed),
        "geometry": geometry_curves(seed),
        "parameters": parameter_curves(),
    }


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    return curves.main("expressivity", expressivity_curves, ("numpy", "python-flint"), arguments)


if __name__ == "__main__":
    prepare_output()
    sys.exit(main())
