from fractions import Fraction

import numpy as np
import pytest

from theory.expressivity import certificate, check_certificate, exact_relu_interpolant, save_certificate
from theory.proofs.verified_checker import checker, missing, verified_check

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")

RANDOM = np.random.default_rng(1)
POINTS = RANDOM.integers(0, 256, (40, 12))
LABELS = RANDOM.integers(1, 10, 40)  # no label 0: the first hinge would have weight 0, and its bias would not matter
DOCUMENT = certificate(exact_relu_interpolant(POINTS, LABELS))


@pytest.fixture(scope="module")
def program():
    with checker() as built:
        yield built


def _changed(place: str, index: int, value: str):
    """The certificate with one number changed."""
    (layer,) = DOCUMENT["layers"]
    if place == "direction":
        numbers = list(DOCUMENT["direction"])
        numbers[index] = value
        return {**DOCUMENT, "direction": numbers}
    numbers = list(layer["biases"] if place == "biases" else layer["weights"][0])
    numbers[index] = value
    return {**DOCUMENT, "layers": [{**layer, place: numbers if place == "biases" else [numbers]}]}


def test_a_true_certificate_is_accepted(program, tmp_path):
    outcome = verified_check(DOCUMENT, POINTS, LABELS, program)
    assert outcome.holds
    assert outcome.points == 40
    save_certificate(exact_relu_interpolant(POINTS, LABELS), tmp_path / "certificate.json")
    assert verified_check(tmp_path / "certificate.json", POINTS.tolist(), LABELS.tolist(), program).holds


@pytest.mark.parametrize("place", ["direction", "biases", "weights"])
@pytest.mark.parametrize("index", [0, 7])
def test_a_tampered_certificate_is_refused(program, place, index):
    assert not verified_check(_changed(place, index, "12345/678"), POINTS, LABELS, program).holds


def test_a_wrong_label_and_a_moved_point_are_refused(program):
    labels = LABELS.copy()
    labels[13] += 1
    assert not verified_check(DOCUMENT, POINTS, labels, program).holds
    points = POINTS.copy()
    points[13, 2] += 1
    assert not verified_check(DOCUMENT, points, LABELS, program).holds


def test_more_hinges_than_points_are_refused(program):
    assert not verified_check(DOCUMENT, POINTS[:39], LABELS[:39], program).holds


def test_it_agrees_with_the_python_checker_on_rational_points_and_unsorted_hinges(program):
    random = np.random.default_rng(2)
    for _ in range(5):
        points = random.integers(-50, 50, (12, 3)) / 8
        labels = np.array([Fraction(int(v), 7) for v in random.integers(-9, 9, 12)], dtype=object)
        document = certificate(exact_relu_interpolant(points, labels))
        (layer,) = document["layers"]
        order = random.permutation(len(layer["biases"]))
        shuffled = {
            "biases": [layer["biases"][i] for i in order],
            "weights": [[layer["weights"][0][i] for i in order]],
        }
        document = {**document, "layers": [shuffled]}
        assert verified_check(document, points, labels, program).holds
        labels[5] += Fraction(1, 10**12)
        assert not verified_check(document, points, labels, program).holds
        assert not check_certificate(document, points, labels).holds


def test_what_it_cannot_check_is_named(program):
    deep = certificate(exact_relu_interpolant(POINTS, LABELS, depth=3))
    with pytest.raises(ValueError, match="depth 2 with one output, got depth 3"):
        verified_check(deep, POINTS, LABELS, program)
    with pytest.raises(ValueError, match="11 coordinates, the certificate's network takes 12"):
        verified_check(DOCUMENT, POINTS[:, :11], LABELS, program)
    with pytest.raises(ValueError, match="40 points, 39 labels"):
        verified_check(DOCUMENT, POINTS, LABELS[:39], program)
