"""Networks that would miss in float64, files that hold no numbers, certificates with more in them than the format."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest
import torch

from theory.common.arrays import BeyondFloat64Error
from theory.expressivity import exact_relu_interpolant, interpolate, relu_interpolant
from theory.expressivity.certificate_checker import check_certificate
from theory.expressivity.certificates import certificate, save_certificate
from theory.expressivity.deep import DeepNetwork, deep_relu_interpolant
from theory.expressivity.depth_two import DepthTwoNetwork, require_interpolation
from theory.expressivity.projection import project_sample


@pytest.mark.parametrize("build", [relu_interpolant, lambda X, y: deep_relu_interpolant(X, y, 2)])
def test_a_network_that_misses_is_refused(build):
    with pytest.raises(BeyondFloat64Error, match="float64 weights miss a label by"):
        build([0, 1e-13, 1e3], [0, 1, 0])
    network = interpolate([0, 1e-13, 1e3], [0, 1, 0])
    np.testing.assert_array_equal(network([0, 1e-13, 1e3]), [0, 1, 0])


def test_a_thousandth_of_the_largest_label_may_be_missed():
    sample = project_sample([0, 1, 2], [0.0, -2.0, 1.0], 0)
    network = relu_interpolant([0, 1, 2], [0.0, -2.0, 1.0])
    require_interpolation(network, dataclasses.replace(sample, labels=sample.labels / 1.00099))
    with pytest.raises(BeyondFloat64Error, match=r"float64 weights miss a label by 0\.002"):
        require_interpolation(network, dataclasses.replace(sample, labels=sample.labels / 1.00101))


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("gap", [1e-3, 1e-6, 1e-9, 1e-12, 1e-15])
def test_what_is_built_does_not_miss(depth, gap):
    points, labels = np.array([0.0, gap, 1.0, 1e3]), np.array([0.0, 1.0, -1.0, 2.0])
    network = interpolate(points, labels, depth=depth)
    assert np.abs(network(points) - labels).max() <= 0.25


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_saved_network_with_weights_that_are_not_finite(value, tmp_path):
    points, labels = np.arange(4.0), np.array([1.0, 3.0, 2.0, 0.0])
    network = relu_interpolant(points, labels)
    network.weights[2] = value
    network.save(tmp_path / "network.npz")
    with pytest.raises(ValueError, match="NaN or infinite"):
        DepthTwoNetwork.load(tmp_path / "network.npz")
    deep = deep_relu_interpolant(points, labels, 3)
    deep.layers[1].biases[0] = value
    deep.save(tmp_path / "deep.npz")
    with pytest.raises(ValueError, match="NaN or infinite"):
        DeepNetwork.load(tmp_path / "deep.npz")


def test_small_labels_are_not_lost_in_float16():
    points, labels = np.arange(40.0) * 1e3, np.random.default_rng(0).standard_normal(40) * 1e-3
    with pytest.raises(BeyondFloat64Error, match="misses a label"):
        relu_interpolant(points, labels).to_torch(torch.float16, sample=(points, labels))


def tampered(change):
    document = json.loads(json.dumps(certificate(exact_relu_interpolant([0, 1, 2], [1, 0, 2], depth=3))))
    del document["sha256"]
    change(document)
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return {**document, "sha256": hashlib.sha256(canonical.encode()).hexdigest()}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda document: document.update(depth=3.0), "depth must be an integer"),
        (lambda document: document.update(num_weights=True), "num_weights must be an integer"),
        (lambda document: document.update(note="trust me"), "unknown or missing keys: 'note'"),
        (lambda document: document["layers"][0].update(scale="2"), "layer 1 has unknown or missing keys: 'scale'"),
        (lambda document: document.pop("origin"), "unknown or missing keys: 'origin'"),
    ],
)
def test_certificates_hold_what_the_format_names(change, problem):
    assert check_certificate(tampered(lambda document: None), [0, 1, 2], [1, 0, 2]).holds
    checked = check_certificate(tampered(change), [0, 1, 2], [1, 0, 2])
    assert not checked.holds
    assert problem in checked.problems[0]


def test_a_key_that_is_there_twice(tmp_path):
    path = tmp_path / "certificate.json"
    save_certificate(exact_relu_interpolant([0, 1, 2], [1, 0, 2]), path)
    assert check_certificate(path, [0, 1, 2], [1, 0, 2]).holds
    path.write_text(path.read_text().replace('"depth": 2', '"depth": 7,\n"depth": 2'))
    checked = check_certificate(path, [0, 1, 2], [1, 0, 2])
    assert not checked.holds
    assert "a key is there twice" in checked.problems[0]
