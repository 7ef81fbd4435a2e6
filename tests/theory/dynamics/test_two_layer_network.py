"""The network against automatic differentiation; training in the row space; stopping and going on."""

import hashlib
from collections.abc import Callable

import numpy as np
import pytest
import torch

from theory.common.streams import generator
from theory.dynamics import (
    TwoLayerNetwork,
    gradient_descent,
    initial_state,
    random_network,
    row_space,
)


def problem(n: int, d: int, outputs: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    random = generator(0, "two-layer-test")
    X = torch.nn.functional.normalize(torch.from_numpy(random.standard_normal((n, d))))
    return X, torch.from_numpy(random.choice([-1.0, 1.0], (n, outputs)))


def by_autograd(network: TwoLayerNetwork, X: torch.Tensor, y: torch.Tensor, step_size: float, steps: int):
    """Weights after `steps` of torch's SGD on the loss as it is written."""
    W = network.weights.clone().requires_grad_()
    optimizer = torch.optim.SGD([W], lr=step_size)
    for _ in range(steps):
        optimizer.zero_grad()
        outputs = torch.relu(X @ W.T) @ network.signs / len(W) ** 0.5
        (0.5 * ((outputs - y) ** 2).sum()).backward()
        optimizer.step()
    return W.detach()


@pytest.mark.parametrize("outputs", [1, 3])
def test_steps_are_those_of_automatic_differentiation(outputs):
    X, y = problem(12, 5, outputs)
    network = random_network(5, 64, outputs=outputs, scale=0.5, seed=3)
    *_, last = gradient_descent(X, y, initial_state(network, X), 0.4, max_steps=25)
    expected = by_autograd(network, X, y, 0.4, 25)
    torch.testing.assert_close(last.state["weights"], expected, rtol=0, atol=1e-13)
    torch.testing.assert_close(last.residual, y - last.network(X), rtol=0, atol=1e-13)
    assert last.step == 25
    assert last.residual_norm == float(last.residual.norm())


def test_tangent_gram_is_of_gradients():
    X, _ = problem(6, 4)
    network = random_network(4, 50, outputs=2, seed=1)
    for output in range(2):
        rows = []
        for x in X:
            W = network.weights.clone().requires_grad_()
            value = TwoLayerNetwork(W, network.signs)(x[None])[0, output]
            rows.append(torch.autograd.grad(value, W)[0].ravel())
        torch.testing.assert_close(network.tangent_gram(X), torch.stack(rows) @ torch.stack(rows).T)


def test_changed_activations_are_counted():
    X, y = problem(10, 6)
    network = random_network(6, 16, scale=0.1, seed=2)
    run = list(gradient_descent(X, y, initial_state(network, X), 0.5, max_steps=10))
    before = X @ network.weights.T > 0
    for step in run:
        now = X @ step.state["weights"].T > 0
        assert step.changed_activations == pytest.approx(float((before != now).double().mean()))
    assert run[0].changed_activations == 0 < run[-1].changed_activations


@pytest.mark.parametrize("shape", [(8, 30), (8, 8), (20, 6)])
def test_training_in_the_row_space_is_the_same(shape):
    n, d = shape
    X, y = problem(n, d, 2)
    coordinates, basis = row_space(X)
    assert coordinates.shape == (n, min(n, d))
    torch.testing.assert_close(coordinates @ basis, X)
    network = random_network(d, 128, outputs=2, seed=4)
    inside = network.in_row_space(basis)
    *_, direct = gradient_descent(X, y, initial_state(network, X), 0.4, max_steps=40)
    *_, reduced = gradient_descent(coordinates, y, initial_state(inside, coordinates), 0.4, max_steps=40)
    torch.testing.assert_close(reduced.residual, direct.residual, rtol=0, atol=1e-12)
    assert reduced.changed_activations == direct.changed_activations
    whole = network.moved(reduced.network, basis)
    torch.testing.assert_close(whole.weights, direct.state["weights"], rtol=0, atol=1e-12)


def test_training_goes_on_as_if_it_had_not_stopped(tmp_path):
    X, y = problem(10, 5)
    network = random_network(5, 32, seed=5)
    whole = list(gradient_descent(X, y, initial_state(network, X), 0.4, max_steps=20))
    *_, part = gradient_descent(X, y, initial_state(network, X), 0.4, max_steps=8)
    torch.save(part.state, tmp_path / "state.pt")
    rest = list(gradient_descent(X, y, torch.load(tmp_path / "state.pt", weights_only=True), 0.4, max_steps=20))
    assert [step.step for step in rest] == list(range(8, 21))
    for expected, resumed in zip(whole[8:], rest, strict=True):
        assert torch.equal(expected.residual, resumed.residual)
        assert expected.changed_activations == resumed.changed_activations
        assert torch.equal(expected.state["weights"], resumed.state["weights"])
    assert torch.equal(whole[0].state["weights"], network.weights)  # later steps change no state handed out


def test_initialisation():
    network = random_network(5, 4000, outputs=2, scale=0.5, seed=6)
    narrow = random_network(5, 10, outputs=2, scale=0.5, seed=6)
    assert torch.equal(network.weights[:10], narrow.weights)
    assert torch.equal(network.signs[:10], narrow.signs)
    assert set(network.signs.unique().tolist()) == {-1.0, 1.0}
    # Standard errors: 1/sqrt(20,000) of the mean over the standard deviation, 1/sqrt(4,000) of a mean sign.
    assert abs(float(network.weights.mean())) < 5 * 0.5 / 20_000**0.5
    assert float(network.weights.std()) == pytest.approx(0.5, rel=5 / 40_000**0.5)
    assert network.signs.mean(0).abs().max() < 5 / 4000**0.5
    assert abs(float((network.signs[:, 0] * network.signs[:, 1]).mean())) < 5 / 4000**0.5


def test_initialisation_is_pinned():
    """Changing the draws changes everybody's networks. Rounded to float32: log and cos may differ between machines."""
    network = random_network(3, 8, outputs=2, seed=0)
    content = network.weights.numpy().astype(np.float32).tobytes() + network.signs.numpy().astype(np.int8).tobytes()
    assert hashlib.sha256(content).hexdigest()[:16] == "484fae8fbdb92f7a"


def refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_refusals():
    X, y = problem(4, 3)
    state = initial_state(random_network(3, 8), X)
    refused(lambda: gradient_descent(X, y[:3], state, 0.1, max_steps=1), "y has shape")
    refused(lambda: gradient_descent(X[:, :2], y, state, 0.1, max_steps=1), "X has shape")
    refused(lambda: gradient_descent(X, y, state, 0.0, max_steps=1), "step_size must be positive")
    refused(lambda: random_network(0, 8), "at least 1")
    refused(lambda: random_network(3, 8, scale=0.0), "scale positive")
