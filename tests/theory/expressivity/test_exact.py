"""Exact networks, their certificates, and the checker that trusts nothing."""

import ast
import copy
import hashlib
import json
import math
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from empirical.datasets import load
from theory.expressivity import (
    RationalNetwork,
    certificate,
    certificate_checker,
    check_certificate,
    enclose,
    exact_relu_interpolant,
    interpolate,
    relu_interpolant,
    save_certificate,
)
from theory.expressivity.deep import deep_relu_interpolant

any_float = st.floats(allow_nan=False, allow_infinity=False)  # 1e-324 to 1e308, subnormals and both zeros


@st.composite
def samples(draw, elements=any_float, dtype=np.float64, max_n=12):
    """Any distinct points of any scale, any labels, any depth."""
    shape = draw(st.tuples(st.integers(1, max_n), st.integers(1, 4)))
    points = draw(hnp.arrays(dtype, shape, elements=elements))
    _, first = np.unique(points, axis=0, return_index=True)
    points = points[np.sort(first)]
    labels = draw(hnp.arrays(np.float64, len(points), elements=any_float))
    return points, labels, draw(st.integers(2, 12))


@given(samples())
def test_any_floats_are_interpolated_exactly(sample):
    points, labels, depth = sample
    network = exact_relu_interpolant(points, labels, depth=depth)
    assert network.evaluate(points) == [(Fraction(label),) for label in labels.tolist()]
    checked = check_certificate(certificate(network), points, labels)
    assert checked.holds, checked
    assert checked.points == len(points)
    np.testing.assert_array_equal(network(points), labels)


@given(samples(st.integers(-(2**63), 2**63 - 1), np.int64))
@settings(max_examples=30)
def test_integers_beyond_float64(sample):
    points, labels, depth = sample
    assert check_certificate(certificate(exact_relu_interpolant(points, labels, depth=depth)), points, labels).holds


@pytest.mark.parametrize("depth", [2, 3, 64])
def test_counts(depth):
    random = np.random.default_rng(0)
    n, d = 97, 13
    points, labels = random.integers(0, 256, (n, d), dtype=np.uint8), random.integers(0, 10, n)
    network = exact_relu_interpolant(points, labels, depth=depth)
    checked = check_certificate(certificate(network), points, labels)
    assert checked.holds
    assert checked.num_weights == network.num_weights
    assert network.num_weights == 2 * n + d if depth == 2 else network.num_weights <= 2 * n + d + 2 * depth - 2


def test_several_outputs_torch_and_fractions():
    points = torch.arange(12, dtype=torch.float32).reshape(6, 2)
    labels = np.array([[Fraction(1, 3), 2], [0, Fraction(-5, 7)]] * 3, dtype=object)
    network = exact_relu_interpolant(points, labels)
    assert [list(row) for row in network.evaluate(points)] == labels.tolist()
    assert check_certificate(certificate(network), points, labels.tolist()).holds
    assert network(points).shape == (6, 2)


def test_points_that_no_float_projection_tells_apart():
    """One unit in the last place, at scales that cannot be added in float64."""
    points = np.array([[1e300, 1e-300], [1e300, math.nextafter(1e-300, 1)], [math.nextafter(1e300, 2e300), 1e-300]])
    labels = [1.0, 2.0, 3.0]
    for network in (exact_relu_interpolant(points, labels), interpolate(points, labels)):
        np.testing.assert_array_equal(network(points), labels)


def test_the_exact_route_takes_over():
    """Labels too large for float weights; integers beyond 2^53; a tolerance that rounding cannot meet."""
    steep = np.array([[0.0], [1e-300]]), np.array([1e300, -1e300])
    with pytest.raises(ValueError, match="use exact_relu_interpolant"):
        relu_interpolant(*steep)
    wide = np.array([[2**53], [2**53 + 1]]), np.array([0, 1])
    random = np.random.default_rng(0)
    demanding = random.standard_normal((50, 3)), random.standard_normal(50)
    for points, labels in (steep, wide):
        network = interpolate(points, labels)
        assert isinstance(network, RationalNetwork)
        np.testing.assert_array_equal(network(points), labels)
    assert not isinstance(interpolate(*demanding, tolerance=1e-3), RationalNetwork)
    assert not isinstance(interpolate(*demanding, depth=5, tolerance=1e-3), RationalNetwork)
    assert isinstance(interpolate(*demanding, tolerance=1e-30), RationalNetwork)
    assert interpolate(*demanding, tolerance=1e-30).error_bound(*demanding).max() == 0.0


