"""Sharpness against closed forms for linear classifiers, exhaustive linear programs, and the divergence itself."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import optimize, stats
from torch import nn

from theory.common.streams import torch_seed
from theory.complexity import (
    box_tolerance,
    deviation_within,
    gaussian_divergence,
    largest_size,
    magnitude_aware_measure,
    noise_tolerance,
    pac_bayes_measure,
)

STEPS = 8  # a size to 2^(2^-8), 0.3%


def linear(seed: int = 0, n: int = 40, d: int = 3, bias: bool = True) -> tuple[nn.Linear, torch.Tensor, torch.Tensor]:
    """A linear classifier of two classes that gets every label right, none by far, and its sample."""
    torch.manual_seed(seed)
    module = nn.Linear(d, 2, bias).double()
    inputs = torch.randn(n, d, dtype=torch.float64)
    return module, inputs, module(inputs).argmax(1)


def extended(inputs: torch.Tensor) -> np.ndarray:
    return np.column_stack([inputs.numpy(), np.ones(len(inputs))])


def signed_margins(module: nn.Linear, inputs: torch.Tensor, labels: torch.Tensor) -> np.ndarray:
    outputs = module(inputs).detach().numpy()
    return (outputs[:, 1] - outputs[:, 0]) * (2 * labels.numpy() - 1)


def test_largest_size_brackets_and_bisects():
    for threshold in (1e-12, 0.3, 1.0, 7.7, 1e9):
        for start in (0.125, 4.0):
            largest = largest_size(lambda size: size, threshold, start)
            assert largest <= threshold < largest * 2 ** (2**-7)
    assert largest_size(lambda size: 0.2, 0.1, 1.0) == 0
    assert largest_size(lambda size: 0.1, 0.1, 1.0) == math.inf
    assert largest_size(lambda size: float(size > 0), 0.1, 1.0) == 0
    for start, steps in ((0.0, 7), (math.inf, 7), (1.0, -1)):
        with pytest.raises(ValueError, match="start must be positive"):
            largest_size(lambda size: size, 0.1, start, steps=steps)


@pytest.mark.parametrize("floor", [None, 0.05])
def test_noise_on_a_linear_classifier_is_a_probit(floor):
    """The margin is Gaussian: the mean rise is a sum of normal tails, which is solved for sigma."""
    module, inputs, labels = linear()
    points, margins = extended(inputs), signed_margins(module, inputs, labels)
    weights = np.column_stack([module.weight.detach().numpy(), module.bias.detach().numpy()])

    def rise(size):
        variances = np.full_like(weights, size**2) if floor is None else (size * weights) ** 2 + floor**2
        deviation = np.sqrt((points**2 @ variances.T).sum(1))
        return stats.norm.cdf(-margins / deviation).mean()

    exact = optimize.brentq(lambda size: rise(size) - 0.1, 1e-6, 100)
    draws = 400
    tolerance = noise_tolerance(module, inputs, labels, floor=floor, draws=draws, steps=STEPS)
    # Errors of single draws spread by less than 0.15: four standard errors of their mean, by the slope of the rise.
    slope = (rise(1.01 * exact) - rise(exact / 1.01)) / math.log(1.01**2)
    assert abs(math.log(tolerance / exact)) < 4 * 0.15 / math.sqrt(draws) / slope + 2**-STEPS
    assert noise_tolerance(module, inputs, labels, floor=floor, seed=1) != noise_tolerance(
        module, inputs, labels, floor=floor, seed=2
    )


def box_by_linear_programs(module: nn.Linear, inputs: torch.Tensor, labels: torch.Tensor, floor: float | None) -> float:
    """The smallest box in which some perturbation misses more than a tenth of the sample: all sets of that many."""
    points, margins = extended(inputs), signed_margins(module, inputs, labels)
    signs = 2 * labels.numpy() - 1
    weights = np.column_stack([module.weight.detach().numpy(), module.bias.detach().numpy()]).ravel()
    widths, offset = (np.ones_like(weights), 0.0) if floor is None else (np.abs(weights), floor)
    rows = signs[:, None] * np.column_stack([-points, points])  # the margin's change is this times u
    d, best = len(weights), math.inf
    for chosen in itertools.combinations(range(len(points)), len(points) // 10 + 1):
        # Minimise t over (u, t): margins of the chosen at most 0, |u_i| <= t width_i + offset.
        inequalities = [[*rows[i], 0.0] for i in chosen]
        bounds = [-margins[i] for i in chosen]
        for at, sign in itertools.product(range(d), (1, -1)):
            inequalities.append([*(sign * np.eye(d)[at]), -widths[at]])
            bounds.append(offset)
        answer = optimize.linprog([0.0] * d + [1.0], inequalities, bounds, bounds=[(None, None)] * d + [(0, None)])
        assert answer.status == 0
        best = min(best, answer.fun)
    return best


def test_a_deviation_that_is_too_large_is_given_up_before_the_last_draw():
    """Every draw written down plainly: the tolerance is the same number, from fewer networks."""
    torch.manual_seed(5)
    module, inputs = nn.Linear(8, 20).double(), torch.randn(50, 8, dtype=torch.float64)
    module.bias.data += 1000  # the search begins by the largest weight, and so with deviations that are far too large
    labels = module(inputs).argmax(1)
    labels[0] = (labels[0] + 1) % 20  # one error, so that a rise is not the error itself
    weights = {name: values.detach() for name, values in module.named_parameters()}
    networks = []
    module.register_forward_hook(lambda *_: networks.append(1))

    def errors(moved):
        return int((torch.func.functional_call(module, moved, (inputs,)).argmax(1) != labels).sum()) / 50

    def rise(sigma):
        random = torch.Generator().manual_seed(torch_seed(3, "sharpness-noise"))
        total = 0.0
        for _ in range(30):
            noise = {name: torch.randn(w.shape, generator=random, dtype=w.dtype) for name, w in weights.items()}
            total += errors({name: w + sigma * noise[name] for name, w in weights.items()})
        return total / 30 - 0.02

    start = 2.0 ** (math.frexp(max(float(w.abs().max()) for w in weights.values()))[1] - 4)
    expected = largest_size(rise, 0.1, start, steps=STEPS)
    plain = len(networks)
    assert noise_tolerance(module, inputs, labels, draws=30, seed=3, steps=STEPS) == expected
    assert len(networks) - plain < 0.7 * plain


@pytest.mark.parametrize("floor", [None, 1e-3])
@pytest.mark.parametrize("seed", range(3))
def test_the_box_of_a_linear_classifier(seed, floor):
    """Against every set of points: the search finds an upper bound, here at most half as large again."""
    module, inputs, labels = linear(seed, n=12)
    exact = box_by_linear_programs(module, inputs, labels, floor)
    tolerance = box_tolerance(module, inputs, labels, floor=floor, search_steps=20, steps=STEPS)
    assert exact * 2 ** -(2**-STEPS) <= tolerance * (1 + 1e-9)
    assert tolerance < 1.5 * exact


def test_the_box_of_one_image_by_hand():
    """Margin over twice the l1 norm of the input with its 1: every weight moves by alpha against it."""
    module, inputs, labels = linear(4, n=1)
    exact = float(signed_margins(module, inputs, labels)[0]) / (2 * np.abs(extended(inputs)).sum())
    assert box_tolerance(module, inputs, labels, steps=STEPS) == pytest.approx(exact, rel=2 * 2**-STEPS)


def test_a_box_harms_more_than_noise_that_it_holds():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(5, 20), nn.ReLU(), nn.Linear(20, 3)).double()
    inputs = torch.randn(200, 5, dtype=torch.float64)
    labels = module(inputs).argmax(1)
    before = [values.clone() for values in module.parameters()]
    sigma, alpha = noise_tolerance(module, inputs, labels), box_tolerance(module, inputs, labels)
    assert 0 < alpha < sigma
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))
    assert all(values.grad is None and values.requires_grad for values in module.parameters())
    module.requires_grad_(requires_grad=False)
    assert noise_tolerance(module, inputs, labels) == math.inf, "fixed weights have no noise"


def test_where_nothing_raises_the_error_and_where_the_floor_does():
    module, inputs, labels = linear()
    wrong = 1 - labels
    assert noise_tolerance(module, inputs, wrong, draws=2) == math.inf
    assert box_tolerance(module, inputs, wrong, search_steps=2) == math.inf
    assert noise_tolerance(module, inputs, labels, floor=100.0) == 0
    assert box_tolerance(module, inputs, labels, floor=100.0) == 0


def test_the_noise_of_a_box_is_in_it():
    random = np.random.default_rng(0)
    deviation = deviation_within(0.7, 100)
    inside = (np.abs(random.standard_normal((20_000, 100)) * deviation).max(1) <= 0.7).mean()
    assert 0.95 <= inside < 1  # the union bound is no equality
    assert deviation_within(0.7, 1, 0.5) == pytest.approx(0.7 / math.sqrt(2 * math.log(4)))


def test_measures_are_divergences_of_gaussians():
    random = np.random.default_rng(0)
    w, r, n = random.standard_normal(40), random.standard_normal(40), 500
    rest = math.log(n / 0.3) + 10
    divergence = gaussian_divergence(w, 0.09, r, 0.09)
    assert pac_bayes_measure(w, r, 0.3, n) == pytest.approx((divergence / 2 + rest) / n, rel=1e-12)
    variances = 0.09 * (w - r) ** 2 + 0.01
    best = optimize.minimize_scalar(
        lambda log: gaussian_divergence(w, variances, r, math.exp(log)), bounds=(-10, 10), options={"xatol": 1e-9}
    )
    assert magnitude_aware_measure(w, r, 0.3, 0.1, n) == pytest.approx((best.fun / 2 + rest) / n, rel=1e-9)
    assert pac_bayes_measure(w, r, 0.0, n) == magnitude_aware_measure(w, r, 0.0, 0.1, n) == math.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: noise_tolerance(*linear(), rise=0.0), "rise"),
        (lambda: noise_tolerance(*linear(), floor=-1.0), "floor"),
        (lambda: noise_tolerance(*linear(), draws=0), "draws"),
        (lambda: box_tolerance(*linear(), rise=1.0), "rise"),
        (lambda: box_tolerance(*linear(), floor=math.inf), "floor"),
        (lambda: box_tolerance(*linear(), search_steps=0), "search_steps"),
        (lambda: deviation_within(1.0, 0), "parameters"),
        (lambda: deviation_within(1.0, 5, 1.0), "probability"),
        (lambda: pac_bayes_measure([1.0], [1.0, 2.0], 0.1, 5), "one length"),
        (lambda: pac_bayes_measure([1.0], [1.0], -0.1, 5), "sigma"),
        (lambda: pac_bayes_measure([1.0], [1.0], 0.1, 0), "n at least 1"),
        (lambda: magnitude_aware_measure([1.0], [1.0], 0.1, 0.0, 5), "floor"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("floor", [None, 0.002])
def test_the_descent_of_a_box_is_that_of_the_sum_of_all_lowest_margins(floor):
    """The same descent written down plainly: every step takes the gradient over all images, and no box stops early."""
    torch.manual_seed(4)
    module = nn.Sequential(nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 3)).double()
    inputs = torch.randn(50, 4, dtype=torch.float64)
    labels = module(inputs).argmax(1)
    labels[0] = (labels[0] + 1) % 3  # one error, so that the first negative margin is left out
    weights = {name: values.detach() for name, values in module.named_parameters()}

    def answers(places):
        moved = {
            name: values + place * (size if floor is None else size * values.abs() + floor)
            for (name, values), place in zip(weights.items(), places, strict=True)
        }
        return torch.func.functional_call(module, moved, (inputs,))

    def errors(logits):
        return int((logits.argmax(1) != labels).sum()) / len(labels)

    def rise_in_a_box(at):
        nonlocal size
        size, most = at, 0.0
        places = [torch.zeros_like(values).requires_grad_() for values in weights.values()]
        for step in range(6):
            others = answers(places).scatter(1, labels[:, None], -math.inf).amax(1)
            margins = answers(places).gather(1, labels[:, None])[:, 0] - others
            lowest = margins.sort().values[: int(0.12 * 50) + 1].clamp(min=0)
            slopes = torch.autograd.grad(-lowest.sum(), places)
            places = [
                (place.detach() + (1 - step / 6) * slope.sign()).clamp(-1, 1).requires_grad_()
                for place, slope in zip(places, slopes, strict=True)
            ]
            most = max(most, errors(answers(places)) - 0.02)
        return most

    size = 0.0
    expected = largest_size(rise_in_a_box, 0.1, 0.125, steps=STEPS)
    assert box_tolerance(module, inputs, labels, floor=floor, search_steps=6, steps=STEPS) == pytest.approx(
        expected, rel=2 * 2**-STEPS
    ), "a start elsewhere takes other sizes, two of which bracket the same threshold"


@pytest.mark.parametrize("box", [-1.0, math.nan])
def test_a_box_is_not_negative(box):
    with pytest.raises(ValueError, match="box must be at least 0"):
        deviation_within(box, 10)
