import json

import numpy as np
import pytest

from theory.expressivity import curves, deep_relu_interpolant, relu_interpolant
from theory.expressivity.interleaved_matrix import biases_before, condition_number, interleaved_weights
from theory.expressivity.lower_bounds import min_parameters
from theory.expressivity.projection import project_sample


def test_the_same_function_at_every_depth():
    data = curves.interpolant_curves(0, n=9, depths=(2, 3, 5))
    x, y, grid = np.array(data["x"]), np.array(data["y"]), np.array(data["grid"])
    assert len(x) == len(y) == data["n"] == 9
    assert grid[0] < x[0]
    assert grid[-1] > x[-1]
    expected = relu_interpolant(x, y)(grid)
    for network, depth in zip(data["networks"], (2, 3, 5), strict=True):
        assert network["depth"] == depth
        assert len(network["after_layers"]) == depth - 1
        slope = np.abs(np.diff(y) / np.diff(x)).max()  # the grid is rounded to 1e-6
        assert network["after_layers"][-1] == pytest.approx(expected, abs=1e-6 * (1 + slope))
    assert data["difference"] < 1e-10


def test_what_a_layer_leaves_goes_on_level():
    data = curves.interpolant_curves(1, n=9, depths=(4,))
    first, second, whole = np.array(data["networks"][0]["after_layers"])
    for total, points in ((first, 3), (second, 6)):
        apart = np.flatnonzero(np.abs(total - whole) > 1e-5)[0]
        assert np.ptp(total[apart - 1 :]) < 1e-5
        assert total[-1] == pytest.approx(data["y"][points - 1], abs=1e-5)


def test_weights_are_the_exact_ones_rounded_once():
    images, labels = curves._images(3, 60)
    sample = project_sample(images, labels, 3)
    for eps in curves.PLACES:
        biases = np.array(biases_before(sample.z, eps), dtype=np.float64)
        exact = interleaved_weights(sample.z, biases, sample.labels[:, 0])
        assert curves._rounded_weights(sample.z, biases, sample.labels[:, 0]).tolist() == [float(w) for w in exact]


def test_errors_by_place_of_the_biases():
    data = curves.error_curves(0, sizes=(5, 80, 700))
    curve = {(series["eps"], series["compensated"]): series for series in data["series"]}
    assert len(curve) == 5
    for evaluation in ("sum_of_relus", "stable"):
        ours, midpoints, beyond = (curve[key][evaluation] for key in ((1.0, True), (0.5, False), (0.25, False)))
        assert max(ours) < 1e-7
        assert midpoints[1] > ours[1]
        assert beyond[1] > 1e6
        assert beyond[2] is None
    assert curve[1.0, True]["stable"][2] < curve[1.0, True]["sum_of_relus"][2]
    assert curve[0.25, False]["overflow_at"][:2] == [None, None]
    assert 600 < curve[0.25, False]["overflow_at"][2] <= 700  # 3^n passes 2^996 near 628
    assert curve[0.5, False]["overflow_at"] == [None] * 3


def test_conditions():
    data = curves.condition_curves(0, sizes=(2, 30))
    values = {(series["points"], series["eps"]): series["condition"] for series in data["series"]}
    assert len(values) == 8
    for points in ("equal gaps", "random images"):
        at_30 = [values[points, eps][1] for eps in curves.PLACES]
        assert at_30 == sorted(at_30)
    assert values["equal gaps", 0.5][1] == condition_number(range(1, 31), biases_before(range(1, 31), 0.5))


def test_parameters_are_those_of_the_networks():
    data = curves.parameter_curves(exponents=(1, 2.3, 6.5))
    n, d = data["sizes"][1], data["dimension"]
    assert data["sizes"] == [10, 200, 3162278]
    points, labels = np.random.default_rng(0).standard_normal((n, d)), np.arange(n) % 10
    assert data["theorem_1"][1] == relu_interpolant(points, labels).num_weights
    for depth, counts in data["corollary_1"].items():
        assert counts[1] == deep_relu_interpolant(points, labels, int(depth)).num_weights
        few = deep_relu_interpolant(points[:10], labels[:10], int(depth)).num_weights
        assert few <= counts[0]
    assert data["needed_at_depth_2"] == [min_parameters(10, 2), min_parameters(200, 2), None]
    assert all(needed < count for needed, count in zip(data["needed_at_any_depth"], data["narrow"], strict=True))


def test_geometry_is_that_of_a_direction_of_length_1():
    data = curves.geometry_curves(0, sizes=(10, 40), directions=3)
    medians = {name: np.array(values) for name, values in data["medians"].items()}
    assert (medians["lipschitz"] >= medians["lipschitz_needed"]).all()
    assert (medians["weight_max"] <= 2 * medians["lipschitz"] * (1 + 1e-12)).all()
    assert (medians["weight_max"] <= medians["weight_l1"]).all()
    assert medians["robust_radius"] == pytest.approx(0.5 / medians["lipschitz"], rel=1e-6)


@pytest.fixture
def small(monkeypatch):
    """The command with few and small instances."""
    for name, arguments in (
        ("error_curves", {"sizes": (5, 10)}),
        ("condition_curves", {"sizes": (2, 5)}),
        ("geometry_curves", {"sizes": (5, 10), "directions": 2}),
    ):
        function = getattr(curves, name)
        monkeypatch.setattr(curves, name, lambda seed, f=function, a=arguments: f(seed, **a))
    full = curves.parameter_curves
    monkeypatch.setattr(curves, "parameter_curves", lambda: full(exponents=(1, 2)))


def test_command_writes_a_whole_record(small, tmp_path, capsys):
    path = tmp_path / "new" / "expressivity.json"
    assert curves.main([str(path), "--seed", "5"]) == 0
    assert str(path) in capsys.readouterr().out
    first = path.read_text()
    record = json.loads(first)
    assert record["about"]["seed"] == 5
    assert record["about"]["numpy"] == np.__version__
    assert {"interpolant", "errors", "conditions", "geometry", "parameters"} < record.keys()
    assert [file.name for file in path.parent.iterdir()] == ["expressivity.json"]
    assert curves.main([str(path), "--seed", "5"]) == 0
    assert path.read_text() == first


def test_bad_arguments(small, tmp_path, capsys):
    assert curves.main(["--seed", "-1"]) == 2
    assert "--seed takes a non-negative integer" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert curves.main([str(tmp_path / "file" / "out.json")]) == 2
    assert "error: " in capsys.readouterr().err