def test_a_float_network_that_decides_nothing_is_not_given_out():
    """Points that differ by a few units in the last place: the proved bound is far above the labels' distance."""
    points = 1 + np.arange(9)[:, None] * 2.0**-52 * np.ones((9, 3))
    labels = np.arange(9) % 2
    assert relu_interpolant(points, labels).error_bound(points, labels, "pairwise").max() > 1
    network = interpolate(points, labels)
    assert isinstance(network, RationalNetwork)
    np.testing.assert_array_equal(network(points), labels)


def test_numbers_that_no_dtype_holds():
    huge = np.array([[2**80, 1], [2**80 + 1, 1]], dtype=object)
    for network in (exact_relu_interpolant(huge, [3, 4]), interpolate(huge, [3, 4])):
        np.testing.assert_array_equal(network(huge), [3, 4])
        assert check_certificate(certificate(network), huge, [3, 4]).holds
    mixed = [[2**53], [2**53 + 1], [0.5]]  # NumPy would make the first two equal
    network = interpolate(mixed, [0, 1, 2])
    assert network.num_weights == 2 * 3 + 1
    np.testing.assert_array_equal(network(mixed), [0, 1, 2])
    labels = [Fraction(1, 3), Fraction(2, 7)]
    network = interpolate([[0], [1]], np.array(labels, dtype=object))
    assert network.evaluate([[0], [1]]) == [(label,) for label in labels]
    assert 0 < network.error_bound([[0], [1]], np.array(labels, dtype=object)).max() < 1e-16


def test_long_numbers_in_a_certificate():
    """More digits than Python converts in decimal."""
    points = [[10**3000], [10**6000]]
    document = json.loads(json.dumps(certificate(exact_relu_interpolant(points, [1, 2]))))
    assert check_certificate(document, points, [1, 2]).holds


def test_exact_evaluation_away_from_the_sample_and_at_scale():
    random = np.random.default_rng(0)
    points, labels = random.integers(0, 256, (3000, 20)), random.integers(0, 10, 3000)
    network = exact_relu_interpolant(points, labels, depth=3)
    assert [value for (value,) in network.evaluate(points)] == labels.tolist()
    new = random.integers(-50, 300, (20, 20))
    a, o = network.direction, network.origin
    for point, (value,) in zip(new.tolist(), network.evaluate(new), strict=True):
        z = sum(ak * x for ak, x in zip(a, point, strict=True))
        first, second = network.layers
        total = sum(w * max(z - b, 0) for w, b in zip(first.weights[0], first.biases, strict=True))
        total = max(total + network.offsets[0], 0) - network.offsets[0]
        p = max(z - o, 0)
        assert value == total + sum(w * max(p - b, 0) for w, b in zip(second.weights[0], second.biases, strict=True))
    with pytest.raises(ValueError, match="points have 3 coordinates, the network takes 20"):
        network.evaluate([[1, 2, 3]])


def test_a_tensor_that_wants_gradients():
    points = torch.arange(6.0).reshape(3, 2).requires_grad_()
    assert interpolate(points, [1, 2, 3], tolerance=0).evaluate(points) == [(1,), (2,), (3,)]


def test_errors_are_not_taken_for_a_reason_to_go_exact():
    for labels, message in (([0, 1], "different labels in rows 0 and 1"), ([0, np.nan], "labels contains NaN")):
        with pytest.raises(ValueError, match=message):
            interpolate([[1.0], [1.0]], labels)


@pytest.mark.parametrize(
    ("points", "labels", "message"),
    [
        ([[1.0], [1.0]], [0, 1], "different labels in rows 0 and 1"),
        ([[np.nan], [1.0]], [0, 1], "points contains NaN or infinite values, row 0"),
        ([[1.0], [2.0]], [0], r"labels must have shape \(2,\)"),
        ([[1.0], [2.0]], [0, np.inf], "labels contains NaN or infinite values, row 1"),
        ([], [], "points is empty"),
    ],
)
def test_bad_input(points, labels, message):
    with pytest.raises(ValueError, match=message):
        exact_relu_interpolant(points, labels)


def test_equal_points_are_merged():
    network = exact_relu_interpolant([[1, 2], [3, 4], [1, 2]], [5, 6, 5])
    assert network.num_weights == 2 * 2 + 2
    assert check_certificate(certificate(network), [[1, 2], [3, 4], [1, 2]], [5, 6, 5]).holds


def test_interval_evidence_contains_the_exact_outputs():
    random = np.random.default_rng(0)
    points, labels = random.standard_normal((40, 5)), random.standard_normal((40, 2))
    network = relu_interpolant(points, labels)
    evidence = enclose(network, points, labels)
    a, b, w = (
        [Fraction(float(v)) for v in values.ravel()] for values in (network.direction, network.biases, network.weights)
    )
    for row, point in enumerate(points):
        z = sum((ak * Fraction(float(x)) for ak, x in zip(a, point, strict=True)), Fraction(0))
        for output in range(2):
            hinges = (w[2 * j + output] * max(z - bj, Fraction(0)) for j, bj in enumerate(b))
            exact = sum(hinges, Fraction(0))
            assert evidence.lower[row, output] <= exact <= evidence.upper[row, output]
            assert abs(exact - Fraction(float(labels[row, output]))) <= evidence.radius
    assert evidence.radius < 1e-9
    spoiled = enclose(type(network)(network.direction, network.biases, network.weights + 1e-6, True), points, labels)
    assert spoiled.radius > 1e-7


# The checker.


def leaves(document):
    """(path, text) of every weight in a certificate."""
    for key in ("direction", "offsets"):
        yield from (((key, i), text) for i, text in enumerate(document[key]))
    yield ("origin",), document["origin"]
    for index, layer in enumerate(document["layers"]):
        yield from ((("layers", index, "biases", i), text) for i, text in enumerate(layer["biases"]))
        for output, column in enumerate(layer["weights"]):
            yield from ((("layers", index, "weights", output, i), text) for i, text in enumerate(column))


def changed(document, path, text):
    """A copy of a certificate with one weight replaced."""
    document = copy.deepcopy(document)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = text
    return document


def resealed(document):
    """The document with the digest that a forger would put."""
    content = {key: value for key, value in document.items() if key != "sha256"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return {**content, "sha256": hashlib.sha256(canonical.encode()).hexdigest()}


def one_ulp(text: str) -> str:
    """The rational number moved by one unit in the last place of the float nearest to it."""
    value = Fraction(text)
    return str(value + Fraction(math.ulp(float(value))))


@pytest.fixture(scope="module", params=[2, 4])
def certified(request):
    random = np.random.default_rng(0)
    points, labels = random.integers(1, 256, (30, 5)), random.uniform(-1, 1, 30)
    return certificate(exact_relu_interpolant(points, labels, depth=request.param)), points, labels


def test_any_weight_changed_by_one_unit_in_the_last_place_is_rejected(certified):
    document, points, labels = certified
    assert check_certificate(document, points, labels).holds
    for path, text in leaves(document):
        assert not check_certificate(changed(document, path, one_ulp(text)), points, labels).holds, path


def test_even_with_a_forged_digest(certified):
    """Then the interpolation itself fails, but for p's origin and s's offset: these have room before they cut off."""
    document, points, labels = certified
    for path, text in leaves(document):
        checked = check_certificate(resealed(changed(document, path, one_ulp(text))), points, labels)
        if path[0] == "origin" and document["depth"] == 2:
            assert checked.holds  # depth 2 has no p
        elif path[0] == "offsets":
            assert checked.holds  # any larger shift gives the same function
        else:
            assert not checked.holds, path
            assert checked.wrong_rows


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"num_weights": 3}, "3 weights claimed"),
        ({"depth": 9}, "depth 9 claimed"),
        ({"format": "other"}, "unknown format 'other'"),
        ({"direction": ["1/0"]}, "not a certificate: ZeroDivisionError"),
        ({"direction": ["x"]}, "not a certificate: ValueError"),
        ({"layers": 3}, "not a certificate: TypeError"),
        ({"offsets": []}, "not one weight for each bias and output"),
        ({"direction": ["1"]}, "a point has 5 coordinates, the network takes 1"),
    ],
)
def test_damaged_certificates_are_reported(certified, change, problem):
    document, points, labels = certified
    checked = check_certificate(resealed({**document, **change}), points, labels)
    assert not checked.holds
    assert any(problem in message for message in checked.problems), checked


def test_another_sample_is_rejected(certified):
    document, points, labels = certified
    assert check_certificate(document, points, labels[::-1]).wrong_rows
    assert not check_certificate(document, points[:-1], labels).holds
    assert not check_certificate(document, points[:0], labels[:0]).holds
    moved = points.copy()
    moved[7, 2] += 1
    assert check_certificate(document, moved, labels).wrong_rows == (7,)


def test_certificates_are_files(certified, tmp_path):
    network = exact_relu_interpolant(np.arange(5), [3, 1, 4, 1, 5], depth=3)
    save_certificate(network, tmp_path / "certificate.json")
    assert check_certificate(tmp_path / "certificate.json", np.arange(5), [3, 1, 4, 1, 5]).holds
    assert json.loads((tmp_path / "certificate.json").read_text()) == certificate(network)
    (tmp_path / "certificate.json").write_text("{")
    assert "not a certificate" in check_certificate(tmp_path / "certificate.json", [], []).problems[0]
    with pytest.raises(FileNotFoundError):  # a missing file is no certificate that fails
        check_certificate(tmp_path / "missing.json", [], [])
    infinite = check_certificate(certificate(network), [[float("inf")]] * 5, [3, 1, 4, 1, 5])
    assert not infinite.holds
    assert "OverflowError" in infinite.problems[0]


def test_the_checker_shares_no_code_with_the_construction():
    """It imports the standard library only; nothing of theory, numpy or flint."""
    tree = ast.parse(Path(certificate_checker.__file__).read_text())
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported <= sys.stdlib_module_names


def test_real_images_with_random_labels():
    digits = load("digits").train
    labels = np.random.default_rng(0).integers(0, 10, len(digits.labels))
    network = exact_relu_interpolant(digits.images, labels)
    checked = check_certificate(certificate(network), digits.images, labels)
    assert checked.holds
    assert checked.num_weights == 2 * len(labels) + 64


@pytest.mark.slow
def test_all_of_cifar10_with_random_labels_within_a_minute(real_cifar10):
    """50,000 images: built, saved as data and checked independently; single-threaded."""
    import time

    train = load("cifar10", real_cifar10).train
    labels = np.random.default_rng(0).integers(0, 10, len(train.labels))
    start = time.perf_counter()
    document = certificate(exact_relu_interpolant(train.images, labels))
    checked = check_certificate(document, train.images, labels)
    assert checked.holds
    assert checked.num_weights == 2 * 50_000 + 3072
    assert time.perf_counter() - start < 60


def test_the_worst_row_of_several_outputs():
    points, labels = np.arange(6.0), np.stack([np.arange(6.0), np.arange(6.0) ** 2], axis=1)
    for depth in (2, 3):
        network = relu_interpolant(points, labels) if depth == 2 else deep_relu_interpolant(points, labels, depth)
        moved = labels.copy()
        moved[:, 0] += 1  # all rows are off in one output, the fourth more so in the other one
        moved[3, 1] -= 4
        moved[1] += 2
        evidence = enclose(network, points, moved)
        assert evidence.worst_row == 3
        assert evidence.radius == pytest.approx(4, rel=1e-12)
        assert (evidence.lower <= labels + 1e-12).all()
        assert (labels - 1e-12 <= evidence.upper).all()


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)])
def test_an_empty_sample_of_objects_is_named(shape):
    with pytest.raises(ValueError, match="points is empty"):
        exact_relu_interpolant(np.empty(shape, dtype=object), np.empty(shape[0]))


@pytest.mark.parametrize(
    ("points", "labels"),
    [([[1, 2], [3, 4]], [5.0, math.nan]), ([[1, 2, 3], [3, 4, 5]], [5, 6]), ([["a", 2], [3, 4]], [5, 6])],
)
def test_a_sample_that_fits_no_network_is_not_the_certificates_fault(points, labels):
    document = certificate(exact_relu_interpolant([[1, 2], [3, 4]], [5, 6]))
    checked = check_certificate(document, points, labels)
    assert not checked.holds
    assert checked.num_weights == document["num_weights"]
    (problem,) = checked.problems
    assert problem.startswith("the sample is none for this network")
